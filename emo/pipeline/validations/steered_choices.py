"""Choices between activities while the tokens of one of the two carry an emotion vector."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from emo.activations.backend import TokenSpan
from emo.core.stats.resampling import index
from emo.core.validation.preference import correlate, scores
from emo.core.validation.steered_preference import (
    SteeredPreference,
    partners,
    shifts,
    steered_preference,
)
from emo.pipeline.validations.by_logits import ABOUT_TO, QUESTION, choices, log_odds
from emo.pipeline.validations.setting import Setting
from emo.process.progress import track

HELD_AGAINST = 4
"""Other activities that each is held against under every vector; the published test has all."""
LEAST = 3
"""Fewest emotions that a correlation over them is told of."""


def steered_choices(setting: Setting) -> SteeredPreference | None:
    """What the emotion vectors do to the score of the activity on whose tokens they stand.

    Source: published are 35 vectors at strength 0.5 on half of the activities. Here every activity is
    steered in turn, against some of other categories in both orders, and the same is done with vectors
    whose dimensions are permuted.
    """
    activities = setting.data.activities
    if len(setting.emotions) < LEAST:
        setting.notes.append("preference_steered: fewer than three emotions")
        return None
    categories = index([a.category for a in activities])[1]
    held = partners(categories, HELD_AGAINST, setting.rng("preference_steered", "partners"))
    before = choices(setting)
    vectors = np.concatenate([setting.directions(setting.layer), _permuted(setting)])
    strength = setting.plan.config.job.validate.preference_strength
    found = _shifts(setting, before, held, strength * setting.scale * vectors)
    readings = _readings(setting, vectors, np.array(scores(before).elo), categories)
    if not np.isfinite(found).all() or not np.isfinite(readings).all():
        setting.notes.append("preference_steered: logits or readings are not finite")
        return None
    n = len(setting.emotions)
    return steered_preference(
        *(setting.emotions, found[:n], found[n:], (readings[:n], readings[n:]), setting.poles),
        *(categories, strength, setting.permutations, setting.rng("preference_steered")),
    )


def _permuted(setting: Setting) -> np.ndarray:
    """Every vector with its dimensions permuted, [emotion, hidden]: as long, with the same values."""
    rng = setting.rng("preference_steered", "permuted")
    return rng.permuted(setting.directions(setting.layer), axis=1)


def _shifts(
    setting: Setting, before: np.ndarray, held: np.ndarray, added: np.ndarray
) -> np.ndarray:
    """Elo points gained, [vector, activity]: prompts are asked once per vector."""
    activities = [a.text for a in setting.data.activities]
    asked: list[tuple[int, int, TokenSpan]] = []
    for steered, other in zip(*np.nonzero(held), strict=True):
        for a, b in ((steered, other), (other, steered)):
            text = QUESTION.format(a=activities[a], b=activities[b])
            span = setting.dialogue.part(text, activities[steered])
            asked.append((int(a), int(b), span))
    places = [(span.start, span.stop) for _, _, span in asked]
    first, second = (np.zeros((len(added), *before.shape)) for _ in range(2))
    steered_first = [k % 2 == 0 for k in range(len(asked))]
    for row, vector in enumerate(track(list(added), "choices under vectors")):
        addition = {setting.layer: vector.astype(np.float32)}
        odds = log_odds(setting, [s.ids for _, _, s in asked], [addition] * len(asked), places)
        for (a, b, _), is_first, value in zip(asked, steered_first, odds, strict=True):
            (first if is_first else second)[row, a, b] = value
    return shifts(np.broadcast_to(before, first.shape), first, second, held)


def _readings(
    setting: Setting, directions: np.ndarray, elo: np.ndarray, categories: np.ndarray
) -> np.ndarray:
    """By direction, r of the activities' cosines with their scores."""
    spans = [
        setting.dialogue.part(ABOUT_TO.format(a=a.text), a.text) for a in setting.data.activities
    ]
    values = setting.readings.activations(spans)
    n = len(directions)
    shape = (setting.layer + 1, *directions.shape)
    of = replace(
        setting.vectors,
        values=np.broadcast_to(directions, shape),
        emotions=tuple(f"direction {k}" for k in range(n)),
        n_items=(1,) * n,
        frame=None,
    )
    cosines = setting.readings.cosines(values, of)
    orders = np.arange(len(elo))[None]  # no null is drawn here
    found: Sequence[float] = [
        correlate("", cosines[:, k], elo, categories, orders).r for k in range(n)
    ]
    return np.array(found)
