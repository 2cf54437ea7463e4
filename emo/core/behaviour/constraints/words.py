"""Constraints on single words and letters: no "the", Korean only."""

from __future__ import annotations

import re
import unicodedata

from emo.core.behaviour.constraints.checks import Check
from emo.core.behaviour.wording import without_thinking

_THE = re.compile(r"(?<![^\W_])the(?![^\W_])", re.IGNORECASE)


def no_the(answer: str) -> Check:
    """The word "the" stands nowhere, in no case and no quote; "them" and "other" hold no "the"."""
    text = unicodedata.normalize("NFKC", without_thinking(answer))
    found = _THE.search(text)
    if not found:
        return Check(True, 'no "the"')
    return Check(False, f'"{text[max(found.start() - 15, 0) : found.end() + 15].strip()}"')


def korean_only(answer: str) -> Check:
    """All letters are Hangul, and there are some; digits, marks and emoji do not count."""
    letters = [char for char in without_thinking(answer) if char.isalpha()]
    foreign = next((char for char in letters if not _is_hangul(char)), None)
    if foreign:
        return Check(False, f"{foreign} is no Korean letter")
    return Check(bool(letters), "all letters Korean" if letters else "no letters")


def _is_hangul(char: str) -> bool:
    return unicodedata.name(char, "").startswith(("HANGUL", "HALFWIDTH HANGUL"))
