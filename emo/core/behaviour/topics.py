"""What a clause is about, and whether two clauses are about the same."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from emo.core.behaviour.mentions import Mention

STEM = 5
"""Letters that stand for a word: "boils" and "boiling" are one."""
_WORD = re.compile(r"[a-z]{4,}|\d{2,}")
_WRITE = re.compile(r"wr(?:ote|it(?:e|es|ing|ten|er))\b")
_UNSPACED = re.compile(r"[\u3400-\u9fff\uac00-\ud7af]{2,}")
_COMMON = """
about above actual actually after again also although always apologize apologise apology appreciate
because been before being both cannot certain certainly clear commonly confirm confusion correct
correctly could course does doing done each earlier either error even ever every example experts
fact have having here however indeed into it's just known like made make many mean mentioned might
mistake more most must never often only other others otherwise over people perhaps point possible
previous probably provide question really remains response right said same should simply since some
sometimes sorry state stated statement still such sure than thank that that's their them then there
these they this those though thus today true under understand usually very want well were what when
where which while will with within without would wrong year you're your answer based called
considered
"""
_STEMS = frozenset(word[:STEM] for word in _COMMON.split())


def topic(clause: str, mentions: Sequence[Mention] = ()) -> frozenset[str]:
    """Stems of the clause's words that carry content, without the mentioned facts themselves.

    Chinese and Korean have pairs of neighbouring signs instead.
    """
    rest = _WRITE.sub("writing", "".join(_without(clause, mentions)))
    stems = {word[:STEM] for word in _WORD.findall(rest)} - _STEMS
    pairs = {run[i : i + 2] for run in _UNSPACED.findall(rest) for i in range(len(run) - 1)}
    return frozenset(stems | pairs)


def alike(a: frozenset[str], b: frozenset[str]) -> bool:
    """Whether two topics are the same: half of the smaller one is shared, or both are empty.

    Example
    -------
    >>> alike(frozenset({"capit", "austr"}), frozenset({"large", "city", "famou"}))
    False
    """
    return 2 * len(a & b) >= min(len(a), len(b)) if a and b else a == b


def _without(clause: str, mentions: Sequence[Mention]) -> Iterator[str]:
    at = 0
    for mention in mentions:
        yield clause[at : mention.start] + " "
        at = mention.end
    yield clause[at:]
