"""The four-layer table: what method, sub-parameters and precision each change.

Its rows and their reading are in docs/summary.md, "Four layers".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from emo.core.choices import MARGIN
from emo.core.compare.attenuation import Attenuation, on_own_items, on_shared_items
from emo.core.compare.rdms import (
    ItemComparison,
    compare_independent,
    compare_shared,
)
from emo.core.compare.rounding import rho_excess
from emo.core.conditions.contrasts import (
    Condition,
    ContrastMeasures,
    as_centred,
    post_centred_items,
    with_post_centring,
)
from emo.core.conditions.verdicts import (
    JUDGED,
    Verdict,
    judge,
    judge_floor,
    judge_rounding,
    judge_rounding_floor,
    judge_same_texts,
)
from emo.core.geometry.item_sets import ItemSet, own_design, shared_design
from emo.core.records import LabelMismatch
from emo.core.stats.correlation import spearman
from emo.core.stats.intervals import ALPHA, Estimates
from emo.core.stats.resampling import Resampling, stream

FORCED = "D forced"
"""D's weights reading C's token ids."""

HALVES = ("C' odd", "C' even")
"""C with every other story template, and with the rest."""

NUDGED = {"D": "D'", FORCED: "D' forced"}
"""Whose replicate differs from a condition in nothing but rounding: its inputs are moved by one unit in
the last place. It says how much of a precision's effect is the precision's own rounding."""

REPLICATES = {"B": "B'"}
"""Whose replicate says how well a condition agrees with itself.

Those of C are halves of its templates, hence of its texts: they are compared with each other, not with
C, and the reliability of C from all divisions of its prompts says the same of all its texts.
"""


@dataclass(frozen=True)
class Contrast:
    """One row's definition."""

    layer: str
    """The published name, or that of a floor: the key of files and of published figures."""
    asks: str
    """What it asks about, in the words of tables and figures."""
    a: str
    b: str
    isolates: str

    @property
    def title(self) -> str:
        """What it asks about, with its conditions.

        Example
        -------
        >>> CONTRASTS[0].title
        'Method (A vs C)'
        """
        return f"{self.asks} ({self.a} vs {self.b})"

    @property
    def is_floor(self) -> bool:
        """Whether it compares a condition with its own replicate."""
        return self.layer.startswith("floor")


CONTRASTS = (
    Contrast("1", "Method", "A", "C", "method"),
    Contrast(
        "1 loose", "Method, loose settings", "A", "B", "method, confounded with the sub-parameters"
    ),
    Contrast("2", "Sub-parameters", "B", "C", "the eight sub-parameters"),
    Contrast(
        *("3 free-running", "Precision, free running", "C", "D"),
        "precision: other weights, and so other texts",
    ),
    Contrast(
        *("3 teacher-forced", "Precision, same texts", "C", FORCED),
        "precision: other weights on C's texts",
    ),
    Contrast(
        *("4", "All at once", "A", "D"),
        "nothing: method, sub-parameters and precision at once (a warning)",
    ),
    Contrast("floor B", "Noise of sampling", "B", "B'", "sampling noise of B: another seed"),
    Contrast(
        *("floor C", "Choice of prompts", *HALVES),
        "choice of prompts in C: one half of them against the other",
    ),
    Contrast(
        *("floor D", "Rounding, free running", "D", NUDGED["D"]),
        "rounding in D: inputs moved, and so other texts",
    ),
    Contrast(
        *("floor D forced", "Rounding, same texts", FORCED, NUDGED[FORCED]),
        "rounding in D: inputs moved, on C's texts",
    ),
)


@dataclass(frozen=True)
class LayerRow:
    """One contrast of the table."""

    contrast: Contrast
    post: ContrastMeasures
    """Each set centred on its own full mean: the published comparison."""
    raw: ContrastMeasures
    """As each condition centres by itself."""
    comparison: ItemComparison
    """Intervals, reliabilities, partial rho and halves, post-centred."""
    attenuation: Attenuation | None
    """Agreement of measurements that share no item, beside what noise allows, post-centred.

    None where a side has one text per emotion and no replicate.
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
    """Whether the raw anisotropy of a side is above the published bound."""
    verdict: Verdict
    sentence: str

    @property
    def attainable(self) -> float | None:
        """The agreement that replicates would have; None where the verdict does not rest on it."""
        if self.contrast.is_floor or self.verdict not in JUDGED or self.attenuation is None:
            return None
        return self.attenuation.ceiling

    @property
    def disjoint(self) -> Estimates | None:
        """Rho of measurements that share no item, post-centred; None where there are none."""
        if self.attenuation is None or not np.isfinite(self.attenuation.agreement.value):
            return None
        return self.attenuation.agreement


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
    margin: float = MARGIN,
) -> FourLayerTable:
    """All contrasts that the conditions of one model allow.

    ``n_bootstrap`` replicates are drawn for intervals on all items (those of ``resampling`` if it is
    not given), ``resampling`` is for the halves. ``margin`` is that of :func:`judge`.

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
            row = _row(contrast, conditions, resampling, permutations, n_bootstrap, margin)
            rows.append(row)
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
    margin: float,
) -> LayerRow:
    a, b = conditions[contrast.a], conditions[contrast.b]
    _require_same_texts(contrast, a, b)
    shared = _share_items(a.items, b.items)
    compare = compare_shared if shared else compare_independent
    rng = _mantel_stream(contrast, resampling)
    post, comparison = with_post_centring(a, b, compare, resampling, n_bootstrap, permutations, rng)
    rng = _mantel_stream(contrast, resampling)
    raw = as_centred(a, b, compare, resampling, n_bootstrap, permutations, rng)
    sides = self_agreement(contrast, conditions, comparison)
    rho = post.rho
    measured = None if contrast.is_floor else _attenuation(contrast, conditions, shared, resampling)
    if contrast.a in NUDGED:
        verdict, sentence = judge_rounding_floor(rho, contrast.a)
    elif contrast.is_floor:
        verdict, sentence = judge_floor(float(rho.value), post.p, contrast.a[0])
    elif contrast.b == FORCED and shared:
        verdict, sentence = judge_same_texts(rho)
    else:
        shown = post.p <= ALPHA
        if shared and measured is not None:
            shown = bool(measured.agreement.low > 0)
        verdict, sentence = judge(measured, shown, (contrast.a, contrast.b), margin)
    moved = conditions.get(NUDGED.get(contrast.b, ""))
    if moved is not None and contrast.a == "C":
        excess = rho_excess(*(post_centred_items(c) for c in (a, b, moved)))
        verdict, sentence = judge_rounding(excess, sentence)
    return LayerRow(
        contrast=contrast,
        post=post,
        raw=raw,
        comparison=comparison,
        attenuation=measured,
        shared=shared,
        self_agreements=sides,
        layers=(a.layer, b.layer),
        n_effective=(a.n_effective, b.n_effective),
        flagged=a.flagged or b.flagged,
        verdict=verdict,
        sentence=sentence,
    )


def _require_same_texts(contrast: Contrast, a: Condition, b: Condition) -> None:
    """Refuse a forced reading beside a condition that wrote or read other token ids."""
    if FORCED in (contrast.a, contrast.b) and a.texts and b.texts and a.texts != b.texts:
        raise LabelMismatch(
            f"{contrast.b} (run {b.run_id[:8]}) has read other token ids than {contrast.a} (run "
            f"{a.run_id[:8]}): their batches, devices or attention differ"
        )


def _attenuation(
    contrast: Contrast,
    conditions: Mapping[str, Condition],
    shared: bool,
    resampling: Resampling,
) -> Attenuation | None:
    """The two sides measured on items they do not share; None where one cannot be measured twice."""
    sides = []
    for name in (contrast.a, contrast.b):
        replicate = conditions.get(REPLICATES.get(name, ""))
        side = [post_centred_items(c) for c in (conditions[name], replicate) if c is not None]
        if len(side) == 1 and own_design(side[0]).expansion is None:
            return None
        sides.append(side)
    if shared:
        return on_shared_items(sides[0][0], sides[1][0], resampling)
    return on_own_items((sides[0], sides[1]), resampling)


def _mantel_stream(contrast: Contrast, resampling: Resampling) -> np.random.Generator:
    return stream(resampling.seed, "mantel", contrast.layer)


def _share_items(a: ItemSet, b: ItemSet) -> bool:
    try:
        shared_design([a, b])
    except LabelMismatch:
        return False
    return True
