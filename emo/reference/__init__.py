"""Published numbers, each with its source, for comparison with those of this project."""

from emo.reference.cross_backend import CROSS_BACKEND, CrossBackend
from emo.reference.jeong2026 import (
    PublishedFourLayer,
    PublishedModel,
    PublishedSizeCorrelation,
    SharedGeometry,
    shared_geometry,
)
from emo.reference.steering import (
    KNIFE_EDGES,
    STEERING_SUCCESS,
    SteeringSuccess,
    published_regime_of,
)

__all__ = [
    "CROSS_BACKEND",
    "KNIFE_EDGES",
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
