"""The command lines that make what a summary misses."""

from __future__ import annotations

import re
from dataclasses import asdict
from typing import Any

import yaml

from emo.config.conf_folder import CONF
from emo.config.schema import BackendConfig, ModelConfig, RunConfig, StimuliConfig, canonical
from emo.config.text_overrides import quoted
from emo.runs.listing import LoggedRun

COMMANDS = {
    "A": "method=comprehension method.readout=last",
    "B": "method=generation subparams=loose",
    "B'": "method=generation subparams=loose subparams.seed=1",
    "C": "method=generation subparams=matched",
    "C' odd": "method=generation subparams=matched subparams.templates=odd",
    "C' even": "method=generation subparams=matched subparams.templates=even",
    "D": "method=generation subparams=matched precision=int8",
    "D forced": "method=generation subparams=matched precision=int8 subparams.texts_from={precision}",
}
"""What makes each condition, after ``python launch.py model=... precision=...``."""

BUNDLED = StimuliConfig()
PLAIN = re.compile(r"[\w./:@+-]+")
"""Values that neither the shell nor Hydra reads otherwise."""


def command(
    name: str,
    like: LoggedRun,
    precision: str,
    stimuli: StimuliConfig = BUNDLED,
    prompts_path: str = "None",
) -> str:
    """The command that makes a condition of the model of another run, on these passages and prompts.

    Whatever that run has set otherwise than its model's option and the defaults is part of it.
    """
    made = COMMANDS[name].format(precision=precision)
    if "precision=" not in made.replace("texts_from=", ""):
        made += f" precision={precision}"
    return _composed(made, like, stimuli, None if name == "A" else prompts_path)


def whole_study(like: LoggedRun, precision: str, stimuli: StimuliConfig = BUNDLED) -> str:
    """The command that makes all conditions of the model of a run, and the summary."""
    return _composed(f"experiment=four_layer precision={precision}", like, stimuli, None)


def _composed(made: str, like: LoggedRun, stimuli: StimuliConfig, prompts_path: str | None) -> str:
    label = like.params.get("model.name", like.model)
    wanted = {
        key: value
        for key, value in like.params.items()
        if key.startswith(("model.", "backend.")) and key != "model.name"
    }
    wanted |= _passages(stimuli)
    if prompts_path is not None:
        wanted["subparams.prompts_path"] = prompts_path
    usual = _usual(label) | _passages(BUNDLED)
    more = [
        _override(key, value)
        for key, value in wanted.items()
        if not _same(value, usual.get(key, "None"))
    ]
    return " ".join([f"python launch.py {_override('model', label)}", *more, made])


def another_model(config: RunConfig) -> str:
    """The command that adds a model to a summary; NAME is the user's choice."""
    usual = _passages(BUNDLED)
    settings = {
        **{key: (value, usual[key]) for key, value in _passages(config.stimuli).items()},
        "method.readout": (config.method.readout.value, "last"),
        "vectors.remove": (config.vectors.remove.value, "none"),
        "vectors.projection": (config.vectors.projection.value, "none"),
    }
    more = [_override(k, str(v)) for k, (v, usual) in settings.items() if v != usual]
    return " ".join(["python launch.py model=NAME", *more])


def _passages(stimuli: StimuliConfig) -> dict[str, str]:
    """Which passages are read, by dotted name, as runs log it."""
    columns = {f"columns.{name}": column for name, column in asdict(stimuli.columns).items()}
    read = {"path": stimuli.path, "neutral_path": stimuli.neutral_path, **columns}
    return {f"stimuli.{key}": str(value) for key, value in read.items()}


def _usual(label: str) -> dict[str, str]:
    """What the model's option and the defaults set, by dotted name, as runs log it."""
    model, backend = canonical(ModelConfig()), canonical(BackendConfig())
    for into, path in ((model, f"model/{label}"), (backend, "backend/auto")):
        file = CONF / f"{path}.yaml"
        found: dict[str, Any] = yaml.safe_load(file.read_text()) if file.is_file() else {}
        tiny = into.get("tiny", {}) | found.pop("tiny", {})
        into |= found
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
    if value == "None":
        return f"{key}=null"
    if PLAIN.fullmatch(value):
        return f"{key}={value}"
    return quoted(key, value)
