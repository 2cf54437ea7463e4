"""Jeong 2026, Shared Emotion Geometry Across Small Language Models, arXiv:2604.11050."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

DATA = Path(__file__).parent / "data" / "jeong2026.json"


@dataclass(frozen=True)
class PublishedModel:
    """A row of Table A1."""

    model_id: str
    family: str
    variant: str
    size_b: float
    n_layers: int
    d_model: int
    backend: str
    best_layer: int
    best_layer_pct: float
    anisotropy: float
    rdm_std: float


@dataclass(frozen=True)
class PublishedSizeCorrelation:
    """Section 3: Spearman over the twelve models of Table A1."""

    predictor: str
    outcome: str
    rho: float
    p: float


@dataclass(frozen=True)
class PublishedFourLayer:
    """Section 4.3 and its analysis for one model."""

    model: str
    rho: dict[str, float]
    """By the layer's name in :data:`emo.core.conditions.four_layer.CONTRASTS`."""
    mean_cosine: dict[str, float]


@dataclass(frozen=True)
class SharedGeometry:
    """The numbers of the paper."""

    source: str
    models: tuple[PublishedModel, ...]
    labels: tuple[str, ...]
    """Labels of the RDM of RDMs: the last part of the id of a model."""
    spearman: tuple[tuple[float, ...], ...]
    sizes: tuple[PublishedSizeCorrelation, ...]
    four_layer: tuple[PublishedFourLayer, ...]

    def rho(self, a: str, b: str) -> float | None:
        """Published rho of two models by their ids; None if one is not among the twelve."""
        names = [x.rsplit("/", 1)[-1] for x in (a, b)]
        if any(name not in self.labels for name in names):
            return None
        return self.spearman[self.labels.index(names[0])][self.labels.index(names[1])]


LAYERS = {
    "layer1_A_C": "1",
    "layer1_loose_A_B": "1 loose",
    "layer2_B_C": "2",
    "layer3_C_D": "3 free-running",
    "layer4_A_D": "4",
}
COSINES = {"A_C": "1", "B_C": "2", "C_D": "3 free-running"}
FOUR_LAYER_MODELS = ("Mistral-7B-Instruct-v0.3", "Llama-3.1-8B-Instruct")


@lru_cache
def shared_geometry() -> SharedGeometry:
    """The numbers of the paper, read from the file once."""
    raw = json.loads(DATA.read_text(encoding="utf-8"))
    return SharedGeometry(
        source=raw["source"],
        models=tuple(PublishedModel(**m) for m in raw["models"]),
        labels=tuple(raw["rdm_of_rdms"]["labels"]),
        spearman=tuple(tuple(row) for row in raw["rdm_of_rdms"]["spearman"]),
        sizes=tuple(PublishedSizeCorrelation(**c) for c in raw["size_correlations"]),
        four_layer=tuple(
            PublishedFourLayer(
                name,
                {LAYERS[k]: v for k, v in raw["four_layer"][name].items() if k in LAYERS},
                {
                    COSINES[k]: v
                    for k, v in raw["four_layer"][name]["per_emotion_cosine_mean"].items()
                },
            )
            for name in FOUR_LAYER_MODELS
        ),
    )
