"""A run as the tracking store lists it, and which condition of the four-layer table it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from emo import conditions
from emo.config import precisions, vector_settings
from emo.config.enums import MethodName, Source
from emo.config.logged import config_of
from emo.config.schema import RunConfig
from emo.models.weights import weights_name


@dataclass(frozen=True)
class RunListing:
    """A run as the tracking store lists it: its tags and parameters, none of its files."""

    run_id: str
    status: str
    started: int
    """Milliseconds since 1970."""
    tags: Mapping[str, str]
    params: Mapping[str, str]
    """Fields of the config as text; :attr:`config` has them typed."""
    name: str = ""
    """What its model is called where other weights have the same label."""

    @cached_property
    def config(self) -> RunConfig:
        """The config of the run, typed; a field it did not log has its default.

        Raises
        ------
        ValueError
            If a parameter has a value that its field cannot have.
        """
        return config_of(self.params)

    @property
    def unreadable(self) -> str:
        """Why the parameters make no config; empty if they do."""
        try:
            self.config  # noqa: B018
        except ValueError as error:
            return str(error)
        return ""

    @property
    def weights(self) -> str:
        """What two runs share if and only if their weights are the same.

        That is hub id and revision, or the content.
        """
        return weights_name(*(self.tags.get(t, "unknown") for t in ("model_id", "revision")))

    @property
    def random(self) -> bool:
        """Whether its weights are random."""
        return self.params.get("model.source") == Source.tiny

    @property
    def model(self) -> str:
        """What the model is called in tables."""
        return self.name or self.label

    @property
    def label(self) -> str:
        """What the run itself calls its model; a random one by its shape and seed."""
        if not self.random or self.unreadable:
            return self.tags.get("model", "unknown")
        tiny = self.config.model.tiny
        seed = f" seed {tiny.seed}" if tiny.seed else ""
        return f"tiny {tiny.architecture} {tiny.n_layers}x{tiny.hidden}{seed}"

    @property
    def short(self) -> str:
        """The first characters of its id."""
        return self.run_id[:8]

    @property
    def comprehension(self) -> bool:
        """Whether the model read passages, and wrote nothing."""
        return self.tags.get("method") == MethodName.comprehension

    @property
    def precision(self) -> str:
        """Label of its precision; variants of INT8 have labels of their own."""
        return self.tags.get("precision", "unknown")

    @property
    def quantised(self) -> bool:
        """Whether its weights were quantised, or its precision is none of those known here."""
        traits = precisions.traits_of(self.precision)
        return traits is None or traits.quantised

    @property
    def causal(self) -> bool:
        """Whether nothing but a text itself changed the numbers read of it."""
        traits = precisions.traits_of(self.precision)
        return traits is None or traits.causal

    @property
    def teacher_forced(self) -> bool:
        """Whether it read texts that were written in another precision."""
        return self.tags.get("teacher_forced") == "true"

    @property
    def condition(self) -> str | None:
        """Condition of the four-layer table; None if it is none of them."""
        return conditions.logged_name(
            self.tags.get("condition", self._untagged),
            MethodName.comprehension if self.comprehension else MethodName.generation,
            self.config.subparams,
            self.teacher_forced,
        )

    @property
    def _untagged(self) -> str:
        """What a comprehension run is that was logged before conditions were tagged."""
        plain = not vector_settings.changed(self.config) and not self.quantised
        return "A" if plain and self.comprehension else conditions.NONE
