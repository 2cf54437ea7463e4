"""Passages labelled by their situations: the roles of emotion and situation exchanged.

Everything else then goes the way of emotions: vectors are of situations, halves and draws of emotions.
"""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from emo.core.choices import Label
from emo.core.records import Passage, StimulusSet
from emo.errors import ConfigError, first_of, shown
from emo.stimuli.loading import MOST_EMOTIONS


def labelled_by_situation(stimuli: StimulusSet) -> StimulusSet:
    """The same passages with each one's situation as its label; the digest is that of the file.

    Raises
    ------
    ConfigError
        If there are no situations, fewer than three or too many, or one is told for a single emotion.
    """
    if problem := _problem(stimuli):
        raise ConfigError("stimuli.label", Label.situation.value, f"emotion: {problem}")
    items = tuple(_exchanged(p) for p in stimuli.items)
    return replace(stimuli, items=items, label=Label.situation)


def as_in_the_file(stimuli: StimulusSet) -> StimulusSet:
    """The passages with the labels that their file gives them."""
    match stimuli.label:
        case Label.emotion:
            return stimuli
        case Label.situation:
            items = tuple(_exchanged(p) for p in stimuli.items)
            return replace(stimuli, items=items, label=Label.emotion)
        case never:
            assert_never(never)


def labels_in_words(exchanged: StimulusSet) -> str:
    """What passages labelled by situation are labels and halves of, in one line for the log."""
    n = len({p.situation for p in exchanged.items})
    return (
        f"labelled by situation: vectors are of {len(exchanged.emotions)} situations, halves are of "
        f"{n} emotions"
    )


def _exchanged(p: Passage) -> Passage:
    return replace(p, emotion=str(p.situation), situation=p.emotion)


def _problem(stimuli: StimulusSet) -> str | None:
    """Why passages cannot be labelled by their situations."""
    if not stimuli.crossed:
        return "these passages have no situation column"
    emotions: dict[str, set[str]] = {}
    for p in stimuli.items:
        emotions.setdefault(str(p.situation), set()).add(p.emotion)
    n = len(emotions)
    if n < 3:
        return f"these passages have {n} situation{'s' * (n > 1)}; a geometry needs at least 3"
    if n > MOST_EMOTIONS:
        return f"these passages have {n} situations; at most {MOST_EMOTIONS} are taken"
    if single := [shown(s) for s, told in emotions.items() if len(told) == 1]:
        return f"these passages are not crossed: of one emotion only {first_of(single, ', ')}"
    return None
