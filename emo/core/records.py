"""Records that travel between the stages; each carries the labels of its axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float, Float32, Float64

from emo.core.choices import DEFAULT_ESTIMATOR, Criterion, Label, LayerRule
from emo.core.criterion_search import CriterionSearch
from emo.core.flags import ReliabilityFlag, reliability_flag
from emo.core.frames import ResidualFrame


class LabelMismatch(ValueError):
    """Two records whose labels differ in content or order."""


def require_same_labels(a: Sequence[str], b: Sequence[str], what: str) -> None:
    """Refuse two label lists that differ, naming the first difference.

    Raises
    ------
    LabelMismatch
        If the lists differ in length, content or order.
    """
    for i, (x, y) in enumerate(zip(a, b, strict=False)):
        if x != y:
            raise LabelMismatch(f"{what} differ at position {i}: {x!r} against {y!r}")
    if len(a) != len(b):
        raise LabelMismatch(f"{what} differ in number: {len(a)} against {len(b)}")


NEUTRAL = "neutral"
"""The one reserved label: items that carry it are what neutral centring subtracts."""


@dataclass(frozen=True)
class Passage:
    """One short text that elicits one emotion."""

    id: str
    emotion: str
    text: str
    situation: str | None = None


@dataclass(frozen=True)
class StimulusSet:
    """Passages, the neutral sentences for anisotropy, and where they come from."""

    items: tuple[Passage, ...]
    neutral: tuple[str, ...]
    source: str
    sha256: str
    """Digest of the contents; layout, comments and names of columns are not part of it."""
    form: str = ""
    """How the file separates its fields, where not by commas."""
    notes: tuple[str, ...] = ()
    """What was decided while reading, for the user to see."""
    warnings: tuple[str, ...] = ()
    """What may be a mistake in the file; each names what it means."""
    label: Label = Label.emotion
    """What stands as ``emotion`` of the passages; the other one stands as their ``situation``."""

    def __str__(self) -> str:
        n = len({p.situation for p in self.items if p.situation is not None})
        return (
            f"{self.source}{f' ({self.form})' if self.form else ''}: {len(self.items)} passages, "
            f"{len(self.emotions)} emotions, {n or 'no'} situation{'' if n == 1 else 's'}; "
            f"{len(self.neutral)} neutral sentences; digest {self.sha256[:8]}"
        )

    @property
    def emotions(self) -> tuple[str, ...]:
        """Emotions in order of first appearance."""
        return tuple(dict.fromkeys(p.emotion for p in self.items))

    @property
    def crossed(self) -> bool:
        """Whether every passage names the situation it tells."""
        return all(p.situation is not None for p in self.items)


@dataclass(frozen=True)
class Provenance:
    """What made a number: everything a reader needs to make it again."""

    model_id: str
    revision: str
    backend: str
    precision: str
    weights_note: str
    stimuli_sha256: str
    fingerprint: str
    code_commit: str
    package_versions: dict[str, str]
    device: str


@dataclass(frozen=True)
class Activations:
    """Residual stream after every block, one row per item.

    ``values`` are the model's own numbers, raised to float32 without loss.
    """

    values: Float32[np.ndarray, "layer item hidden"]
    item_ids: tuple[str, ...]
    emotions: tuple[str, ...]
    situations: tuple[str, ...] | None
    neutral: Float32[np.ndarray, "layer sentence hidden"]
    position: str

    def __post_init__(self) -> None:
        n = self.values.shape[1]
        for name in ("item_ids", "emotions", "situations"):
            labels = getattr(self, name)
            if labels is not None and len(labels) != n:
                raise LabelMismatch(f"{name} has {len(labels)} labels for {n} items")

    def __repr__(self) -> str:
        layers, items, hidden = self.values.shape
        return f"Activations({layers} layers, {items} items, {hidden} dimensions, {self.position})"

    @property
    def n_layers(self) -> int:
        return self.values.shape[0]

    @property
    def groups(self) -> tuple[str, ...]:
        """What resampling treats as one unit: the situation, else the passage.

        Published files number passages anew within each emotion, so the emotion is part of the name.
        """
        if self.situations is not None:
            return self.situations
        return tuple(f"{e}/{i}" for e, i in zip(self.emotions, self.item_ids, strict=True))


@dataclass(frozen=True)
class EmotionVectors:
    """One vector per emotion and layer, minus a centre. Source: [S 2.3]."""

    values: Float64[np.ndarray, "layer emotion hidden"]
    """In the units of the activations, or of length 1 where ``unit_norm``."""
    emotions: tuple[str, ...]
    n_items: tuple[int, ...]
    """Items of each emotion."""
    centring: str
    """What was subtracted: a :class:`emo.core.choices.Centring`, or ``post`` for the set's own mean."""
    removed: str = "none"
    """What was subtracted from the items first: a :class:`emo.core.choices.Removal`."""
    unit_norm: bool = False
    estimator: str = DEFAULT_ESTIMATOR
    """Name in :data:`emo.core.geometry.estimators.ESTIMATORS`."""
    frame: ResidualFrame | None = None
    """What puts another text's activation where these vectors are; None for runs logged before there was
    any, and for vectors whose centre is not that of a run."""

    def __post_init__(self) -> None:
        if len(self.emotions) != self.values.shape[1]:
            raise LabelMismatch(
                f"{len(self.emotions)} emotions for {self.values.shape[1]} vectors per layer"
            )


@dataclass(frozen=True)
class Rdm:
    """Cosines of all pairs of emotion vectors at one layer: similarities, not dissimilarities.

    An RDM usually holds dissimilarities (rsatoolbox); this one holds cosines, and so do the files
    written from it: larger is more alike. Dissimilarities are ``1 - rdm.cosines``. Rank correlations of
    two RDMs are the same either way. Source: [S 2.3].
    """

    cosines: Float64[np.ndarray, " pair"]
    """Upper triangle without the diagonal, row by row: (0, 1), (0, 2), ..., (1, 2), ..."""
    emotions: tuple[str, ...]
    layer: int


def headline_text(headline: Mapping[str, Any]) -> str:
    """The numbers of a headline that are there, three digits each, with their names."""
    shown = {name: value for name, value in headline.items() if value is not None}
    return ", ".join(f"{name}={value:.3g}" for name, value in shown.items())


@dataclass(frozen=True)
class LayerChoice:
    """A layer, the criterion's value there, and how sure the choice is."""

    layer: int
    value: float
    low: int
    high: int
    share: float
    """Share of bootstrap replicates that choose this same layer."""


@dataclass(frozen=True)
class Bounds:
    """95 % interval of a descriptor at every layer; NaN where there is none."""

    low: Float[np.ndarray, " layer"]
    high: Float[np.ndarray, " layer"]


@dataclass(frozen=True)
class LabelNull:
    """What a descriptor is at every layer where the labels of the items are permuted.

    Within situations, or over all items where there are none; NaN at a layer without a value.
    """

    mean: Float[np.ndarray, " layer"]
    low: Float[np.ndarray, " layer"]
    high: Float[np.ndarray, " layer"]
    """``low`` to ``high`` holds the central 95 % of the permutations."""
    p: Float[np.ndarray, " layer"]
    """(1 + permutations at least as extreme) / (1 + permutations)."""


@dataclass(frozen=True)
class NestedChoice:
    """A layer chosen on one half of the situations: what that half and the other one show there.

    Means over random halves, both ways. What ``same`` exceeds ``other`` by is
    what choosing and looking at one set of passages adds. None where the halves have too few items.
    """

    reliability: float | None
    """On the other half, stepped up to all items."""
    reliability_same: float | None
    """On the half that chose the layer, stepped up alike."""
    accuracy: float | None
    """On the other half; its centroids rest on half of the items, so it is lower than that of all."""
    accuracy_same: float | None
    accuracy_z: float | None = None
    """Of z-scored centroids, on the other half, fitted to all situations but those of a fold."""
    accuracy_lda: float | None = None
    """The same of shrinkage LDA."""


@dataclass(frozen=True)
class Descriptors:
    """The numbers that describe one model's emotion geometry. Source: [S 2.5].

    Curves have one entry per layer; a layer with a non-finite activation is NaN in every curve
    and absent from ``finite_layers``. ``reliability`` is None where it cannot be had (one
    passage per emotion).
    """

    n_layers: int
    finite_layers: tuple[int, ...]
    best_layer: int
    best_layer_pct: float
    reference_layers: dict[str, int]
    choices: dict[str, LayerChoice | None]
    anisotropy: float
    anisotropy_flag: bool
    rdm_std: float
    reliability: float | None
    accuracy: float | None
    chance: float
    analytic_floor: float
    split_unit: str
    nearest: tuple[str, str, float]
    farthest: tuple[str, str, float]
    curves: dict[str, Float[np.ndarray, " layer"]] = field(default_factory=dict)
    intervals: dict[str, Bounds] = field(default_factory=dict)
    """By name of the curve: accuracies over situations, anisotropy over neutral sentences."""
    nulls: dict[str, LabelNull] = field(default_factory=dict)
    """By name of the curve; empty for runs logged before there were any."""
    nested: dict[str, NestedChoice] = field(default_factory=dict)
    """By criterion; empty for runs logged before there were any."""
    permutations: int = 0
    """How many permutations of the labels each null has."""
    simulated_noise: float | None = None
    """Of runs logged before there were nulls: the published criterion on isotropic noise."""
    valence: CriterionSearch | None = None
    """None where the emotions' poles give none, and for runs logged before there was any."""

    def __repr__(self) -> str:
        return f"Descriptors({self.n_layers} layers; {headline_text(self.headline())})"

    @property
    def reliability_flag(self) -> ReliabilityFlag:
        """Whether the reliability at the published layer lets this geometry be compared."""
        return reliability_flag(self.reliability, self.split_unit != "passage")

    def p(self, name: str, layer: int | None = None) -> float | None:
        """p of a descriptor under permuted labels, by default at the published layer; None without."""
        if name not in self.nulls:
            return None
        p = float(self.nulls[name].p[self.best_layer if layer is None else layer])
        return p if np.isfinite(p) else None

    def at_best(self, name: str) -> float | None:
        """A curve's value at the published layer; None where there is none."""
        if name not in self.curves:
            return None
        value = float(self.curves[name][self.best_layer])
        return value if np.isfinite(value) else None

    def layer_by(self, rule: LayerRule) -> int:
        """The layer at which this model is compared with others.

        Raises
        ------
        ValueError
            If the run could not choose one by that criterion.
        """
        if rule.criterion is None:
            return self.n_layers // 2
        if rule.criterion is Criterion.mean_cosine:
            return self.best_layer
        choice = self.choices[rule.criterion.value]
        if choice is None:
            raise ValueError(f"no layer by {rule.value}: too few passages per emotion")
        return choice.layer

    def headline(self) -> dict[str, Any]:
        """The few numbers shown first."""
        return {
            "best_layer": self.best_layer,
            "best_layer_pct": self.best_layer_pct,
            "anisotropy": self.anisotropy,
            "rdm_std": self.rdm_std,
            "reliability": self.reliability,
            "accuracy": self.accuracy,
            "accuracy_z": self.at_best("accuracy_z"),
            "accuracy_lda": self.at_best("accuracy_lda"),
            "rdm_std_p": self.p("rdm_std"),
            "reliability_p": self.p("reliability"),
            "accuracy_p": self.p("accuracy"),
            "valence": self.at_best("valence"),
        }


@dataclass(frozen=True)
class Comparison:
    """Two RDMs of the same emotions, compared."""

    rho: float
    pearson: float
    mantel_p: float
    permutations: int
    mean_cosine: float | None
    """Mean over emotions of the cosine of the two vectors; None where the hidden sizes differ."""
    n_emotions: int
    layer_a: int
    layer_b: int
    seed: int
