"""What is read at two places of a dialogue: how alike the readings are, against what noise allows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64
from scipy.special import stdtr, stdtrit

from emo.core.stats.intervals import LEVEL
from emo.core.stats.jackknife import standard_error
from emo.core.validation.permutations import p_of


@dataclass(frozen=True)
class Agreement:
    """Correlation of readings at two places, over scenarios and emotions."""

    r: float
    low: float
    """Of the 95 % interval over scenarios."""
    high: float
    p: float
    """Of a larger r: scenarios exchanged between the places."""
    ceiling: float
    """Largest r that the noise of the vectors allows: they are estimated from the run's items."""
    over_ceiling: float
    """r of vectors of disjoint halves of the items, over what two halves agree at one place."""
    over_low: float
    over_high: float
    p_below: float
    """Of ``over_ceiling`` being less than the margin (Student's t over scenarios)."""


@dataclass(frozen=True)
class Prediction:
    """Which of two places says more about a third: the answer that the model goes on to write."""

    colon: float
    """r of the assistant colon with the answer."""
    colon_low: float
    colon_high: float
    colon_p: float
    """Of a larger r: answers exchanged between scenarios, or vectors of permuted labels; the larger."""
    colon_control: float
    """Mean r by vectors of permuted labels: what any directions of the same items give."""
    user: float
    """r of the user's turn with the answer."""
    difference: float
    low: float
    high: float
    p: float
    """Of a larger r at the colon: places exchanged within scenarios, or permuted labels; the larger."""
    control: float
    """Mean difference by vectors of permuted labels."""


def columns_apart(values: Float[np.ndarray, "row column"]) -> Float64[np.ndarray, "row column"]:
    """Columns in standard deviations from their mean; 0 where a column does not vary."""
    x = np.asarray(values, dtype=np.float64)
    x = x - x.mean(axis=0)
    spread = x.std(axis=0)
    return np.divide(x, spread, out=np.zeros_like(x), where=spread > 0)


def correlation(a: Float[np.ndarray, "row column"], b: Float[np.ndarray, "row column"]) -> float:
    """r over all entries, each column on its own scale: what all rows have in it is no agreement."""
    x, y = columns_apart(a), columns_apart(b)
    size = float(np.sqrt((x * x).sum() * (y * y).sum()))
    return float((x * y).sum() / size) if size > 0 else float("nan")


def agreement(
    user: Float[np.ndarray, "row column"],
    colon: Float[np.ndarray, "row column"],
    halves: Float[np.ndarray, "split half place row column"],
    margin: float,
    n_permutations: int,
    rng: np.random.Generator,
) -> Agreement:
    """How alike the readings at the user's last token and at the assistant colon are.

    A small r may come from noise of the vectors alone. So ``halves`` has the readings of vectors of two
    disjoint halves of the run's items, for several splits: r of one half's vectors at one place with the
    other half's at the other, over the root of what the two halves agree at each place.
    """
    r = correlation(user, colon)
    null = exchanged(columns_apart(user), columns_apart(colon), n_permutations, rng)
    quotient, ceiling = _over_ceiling(halves)
    r_found = left_out_interval(r, lambda of: correlation(user[of], colon[of]), len(user), z=True)
    over = left_out_interval(quotient, lambda of: _over_ceiling(halves[:, :, :, of])[0], len(user))
    return Agreement(
        r=r,
        low=r_found.low,
        high=r_found.high,
        p=p_of(r, null),
        ceiling=ceiling,
        over_ceiling=quotient,
        over_low=over.low,
        over_high=over.high,
        p_below=over.p_below(margin),
    )


@dataclass(frozen=True)
class LeftOut:
    """The error of a value, from its values with one scenario left out at a time."""

    value: float
    error: float
    n: int
    z: bool
    """Whether value and error are on Fisher's z scale."""

    def _bound(self, side: int) -> float:
        reach = float(stdtrit(self.n - 1, (1 + LEVEL) / 2)) * self.error
        bound = self.value + side * reach
        return float(np.tanh(bound)) if self.z else bound

    @property
    def low(self) -> float:
        """Of the 95 % interval (Student's t)."""
        return self._bound(-1)

    @property
    def high(self) -> float:
        """Of the 95 % interval."""
        return self._bound(1)

    def p_below(self, margin: float) -> float:
        """One-sided p of a value below a margin."""
        if not np.isfinite(self.error):
            return float("nan")
        return float(stdtr(self.n - 1, (self.value - margin) / max(self.error, 1e-12)))


def left_out_interval(
    value: float, of: Callable[[np.ndarray], float], n: int, *, z: bool = False
) -> LeftOut:
    """Jackknife over ``n`` scenarios of what ``of`` gives for some of them; z for a correlation."""

    def scale(x: float) -> float:
        return float(np.arctanh(np.clip(x, -0.999999, 0.999999))) if z else x

    every = np.arange(n)
    left_out = np.array([scale(of(np.delete(every, k))) for k in range(n)])
    return LeftOut(scale(value), float(standard_error(left_out)), n, z)


def exchanged(
    x: Float[np.ndarray, "row column"],
    y: Float[np.ndarray, "row column"],
    n_draws: int,
    rng: np.random.Generator,
) -> Float64[np.ndarray, " draw"]:
    """r of x with y whose rows change places, once per draw; columns are on their own scales already."""
    n, size = len(x), float(np.sqrt((x * x).sum() * (y * y).sum()))
    orders = rng.permuted(np.tile(np.arange(n), (n_draws, 1)), axis=1)
    return (x @ y.T)[np.arange(n)[None], orders].sum(axis=1) / max(size, 1e-300)


def _over_ceiling(halves: np.ndarray) -> tuple[float, float]:
    """Cross-half r over the ceiling of halves, and that ceiling stepped up to all items."""
    x = np.asarray(halves, dtype=np.float64)
    x = x - x.mean(axis=3, keepdims=True)
    spread = x.std(axis=3, keepdims=True)
    x = np.divide(x, spread, out=np.zeros_like(x), where=spread > 0)
    x = x.reshape(*x.shape[:3], -1)
    with np.errstate(invalid="ignore", divide="ignore"):
        x = x / np.linalg.norm(x, axis=-1, keepdims=True)
    within = (x[:, 0] * x[:, 1]).sum(axis=-1).mean(axis=0)  # by place
    cross = ((x[:, 0, 0] * x[:, 1, 1]).sum(axis=-1) + (x[:, 1, 0] * x[:, 0, 1]).sum(axis=-1)) / 2
    if not (np.isfinite(within).all() and (within > 0).all()):
        return float("nan"), float("nan")
    limit = float(np.sqrt(within[0] * within[1]))
    whole = np.sqrt(np.prod(2 * within / (1 + within)))
    return float(cross.mean() / limit), float(whole)


def prediction(
    user: Float[np.ndarray, "row column"],
    colon: Float[np.ndarray, "row column"],
    answer: Float[np.ndarray, "row column"],
    permuted: Float[np.ndarray, "draw place row column"],
    n_permutations: int,
    rng: np.random.Generator,
) -> Prediction:
    """Whether the colon says more about the answer's readings than the user's turn does.

    The colon's r is tested with the answers exchanged between scenarios; the difference with the two
    places, each on its own scale, exchanged within scenarios. The answer follows the colon in one text,
    so that any direction agrees there, in a model of random weights as well: both must exceed
    ``permuted`` too, the readings of user, colon and answer by vectors of items whose labels are
    permuted (no draw where there are none).
    """
    n = len(user)
    u, c, a = (columns_apart(v) for v in (user, colon, answer))
    by_row = ((c - u) * a).sum(axis=1)
    size = max(float((a * a).sum()), 1e-300)
    signs = rng.choice([-1.0, 1.0], size=(n_permutations, n))
    at_colon, at_user = correlation(colon, answer), correlation(user, answer)
    found = left_out_interval(at_colon, lambda of: correlation(colon[of], answer[of]), n, z=True)
    apart = left_out_interval(
        at_colon - at_user,
        lambda of: correlation(colon[of], answer[of]) - correlation(user[of], answer[of]),
        n,
    )
    drawn = np.array(
        [(correlation(c0, a0), correlation(u0, a0)) for u0, c0, a0 in permuted]
    ).reshape(-1, 2)
    apart_by_chance = drawn[:, 0] - drawn[:, 1]
    difference = at_colon - at_user
    p_colon = p_of(at_colon, exchanged(c, a, n_permutations, rng))
    p_apart = p_of(float(by_row.sum()) / size, signs @ by_row / size)
    return Prediction(
        colon=at_colon,
        colon_low=found.low,
        colon_high=found.high,
        colon_p=float(np.fmax(p_colon, p_of(at_colon, drawn[:, 0]))),
        colon_control=float(drawn[:, 0].mean()) if len(drawn) else float("nan"),
        user=at_user,
        difference=difference,
        low=apart.low,
        high=apart.high,
        p=float(np.fmax(p_apart, p_of(difference, apart_by_chance))),
        control=float(apart_by_chance.mean()) if len(drawn) else float("nan"),
    )
