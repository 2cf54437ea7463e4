"""Published figures that this project's numbers are shown beside. Numbers only; each with its source."""

from emo.reference.cross_backend import CROSS_BACKEND, CrossBackend
from emo.reference.jeong2026 import (
    PublishedFourLayer,
    PublishedModel,
    PublishedSizeCorrelation,
    SharedGeometry,
    shared_geometry,
)

__all__ = [
    "CROSS_BACKEND",
    "CrossBackend",
    "PublishedFourLayer",
    "PublishedModel",
    "PublishedSizeCorrelation",
    "SharedGeometry",
    "shared_geometry",
]
