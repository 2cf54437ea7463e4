"""What all validations of a run work with: model, vectors, texts, the layer, random streams."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from emo.core.records import EmotionVectors
from emo.core.stats.resampling import stream
from emo.errors import ConfigError, ModelError
from emo.pipeline.token_view import VectorSource
from emo.pipeline.validations.dialogue import Dialogue
from emo.pipeline.validations.vector_readings import VectorReadings
from emo.runs.logged import LoggedRun
from emo.runs.plan import Plan
from emo.stimuli.validation_data import ValidationData, validation_data

if TYPE_CHECKING:
    from emo.models.loading import LoadedModel
    from emo.steering.steerable import Steerable


@dataclass(frozen=True)
class Setting:
    """A run to be validated, checked before anything is written."""

    plan: Plan
    logged: LoggedRun
    source: VectorSource
    loaded: LoadedModel
    layer: int
    data: ValidationData = field(default_factory=validation_data)
    notes: list[str] = field(default_factory=list)
    """Why a part could not be computed, or what was left out."""

    @classmethod
    def make(
        cls, plan: Plan, logged: LoggedRun, source: VectorSource, loaded: LoadedModel
    ) -> Setting:
        """The setting of a plan.

        Raises
        ------
        EmoError
            If the model writes no logits, is none of the run's, or has no such layer.
        """
        shape = loaded.model.config.get_text_config()
        layers = int(shape.num_hidden_layers)
        if source.vectors.values.shape[::2] != (layers, shape.hidden_size):
            allowed = "a run whose vectors have this model's layers and width"
            raise ConfigError("job.validate.run", source.run_id, allowed)
        layer = layer_of(plan.config.job.validate.layer, layers, source.layer)
        if not np.isfinite(source.vectors.values[layer]).all():
            raise ModelError(
                f"job.validate.layer={layer}: the vectors are not finite there; another layer, or "
                "precision=bf16 or fp32"
            )
        return cls(plan, logged, source, loaded.for_writing(), layer)

    @property
    def vectors(self) -> EmotionVectors:
        """Of the run."""
        return self.source.vectors

    @property
    def emotions(self) -> tuple[str, ...]:
        """Of the vectors, in their order."""
        return self.source.vectors.emotions

    @property
    def permutations(self) -> int:
        """Of every null."""
        return self.plan.config.job.validate.permutations

    @property
    def poles(self) -> tuple[float, ...]:
        """By emotion: 1 pleasant, -1 unpleasant, 0 neither or not known."""
        known = self.plan.poles.of(self.emotions)
        return tuple(float(known.get(e, 0.0)) for e in self.emotions)

    @property
    def scale(self) -> float:
        """Mean residual norm of the run's neutral sentences at the layer; 1 where it has none."""
        norm = float(self.source.frame.norm[self.layer])
        return norm if np.isfinite(norm) and norm > 0 else 1.0

    def rng(self, *names: str | int) -> np.random.Generator:
        """A random stream of a validation's own."""
        return stream(self.plan.config.seed, "validate", *names)

    def directions(self, layer: int) -> np.ndarray:
        """The emotion vectors of a layer at length 1, [emotion, hidden]."""
        values = self.vectors.values[layer]
        with np.errstate(invalid="ignore", divide="ignore"):
            return values / np.linalg.norm(values, axis=1, keepdims=True)

    def random_directions(self, n: int, *names: str) -> np.ndarray:
        """Directions of length 1 without a preferred one, [direction, hidden]."""
        drawn = self.rng("directions", *names).normal(size=(n, self.vectors.values.shape[2]))
        return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)

    @cached_property
    def dialogue(self) -> Dialogue:
        """How a user's turn is put to the model."""
        return Dialogue(self.loaded.tokenizer, self.plan.config)

    @cached_property
    def readings(self) -> VectorReadings:
        """Cosines of texts with the vectors."""
        return VectorReadings(self.plan, self.loaded, self.source, self.layer)

    @cached_property
    def model(self) -> Steerable:
        """The model with logits, run by the plan's backend."""
        from emo.steering.steerable import open_steerable

        return open_steerable(self.loaded, self.source.config.backend)


def layer_of(value: str, n_layers: int, best: int) -> int:
    """The number of the layer that ``job.validate.layer`` means.

    Raises
    ------
    ConfigError
        If it is none of two_thirds, best and a layer's number.
    """
    match value:
        case "two_thirds":
            return 2 * n_layers // 3
        case "best":
            return best
    names = {str(layer): layer for layer in range(n_layers)}
    if value not in names:
        allowed = f"two_thirds, best, or a layer from 0 to {n_layers - 1}"
        raise ConfigError("job.validate.layer", value, allowed)
    return names[value]
