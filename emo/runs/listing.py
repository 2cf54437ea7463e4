"""A logged run, and which condition of the four-layer table it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from emo.core.conditions.four_layer import FORCED, HALVES
from emo.models.weights import weights_name

UNQUANTISED = ("fp32", "bf16", "fp16")


@dataclass(frozen=True)
class LoggedRun:
    """A run as the tracking store lists it."""

    run_id: str
    status: str
    started: int
    """Milliseconds since 1970."""
    tags: Mapping[str, str]
    params: Mapping[str, str]
    name: str = ""
    """What its model is called where that of other weights is called the same."""

    @property
    def weights(self) -> str:
        """What is equal of two runs just where their models are: hub id and revision, or content."""
        return weights_name(*(self.tags.get(t, "unknown") for t in ("model_id", "revision")))

    @property
    def random(self) -> bool:
        """Whether its weights are random."""
        return self.params.get("model.source") == "tiny"

    @property
    def model(self) -> str:
        """What the model is called in tables."""
        return self.name or self.label

    @property
    def label(self) -> str:
        """What the run itself calls its model; a random one by its shape and seed."""
        label = self.tags.get("model", "unknown")
        if not self.random:
            return label
        shape = (self.params.get(f"model.tiny.{x}", "?") for x in ("n_layers", "hidden", "seed"))
        layers, hidden, seed = shape
        name = f"tiny {self.params.get('model.tiny.architecture', '?')}"
        return f"{name} {layers}x{hidden}" + (f" seed {seed}" if seed != "0" else "")

    @property
    def short(self) -> str:
        return self.run_id[:8]

    @property
    def condition(self) -> str | None:
        """Condition of the four-layer table; None if it is none of them."""
        tags = self.tags
        if tags.get("method") == "comprehension":
            return "A" if tags.get("condition", self._untagged) == "A" else None
        name = tags.get("condition", "none")
        if name == "C'":
            half = self.params.get("subparams.templates")
            return HALVES[0] if half == "odd" else HALVES[1]
        if name == "D" and tags.get("teacher_forced") == "true":
            return FORCED
        return name if name in ("B", "B'", "C", "D") else None

    @property
    def _untagged(self) -> str:
        """What a comprehension run is that was logged before conditions were tagged."""
        wanted = {"vectors.remove": "none", "vectors.projection": "none"}
        plain = all(self.params.get(k, v) == v for k, v in wanted.items())
        last = self.tags.get("readout") == "last" and self.tags.get("precision") in UNQUANTISED
        return "A" if plain and last else "none"
