"""Two emotion geometries compared: by their vectors with a Mantel test, and by their items."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float, Float64
from scipy.spatial.distance import squareform

from emo.core.compare.agreement import Halves, disjoint_items, with_interval
from emo.core.geometry.cosines import paired_cosines, rdm
from emo.core.geometry.halves import replicate_rdms, split_half
from emo.core.geometry.item_sets import ItemSet, common_emotions, own_design, shared_design
from emo.core.geometry.vectors import post_centred
from emo.core.records import Comparison, EmotionVectors, Rdm, require_same_labels
from emo.core.stats.correlation import partial_spearman, pearson, spearman, standardised_ranks
from emo.core.stats.hierarchical import over_items_and_emotions
from emo.core.stats.intervals import LEVEL, NEARLY_ONE, Estimates
from emo.core.stats.jackknife import reach, standard_error, without_each
from emo.core.stats.resampling import Resampling, stream

ENTRIES = 1 << 22
"""Of permuted RDMs held at a time: 32 MiB, whatever the number of permutations."""


@dataclass(frozen=True)
class ItemComparison:
    """Two item-level data sets compared."""

    rho: Estimates
    """All items of both, with the interval over items (over situations where crossed)."""
    over_both: Estimates
    """The same rho with the interval over items and emotions; no bounds if not both are resampled."""
    partial: Estimates | None
    """The same with the baseline RDMs held fixed; None where none are given."""
    halves: Halves | None
    """The two on the same and on disjoint items; None where they have not read the same."""
    reliability: tuple[float, float]
    """Of each set's RDM over all its items; NaN where they cannot be halved."""
    resampled: tuple[bool, bool]
    """False for a set with one item per emotion: then there is no interval over items."""
    emotions: tuple[str, ...]


def post_centred_rdm(vectors: EmotionVectors, layer: int, emotions: Sequence[str]) -> Rdm:
    """RDM of the named emotions after centring on the mean of the full set, at one layer."""
    return rdm(post_centred(vectors, emotions), layer)


def mantel(
    a: Float[np.ndarray, " pair"],
    b: Float[np.ndarray, " pair"],
    permutations: int,
    rng: np.random.Generator,
) -> tuple[float, float]:
    """Spearman rho of two RDMs and its one-sided Mantel p; see :func:`mantel_matrix`.

    Parameters
    ----------
    a, b
        Upper triangles of the same emotions in the same order.
    permutations
        The smallest p is 1 / (1 + permutations).
    rng
        See :func:`emo.core.stats.resampling.stream`.

    Example
    -------
    >>> rdm = np.array([0.9, 0.1, 0.2, 0.3, 0.15, 0.8])
    >>> rho, p = mantel(rdm, rdm + 1, permutations=99, rng=stream(0, "mantel"))
    >>> round(rho, 6), 0 < p <= 1
    (1.0, True)
    """
    rho, p = mantel_matrix(np.stack([a, b]), permutations, rng)
    return float(rho[0, 1]), float(p[0, 1])


def mantel_matrix(
    rdms: Float[np.ndarray, "set pair"], permutations: int, rng: np.random.Generator
) -> tuple[Float64[np.ndarray, "set set"], Float64[np.ndarray, "set set"]]:
    """Spearman rho and one-sided Mantel p of every RDM with every other.

    Rows and columns of one matrix are permuted together, because the entries of an RDM are not
    independent; p = (1 + #{null >= observed}) / (1 + permutations). Mantel 1967. NaN, rho and p, for
    an RDM with a missing pair; the diagonal of p is not a test and is NaN.
    """
    unit = standardised_ranks(rdms)
    rho = unit @ unit.T
    p = np.full(rho.shape, np.nan)
    n = len(squareform(unit[0]))
    i, j = np.triu_indices(n, 1)
    orders = rng.permuted(np.tile(np.arange(n), (permutations, 1)), axis=1)
    size = max(1, ENTRIES // max(1, len(i)))
    for row in range(len(rdms) - 1):
        matrix, hits = squareform(unit[row]), np.zeros(len(rdms) - 1 - row)
        for some in (orders[k : k + size] for k in range(0, permutations, size)):
            null = matrix[some[:, i], some[:, j]] @ unit[row + 1 :].T
            # A permutation that leaves the matrix as it is must count, whatever the last bit says.
            hits += (null >= rho[row, row + 1 :] - 1e-12).sum(axis=0)
        p[row, row + 1 :] = p[row + 1 :, row] = (1 + hits) / (1 + permutations)
    return rho, np.where(np.isfinite(rho), p, np.nan)


def over_emotions(
    a: Float[np.ndarray, " pair"], b: Float[np.ndarray, " pair"], level: float = LEVEL
) -> Estimates:
    """Spearman rho of two RDMs with an interval over emotions: what another choice of them may give.

    Jackknife that leaves one emotion out at a time, on Fisher's z scale with Student's t. It needs no
    items. Where pairs scatter by themselves it is too wide (Efron & Stein 1981). Where a few directions
    dominate all vectors it can collapse, so its standard error is at least that of as many
    independent pairs, 1 / sqrt(pairs - 3). Measured coverage: the tests.
    """
    rho, each = spearman(a, b), spearman(without_each(a), b)
    z, centre = (np.arctanh(np.clip(x, -NEARLY_ONE, NEARLY_ONE)) for x in (each, rho))
    independent = 1 / np.sqrt(max(len(a) - 3, 1))
    error = np.asarray(np.maximum(standard_error(z), independent))
    half_width = reach(error, len(z), level)
    low, high = (np.asarray(np.tanh(centre + sign * half_width)) for sign in (-1, 1))
    return Estimates(rho, low, high)


def compare_vectors(
    a: EmotionVectors,
    b: EmotionVectors,
    layer_a: int,
    layer_b: int,
    rng: np.random.Generator,
    permutations: int = 10_000,
    seed: int = 0,
) -> Comparison:
    """Spearman rho, Pearson r and Mantel p of the RDMs of two sets of emotion vectors.

    Parameters
    ----------
    a, b
        Vectors of the same emotions in the same order; their widths may differ.
    layer_a, layer_b
        The layer of each set.
    rng
        For the permutations, see :func:`emo.core.stats.resampling.stream`.
    permutations
        How many for the Mantel test.
    seed
        Recorded in the result; nothing is drawn from it.

    Raises
    ------
    LabelMismatch
        If the emotions differ in content or order.

    Example
    -------
    >>> rng = stream(0, "example")
    >>> values, names = rng.normal(size=(2, 5, 8)), ("afraid", "calm", "happy", "proud", "sad")
    >>> vectors = EmotionVectors(values, names, (9,) * 5, "none")
    >>> same = compare_vectors(vectors, vectors, 0, 0, stream(0, "mantel"), permutations=99)
    >>> round(same.rho, 6), round(same.mean_cosine, 6), same.n_emotions
    (1.0, 1.0, 5)
    """
    require_same_labels(a.emotions, b.emotions, "emotions")
    rdm_a, rdm_b = rdm(a, layer_a), rdm(b, layer_b)
    rho, p = mantel(rdm_a.cosines, rdm_b.cosines, permutations, rng)
    mean_cosine = None
    if a.values.shape[2] == b.values.shape[2]:
        mean_cosine = float(paired_cosines(a.values[layer_a], b.values[layer_b]).mean())
    return Comparison(
        rho=rho,
        pearson=float(pearson(rdm_a.cosines, rdm_b.cosines)),
        mantel_p=p,
        permutations=permutations,
        mean_cosine=mean_cosine,
        n_emotions=len(a.emotions),
        layer_a=layer_a,
        layer_b=layer_b,
        seed=seed,
    )


def compare_shared(
    a: ItemSet,
    b: ItemSet,
    resampling: Resampling,
    baselines: Float[np.ndarray, "held pair"] | None = None,
    n_bootstrap: int | None = None,
) -> ItemComparison:
    """Agreement of two sets that have read the same items, each centred on the mean of its own full set.

    Every draw is made for both at once. ``baselines`` are RDMs of the common emotions, in the order
    of the first set, that the partial rho holds fixed. ``n_bootstrap`` is for the intervals on all
    items; ``resampling`` is for the halves, and for those too where it is not given.

    Raises
    ------
    LabelMismatch
        If the items of the common emotions differ, or those are fewer than three.
    """
    design, emotions = shared_design([a, b]), common_emotions(a.emotions, b.emotions)
    draws = _draws(resampling, n_bootstrap)
    replicates = replicate_rdms([a, b], design, emotions, draws, "bootstrap")
    halves = disjoint_items([a, b], resampling)
    drawn = design.expansion is not None
    return ItemComparison(
        **_rhos(a, b, emotions, replicates, [design.expansion], baselines, resampling.seed),
        halves=halves,
        reliability=(float(halves.reliability[0]), float(halves.reliability[1])),
        resampled=(drawn, drawn),
    )


def compare_independent(
    a: ItemSet,
    b: ItemSet,
    resampling: Resampling,
    baselines: Float[np.ndarray, "held pair"] | None = None,
    n_bootstrap: int | None = None,
) -> ItemComparison:
    """Agreement of two sets that have read other items, each centred on the mean of its own full set.

    Every draw is made for each alone; see :func:`compare_shared` for the arguments.

    Raises
    ------
    LabelMismatch
        If fewer than three emotions are common.
    """
    emotions = common_emotions(a.emotions, b.emotions)
    designs, draws = (own_design(a), own_design(b)), _draws(resampling, n_bootstrap)
    replicates = np.concatenate(
        [
            replicate_rdms([a], designs[0], emotions, draws, "bootstrap first"),
            replicate_rdms([b], designs[1], emotions, draws, "bootstrap second"),
        ]
    )
    factors = [d.expansion for d in designs]
    rhos = _rhos(a, b, emotions, replicates, factors, baselines, resampling.seed)
    reliability_a, reliability_b = (split_half(s, resampling, emotions)[1] for s in (a, b))
    return ItemComparison(
        **rhos,
        halves=None,
        reliability=(reliability_a, reliability_b),
        resampled=(factors[0] is not None, factors[1] is not None),
    )


def _draws(resampling: Resampling, n_bootstrap: int | None) -> Resampling:
    return resampling if n_bootstrap is None else replace(resampling, n_bootstrap=n_bootstrap)


def _rhos(
    a: ItemSet,
    b: ItemSet,
    emotions: tuple[str, ...],
    replicates: np.ndarray,
    factors: Sequence[float | None],
    baselines: np.ndarray | None,
    seed: int,
) -> dict[str, Any]:
    """The fields of :class:`ItemComparison` that are rho on all items, with its intervals.

    ``factors`` are the expansions of what was drawn: one where both sets were drawn together.
    """
    rdm_a, rdm_b = a.rdm(emotions), b.rdm(emotions)
    drawn_a, drawn_b = replicates
    # Each side's spread falls short by its own factor; the larger one leaves neither too narrow. A
    # side with nothing to draw would bring none of its noise: then there is no such interval.
    known = [f for f in factors if f is not None]
    factor = max(known) if len(known) == len(factors) else None
    partial = None
    if baselines is not None:
        partial = with_interval(
            partial_spearman(rdm_a, rdm_b, baselines),
            partial_spearman(drawn_a, drawn_b, baselines),
            factor,
        )
    over_both = over_items_and_emotions(
        np.stack([rdm_a, rdm_b]), replicates, factors, stream(seed, "bootstrap emotions")
    )
    return {
        "rho": with_interval(spearman(rdm_a, rdm_b), spearman(drawn_a, drawn_b), factor),
        "over_both": over_both[0, 1],
        "partial": partial,
        "emotions": emotions,
    }
