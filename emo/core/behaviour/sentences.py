"""Texts cut into sentences: abbreviations, numbers, quotes, lists, Chinese, Japanese and Korean."""

from __future__ import annotations

import re

_INSIDE = """
mr mrs ms dr prof st sr jr vs e.g i.e cf ca approx no nr fig vol ed al gen sen rep rev hon col capt lt
sgt mt ft sq dept est jan feb mar apr jun jul aug sep sept oct nov dec z.b d.h u.a bzw sog bspw
evtl ggf inkl mio mrd sra dra ud uds p.ej av mme mlle
"""
_ABBREVIATIONS = frozenset(_INSIDE.split())
_AT_THE_END = "etc inc ltd co corp a.m p.m u.s u.k u.n u.s.a d.c b.c a.d ph.d ee.uu usw"
_STARTLESS = frozenset(_AT_THE_END.split())
"""Abbreviations that may end a sentence: they do where a capital letter follows."""
_END = re.compile(r"(?:[.!?…]+|[。！？]+)[\"'”’»)\]]*")
_WORD_BEFORE = re.compile(r"([^\s\"'(\[]+)\Z")


def sentences(text: str) -> list[str]:
    """The sentences of a text, in order, without blank ones.

    A line break ends a sentence. A full stop does not where it stands in a number, after an
    abbreviation, after a single letter, or after the number of a list's item. Text inside quotes that
    goes on in small letters is part of the sentence around it.

    Example
    -------
    >>> sentences("Dr. No paid 3.5 pounds. Really?! Yes.")
    ['Dr. No paid 3.5 pounds.', 'Really?!', 'Yes.']
    """
    return [part for line in text.splitlines() for part in _of_line(line.strip())]


def _of_line(line: str) -> list[str]:
    found, start = [], 0
    for match in _END.finditer(line):
        if _ends(line[start : match.start()], match.group(), line[match.end() :]):
            found.append(line[start : match.end()].strip())
            start = match.end()
    found.append(line[start:].strip())
    return [part for part in found if any(c.isalnum() for c in part)]


def _ends(before: str, mark: str, after: str) -> bool:
    """Whether a mark ends the sentence."""
    if mark[0] in "。！？":
        return not _goes_on(mark, after)
    if after and not after[0].isspace() and not (mark[0] in "!?" and after[0].isalpha()):
        return _is_unspaced(after[0]) or not after.strip()
    following = after.lstrip()
    if mark.rstrip("\"'”’»)]") in ("...", "…") and following[:1].islower():
        return False
    if mark[0] != "." or mark.startswith(".."):
        return not _goes_on(mark, after)
    found = _WORD_BEFORE.search(before)
    last = found.group(1) if found else ""
    word = last.casefold()
    if not following:
        return True
    if word in _STARTLESS:
        return following[0].isupper()
    if word in _ABBREVIATIONS or re.fullmatch(r"[a-z]|[a-z](\.[a-z])+", word):
        return False
    if word.isdecimal() and before.strip() == last:  # "1. First"
        return False
    return not _goes_on(mark, after)


def _goes_on(mark: str, after: str) -> bool:
    """Whether a closed quote or bracket is followed by the rest of its sentence."""
    return len(mark) > 1 and mark[-1] in "\"'”’»)]" and after.lstrip()[:1].islower()


def _is_unspaced(char: str) -> bool:
    return (
        "\u3040" <= char <= "\u30ff" or "\u3400" <= char <= "\u9fff" or "\uac00" <= char <= "\ud7af"
    )
