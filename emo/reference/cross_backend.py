"""The published comparison of two backends."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CrossBackend:
    """Differences between Hugging Face and TransformerLens at one layer of one model."""

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
