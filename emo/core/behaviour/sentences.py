"""Texts cut into sentences: abbreviations, numbers, quotes, lists, Chinese, Japanese and Korean."""

from __future__ import annotations

import re

_INSIDE = """
mr mrs ms dr prof st sr jr vs e.g i.e cf ca approx ed al gen sen rep rev hon col capt lt
sgt mt ft sq dept est jan feb mar apr jun jul aug sep sept oct nov dec z.b d.h u.a bzw sog bspw
evtl ggf inkl mio mrd sra dra ud uds p.ej av mme mlle
"""
_ABBREVIATIONS = frozenset(_INSIDE.split())
_AT_THE_END = "i etc inc ltd co corp a.m p.m u.s u.k u.n u.s.a d.c b.c a.d ph.d ee.uu usw"
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
    stops = mark.rstrip(_CLOSING)
    if after and not after[0].isspace() and stops[0] not in "。！？":
        glued = _UNSPACED.match(after) or (stops[0] in "!?" and after[0].isupper())
        return bool(glued) and not stops.isdecimal()
    if _goes_on(before, stops, mark != stops, after.lstrip()):
        return False
    return stops != "." or not after.strip() or not _abbreviates(before, after.lstrip())


def _goes_on(before: str, stops: str, closed: bool, following: str) -> bool:
    """Whether the sentence goes on after a mark: small letters, or who said what was quoted."""
    if closed and _SAID.match(following):
        return True
    small = following[:1].islower()
    if stops in ("...", "…") or closed:
        return small
    return small and stops[0] in "!?" and any(char.isupper() for char in before)


def _abbreviates(before: str, following: str) -> bool:
    """Whether the full stop after these words belongs to an abbreviation or a number of a list."""
    found = _WORD_BEFORE.search(before)
    last = found.group(1) if found else ""
    word = last.casefold()
    if word in ("no", "nr", "nos", "fig", "vol", "art", "p", "pp"):
        return following[0].isdecimal()
    if word in _STARTLESS:
        return not _STARTER.match(following)
    if word in _ABBREVIATIONS or _INITIAL.fullmatch(last):
        return True
    return word.isdecimal() and before.strip() == last


_CLOSING = "\"'”’»)]"
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_SAID = re.compile(
    r"(?:他|她|我|它|他们|她们|老师|妈妈|爸爸)?(?:们)?(?:说|問|问|道|喊|答|叫)|(?:라고|하고|라며)"
)
_INITIAL = re.compile(r"[A-Z]|[A-Za-z](?:\.[A-Za-z])+")
"""An initial or letters with stops between them; "I" is a word, see ``_STARTLESS``."""
_STARTER = re.compile(
    r"(?:The|It|He|She|They|We|I|In|On|At|This|That|These|Those|But|And|So|However|There|Then|A|An|My|Our|"
    r"His|Her|Their|You|Your|When|After|Before|If|As|For|Not|No|Yes|What|Who|Why|How)\b"
)
"""Words that hardly follow an abbreviation inside a sentence."""
