"""What a job is going to run: known, checked and named before a model is loaded."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from emo.conditions import NONE, recognise
from emo.config import vector_settings
from emo.config.checks import check_memory
from emo.config.enums import BackendName, Label, MethodName, Removal
from emo.config.schema import RunConfig
from emo.core.records import Provenance, StimulusSet
from emo.errors import ConfigError
from emo.models.weights import Weights, locate
from emo.redact import without_password
from emo.runs.identity import fingerprint, run_identity
from emo.runs.names import run_name
from emo.runs.provenance import code_commit, package_versions
from emo.stimuli.exchange import labelled_by_situation, labels_in_words
from emo.stimuli.loading import load_stimuli
from emo.stimuli.poles import Poles, load_poles

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Plan:
    """What is to be run."""

    config: RunConfig
    stimuli: StimulusSet
    weights: Weights
    device: str
    provenance: Provenance
    poles: Poles = field(default_factory=load_poles)

    @property
    def title(self) -> str:
        c = self.config
        reader = f", {c.backend.label}" if c.backend.name is BackendName.tl else ""
        if c.method.name is MethodName.generation:
            return f"{c.model.label}, {c.precision.label}{reader}, generation, {self.protocol}"
        return f"{c.model.label}, {c.precision.label}{reader}, {c.method.name.value}, " + ", ".join(
            vector_settings.titles(c)
        )

    @property
    def run_name(self) -> str:
        """Name in the UI's list."""
        return run_name(self.config)

    @property
    def protocol(self) -> str:
        """The condition that a generation run is, or how it comes to be none."""
        condition = recognise(self.config)
        if condition.name == NONE:
            return f"no published condition: {condition.note}"
        return f"condition {condition.name} ({condition.note})"


def passages(config: RunConfig) -> StimulusSet:
    """The configured passages; their source, and what is odd about them, is logged once per process.

    Raises
    ------
    EmoError
        If a file or ``stimuli.columns`` is wrong.
    """
    path, neutral = (
        None if value is None else config.path(value)
        for value in (config.stimuli.path, config.stimuli.neutral_path)
    )
    stimuli = load_stimuli(path, neutral, asdict(config.stimuli.columns), config.stimuli.name)
    say(logging.INFO, f"passages: {stimuli}")
    for level, lines in ((logging.INFO, stimuli.notes), (logging.WARNING, stimuli.warnings)):
        for line in lines:
            say(level, f"passages {stimuli.source}: {line}")
    if config.stimuli.label is Label.emotion:
        return stimuli
    exchanged = labelled_by_situation(stimuli)
    say(logging.INFO, f"passages {stimuli.source}: {labels_in_words(exchanged)}")
    return exchanged


@cache
def say(level: int, line: str) -> None:
    """Log a line, in this process once: one job makes several plans and readers of its passages."""
    log.log(level, "%s", line)


def make_plan(
    config: RunConfig, identity: Callable[[RunConfig, Weights, str, str], Any] = run_identity
) -> Plan:
    """Read the stimuli, find the weights and the device, and name the run by its identity.

    Raises
    ------
    EmoError
        If any of these is wrong; nothing has been written then.
    """
    stimuli = passages(config)
    check_memory(config.resampling, len(stimuli.items))
    if config.vectors.remove is Removal.situation and not stimuli.crossed:
        raise ConfigError(
            "vectors.remove", "situation", "none: these passages have no situation column"
        )
    own = config.stimuli.poles
    poles = load_poles(None if own is None else config.path(own))
    if config.vectors.remove is Removal.situation and stimuli.label is Label.situation:
        raise ConfigError("vectors.remove", "situation", "none with stimuli.label=situation")
    weights = locate(config.model, config.path, config.path(config.paths.weights))
    from emo.models import adapters, nudging, placement, quantised
    from emo.models.loading import pick_device  # imports torch

    device = pick_device(config.backend.device)
    hooked = config.backend.label == "hooked"
    quantised.check(config.precision, device, hooked)
    nudging.check(config.precision, hooked)
    placement.check(config.backend, config.precision, device)
    adapters.check(config.model, config.backend, config.precision)
    provenance = Provenance(
        model_id=without_password(config.model.id),
        revision=weights.revision,
        backend=config.backend.label,
        precision=config.precision.label,
        weights_note=weights.note,
        stimuli_sha256=stimuli.sha256,
        fingerprint=fingerprint(identity(config, weights, device, stimuli.sha256)),
        code_commit=code_commit(Path(config.root)),
        package_versions=package_versions(),
        device=device,
    )
    return Plan(config, stimuli, weights, device, provenance, poles)
