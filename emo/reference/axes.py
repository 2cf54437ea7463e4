"""Published correlations of components of emotion vectors with human ratings.

None of them was printed with an interval, or with a test over the layers and components tried.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PublishedAxis:
    """Pearson's r of one principal component with one rating."""

    source: str
    model: str
    rating: str
    component: int
    """From 1."""
    r: float
    note: str
    """What else is said there, and where this project has read it."""


SOFRONIEW = "Sofroniew et al. 2026, arXiv:2604.07729"
VAN_DER_BEN = "van der Ben et al. 2026, arXiv:2606.26987"
GEMMA2_REPLICATION = "arXiv:2609.22208"

PUBLISHED_AXES = (
    PublishedAxis(
        SOFRONIEW,
        "Claude Sonnet 4.5",
        "valence",
        1,
        0.81,
        "45 words rated in Russell and Mehrabian 1977; read in the abstract of arXiv:2606.26987",
    ),
    PublishedAxis(
        SOFRONIEW,
        "Claude Sonnet 4.5",
        "arousal",
        2,
        0.66,
        "the same words; read in the abstract of arXiv:2609.22208",
    ),
    PublishedAxis(
        VAN_DER_BEN,
        "Gemma-4-E4B-it",
        "valence",
        1,
        0.83,
        "peak over the layers; read in the abstract",
    ),
    PublishedAxis(
        VAN_DER_BEN,
        "Apertus-8B-Instruct-2509",
        "valence",
        1,
        0.76,
        "peak over the layers; read in the abstract",
    ),
    PublishedAxis(
        VAN_DER_BEN,
        "Gemma-4-E4B-it and Apertus-8B-Instruct-2509",
        "arousal",
        2,
        0.45,
        "at most, on stories that Gemma wrote; at most 0.21 on those of Apertus; read in the abstract",
    ),
    PublishedAxis(
        GEMMA2_REPLICATION,
        "gemma-2-27b",
        "valence",
        1,
        0.72,
        "171 emotions, stories of Claude Sonnet 4.5; read in the abstract",
    ),
    PublishedAxis(
        GEMMA2_REPLICATION,
        "gemma-2-27b",
        "arousal",
        2,
        0.67,
        "with all 171 emotions and late layers only; read in the abstract",
    ),
)
