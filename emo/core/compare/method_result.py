"""What job=methods finds of one model, as it is kept."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from jaxtyping import Float64

from emo.core.choices import DEFAULT_ESTIMATOR, EstimatorName
from emo.core.compare.separation import Measure, Place
from emo.core.compare.specificity import difference
from emo.core.criterion_search import SearchVerdict
from emo.core.geometry.cosines import analytic_floor
from emo.core.stats.intervals import Estimates


@dataclass(frozen=True)
class Bounded:
    """A number with its 95 % interval; NaN where there is none."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, estimate: Estimates) -> Bounded:
        """Of a single estimate."""
        return cls(float(estimate.value), float(estimate.low), float(estimate.high))


@dataclass(frozen=True)
class Steering:
    """How often a steering run of an estimator's vectors hit its emotion, over all its doses."""

    run: str
    hits: int
    judged: int
    share: Bounded
    random: Bounded | None
    """The same of random directions of equal norm; None where none were steered."""


@dataclass(frozen=True)
class MethodRow:
    """One estimator's vectors from one reading, at one layer."""

    estimator: EstimatorName
    accuracy: Bounded
    """Items read right by the estimator's own rule, fitted without their situations."""
    cosine_accuracy: Bounded
    """Items whose highest cosine is with their own emotion's vector, made without their situations."""
    reliability: Bounded
    valence: float | None
    """rho of the RDM with the poles of the emotions; None where these give none."""
    valence_p: float | None
    agreement: Bounded | None
    """Disjoint rho with difference of means over its ceiling; None for difference of means itself."""
    global_cosine: Bounded
    """The published statistic: mean pairwise cosine, vectors less their mean."""
    neutral_cosine: Bounded | None
    """The same of vectors less neutral texts; None where there are none."""
    steering: Steering | None = None


@dataclass(frozen=True)
class Curve:
    """One measure of separation over the depth of a reading; NaN where there is no value."""

    measure: Measure
    value: Float64[np.ndarray, " layer"]
    low: Float64[np.ndarray, " layer"]
    high: Float64[np.ndarray, " layer"]
    place: Place
    first: Bounded | None
    """Separation in the middle half of the layers less that in the first quarter."""
    last: Bounded | None
    u_shape: SearchVerdict


@dataclass(frozen=True)
class Reading:
    """One way to have a model's activations: what it read or wrote, and the tokens that stand for it."""

    source: str
    """``comprehension`` or ``generation``."""
    readout: str
    """``method.readout`` of passages, ``subparams.position`` of written texts."""
    run: str
    """Id of the extraction that has the activations."""
    layer: int
    n_layers: int
    n_items: int
    n_units: int
    """Situations, prompts, or items of the rarest emotion where neither is declared."""
    unit: str
    """What is left out and resampled: ``situation``, ``prompt``, ``passage`` or ``text``."""
    neutral: str
    """The texts that neutral centring subtracts, in words; empty for none."""
    probe_accuracy: Bounded
    """Of one-vs-rest logistic probes; the same for all estimators."""
    crossnobis: Bounded | None
    equal: dict[str, Bounded]
    """Accuracy, crossnobis and reliability of difference of means with as many units as the poorest
    reading has, by name: means over random choices of them."""
    rows: tuple[MethodRow, ...]
    curves: tuple[Curve, ...]

    @property
    def name(self) -> str:
        """Source and readout in one word group."""
        return f"{self.source}, {self.readout}"

    def row(self, estimator: str = DEFAULT_ESTIMATOR) -> MethodRow | None:
        """The row of an estimator; None where it was not asked for."""
        return next((r for r in self.rows if r.estimator == estimator), None)

    def curve(self, measure: Measure) -> Curve | None:
        """The curve of a measure; None where the items do not allow it."""
        return next((c for c in self.curves if c.measure is measure), None)


class Order(StrEnum):
    """Whether one value is shown to be the higher one."""

    above = "higher"
    below = "lower"
    untold = "cannot be told"


@dataclass(frozen=True)
class Contrast:
    """One measure of texts that the model wrote, and of passages that it read, from as many units."""

    measure: str
    generation: Bounded
    comprehension: Bounded

    @property
    def difference(self) -> Bounded:
        """Generation less comprehension; the interval is made of both (Zou & Donner 2008)."""
        a, b = (
            Estimates(*map(np.asarray, (x.value, x.low, x.high)))
            for x in (self.generation, self.comprehension)
        )
        return Bounded.of(difference(a, b))

    @property
    def order(self) -> Order:
        """Higher or lower in written texts where the whole interval is on one side of 0."""
        if self.difference.low > 0:
            return Order.above
        if self.difference.high < 0:
            return Order.below
        return Order.untold


@dataclass(frozen=True)
class MethodsResult:
    """Every reading of one model with every estimator."""

    emotions: tuple[str, ...]
    """Those that all readings have, without neutral."""
    depth: float
    """Share of the depth at which the table stands."""
    equal_units: int
    """Units of the poorest reading."""
    readings: tuple[Reading, ...]

    @property
    def algebraic(self) -> float:
        """Mean pairwise cosine of as many centred vectors of equal length: -1 / (k - 1)."""
        return analytic_floor(len(self.emotions))

    @property
    def contrasts(self) -> tuple[Contrast, ...]:
        """Generation against comprehension, each in its first reading; none where one is missing."""
        read, written = self.of("comprehension"), self.of("generation")
        if not read or not written:
            return ()
        return tuple(
            Contrast(name, written[0].equal[name], read[0].equal[name])
            for name in written[0].equal
            if name in read[0].equal
        )

    def of(self, source: str) -> tuple[Reading, ...]:
        """The readings of a source, in the order they were asked for."""
        return tuple(r for r in self.readings if r.source == source)
