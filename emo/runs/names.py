"""The names of runs in MLflow's list: they tell runs apart at a glance.

A name says the condition of the four-layer table (``-`` for none), the model, the precision, and then
only what differs from the preset: ``C' odd smollm2_135m fp32``, ``- smollm2_135m fp32
matched+max_new_tokens=24+position=mean``. Nothing is found by a name.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import yaml

from emo import conditions
from emo.config import vector_settings
from emo.config.conf_folder import CONF
from emo.config.enums import BackendName, JobName, MethodName, Projection, Source
from emo.config.schema import (
    PASSAGES,
    BackendConfig,
    ModelConfig,
    PrecisionConfig,
    ResamplingConfig,
    RunConfig,
    StimuliConfig,
    canonical,
)
from emo.generation.protocols import OPTIONS, PROTOCOLS, identity
from emo.redact import without_password

LONGEST = 160
"""Most characters of a name; MLflow takes 250."""
NO_CONDITION = "-"


def run_name(config: RunConfig) -> str:
    """What a run is called in the list of runs; of jobs other than extract the job comes first."""
    job, model = config.job.name, config.model.label
    first = condition(config) if job is JobName.extract else job.value
    words = [first, model, config.precision.label, *_reading(config), *_settings_of_job(config)]
    return shortened(" ".join(without_password(word) for word in words))


def shortened(name: str) -> str:
    """The name on one line, or as much of it as is shown."""
    name = " ".join(name.split())
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 3]}..."


def condition(config: RunConfig) -> str:
    """The condition that a config makes, its half of the templates included; ``-`` for none."""
    recognised = conditions.recognise(config)
    forced = config.text_config() is not config
    method = config.method.name.value
    name = conditions.logged_name(recognised.name, method, config.subparams, forced)
    return name or NO_CONDITION


def renamed(name: str, before: str, after: str) -> str:
    """The name of a run whose model is called otherwise now."""
    words = name.split(" ")
    return " ".join(after if word == before else word for word in words)


def _reading(config: RunConfig) -> Iterator[str]:
    """What of the texts and their reading differs from the preset."""
    yield from _model(config)
    if config.method.name is MethodName.generation:
        yield from _generation(config)
    else:
        changed = {s.name for s in vector_settings.changed(config)}
        yield from (
            f"{s.field}={s.value(config)}"
            for s in vector_settings.VECTOR_SETTINGS
            if s.name in changed and s.group != "precision"
        )
    if config.job.name is not JobName.steer:
        yield from _stimuli(config.stimuli)
    yield from _differing(config.resampling, ResamplingConfig())
    if config.seed:
        yield f"resampling.seed={config.seed}"


def _model(config: RunConfig) -> Iterator[str]:
    """Which weights, which code and which arithmetic, where the labels do not say it."""
    model, backend, precision = config.model, config.backend, config.precision
    if model.source is Source.tiny:
        yield from _differing(model.tiny, ModelConfig().tiny)
    elif model.source is Source.hub and model.revision:
        yield f"revision={model.revision[:12]}"
    if backend.name is BackendName.tl:
        yield backend.label
    if backend.attention is not BackendConfig().attention:
        yield backend.attention.value
    standard = PrecisionConfig(name=precision.name).settings()
    for name, value in precision.settings().items():
        if value != standard.get(name) and (name != "nudge" or value):
            yield f"{name}={value}"
    if precision.batched and backend.batch_size != BackendConfig().batch_size:
        yield f"batch_size={backend.batch_size}"


def _generation(config: RunConfig) -> Iterator[str]:
    """What the model writes, where the condition does not say it."""
    sub = config.subparams
    if config.job.name is JobName.extract:
        yield from _subparams(config)
    if config.text_config() is not config:
        yield f"texts={sub.texts_from}"
    if config.emotions.path is not None or config.emotions.name != PASSAGES:
        yield f"emotions={Path(config.emotions.path or config.emotions.name).stem}"
    if (projection := config.vectors.projection) is not Projection.none:
        yield f"projection={projection.value}"
    if sub.prompts_path is not None:
        yield f"prompts={Path(sub.prompts_path).stem}"
    if sub.chat_template and config.model.thinking is not None:
        yield f"thinking={'on' if config.model.thinking else 'off'}"


def _subparams(config: RunConfig) -> Iterator[str]:
    """The protocol and the fields in which the sub-parameters differ from it; little for A to D."""
    name, own = condition(config), identity(config.subparams)
    if name != NO_CONDITION:
        published = identity(PROTOCOLS[conditions.by_name(name).protocol])
        said = {"templates"}  # C' says which half
        start = []
    else:
        protocol = OPTIONS.get(config.subparams.name, PROTOCOLS["matched"])
        published, said, start = identity(protocol), set(), [protocol.name]
    differing = [f"{f}={v}" for f, v in own.items() if f not in said and v != published.get(f)]
    if start or differing:
        yield "+".join([*start, *differing])


def _stimuli(stimuli: StimuliConfig) -> Iterator[str]:
    """Other passages than the bundled ones, by name."""
    if stimuli.path is not None:
        yield Path(stimuli.path).stem
    elif stimuli.name != StimuliConfig().name:
        yield stimuli.name
    for name in ("neutral_path", "poles"):
        if (path := getattr(stimuli, name)) is not None:
            yield f"{name.removesuffix('_path')}={Path(path).stem}"


def _settings_of_job(config: RunConfig) -> Iterator[str]:
    """The settings of the job itself that are not the preset's."""
    job = config.job.name
    settings = getattr(config.job, job.value, None)
    if settings is None:
        return
    preset = type(settings)()
    given: dict[str, Any] = {}
    if job is JobName.steer:
        yield settings.name
        given = _steer_preset(settings.name)
    if (
        job is JobName.behave and settings.steer.emotion is not None
    ):  # first: a name is cut at its end
        yield from _differing(settings.steer, preset.steer)
    yield from _differing(settings, preset, given)
    if job is JobName.axes:
        yield str(config.norms.name if config.norms.path is None else Path(config.norms.path).stem)


def _steer_preset(name: str) -> dict[str, Any]:
    """The values of an option of the group ``steer``; none for a name of the user's own."""
    path = CONF / "steer" / f"{name}.yaml"
    return yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else {}


def _differing(value: Any, standard: Any, given: dict[str, Any] | None = None) -> Iterator[str]:
    """``field=value`` of the fields of a dataclass that differ from the standard, or from ``given``."""
    for f in fields(value):
        own = canonical(getattr(value, f.name))
        usual = (given or {}).get(f.name, canonical(getattr(standard, f.name)))
        if f.name != "name" and not is_dataclass(getattr(value, f.name)) and own != usual:
            yield f"{f.name}={_short(own)}"


def _short(value: Any) -> str:
    return "[" + ",".join(map(_short, value)) + "]" if isinstance(value, list) else str(value)
