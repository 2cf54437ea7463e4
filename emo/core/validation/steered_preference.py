"""What vectors that are added to an activity's tokens do to its score, against vectors of no meaning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float64, Int
from scipy.special import stdtrit

from emo.core.stats.correlation import pearson
from emo.core.stats.intervals import LEVEL
from emo.core.validation.findings import student_interval
from emo.core.validation.permutations import flipped_means, p_of
from emo.core.validation.preference import ELO


@dataclass(frozen=True)
class Shift:
    """What one vector does to the score of the activity whose tokens it is added to."""

    name: str
    elo: float
    """Mean over activities."""
    low: float
    """Of the 95 % interval over categories."""
    high: float
    reading: float
    """r of the readings along the vector with the scores of unsteered activities."""


@dataclass(frozen=True)
class SteeredPreference:
    """Whether vectors do to preferences what their readings say of them."""

    emotions: tuple[Shift, ...]
    controls: tuple[Shift, ...]
    """The emotions' vectors with their dimensions permuted, one each."""
    strength: float
    """Length of what is added, in units of the mean residual norm."""
    r: float
    """Over emotions: r of the readings' r with the shift."""
    low: float
    """Of the 95 % interval over emotions (Fisher's z, Student's t)."""
    high: float
    p: float
    """Of a larger r: shifts exchanged between emotions."""
    control: float
    """The same r over the controls: what any direction does."""
    difference: float
    """Mean shift of pleasant emotions less that of unpleasant ones, in Elo points."""
    difference_low: float
    """Of the 95 % interval over categories."""
    difference_high: float
    difference_p: float
    """The larger of two: signs of categories flipped, and controls in place of emotions."""
    difference_control: float
    """The same difference of the controls."""
    n_categories: int


def partners(
    categories: Int[np.ndarray, " activity"], n: int, rng: np.random.Generator
) -> Bool[np.ndarray, "activity activity"]:
    """Which activities each is held against: ``n`` of other categories, or all where there are fewer."""
    out = np.zeros((len(categories), len(categories)), dtype=bool)
    for i, own in enumerate(categories):
        others = np.flatnonzero(categories != own)
        out[i, rng.choice(others, size=min(n, len(others)), replace=False)] = True
    return out


def shifts(
    before: Float[np.ndarray, "*direction first second"],
    after_first: Float[np.ndarray, "*direction first second"],
    after_second: Float[np.ndarray, "*direction first second"],
    held: Bool[np.ndarray, "activity activity"],
) -> Float64[np.ndarray, "*direction activity"]:
    """Elo points that an activity gains while its own tokens are steered, mean over its partners.

    Parameters
    ----------
    before
        Log-odds of A over B, [called A, called B], unsteered.
    after_first, after_second
        The same with the tokens of A, or of B, steered.
    held
        Which pairs of steered and other activity were asked.
    """
    as_a = np.asarray(after_first, np.float64) - before
    as_b = -np.swapaxes(np.asarray(after_second, np.float64) - before, -1, -2)
    gained = ELO * (as_a + as_b) / 2
    return np.where(held, gained, 0.0).sum(axis=-1) / np.maximum(held.sum(axis=1), 1)


def steered_preference(
    emotions: Sequence[str],
    found: Float[np.ndarray, "emotion activity"],
    controls: Float[np.ndarray, "emotion activity"],
    readings: tuple[Float[np.ndarray, " emotion"], Float[np.ndarray, " emotion"]],
    poles: Sequence[float],
    categories: Int[np.ndarray, " activity"],
    strength: float,
    n_permutations: int,
    rng: np.random.Generator,
) -> SteeredPreference:
    """Shifts of emotion vectors against their controls, and against what readings say.

    The published test steers half of the activities with 35 vectors and gives r .85 over them; the
    controls, the intervals and the tests are this project's.

    Parameters
    ----------
    emotions
        In the order of rows.
    found, controls
        Elo points that every activity gains under every vector, and under every control.
    readings
        By emotion, r of unsteered readings with unsteered scores, of the vectors and of the controls.
    poles
        1 for pleasant, -1 for unpleasant emotions, else 0.
    categories
        Of the activities: what is resampled for the shifts.
    strength
        Of what was added.
    n_permutations
        Draws of every null.
    rng
        Draws them.
    """
    own, other = np.asarray(found, np.float64), np.asarray(controls, np.float64)
    pole = np.asarray(poles, dtype=np.float64)
    r = float(pearson(np.asarray(readings[0]), own.mean(axis=1)))
    moved = rng.permuted(np.tile(own.mean(axis=1), (n_permutations, 1)), axis=1)
    null = np.asarray(pearson(np.asarray(readings[0]), moved))
    low, high = _bounds(r, len(emotions))
    by_category = _split(own, pole, categories)
    difference, d_low, d_high = student_interval(by_category.tolist())
    by_chance = _drawn(other.mean(axis=1), pole, n_permutations, rng)
    flipped = p_of(difference, flipped_means(by_category, n_permutations, rng))
    return SteeredPreference(
        emotions=_each(emotions, own, readings[0], categories),
        controls=_each(emotions, other, readings[1], categories),
        strength=strength,
        r=r,
        low=low,
        high=high,
        p=p_of(r, null),
        control=float(pearson(np.asarray(readings[1]), other.mean(axis=1))),
        difference=difference,
        difference_low=d_low,
        difference_high=d_high,
        difference_p=float(np.maximum(flipped, p_of(difference, by_chance))),
        difference_control=float(_split(other, pole, categories).mean()),
        n_categories=len(np.unique(categories)),
    )


def _each(
    names: Sequence[str], shift: np.ndarray, readings: np.ndarray, categories: np.ndarray
) -> tuple[Shift, ...]:
    found = []
    for name, row, reading in zip(names, shift, readings, strict=True):
        means = [float(row[categories == c].mean()) for c in np.unique(categories)]
        found.append(Shift(name, *student_interval(means), float(reading)))
    return tuple(found)


def _split(
    shift: np.ndarray, pole: np.ndarray, categories: np.ndarray
) -> Float64[np.ndarray, " category"]:
    """Pleasant less unpleasant, by category of the steered activity; NaN without one of the two."""
    if not ((pole > 0).any() and (pole < 0).any()):
        return np.full(len(np.unique(categories)), np.nan)
    apart = shift[pole > 0].mean(axis=0) - shift[pole < 0].mean(axis=0)
    return np.array([apart[categories == c].mean() for c in np.unique(categories)])


def _drawn(
    shift: np.ndarray, pole: np.ndarray, n: int, rng: np.random.Generator
) -> Float64[np.ndarray, " draw"]:
    """The difference of as many controls, drawn with replacement, in place of either pole's emotions."""
    up, down = int((pole > 0).sum()), int((pole < 0).sum())
    if not up or not down:
        return np.empty(0)
    one, two = (shift[rng.integers(0, len(shift), size=(n, k))].mean(axis=1) for k in (up, down))
    return one - two


def _bounds(r: float, n: int) -> tuple[float, float]:
    if n < 5 or not np.isfinite(r):
        return float("nan"), float("nan")
    reach = float(stdtrit(n - 2, (1 + LEVEL) / 2)) / np.sqrt(n - 3)
    z = np.arctanh(np.clip(r, -0.999999, 0.999999))
    return float(np.tanh(z - reach)), float(np.tanh(z + reach))
