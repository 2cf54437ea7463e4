"""Rows that mean one column each: how far their own columns stand out, against permuted labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64, Int

from emo.core.stats.clusters import clustered_share
from emo.core.validation.findings import student_interval
from emo.core.validation.permutations import p_of


@dataclass(frozen=True)
class Diagonal:
    """How far rows stand out in the columns they mean."""

    value: float
    """Mean over rows of the own column's entry, in standard deviations of the column; 0 by chance."""
    low: float
    """Of the 95 % interval over the columns that are meant."""
    high: float
    p: float
    first: float
    """Share of rows whose own column is the largest."""
    first_low: float
    first_high: float
    chance: float
    n_columns: int
    """Different columns that are meant."""
    own: tuple[float, ...]
    """By row."""


def centred(values: Float[np.ndarray, "row column"]) -> Float64[np.ndarray, "row column"]:
    """Columns in standard deviations from their mean over the rows, then rows less their mean.

    What a column has in every row, and a row in every column, says nothing of their match. NaN where a
    column does not vary.
    """
    x = np.asarray(values, dtype=np.float64)
    x = x - x.mean(axis=0)
    spread = x.std(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        x = np.where(spread > 0, x / spread, np.nan)
    return x - x.mean(axis=1, keepdims=True)


def beyond(
    values: Float[np.ndarray, "row column"], surface: Float[np.ndarray, "row column"]
) -> Float64[np.ndarray, "row column"]:
    """Centred values less what least squares on the centred surface explains of them."""
    x, s = centred(values), centred(surface)
    size = float((s * s).sum())
    return x - s * (float((x * s).sum()) / size) if size > 0 else x


def diagonal(
    values: Float[np.ndarray, "row column"],
    meant: Int[np.ndarray, " row"],
    n_permutations: int,
    rng: np.random.Generator,
    surface: Float[np.ndarray, "row column"] | None = None,
) -> Diagonal:
    """How far every row stands out in the column it means, against the same with labels permuted.

    The null permutes which row means which column; the interval is Student's over the columns that are
    meant, because rows that mean the same column share its errors. ``surface`` has the same matrix from
    the texts' words alone; what it explains is taken away first.

    Example
    -------
    >>> found = diagonal(np.eye(5), np.arange(5), 99, np.random.default_rng(0))
    >>> round(found.first, 2), found.p < 0.05
    (1.0, True)
    """
    x = centred(values) if surface is None else beyond(values, surface)
    rows = np.arange(len(x))
    own = x[rows, meant]
    value = float(own.mean())
    orders = rng.permuted(np.tile(meant, (n_permutations, 1)), axis=1)
    null = x[rows[None, :], orders].mean(axis=1)
    columns = np.unique(meant)
    mean, low, high = student_interval([float(own[meant == c].mean()) for c in columns])
    shift = value - mean  # where columns are meant by unequal numbers of rows
    hits = np.where(np.isfinite(own), (x >= own[:, None]).sum(axis=1) == 1, np.nan)
    first, first_low, first_high = clustered_share(hits, meant)
    return Diagonal(
        value=value,
        low=low + shift,
        high=high + shift,
        p=p_of(value, null),
        first=first,
        first_low=first_low,
        first_high=first_high,
        chance=1 / x.shape[1],
        n_columns=len(columns),
        own=tuple(float(v) for v in own),
    )
