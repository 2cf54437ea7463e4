"""Everything that a run of job=validate has found, as one record."""

from __future__ import annotations

from dataclasses import dataclass

from emo.core.validation.components import Components
from emo.core.validation.diagonal import Diagonal
from emo.core.validation.findings import JudgedFinding
from emo.core.validation.layers import LayerStability
from emo.core.validation.lens import LensRanks
from emo.core.validation.preference import Preference
from emo.core.validation.steered_preference import SteeredPreference
from emo.core.validation.trends import Trends
from emo.core.validation.turns import Agreement, Prediction

Matrix = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class LensTokens:
    """The tokens that a vector promotes most and least, through the model's own norm and head."""

    emotion: str
    top: tuple[str, ...]
    bottom: tuple[str, ...]


@dataclass(frozen=True)
class Lens:
    """The logit lens of every vector."""

    tokens: tuple[LensTokens, ...]
    """At the run's layer; lens.csv has all layers."""
    ranks: LensRanks | None
    """None where fewer than three emotions have a word that is one token."""
    by_layer: tuple[float, ...]
    """Mean percentile of the emotions' own words, by layer."""
    without_word: tuple[str, ...]
    """Emotions none of whose words is one token."""


@dataclass(frozen=True)
class Battery:
    """Readings of scenarios, with what each of them means."""

    ids: tuple[str, ...]
    meant: tuple[str, ...]
    readings: Matrix
    """Cosines, [scenario, emotion]."""
    found: Diagonal
    """Beyond what the texts' words explain, where these could be compared."""
    surface: float
    """The own emotion by the words alone, in standard deviations: mean embeddings of scenario and of the
    run's texts; NaN where these could not be compared."""


@dataclass(frozen=True)
class Scenarios:
    """Both batteries; the second is held out."""

    first: Battery
    second: Battery


@dataclass(frozen=True)
class Turns:
    """The two places of a dialogue, and the answers."""

    n: int
    """Scenarios, of both batteries."""
    agreement: Agreement
    prediction: Prediction | None
    """None where fewer than three scenarios have an answer."""
    answers: tuple[str, ...]


@dataclass(frozen=True)
class Feels:
    """Log-probabilities of emotion words behind "He feels", under every vector."""

    emotions: tuple[str, ...]
    shifts: Matrix
    """Log-probability less that without a vector, [vector, word]."""
    found: Diagonal
    control: float
    """The same diagonal of random directions of equal length."""


@dataclass(frozen=True)
class Strength:
    """How long an emotion's vector is, in units of the residual stream's mean norm at the layer."""

    emotion: str
    share: float


@dataclass(frozen=True)
class ValidationResult:
    """All parts that were asked for; a part that could not be computed is None, and a note says why."""

    run_id: str
    """Of the run whose vectors these are."""
    layer: int
    layer_rule: str
    form: str
    """How a user's turn is put to the model: chat template, or plain dialogue."""
    emotions: tuple[str, ...]
    trust: str
    """How far the vectors can be trusted at that layer; empty if nothing is known."""
    strengths: tuple[Strength, ...]
    findings: tuple[JudgedFinding, ...]
    notes: tuple[str, ...]
    lens: Lens | None = None
    scenarios: Scenarios | None = None
    numbers: Trends | None = None
    turns: Turns | None = None
    preference: Preference | None = None
    preference_steered: SteeredPreference | None = None
    components: Components | None = None
    layers: LayerStability | None = None
    feels: Feels | None = None
