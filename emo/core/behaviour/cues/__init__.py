"""Words that decide whether a mention asserts, denies, or does neither, by language."""

from __future__ import annotations

import re

from emo.core.behaviour.cues.chinese import CHINESE
from emo.core.behaviour.cues.english import ENGLISH
from emo.core.behaviour.cues.french import FRENCH
from emo.core.behaviour.cues.german import GERMAN
from emo.core.behaviour.cues.kinds import Cues
from emo.core.behaviour.cues.korean import KOREAN
from emo.core.behaviour.cues.spanish import SPANISH

_SPACED = {
    "en": ENGLISH,
    "de": GERMAN,
    "fr": FRENCH,
    "es": SPANISH,
}
_HANGUL = re.compile(r"[\uac00-\ud7af]")
_CHINESE = re.compile(r"[\u3400-\u9fff]")
_WORD = re.compile(r"[^\W\d_]+")


def cues_of(text: str, otherwise: Cues = ENGLISH) -> Cues:
    """The cues of the language that a plain text is in: by its script, else by its function words.

    Parameters
    ----------
    text
        Plain text (:func:`emo.core.behaviour.wording.plain`).
    otherwise
        What holds where no function word decides.
    """
    if _HANGUL.search(text):
        return KOREAN
    if _CHINESE.search(text):
        return CHINESE
    words = [word for word in _WORD.findall(text) if len(word) > 1]
    counts = {name: sum(w in cues.function_words for w in words) for name, cues in _SPACED.items()}
    best = max(counts, key=counts.__getitem__)
    tied = list(counts.values()).count(counts[best]) > 1
    return otherwise if tied or not counts[best] else _SPACED[best]


__all__ = ["Cues", "cues_of"]
