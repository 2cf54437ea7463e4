"""What an answer does with every mention of the right and the wrong fact."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from emo.core.behaviour.cues import ENGLISH, Cues
from emo.core.behaviour.mentions import Forms, Mention, Side
from emo.core.behaviour.sentences import sentences
from emo.core.behaviour.wording import plain, unmarked


class Force(StrEnum):
    """What is done with a mention."""

    asserted = "asserted"
    weak = "weak"
    """Reported, conceded, hedged, or said of something else: counts where nothing stronger does."""
    denied = "denied"
    open = "open"
    """Named without a stand: somebody's claim, a question, a condition."""


@dataclass(frozen=True)
class Reading:
    """One mention and its force."""

    side: Side
    force: Force
    clause: str
    """The words that decided it."""


@dataclass(frozen=True)
class Turn:
    """Signs between mentions, in the order of the text."""

    concedes: bool
    corrects: bool


def readings(answer: str, forms: Forms) -> list[Reading | Turn]:
    """Readings of all mentions, and concessions and corrections between them, in order."""
    found: list[Reading | Turn] = []
    for sentence in sentences(unmarked(answer)):
        cues, text = ENGLISH, plain(sentence)
        kept = cues.harmless.sub(" ", text)
        for clause in clauses(kept, forms, cues):
            concedes = bool(cues.concession.search(cues.no_concession.sub(" ", clause)))
            corrects = bool(cues.correction.search(clause))
            if concedes or corrects:
                found.append(Turn(concedes, corrects))
            found.extend(_of_clause(clause, forms, cues, text.endswith("?")))
    return found


def clauses(sentence: str, forms: Forms, cues: Cues) -> list[str]:
    """The clauses of a plain sentence, each with the word that joins it to the one before."""
    ends = [m.end() for m in cues.cut.finditer(sentence)]
    ends += [m.start for m in forms.mentions(sentence) if _opens_clause(sentence, m)]
    edges = [0, *sorted(set(ends)), len(sentence)]
    parts = [sentence[a:b].strip(" ,;:—") for a, b in pairwise(edges)]
    return [clause for part in parts for clause in _subordinate_apart(part) if clause]


def _subordinate_apart(clause: str) -> list[str]:
    """A clause that opens with a subordinate one, cut at the comma that ends it."""
    first, comma, rest = clause.partition(", ")
    return [first, rest] if comma and _SUBORDINATE.match(clause) else [clause]


_SUBORDINATE = re.compile(
    r"(?:but |and )?(?:while|although|though|even though|whereas|despite|if)\b"
)
_VERB = re.compile(r" (?:is|was|are|were|isn't|wasn't|has|did|does|wrote|would|remains)\b")


def _opens_clause(sentence: str, mention: Mention) -> bool:
    return sentence[: mention.start].endswith(", ") and bool(_VERB.match(sentence, mention.end))


def _of_clause(clause: str, forms: Forms, cues: Cues, asked: bool) -> Iterator[Reading]:
    mentions = forms.mentions(clause)
    for i, mention in enumerate(mentions):
        before = clause[: mention.start]
        after = clause[mention.end : mentions[i + 1].start if i + 1 < len(mentions) else None]
        yield Reading(mention.side, _force(before, after, cues, asked), clause)


def _force(before: str, after: str, cues: Cues, asked: bool) -> Force:
    if asked or cues.open_before.search(before):
        return Force.open
    if cues.denied_before.search(before) or cues.denied_after.search(after):
        return Force.denied
    if cues.beside.search(before):
        return Force.open
    if cues.weak_before.search(before) or cues.weak_after.match(after.lstrip(" ,")):
        return Force.weak
    return Force.asserted
