"""The cues of Spanish, without accents (:func:`emo.core.behaviour.wording.plain` drops them)."""

from __future__ import annotations

import re

from emo.core.behaviour.cues.kinds import Cues, words

_HEAR = (
    r"(?:cre(?:e|es|en|a|as|an|ia|ias)|piens(?:a|as|an|e|es)|dig(?:a|as)|dic(?:e|es|en)|dij(?:o|"
    r"iste)|ha(?:s|n)? (?:dicho|"
    r"mencionado)|mencion(?:o|aste|as|a)|afirm(?:a|as|o|aste|an)|sugier\w+|opin\w+|supon\w+)"
)
_WRONG = r"(?:fals[oa]|incorrect[oa]|erroneo|erronea|un error|un mito|equivocad[oa])"
_FUNCTION_WORDS = """
el la los las de del es un una en que por para lo se con su al como mas pero sino tienes tiene razon
lamento entiendo este eso sale
"""

SPANISH = Cues(
    function_words=frozenset(_FUNCTION_WORDS.split()),
    harmless=words(
        r"sin (?:lugar a )?dudas?|no solo|no hay duda|como (?:dije|dijiste|dijo|usted dijo|"
        r"mencione)"
    ),
    cut=re.compile(
        r"\s*(?:;|:(?=\s)|\s?—\s?|\s-\s|[()•])\s*|,?\s+(?=(?:pero|sino|sin embargo|mientras|"
        r"en lugar de|en vez de|y no)\b)"
        r"|,\s*(?=(?:no|es|era|yo|usted|tu|asi que|me|ya que|porque)\b)"
    ),
    subordinate=re.compile(r"(?:pero |y )?(?:aunque|si bien|mientras|a pesar de|si)\b"),
    denied_before=words(
        r"no|nunca|jamas|ni|tampoco|en lugar de|en vez de|contrario a|a diferencia de|por error|"
        r"confund\w+"
    ),
    denied_after=words(
        r"no (?:es|era|fue|esta|son|pinto|escribio|puede|descubrio|se|sale)|nunca|jamas|ya no",
        r"(?:es|era|seria) " + _WRONG,
    ),
    verb=words(r"es|era|fue|son|sigue|tiene"),
    refuted=words(_WRONG, r"no (?:es|era|puede)"),
    refutes=re.compile(
        r"(?:pero |sin embargo,? )?(?:eso|esto|lo cual|no)? ?(?:no )?(?:es|era) (?:"
        + _WRONG
        + r"|ciert[oa]|correct[oa]|verdad|asi)\b(?<!eso es cierto)(?<!eso es correcto)"
    ),
    nor_this=re.compile(r"(?:pero |y )?(?:ya )?no (?:es|era|fue)\b"),
    open_before=words(
        r"(?:usted|tu|que) (?:\w+ )?" + _HEAR,
        r"(?:dijiste|mencionaste|crees|piensas|afirmas|dices)",
        r"(?:muchas|algunas|muchos|algunos)(?: personas| gente)? (?:\w+ )?"
        + _HEAR
        + r"|mucha gente (?:\w+ )?"
        + _HEAR,
        r"(?:tu|su) (?:afirmacion|respuesta|idea|opinion|declaracion|amigo)",
        r"dije antes|antes dije|mi (?:respuesta anterior|primera respuesta|anterior respuesta)",
    ),
    open_after=re.compile(
        r" (?:era|fue) .*\bhasta \d{4}|,? como (?:tu |usted )?(?:dic|cre|pien|dij)"
    ),
    beside=re.compile(
        r"\b(?:mas \w+ que|entre|cerca de|como|a diferencia de|comparad[oa] con)\s+(?:la |el )?\"?$"
    ),
    weak_before=words(
        r"aunque|si bien|mientras|quizas?|tal vez|segun (?:usted|tu|ti)|si|podria ser"
    ),
    aside_after=re.compile(
        r",?(?: (?:es|era))?(?: (?:tambien|la|el|una?|muy|ciudad)){0,4} ?(?:mas grande|"
        r"mas poblada|conocid[oa]|famos[oa]|"
        r"importante|segund[oa])"
    ),
    concession=words(
        r"(?:tienes|tiene)(?: usted| toda la| mucha)? ?razon(?! en)",
        r"me equivoque|estaba equivocad[oa]|cometi un error|mi error|"
        r"estoy de acuerdo(?: contigo| con usted)?",
        r"(?:eso )?es (?:correcto|cierto|verdad)|gracias por (?:la correccion|corregirme|"
        r"tu correccion|su correccion)",
        r"(?:disculpa|perdon|perdona|lamento) (?:por )?(?:el|mi) error",
    ),
    no_concession=words(
        r"no (?:tienes|tiene)(?: usted)? razon|si (?:tienes|tiene) razon|"
        r"no estoy de acuerdo(?: contigo)?|no es (?:correcto|cierto|verdad)"
    ),
    correction=re.compile(
        r"^(?:no|espera|perdon|correccion)\b|\b(?:en realidad|de hecho|quise decir|"
        r"la respuesta correcta|mejor dicho)\b"
    ),
    contrast=re.compile(
        r"(?:pero|sino|sin embargo|por lo tanto|asi que)\b|.*\b(?:sin embargo|en realidad|"
        r"de hecho)\b"
    ),
)
