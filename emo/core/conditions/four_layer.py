"""The four-layer table: what method, sub-parameters and precision each change.

Its rows and their reading are in docs/summary.md, "Four layers".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from emo.core.compare.rdms import (
    ItemComparison,
    compare_independent,
    compare_shared,
    mantel,
    over_emotions,
)
from emo.core.conditions.verdicts import (
    JUDGED,
    Verdict,
    attainable,
    judge,
    judge_disjoint,
    judge_floor,
    judge_same_texts,
)
from emo.core.geometry.cosines import UNRELIABLE_ANISOTROPY, paired_cosines
from emo.core.geometry.item_sets import ItemSet, common_emotions, shared_design
from emo.core.geometry.vectors import post_centred
from emo.core.records import EmotionVectors, LabelMismatch
from emo.core.stats.correlation import spearman
from emo.core.stats.intervals import Estimates
from emo.core.stats.resampling import Resampling, stream

FORCED = "D forced"
"""D's weights reading C's token ids."""

HALVES = ("C' odd", "C' even")
"""C with every other story template, and with the rest."""

REPLICATES = {"B": "B'"}
"""Whose replicate says how well a condition agrees with itself.

Those of C are halves of its templates, hence of its texts: they are compared with each other, not with
C, and the reliability of C from all divisions of its prompts says the same of all its texts.
"""


@dataclass(frozen=True)
class Condition:
    """One condition of one model: a run at its layer."""

    name: str
    run_id: str
    model: str
    precision: str
    items: ItemSet
    vectors: EmotionVectors
    """Of the one layer, [1 emotion hidden], with the recipe's own centring and norm."""
    layer: int
    n_effective: float
    """Texts a mean rests on, all repeats of one text counted once."""
    anisotropy: float | None = None
    """At the layer; None where the run has not logged it."""
    surfaces: tuple[ItemSet, ...] = ()
    """TF-IDF of the texts it has read; none where they are not known."""
    texts: str = ""
    """Digest of the token ids of the texts a model wrote; empty where they are not known."""

    @property
    def flagged(self) -> bool:
        """Whether no cosine of it can be trusted [S 2.5]."""
        return self.anisotropy is not None and self.anisotropy > UNRELIABLE_ANISOTROPY


@dataclass(frozen=True)
class Contrast:
    """One row's definition."""

    layer: str
    a: str
    b: str
    isolates: str

    @property
    def is_floor(self) -> bool:
        """Whether it compares a condition with its own replicate."""
        return self.layer.startswith("floor")


CONTRASTS = (
    Contrast("1", "A", "C", "method"),
    Contrast("1 loose", "A", "B", "method, confounded with the sub-parameters"),
    Contrast("2", "B", "C", "the eight sub-parameters"),
    Contrast("3 free-running", "C", "D", "precision: other weights, and so other texts"),
    Contrast("3 teacher-forced", "C", FORCED, "precision: other weights on C's texts"),
    Contrast("4", "A", "D", "nothing: method, sub-parameters and precision at once (a warning)"),
    Contrast("floor B", "B", "B'", "sampling noise of B: another seed"),
    Contrast("floor C", *HALVES, "choice of prompts in C: one half of them against the other"),
)


@dataclass(frozen=True)
class ContrastMeasures:
    """A contrast under one centring."""

    rho: Estimates
    """With the interval over items; no bounds where neither side has items to draw from."""
    over_emotions: Estimates
    p: float
    """One-sided Mantel p."""
    mean_cosine: float | None
    """Mean per-emotion cosine of the vectors; None where the hidden sizes differ."""

    @property
    def interval(self) -> tuple[float, float]:
        """Over items where there is one, else over emotions."""
        e = self.rho if np.isfinite(self.rho.low) else self.over_emotions
        return float(e.low), float(e.high)


@dataclass(frozen=True)
class LayerRow:
    """One contrast of the table."""

    contrast: Contrast
    post: ContrastMeasures
    """Each set centred on its own full mean: the published comparison."""
    raw: ContrastMeasures
    """As each condition centres by itself."""
    comparison: ItemComparison
    """Reliabilities, halves, ceiling and disattenuated rho, post-centred.

    Ceiling and disattenuated rho are of all items, or of disjoint halves where items are shared.
    """
    shared: bool
    """Whether both sides read the same items (by their labels)."""
    self_agreements: tuple[float, float]
    """How well each side agrees with itself over the common emotions: with its replicate, else its
    reliability. NaN where there is neither."""
    layers: tuple[int, int]
    """At which each side is read."""
    n_effective: tuple[float, float]
    flagged: bool
    """Whether a side is too anisotropic to be compared by cosines."""
    verdict: Verdict
    sentence: str

    @property
    def attainable(self) -> float | None:
        """What replicates would give; None where the verdict does not rest on it."""
        if self.contrast.is_floor or self.verdict not in JUDGED:
            return None
        if self.shared:
            return self.comparison.ceiling.value
        return attainable(self.self_agreements)

    @property
    def disjoint(self) -> Estimates | None:
        """Rho on disjoint halves of the items, post-centred; None where items are not shared."""
        halves = self.comparison.halves
        return halves.disjoint[0, 1] if halves is not None else None


@dataclass(frozen=True)
class FourLayerTable:
    """One model's table."""

    model: str
    conditions: tuple[Condition, ...]
    rows: tuple[LayerRow, ...]
    missing: tuple[tuple[Contrast, tuple[str, ...]], ...]
    """Contrasts that could not be made, with the conditions they lack."""
    refused: tuple[tuple[Contrast, str], ...]
    """Contrasts whose two sides cannot be compared, with the reason."""


def four_layer(
    conditions: Mapping[str, Condition],
    resampling: Resampling,
    permutations: int = 10_000,
    n_bootstrap: int | None = None,
) -> FourLayerTable:
    """All contrasts that the conditions of one model allow.

    ``n_bootstrap`` replicates are drawn for intervals on all items (those of ``resampling`` if it is
    not given), ``resampling`` is for the halves.

    Raises
    ------
    LabelMismatch
        If the conditions are of different models.
    """
    models = dict.fromkeys(c.model for c in conditions.values())
    if len(models) != 1:
        raise LabelMismatch(f"a four-layer table is of one model, not of {', '.join(models)}")
    rows, missing, refused = [], [], []
    for contrast in CONTRASTS:
        lacking = tuple(c for c in (contrast.a, contrast.b) if c not in conditions)
        if lacking:
            missing.append((contrast, lacking))
            continue
        try:
            rows.append(_row(contrast, conditions, resampling, permutations, n_bootstrap))
        except LabelMismatch as error:
            refused.append((contrast, str(error)))
    return FourLayerTable(
        next(iter(models)), tuple(conditions.values()), tuple(rows), tuple(missing), tuple(refused)
    )


def self_agreement(
    contrast: Contrast, conditions: Mapping[str, Condition], comparison: ItemComparison
) -> tuple[float, float]:
    """Each side's rho with its replicate, else its reliability; NaN without either."""
    agreements = list(comparison.reliability)
    for side, name in enumerate((contrast.a, contrast.b)):
        replicate = REPLICATES.get(name, "")
        if replicate in conditions:
            a, b = conditions[name].items, conditions[replicate].items
            emotions = [e for e in comparison.emotions if e in b.emotions]
            agreements[side] = float(spearman(a.rdm(emotions), b.rdm(emotions)))
    return agreements[0], agreements[1]


def _row(
    contrast: Contrast,
    conditions: Mapping[str, Condition],
    resampling: Resampling,
    permutations: int,
    n_bootstrap: int | None,
) -> LayerRow:
    a, b = conditions[contrast.a], conditions[contrast.b]
    if contrast.b == FORCED and a.texts and b.texts and a.texts != b.texts:
        raise LabelMismatch(
            f"{FORCED} (run {b.run_id[:8]}) has read other token ids than {contrast.a} (run "
            f"{a.run_id[:8]}) wrote: their batches, devices or attention differ"
        )
    shared = _share_items(a.items, b.items)
    compare = compare_shared if shared else compare_independent
    rng = _mantel_stream(contrast, resampling)
    post, comparison = _post_centred(a, b, compare, resampling, n_bootstrap, permutations, rng)
    rng = _mantel_stream(contrast, resampling)
    raw = _as_centred(a, b, compare, resampling, n_bootstrap, permutations, rng)
    sides = self_agreement(contrast, conditions, comparison)
    rho, high = float(post.rho.value), post.interval[1]
    if contrast.is_floor:
        verdict, sentence = judge_floor(rho, post.p, contrast.a[0])
    elif contrast.b == FORCED and shared:
        verdict, sentence = judge_same_texts(rho, *post.interval)
    elif comparison.halves is not None:
        disjoint = comparison.halves.disjoint[0, 1]
        verdict, sentence = judge_disjoint(
            disjoint, sides, (contrast.a, contrast.b), comparison.ceiling
        )
    else:
        verdict, sentence = judge(rho, post.p, high, sides, (contrast.a, contrast.b))
    return LayerRow(
        contrast=contrast,
        post=post,
        raw=raw,
        comparison=comparison,
        shared=shared,
        self_agreements=sides,
        layers=(a.layer, b.layer),
        n_effective=(a.n_effective, b.n_effective),
        flagged=a.flagged or b.flagged,
        verdict=verdict,
        sentence=sentence,
    )


def _mantel_stream(contrast: Contrast, resampling: Resampling) -> np.random.Generator:
    return stream(resampling.seed, "mantel", contrast.layer)


def _share_items(a: ItemSet, b: ItemSet) -> bool:
    try:
        shared_design([a, b])
    except LabelMismatch:
        return False
    return True


Compare = Callable[..., ItemComparison]
"""How two item sets are compared: :func:`compare_shared` or :func:`compare_independent`."""


def _post_centred(
    a: Condition,
    b: Condition,
    compare: Compare,
    resampling: Resampling,
    n_bootstrap: int | None,
    permutations: int,
    rng: np.random.Generator,
) -> tuple[ContrastMeasures, ItemComparison]:
    """A contrast with the vectors of each side minus the mean of its full set."""
    sets = [_with_post_centring(c, post_centred=True) for c in (a, b)]
    emotions = common_emotions(*(s.emotions for s in sets))
    held = [s.rdm(emotions) for c in (a, b) for s in c.surfaces]
    comparison = compare(*sets, resampling, np.stack(held) if held else None, n_bootstrap)
    vectors = (post_centred(c.vectors, emotions).values[0] for c in (a, b))
    return _measures(sets, comparison, permutations, rng, _mean_cosine(*vectors)), comparison


def _as_centred(
    a: Condition,
    b: Condition,
    compare: Compare,
    resampling: Resampling,
    n_bootstrap: int | None,
    permutations: int,
    rng: np.random.Generator,
) -> ContrastMeasures:
    """A contrast with the vectors as each condition centres them by itself."""
    sets = [_with_post_centring(c, post_centred=False) for c in (a, b)]
    emotions = common_emotions(*(s.emotions for s in sets))
    # Halves are asked of the post-centred sets only.
    once = replace(resampling, n_splits=1, n_bootstrap=1, splits_per_replicate=1)
    draws = resampling.n_bootstrap if n_bootstrap is None else n_bootstrap
    comparison = compare(*sets, once, None, draws)
    vectors = (c.vectors.values[0, [c.vectors.emotions.index(e) for e in emotions]] for c in (a, b))
    return _measures(sets, comparison, permutations, rng, _mean_cosine(*vectors))


def _with_post_centring(condition: Condition, *, post_centred: bool) -> ItemSet:
    items = condition.items
    return replace(items, recipe=replace(items.recipe, post_centred=post_centred))


def _measures(
    sets: Sequence[ItemSet],
    comparison: ItemComparison,
    permutations: int,
    rng: np.random.Generator,
    mean_cosine: float | None,
) -> ContrastMeasures:
    a, b = (s.rdm(comparison.emotions) for s in sets)
    return ContrastMeasures(
        rho=comparison.rho,
        over_emotions=over_emotions(a, b),
        p=mantel(a, b, permutations, rng)[1],
        mean_cosine=mean_cosine,
    )


def _mean_cosine(a: np.ndarray, b: np.ndarray) -> float | None:
    """Mean over the emotions of the cosine of the two sides' vectors; None if their widths differ."""
    return float(paired_cosines(a, b).mean()) if a.shape == b.shape else None
