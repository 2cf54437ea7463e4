"""Published figures that this project's numbers are shown beside. Numbers only; each with its source."""

from emo.reference.cross_backend import CROSS_BACKEND, CrossBackend
from emo.reference.jeong2026 import (
    PublishedFourLayer,
    PublishedModel,
    PublishedSizeCorrelation,
    SharedGeometry,
    shared_geometry,
)
from emo.reference.steering import STEERING_SUCCESS, SteeringSuccess, published_regime_of

__all__ = [
    "CROSS_BACKEND",
    "STEERING_SUCCESS",
    "CrossBackend",
    "PublishedFourLayer",
    "PublishedModel",
    "PublishedSizeCorrelation",
    "SharedGeometry",
    "SteeringSuccess",
    "published_regime_of",
    "shared_geometry",
]
