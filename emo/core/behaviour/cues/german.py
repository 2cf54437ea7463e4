"""The cues of German, without umlauts (:func:`emo.core.behaviour.wording.plain` drops them)."""

from __future__ import annotations

import re

from emo.core.behaviour.cues.kinds import Cues, words

_HEAR = (
    r"(?:glaub(?:e|en|st|t)|denk(?:e|en|st|t)|mein(?:e|en|st|t)|sag(?:e|en|st|t)|sagte(?:n|st)?|"
    r"gesagt|"
    r"behaupte(?:n|st|t)?|vermute(?:n|st|t)?|nehmen an|annehmen|halten|haltst|halt|erwahn(?:t|"
    r"en|ten|st))"
)
_WRONG = (
    r"(?:falsch|nicht richtig|nicht korrekt|nicht wahr|unrichtig|inkorrekt|ein irrtum|ein mythos)"
)
_FUNCTION_WORDS = """
der die das und ist nicht ein eine zu den mit von im in dem des ich sie es aber du er auf fur als
auch sich sondern haben hat recht entschuldigung tut mir leid war dass wie
"""

GERMAN = Cues(
    function_words=frozenset(_FUNCTION_WORDS.split()),
    harmless=words(
        r"kein(?:en)? zweifel|ohne zweifel|nicht nur|nicht falsch|wie (?:ich|sie|"
        r"du) (?:bereits )?(?:gesagt|sagte|"
        r"sagten|sagtest|erwahnt)(?: habe| haben| hast)?"
    ),
    cut=re.compile(
        r"\s*(?:;|:(?=\s)|\s?—\s?|\s-\s|[()•])\s*|,\s*(?=(?:aber|sondern|doch|jedoch|nicht|es|"
        r"ich|sie|du|er|das|"
        r"da|denn|weil|obwohl|und zwar)\b)|\s+(?=(?:sondern|und nicht|jedoch)\b)"
    ),
    subordinate=re.compile(r"(?:aber |und )?(?:obwohl|auch wenn|wahrend|wenn|obgleich|da|zwar)\b"),
    denied_before=words(
        r"nicht|nie|niemals|kein(?:e|en|er|es)?|weder|statt|anstatt|anstelle von|"
        r"falschlicherweise|irrtumlich"
    ),
    denied_after=words(
        r"(?:ist|war|hat|wird|kann|liegt|sind|waren|haben) (?:\w+ )?(?:nicht|nie|kein(?:e|en)?)",
        r"(?:ist|ware|war) " + _WRONG,
        r"nicht|nie(?:mals)?",
    ),
    verb=words(r"ist|war|hat|bleibt|wurde|sind|waren"),
    refuted=words(_WRONG, r"nicht", r"stimmt nicht"),
    refutes=re.compile(
        r"(?:aber |doch |jedoch )?(?:das|es|dies|was) (?:stimmt (?:aber |leider |so )?nicht|"
        r"ist (?:aber |leider )?" + _WRONG + ")"
    ),
    nor_this=re.compile(r"(?:aber |jedoch |doch )?(?:es|sie|er|das)? ?(?:ist|war)? ?nicht\b"),
    open_before=words(
        r"(?:sie|du|ihr) (?:\w+ ){0,3}" + _HEAR,
        r"(?:viele|manche|einige)(?: menschen| leute)? (?:\w+ )?" + _HEAR,
        r"(?:ihre|deine|ihrer|deiner) (?:behauptung|aussage|meinung|antwort|ansicht)",
        r"ich (?:sagte|habe) (?:zuvor|vorher|fruher|zuerst|eben)|meine (?:fruhere|vorherige|"
        r"erste|letzte) antwort",
        r"ob|fruher war|war fruher|sei|seien",
    ),
    open_after=re.compile(
        r" (?:war )?(?:bis \d{4}|von \d{4}|fruher)|,? wie (?:du|sie) (?:glaub|mein|behaupt)"
    ),
    beside=re.compile(
        r"\b(?:als|zwischen|nahe|wie|ahnlich|vergleich (?:zu|mit)|von)\s+(?:der |dem |das )?\"?$"
    ),
    weak_before=words(
        r"obwohl|wahrend|auch wenn|zwar|vielleicht|moglicherweise|wenn|laut (?:ihnen|dir)"
    ),
    aside_after=re.compile(
        r",?(?: (?:ist|war))?(?: (?:auch|zwar|nur|eine?|der|die|das|viel)){0,4} ?(?:grosste stadt|"
        r"grosser|bekannt|beruhmt|wichtig|"
        r"zweit|ehemalig|bevolkerungsreichste|schon|heisser|warmer)"
    ),
    concession=words(
        r"(?:du hast|sie haben|da haben sie|da hast du)(?: \w+)? recht(?! dass)",
        r"ich (?:habe mich geirrt|lag falsch|lag daneben|stimme (?:ihnen|dir) zu)",
        r"mein fehler|mein irrtum|das (?:ist|war) (?:richtig|korrekt|falsch von mir)|stimmt",
        r"danke fur (?:die|ihre|deine) (?:korrektur|richtigstellung|berichtigung)",
    ),
    no_concession=words(
        r"(?:wenn|falls|ob) (?:sie|du) recht \w+|(?:haben sie|hast du)(?: leider| da)? (?:nicht|"
        r"kein) recht",
        r"stimmt (?:aber |leider |so )?nicht",
    ),
    correction=re.compile(
        r"^(?:nein|moment|halt|korrektur)\b|\b(?:tatsachlich|eigentlich|ich meinte|korrektur|"
        r"die richtige antwort|"
        r"in wirklichkeit)\b"
    ),
    contrast=re.compile(
        r"(?:aber|doch|jedoch|sondern|dennoch|trotzdem|also)\b|.*\b(?:aber|jedoch|tatsachlich)\b"
    ),
)
