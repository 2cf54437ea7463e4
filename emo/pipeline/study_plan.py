"""What a study is asked for, checked before anything is written."""

from __future__ import annotations

import json
from pathlib import Path

from emo.config.schema import RunConfig
from emo.errors import ConfigError
from emo.redact import without_password
from emo.study.space import Space
from emo.study.storage import DATABASES


def space_of(config: RunConfig) -> Space:
    """What is varied; the objectives are checked with it.

    Raises
    ------
    ConfigError
        If nothing is varied, a value is there twice or is a list, or an objective is none.
    """
    choices = config.job.sensitivity.space
    for name, values in choices.items():
        single = all(v is None or isinstance(v, (str, int, float)) for v in values)
        if not (values and single and len({json.dumps(v) for v in values}) == len(values)):
            allowed = "single values, each value once, at least one"
            raise ConfigError(f"job.sensitivity.space.{name}", values, allowed)
    space = Space(choices)
    if not space.varied:
        raise ConfigError("job.sensitivity.space", choices, "two values of one parameter at least")
    objectives = config.job.sensitivity.objectives
    once = all(isinstance(o, str) for o in objectives) and len(set(objectives)) == len(objectives)
    if not objectives or not once:
        raise ConfigError(
            "job.sensitivity.objectives", objectives, "names of measured values, each once"
        )
    return space


def storage_of(config: RunConfig, name: str) -> Path | str:
    """A journal's path or a database's URL.

    Raises
    ------
    ConfigError
        If it is no address, or the database that runs are logged to.
    """
    from emo.tracking import from_root, tracking_uri

    url = config.job.sensitivity.storage
    if url is None:
        return config.path("mlruns") / "studies" / f"{name}.journal"
    if not url.isprintable():
        raise ConfigError("job.sensitivity.storage", repr(without_password(url)), DATABASES)
    if from_root(config, url) == tracking_uri(config):
        raise ConfigError(
            "job.sensitivity.storage", without_password(url), f"{DATABASES}: not MLflow's own"
        )
    return from_root(config, url)
