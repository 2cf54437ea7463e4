"""The command lines that make the runs that a summary lacks."""

from __future__ import annotations

import re
from dataclasses import asdict
from typing import Any

import yaml

from emo import conditions
from emo.config import vector_settings
from emo.config.conf_folder import CONF
from emo.config.schema import BackendConfig, ModelConfig, RunConfig, StimuliConfig, canonical
from emo.config.text_overrides import quoted
from emo.runs.listing import RunListing

BUNDLED = StimuliConfig()
NULL = str(None)
"""The text that runs log of a field that is not set."""
PLAIN = re.compile(r"[\w./:@+-]+")
"""Values that need no quotes, neither for the shell nor for Hydra."""


def command(
    name: str,
    like: RunListing,
    precision: str,
    stimuli: StimuliConfig = BUNDLED,
    prompts_path: str | None = None,
) -> str:
    """The command that makes a condition for the model of the run ``like``.

    It names every setting of model and backend in which that run differs from the model's option and
    from the defaults, and passages and prompts if they are not the bundled ones.
    """
    row = conditions.by_name(name)
    settings = _passages(stimuli)
    if row.protocol:
        settings["subparams.prompts_path"] = str(prompts_path)
    return _composed(conditions.overrides(name, precision), like, settings)


def all_conditions(like: RunListing, precision: str, stimuli: StimuliConfig = BUNDLED) -> str:
    """The command that makes all conditions of the model of a run, and the summary."""
    made = f"experiment=four_layer precision={precision}"
    return _composed(made, like, _passages(stimuli))


def _composed(made: str, like: RunListing, settings: dict[str, str]) -> str:
    label = like.params.get("model.name", like.model)
    logged = {
        key: value
        for key, value in like.params.items()
        if key.startswith(("model.", "backend.")) and key != "model.name"
    }
    usual = _usual(label) | _passages(BUNDLED)
    more = [
        _override(key, value)
        for key, value in (logged | settings).items()
        if not _same(value, usual.get(key, NULL))
    ]
    return " ".join([f"python launch.py {_override('model', label)}", *more, made])


def another_model(config: RunConfig) -> str:
    """The command that adds a model to a summary; the user replaces NAME."""
    usual, passages = _passages(BUNDLED), _passages(config.stimuli)
    more = {key: value for key, value in passages.items() if value != usual[key]}
    more |= {s.name: s.value(config) for s in vector_settings.changed(config)}
    return " ".join(["python launch.py model=NAME", *(_override(k, v) for k, v in more.items())])


def _passages(stimuli: StimuliConfig) -> dict[str, str]:
    """The parameters that choose the passages, as runs log them."""
    columns = {f"columns.{name}": column for name, column in asdict(stimuli.columns).items()}
    single = {key: getattr(stimuli, key) for key in ("name", "path", "neutral_path", "poles")}
    read = single | columns
    return {f"stimuli.{key}": str(value) for key, value in read.items()}


def _usual(label: str) -> dict[str, str]:
    """The parameters of model and backend by the model's option and the defaults, as runs log them."""
    model, backend = canonical(ModelConfig()), canonical(BackendConfig())
    for into, path in ((model, f"model/{label}"), (backend, "backend/auto")):
        file = CONF / f"{path}.yaml"
        option: dict[str, Any] = yaml.safe_load(file.read_text()) if file.is_file() else {}
        tiny = into.get("tiny", {}) | option.pop("tiny", {})
        into |= option
        if tiny:
            into["tiny"] = tiny
    if backend["name"] == "auto":
        backend["name"] = model["backend"]
    flat = {f"model.tiny.{k}": v for k, v in model.pop("tiny").items()}
    flat |= {f"model.{k}": v for k, v in model.items()}
    flat |= {f"backend.{k}": v for k, v in backend.items()}
    return {key: str(value) for key, value in flat.items()}


def _same(a: str, b: str) -> bool:
    try:
        return float(a) == float(b)
    except ValueError:
        return a == b


def _override(key: str, value: str) -> str:
    if value == NULL:
        return f"{key}=null"
    if PLAIN.fullmatch(value):
        return f"{key}={value}"
    return quoted(key, value)
