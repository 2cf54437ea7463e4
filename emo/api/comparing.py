"""Two logged runs compared, with what their noise allows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from emo.api import html
from emo.api.checks import one_of, whole
from emo.api.loaded import LoadedRun
from emo.config.enums import Projection
from emo.core.compare.attenuation import Attenuation, on_own_items, on_shared_items
from emo.core.compare.rdms import compare_independent, compare_shared, mantel
from emo.core.geometry.cosines import cosine_matrix, paired_cosines, upper
from emo.core.geometry.generated import StoryDescriptors, story_set
from emo.core.geometry.item_sets import (
    ItemSet,
    Recipe,
    common_emotions,
    own_design,
    shared_design,
)
from emo.core.geometry.projections import project
from emo.core.geometry.vectors import post_centred
from emo.core.records import Comparison, LabelMismatch, require_same_labels
from emo.core.stats.correlation import pearson
from emo.core.stats.resampling import Resampling, stream
from emo.errors import ConfigError, EmoError
from emo.report.table import Interval, text

Layer = int | Literal["best"]


@dataclass(frozen=True)
class RunComparison(Comparison):
    """Agreement of two runs' RDMs over the emotions that both have.

    Examples
    --------
    >>> result = emo.compare(emo.load_run(RUN_ID), emo.load_run(OTHER_RUN_ID), layer=1)
    >>> result.same_items, result.left_out
    (True, ())
    >>> print(result)
    emotions: 5
    layers: 1 and 1
    rho, the same items, interval over items: ...
    """

    emotions: tuple[str, ...]
    """Those that both runs have, in the order of the first."""
    left_out: tuple[str, ...]
    """Those that only one of them has."""
    same_items: bool
    """Whether both have read the same items: then part of ``rho`` comes from these."""
    over_items: Interval | None
    """rho with its 95 % interval over items (situations where declared); NaN bounds without any. None,
    as the next, where the vectors of a run were imported, without items."""
    over_items_and_emotions: Interval | None
    """rho with its 95 % interval over items and emotions."""
    reliability: tuple[float, float]
    """Split-half reliability of each run's RDM; NaN where its items cannot be halved or are missing."""
    disjoint: Interval | None
    """Mean rho of measurements that share no item; without bounds if the runs read other items. None, as
    the two below, where the items of a run cannot be halved."""
    ceiling: float | None
    """The disjoint rho that one geometry has with itself at this noise."""
    disattenuated: Interval | None
    """``disjoint`` over ``ceiling`` with its 95 % interval over items."""

    def rows(self) -> list[tuple[str, str]]:
        """The numbers with their names, as they are shown."""
        items = "the same items" if self.same_items else "other items"
        if self.over_items is None or self.over_items_and_emotions is None:
            over = [("rho, without items of a run and so without interval", text(self.rho))]
        else:
            over = [
                (f"rho, {items}, interval over items", text(self.over_items)),
                ("rho, interval over items and emotions", text(self.over_items_and_emotions)),
            ]
        out = [
            (
                "emotions",
                f"{self.n_emotions}"
                + (f", without {', '.join(self.left_out)}" * bool(self.left_out)),
            ),
            ("layers", f"{self.layer_a} and {self.layer_b}"),
            *over,
            ("p of the Mantel test", text(self.mantel_p)),
            ("reliability of each", " and ".join(map(text, self.reliability))),
        ]
        if self.disjoint is not None:
            out += [
                ("rho on disjoint items", text(self.disjoint)),
                ("its ceiling", text(self.ceiling)),
                ("disattenuated rho", text(self.disattenuated)),
            ]
        return out

    def __repr__(self) -> str:
        return "\n".join(f"{name}: {value}" for name, value in self.rows())

    def _repr_html_(self) -> str:
        return html.table("Agreement of two RDMs", (), self.rows())


def compare(
    a: LoadedRun,
    b: LoadedRun,
    layer: Layer | tuple[Layer, Layer] = "best",
    emotions: Literal["common", "same"] = "common",
    permutations: int = 10_000,
    n_bootstrap: int = 1000,
    seed: int = 0,
) -> RunComparison:
    """Agreement of two runs' RDMs: Spearman's rho with intervals, on disjoint items, and its ceiling.

    Every set of vectors is centred on the mean of all its emotions first, so that runs of different
    centring compare. Two runs of the same items share what these have in common; ``disjoint`` and
    ``disattenuated`` do not (docs/summary.md, "Same passages, other passages").
    Sources: Mantel 1967; Phipson and Smyth 2010 for p = (1 + exceeding) / (1 + permutations); Spearman
    1904 for the ceiling; the halves are this project's.

    Parameters
    ----------
    a, b
        Runs of ``job=extract``, comprehension or generation.
    layer
        ``best``: of each run the best layer by the published criterion, which may differ between the two
        (of a run that wrote texts, the layer that it was read at). A number: this layer of both. A
        pair: one for each.
    emotions
        ``common``: those that both have, at least three. ``same``: refuse runs whose emotions differ.
    permutations
        How many permutations of the emotions the Mantel test draws, at least 1.
    n_bootstrap
        Bootstrap replicates of the intervals of rho, at least 2.
    seed
        Names the random streams.

    Returns
    -------
    RunComparison
        ``rho`` and ``pearson`` from -1 to 1, ``mantel_p`` from 1 / (1 + permutations) to 1;
        ``over_items``, ``disjoint`` and ``disattenuated`` have ``value``, ``low`` and ``high``;
        ``mean_cosine`` of the vectors where the models' hidden sizes are equal.

    Raises
    ------
    LabelMismatch
        If fewer than three emotions are common, or ``same`` is wanted and they differ.
    EmoError
        If ``a`` or ``b`` is no loaded run, a model has no such layer, or a number is not allowed.

    Examples
    --------
    >>> a, b = emo.load_run(RUN_ID), emo.load_run(OTHER_RUN_ID)
    >>> result = emo.compare(a, b, layer=1, permutations=99, n_bootstrap=20)
    >>> result.n_emotions, result.permutations
    (5, 99)
    >>> -1 <= result.rho <= 1 and 0.01 <= result.mantel_p <= 1
    True
    >>> result.disjoint.value <= result.rho
    True
    """
    for name, run in (("a", a), ("b", b)):
        if not isinstance(run, LoadedRun):
            raise ConfigError(name, run, "a run that load_run gives")
    one_of("emotions", emotions, ("common", "same"))
    permutations, seed = whole("permutations", permutations, 1), whole("seed", seed, 0)
    draws = Resampling(n_bootstrap=whole("n_bootstrap", n_bootstrap, 2), seed=seed)
    at_a, at_b = (_layer(run, wanted) for run, wanted in zip((a, b), _pair(layer), strict=True))
    if emotions == "same":
        require_same_labels(a.vectors.emotions, b.vectors.emotions, "emotions")
    if a.imported or b.imported:
        return compare_imported(a, b, at_a, at_b, permutations, seed)
    sides = items_at(a, at_a), items_at(b, at_b)
    shared = _share_items(*sides)
    got = (compare_shared if shared else compare_independent)(*sides, draws)
    noise = _noise(sides, shared, draws)
    rdms = [side.rdm(got.emotions) for side in sides]
    rho, p = mantel(rdms[0], rdms[1], permutations, stream(seed, "mantel"))
    return RunComparison(
        rho=rho,
        pearson=float(pearson(rdms[0], rdms[1])),
        mantel_p=p,
        permutations=permutations,
        mean_cosine=_mean_cosine(a, b, at_a, at_b, got.emotions),
        n_emotions=len(got.emotions),
        layer_a=at_a,
        layer_b=at_b,
        seed=seed,
        emotions=got.emotions,
        left_out=tuple(e for s in sides for e in s.emotions if e not in got.emotions),
        same_items=shared,
        over_items=Interval.of(got.rho),
        over_items_and_emotions=Interval.of(got.over_both),
        reliability=got.reliability,
        disjoint=None if noise is None else Interval.of(noise.agreement),
        ceiling=None if noise is None else noise.ceiling,
        disattenuated=None if noise is None else Interval.of(noise.ratio),
    )


def compare_imported(
    a: LoadedRun, b: LoadedRun, at_a: int, at_b: int, permutations: int, seed: int
) -> RunComparison:
    """What can be said of two runs of which one has vectors without items: no interval, no ceiling.

    Lengths of vectors from elsewhere mean nothing, so all of both runs are of length 1 before they are
    centred on their mean.

    Raises
    ------
    EmoError
        If a vector of one of them is missing at its layer.
    LabelMismatch
        If fewer than three emotions are common.
    """
    common = common_emotions(a.vectors.emotions, b.vectors.emotions)
    rdms = []
    for run, layer in ((a, at_a), (b, at_b)):
        units = run.vectors.values[layer] / np.linalg.norm(
            run.vectors.values[layer], axis=-1, keepdims=True
        )
        places = [run.vectors.emotions.index(e) for e in common]
        values = (units - units.mean(axis=0))[places]
        if not np.isfinite(values).all():
            raise EmoError(
                f"run {run.run_id}: not every common emotion has a vector at layer {layer}"
            )
        rdms.append(upper(cosine_matrix(values)))
    rho, p = mantel(rdms[0], rdms[1], permutations, stream(seed, "mantel"))
    return RunComparison(
        rho=rho,
        pearson=float(pearson(rdms[0], rdms[1])),
        mantel_p=p,
        permutations=permutations,
        mean_cosine=_mean_cosine(a, b, at_a, at_b, common),
        n_emotions=len(common),
        layer_a=at_a,
        layer_b=at_b,
        seed=seed,
        emotions=common,
        left_out=tuple(e for run in (a, b) for e in run.vectors.emotions if e not in common),
        same_items=False,
        over_items=None,
        over_items_and_emotions=None,
        reliability=(float("nan"), float("nan")),
        disjoint=None,
        ceiling=None,
        disattenuated=None,
    )


def items_at(run: LoadedRun, layer: int) -> ItemSet:
    """One layer of a run's items, as its vectors are made of them, then centred on their own mean.

    Raises
    ------
    EmoError
        If that layer of the run has activations that are not finite.
    """
    one = slice(layer, layer + 1)
    whole_run = run.activations
    activations = replace(whole_run, values=whole_run.values[one], neutral=whole_run.neutral[one])
    descriptors, estimator = run.descriptors, run.config.method.estimator.value
    try:
        vectors = run.config.vectors
        projected = project(activations, Projection(vectors.projection).value)
        if isinstance(descriptors, StoryDescriptors):
            d = descriptors
            recipe = Recipe(centring=d.centring, unit_norm=d.unit_norm, estimator=estimator)
            return story_set(projected, 0, recipe)
        recipe = Recipe(remove=vectors.remove.value, estimator=estimator)
        return ItemSet.make(projected, 0, recipe)
    except ValueError as error:
        words = str(error).replace("layer 0", f"layer {layer}")
        raise EmoError(f"run {run.run_id}: {words}") from None


def _layer(run: LoadedRun, wanted: Layer) -> int:
    return run.layer(None if wanted == "best" else wanted)


def _pair(layer: Layer | tuple[Layer, Layer]) -> tuple[Layer, Layer]:
    if not isinstance(layer, (tuple, list)):
        return layer, layer
    if len(layer) != 2:
        raise ConfigError("layer", layer, "best, a layer, or a pair of these, one for each run")
    return layer[0], layer[1]


def _share_items(a: ItemSet, b: ItemSet) -> bool:
    common_emotions(a.emotions, b.emotions)  # refused as such, whatever the items are
    try:
        shared_design([a, b])
    except LabelMismatch:
        return False
    return True


def _noise(sides: tuple[ItemSet, ItemSet], shared: bool, draws: Resampling) -> Attenuation | None:
    """Disjoint rho, its ceiling and their quotient; None where the items of a side cannot be halved."""
    if any(own_design(side).expansion is None for side in sides):
        return None
    if shared:
        return on_shared_items(*sides, draws)
    return on_own_items(([sides[0]], [sides[1]]), draws)


def _mean_cosine(
    a: LoadedRun, b: LoadedRun, at_a: int, at_b: int, emotions: tuple[str, ...]
) -> float | None:
    if a.vectors.values.shape[2] != b.vectors.values.shape[2]:
        return None
    x, y = (post_centred(run.vectors, emotions).values for run in (a, b))
    return float(paired_cosines(x[at_a], y[at_b]).mean())
