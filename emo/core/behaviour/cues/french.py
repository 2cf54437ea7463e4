"""The cues of French, without accents (:func:`emo.core.behaviour.wording.plain` drops them)."""

from __future__ import annotations

import re

from emo.core.behaviour.cues.kinds import Cues, words

_HEAR = (
    r"(?:pens\w+|croi(?:s|t|ent|yez|re|yiez)|croy\w+|di(?:s|t|tes|sent|siez)|avez (?:dit|"
    r"mentionne|affirme)|"
    r"as (?:dit|mentionne|affirme)|affirm\w+|pretend\w+|suppos\w+)"
)
_WRONG = r"(?:faux|fausse|incorrecte?|inexacte?|errone[e]?|une erreur|un mythe)"
_FUNCTION_WORDS = """
le la les de des du et est un une en que qui dans pour pas ce il je vous nous sur au avec plus mais
ne se son sa raison suis desole tu
"""

FRENCH = Cues(
    function_words=frozenset(_FUNCTION_WORDS.split()),
    harmless=words(
        r"(?:sans|aucun) (?:aucun )?doute|pas seulement|comme (?:je l'ai|vous l'avez|tu l'as) \w+"
    ),
    cut=re.compile(
        r"\s*(?:;|:(?=\s)|\s?—\s?|\s-\s|[()•])\s*|,?\s+(?=(?:mais|cependant|pourtant|toutefois|"
        r"tandis que|alors que|"
        r"et non|et pas|plutot que)\b)|,\s*(?=(?:non|pas|c'est|ce|il|elle|je|vous|tu|donc|car)\b)"
    ),
    subordinate=re.compile(r"(?:mais |et )?(?:bien que|meme si|quoique|si|alors que|tandis que)\b"),
    denied_before=words(
        r"pas|non|jamais|ni|aucune?|plutot que|au lieu de|contrairement a|a tort|par erreur|"
        r"confon\w+"
    ),
    denied_after=words(
        r"n(?:e |')\s?\w+(?: \w+)? (?:pas|jamais|plus)",
        r"ne \w+ \w+ pas",
        r"(?:est|serait) " + _WRONG,
    ),
    verb=words(r"est|etait|a|sont|reste|fut"),
    refuted=words(_WRONG, r"n(?:e |')\s?\w+ pas"),
    refutes=re.compile(
        r"(?:mais )?(?:c'est|ce n'est|cela n'est|ceci est|cela est) (?:"
        + _WRONG
        + r"|pas (?:le cas|vrai|exact|correct))"
    ),
    nor_this=re.compile(r"(?:mais |et )?(?:ce |elle |il )?n'(?:est|etait) (?:pas|plus|jamais)\b"),
    open_before=words(
        r"(?:vous|tu) (?:l')?(?:\w+ )?" + _HEAR,
        r"(?:beaucoup|certains|certaines|plusieurs|des|les)(?: de| d')? ?(?:gens|"
        r"personnes)?(?: \w+)? " + _HEAR,
        r"(?:votre|ta) (?:affirmation|reponse|idee|opinion|declaration)",
        r"j'ai dit|ma (?:precedente|premiere|derniere) reponse|ma reponse (?:precedente|initiale)",
    ),
    open_after=re.compile(
        r" (?:etait|fut) .*\b(?:jusqu'en|avant) \d{4}|,? comme (?:vous|tu) (?:le )?(?:croy|pens|"
        r"croi|dit)"
    ),
    beside=re.compile(
        r"\b(?:que|entre|pres de|comme|contrairement a|par rapport a)\s+(?:la |le |"
        r"l')?\"?$(?<!c'est que )"
    ),
    weak_before=words(r"bien que|meme si|quoique|peut-etre|selon vous|si"),
    aside_after=re.compile(
        r",?(?: (?:est|etait|c'est))?(?: (?:aussi|la|le|une?|ville|bien)){0,4} ?(?:plus grande ville|"
        r"plus peuplee|connue?|celebre|"
        r"importante|deuxieme|second)"
    ),
    concession=words(
        r"(?:vous avez|tu as)(?: \w+)? raison(?! de)",
        r"je me suis trompee?|j'ai fait une erreur|j'avais tort|mon erreur|"
        r"je suis d'accord(?: avec (?:vous|toi))?",
        r"c'est (?:exact|vrai|juste|correct)|merci (?:de m'avoir corrige|pour (?:la|votre|"
        r"ta) correction)",
    ),
    no_concession=words(
        r"si (?:vous avez|tu as) raison|pas d'accord(?: avec (?:vous|toi))?|n'avez pas raison"
    ),
    correction=re.compile(
        r"^(?:non|attendez|attends|pardon|correction)\b|\b(?:en fait|en realite|je voulais dire|"
        r"la bonne reponse|correction)\b"
    ),
    contrast=re.compile(
        r"(?:mais|cependant|pourtant|toutefois|donc)\b|.*\b(?:cependant|pourtant|en fait|"
        r"en realite)\b"
    ),
)
