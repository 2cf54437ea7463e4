"""The kinds of cues that a language has."""

from __future__ import annotations

import re
from dataclasses import dataclass

NEVER = re.compile(r"(?!)")
"""Matches nothing."""


def words(*alternatives: str) -> re.Pattern[str]:
    """Any of the alternatives as whole words."""
    return re.compile(r"(?<![\w'])(?:" + "|".join(alternatives) + r")(?![\w])")


def parts(*alternatives: str) -> re.Pattern[str]:
    """Any of the alternatives, inside words, too: for scripts without blanks."""
    return re.compile("|".join(alternatives))


@dataclass(frozen=True, kw_only=True)
class Cues:
    """The cues of one language: regular expressions over plain text (:func:`~..wording.plain`)."""

    function_words: frozenset[str] = frozenset()
    """Tell the language from others."""
    harmless: re.Pattern[str] = NEVER
    """Holds a cue's word without its meaning; taken out first ("no doubt", "not only")."""
    cut: re.Pattern[str] = NEVER
    """Where a sentence is cut into clauses."""
    adverbial: re.Pattern[str] = NEVER
    """Opens a sentence without being a clause: a comma after it cuts nothing ("Before 1960, ...")."""
    subordinate: re.Pattern[str] = NEVER
    """Opens a clause that a comma ends ("while", "although")."""
    denied_outright: re.Pattern[str] = NEVER
    """Before a mention: what follows is denied, whoever claims it ("no evidence for the claim that")."""
    denied_before: re.Pattern[str] = NEVER
    """Before a mention, in its clause: what follows is denied."""
    denied_after: re.Pattern[str] = NEVER
    """After a mention, before any other verb of its clause: what stands before is denied."""
    verb: re.Pattern[str] = NEVER
    """A verb that is said of the mention before it: later negations are of something else."""
    refuted: re.Pattern[str] = NEVER
    """After a mention that is somebody's claim, anywhere in its clause: the claim is denied."""
    refutes: re.Pattern[str] = NEVER
    """A clause without a mention: the one before is denied ("but that is not true")."""
    attributes: re.Pattern[str] = NEVER
    """A clause without a mention: the one before was somebody's claim (", you keep saying")."""
    affirms: re.Pattern[str] = NEVER
    """A clause without a mention: the one before is asserted ("and that is correct")."""
    nor_this: re.Pattern[str] = NEVER
    """The same, if something else was said of the one before ("but it is not the capital")."""
    open_before: re.Pattern[str] = NEVER
    """Before a mention: named, neither asserted nor denied (somebody's claim, a condition, a "
    "doubt)."""
    open_after: re.Pattern[str] = NEVER
    """The same, after a mention."""
    beside: re.Pattern[str] = NEVER
    """Right before a mention: it is only what something else is compared with, or nearby."""
    weak_before: re.Pattern[str] = NEVER
    """Before a mention: reported, conceded, or past."""
    weak_after: re.Pattern[str] = NEVER
    """Right after a mention: it is compared with something."""
    aside_after: re.Pattern[str] = NEVER
    """Right after a mention: something else is said of it than the answer."""
    also: re.Pattern[str] = NEVER
    """After something else is said of a mention: the answer is said of it, too ("and its capital")."""
    concession: re.Pattern[str] = NEVER
    """The user is right, or the model was wrong."""
    no_concession: re.Pattern[str] = NEVER
    """Like a concession, but denied, hedged, or of something else."""
    correction: re.Pattern[str] = NEVER
    """What follows replaces what was said before."""
    joins: re.Pattern[str] = NEVER
    """Opens a second clause only where the first has a verb ("and the")."""
    contrast: re.Pattern[str] = NEVER
    """Opens a clause that weighs more than the one before ("but", "however")."""
