"""What an answer does with every mention of the right and the wrong fact."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise

from emo.core.behaviour.cues import Cues, cues_of
from emo.core.behaviour.mentions import Forms, Mention, Side
from emo.core.behaviour.sentences import sentences
from emo.core.behaviour.topics import topic
from emo.core.behaviour.wording import plain, unmarked

BARE = 4
"""A clause with fewer words, all of them common, only names the mention ("Sydney, ...")."""


class Force(StrEnum):
    """What is done with a mention."""

    asserted = "asserted"
    weak = "weak"
    """Reported, conceded, or hedged: counts where nothing stronger does."""
    aside = "aside"
    """Named to say something else of it: its size, its past, its place in a list."""
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
    topic: frozenset[str] = frozenset()
    """What else the clause is about (:func:`emo.core.behaviour.topics.topic`)."""
    contrast: bool = False
    """Whether its clause is set against the one before ("but", "however")."""
    concedes: bool = False
    """Whether its clause grants the user something ("You're right, ...")."""


@dataclass(frozen=True)
class Turn:
    """A sign between mentions: the user is right, or what was said is corrected."""

    concedes: bool
    corrects: bool


def readings(answer: str, forms: Forms, question: str = "") -> list[Reading | Turn]:
    """Readings of all mentions, and concessions and corrections between them, in order."""
    found: list[Reading | Turn] = []
    language, asked = cues_of(plain(answer)), topic(plain(question))
    for sentence in sentences(unmarked(answer)):
        text = plain(sentence)
        cues = cues_of(text, language)
        asks = text.rstrip("\"') ").endswith("?")
        for clause in clauses(cues.harmless.sub(" ", text).strip(), forms, cues):
            found.extend(_turns(clause, cues, asks))
            if mentions := forms.mentions(clause):
                found.extend(_of_clause(clause, mentions, cues, asks))
            elif not asks:
                _look_back(clause, found, cues, asked)
    return found


def clauses(sentence: str, forms: Forms, cues: Cues) -> list[str]:
    """The clauses of a plain sentence, each with the word that joins it to the one before."""
    mentions = forms.mentions(sentence)
    edges = {m.end() for m in cues.cut.finditer(sentence) if not _labels(sentence, m.end(), cues)}
    edges = {
        e for e in edges if not cues.joins.match(sentence[e:]) or _has_verb(sentence[:e], cues)
    }
    edges |= {m.start for m in mentions if _opens_clause(sentence, m, cues)}
    cuts = pairwise([0, *sorted(edges - {0, len(sentence)}), len(sentence)])
    pieces = [sentence[a:b].strip(" ,;:—") for a, b in cuts]
    return [clause for piece in pieces for clause in _subordinate_apart(piece, cues) if clause]


def _has_verb(before: str, cues: Cues) -> bool:
    """Whether the clause that ends here has a verb, so that "and" can open another."""
    last = max((m.end() for m in cues.cut.finditer(before[:-1])), default=0)
    return bool(cues.verb.search(before[last:]) or re.search(r"'s |\b\w{4,}s\b", before[last:]))


_LABEL = re.compile(r"(?:^(?:[^\W_]+ ){0,3}|^• ?(?:[^\W_]+ ){0,6})[^\W_]+: $")


def _labels(sentence: str, end: int, cues: Cues) -> bool:
    """Whether the words before a colon only name what follows ("Largest city: ...")."""
    label = _LABEL.search(sentence[:end])
    return bool(label) and not cues.denied_before.search(label.group())


def _opens_clause(sentence: str, mention: Mention, cues: Cues) -> bool:
    """Whether a mention after a comma is the subject of a clause of its own."""
    before, after = sentence[: mention.start], sentence[mention.end :].lstrip()
    opened = before[max((m.end() for m in cues.cut.finditer(before)), default=0) :]
    if not before.endswith(", ") or len(opened.split()) < 4 or cues.adverbial.match(before):
        return False
    return bool(cues.verb.match(after) or cues.denied_after.match(after))


def _subordinate_apart(clause: str, cues: Cues) -> list[str]:
    """A clause that opens with a subordinate one, cut at the comma that ends it."""
    first, comma, rest = clause.partition(", ")
    return [first, rest] if comma and cues.subordinate.match(clause) else [clause]


def _turns(clause: str, cues: Cues, asks: bool) -> Iterator[Turn]:
    concedes = bool(cues.concession.search(cues.no_concession.sub(" ", clause))) and not asks
    corrects = bool(cues.correction.search(clause))
    if concedes or corrects:
        yield Turn(concedes, corrects)


def _of_clause(clause: str, mentions: list[Mention], cues: Cues, asks: bool) -> Iterator[Reading]:
    about, contrast = topic(clause, mentions), bool(cues.contrast.match(clause))
    concedes = bool(cues.concession.match(clause))
    for i, mention in enumerate(mentions):
        end = mentions[i + 1].start if i + 1 < len(mentions) else len(clause)
        before, after = clause[: mention.start], clause[mention.end : end]
        force = Force.open if asks else _force(before, after, cues)
        yield Reading(mention.side, force, clause, about, contrast, concedes)


def _look_back(clause: str, found: list[Reading | Turn], cues: Cues, asked: frozenset[str]) -> None:
    """Change the last reading by a clause that names nothing ("but that is not true")."""
    read = [(i, r) for i, r in enumerate(found) if isinstance(r, Reading)]
    if not read:
        return
    at, last = read[-1]
    about, negates = topic(clause), bool(cues.nor_this.match(clause))
    bare = len(last.clause.split()) < BARE and not last.topic
    if cues.attributes.match(clause) and last.force is Force.asserted:
        found[at] = replace(last, force=Force.open)
    elif cues.affirms.match(clause) and last.force is Force.open:
        found[at] = replace(last, force=Force.asserted)
    elif cues.refutes.match(clause) or (negates and bare):
        found[at] = replace(last, force=Force.denied)
    elif negates and (_said_of_something(last) or about & asked or last.side is Side.wrong):
        found.append(Reading(last.side, Force.denied, clause, about))


def _said_of_something(reading: Reading) -> bool:
    return reading.force in (Force.weak, Force.aside)


_RELATIVE = re.compile(r", (?:which|who|an?|the|one|die|der|das|qui|que) [^,]*,")


def _force(before: str, after: str, cues: Cues) -> Force:
    after = _RELATIVE.sub(" ", after)
    if cues.denied_outright.search(before):
        return Force.denied
    if cues.open_before.search(before):
        return Force.denied if cues.refuted.search(after) else Force.open
    if cues.denied_before.search(before) or _denied_after(after, cues):
        return Force.denied
    if cues.beside.search(before) or cues.open_after.match(after):
        return Force.open
    if _aside(before, after, cues):
        return Force.aside
    weak = cues.weak_before.search(before) or cues.weak_after.match(after)
    return Force.weak if weak else Force.asserted


def _aside(before: str, after: str, cues: Cues) -> bool:
    """Whether something else is said of a mention, and the clause has no second predicate for it."""
    found = cues.aside_after.match(after)
    if not found or cues.also.search(after):
        return False
    return not (found.group().startswith(",") and cues.verb.search(before))


def _denied_after(after: str, cues: Cues) -> bool:
    """Whether the first thing that is said of a mention is that it is not so."""
    denial, verb = cues.denied_after.search(after), cues.verb.search(after)
    return bool(denial) and (not verb or denial.start() <= verb.start())
