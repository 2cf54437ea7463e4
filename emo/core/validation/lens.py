"""The logit lens: where an emotion's own words rank among all tokens, against other directions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64

from emo.core.validation.diagonal import Diagonal, diagonal
from emo.core.validation.findings import student_interval
from emo.core.validation.permutations import p_of


@dataclass(frozen=True)
class LensRanks:
    """Where the words of emotions rank under the emotions' own vectors."""

    emotions: tuple[str, ...]
    """Those with a word that is one token."""
    percentiles: tuple[float, ...]
    """By emotion: mean percentile of its own words, 1 at the top of the vocabulary."""
    random: tuple[float, ...]
    """By emotion: the same, mean over random directions."""
    value: float
    """Mean percentile over emotions."""
    low: float
    """Of the 95 % interval over emotions."""
    high: float
    p: float
    """Against random directions, one for each emotion."""
    others: Diagonal
    """Own words against the words of the other emotions."""


def percentiles(
    logits: Float[np.ndarray, "direction token"], words: Sequence[Sequence[int]]
) -> Float64[np.ndarray, "direction word_set"]:
    """Mean over a set's tokens of the share of the vocabulary that ranks below, per direction.

    Example
    -------
    >>> percentiles(np.array([[0.1, 0.9, 0.5]]), [[1], [0, 2]]).tolist()
    [[1.0, 0.25]]
    """
    known: dict[int, np.ndarray] = {}
    for token in {token for tokens in words for token in tokens}:
        own = logits[:, token, None]
        ties = (logits == own).sum(axis=1) - 1
        known[token] = ((logits < own).sum(axis=1) + ties / 2) / max(logits.shape[1] - 1, 1)
    means = [np.mean([known[token] for token in tokens], axis=0) for tokens in words]
    return np.stack(means, axis=1)


def lens_ranks(
    emotions: Sequence[str],
    own: Float[np.ndarray, "emotion word_set"],
    random: Float[np.ndarray, "direction word_set"],
    n_permutations: int,
    rng: np.random.Generator,
) -> LensRanks:
    """Own words under own vectors against random directions, and against the other emotions' words.

    Parameters
    ----------
    emotions
        Those with words, in the order of rows and columns.
    own
        Percentiles under the emotion vectors.
    random
        Percentiles under random directions of the same length.
    n_permutations
        Draws of one random direction per emotion, and permutations of the words over the vectors.
    rng
        Draws them.
    """
    n = len(emotions)
    diag = np.asarray(own)[np.arange(n), np.arange(n)]
    value, low, high = student_interval(diag.tolist())
    picks = rng.integers(0, len(random), size=(n_permutations, n))
    null = np.asarray(random)[picks, np.arange(n)[None, :]].mean(axis=1)
    return LensRanks(
        emotions=tuple(emotions),
        percentiles=tuple(float(v) for v in diag),
        random=tuple(float(v) for v in np.asarray(random).mean(axis=0)),
        value=value,
        low=low,
        high=high,
        p=p_of(value, null),
        others=diagonal(own, np.arange(n), n_permutations, rng),
    )
