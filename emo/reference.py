"""Published figures that this project's numbers are shown beside. Numbers only; each with its source."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CrossBackend:
    """Hugging Face against TransformerLens at one layer of one model."""

    source: str
    model: str
    layer: int
    n_layers: int
    cosine_mean: float
    cosine_min: float
    rdm_rho: float
    rdm_frobenius: float


CROSS_BACKEND = CrossBackend(
    source="Jeong 2026, arXiv:2604.11050, sections 2.4 and 4.2",
    model="Llama-3.2-3B-Instruct",
    layer=11,
    n_layers=28,
    cosine_mean=0.999998,
    cosine_min=0.999997,
    rdm_rho=0.99999,
    rdm_frobenius=1.1e-4,
)


@dataclass(frozen=True)
class SteeringSuccess:
    """Scenarios in which an external classifier found the emotion that was steered to."""

    source: str
    successes: int
    scenarios: int


STEERING_SUCCESS = SteeringSuccess(
    source="Jeong 2026a, arXiv:2604.04064", successes=37, scenarios=40
)
