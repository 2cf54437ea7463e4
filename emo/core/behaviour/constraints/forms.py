"""Constraints on the form of lines and sentences: bullets, first letters, questions."""

from __future__ import annotations

import re
import unicodedata

from emo.core.behaviour.constraints.checks import Check, sentences_of
from emo.core.behaviour.wording import without_thinking

_BULLET = re.compile(r"\s*[-*+•‣◦▪●–]\s+\S")
_RULE = re.compile(r"\s*(?:[-*_]\s*){3,}\Z")
_QUESTION = re.compile(r"[?？][!?！？]*[\"'”’»)\]」』*_]*\Z")


def bullets_only(answer: str) -> Check:
    """Every line is a bullet (-, *, +, •) or the indented rest of one; numbers are no bullets."""
    lines = [line for line in without_thinking(answer).splitlines() if line.strip()]
    for i, line in enumerate(lines):
        if _BULLET.match(line) and not _RULE.match(line):
            continue
        if i == 0 or not line.startswith(("  ", "\t")):
            return Check(False, f"line {i + 1} is no bullet: {line.strip()[:40]}")
    return Check(bool(lines), f"{len(lines)} lines, all bullets")


def first_letters(answer: str) -> Check:
    """Every sentence starts with another letter; quotes and accents do not make a letter another.

    The first sound of a Korean syllable is its letter. One sentence alone has nothing to differ from.
    """
    letters = [_first(sentence) for sentence in sentences_of(answer)]
    if len(letters) < 2:
        return Check(False, "fewer than two sentences")
    twice = next((x for i, x in enumerate(letters) if x in letters[:i]), None)
    return Check(twice is None, f"{twice} starts two sentences" if twice else "all different")


def _first(sentence: str) -> str:
    first = next(char for char in sentence if char.isalnum())
    return unicodedata.normalize("NFD", first)[0].casefold()


def questions_only(answer: str) -> Check:
    """Every sentence ends in a question mark ("?!" and a mark inside closing quotes count)."""
    found = sentences_of(answer)
    plain = next((s for s in found if not _QUESTION.search(s)), None)
    return Check(
        bool(found) and plain is None, f"no question: {plain[:40]}" if plain else "all questions"
    )
