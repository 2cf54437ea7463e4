"""Launchers of a sweep: their settings, the config that they hand to the jobs, its copy on disk."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, ListConfig, OmegaConf, flag_override

from emo.errors import ConfigError, EmoError, value_text
from emo.redact import holds_password, reference_to

POINTS, VARIED = "EMO_POINTS", "EMO_VARIED"
"""Environment variables of the jobs of a sweep: their number, and the parameters that differ."""

LEAST = {
    "timeout_min": 1,
    "cpus_per_task": 1,
    "gpus_per_node": 0,
    "tasks_per_node": 1,
    "mem_gb": 1,
    "nodes": 1,
    "array_parallelism": 1,
    "num_cpus": 0,
    "num_gpus": 0,
    "max_retries": 0,
}
"""Settings of launchers -> the smallest value of each."""


def check(launcher: DictConfig, at_once: int | None) -> None:
    """Refuse settings of a launcher that keep every job from starting.

    Raises
    ------
    ConfigError
        Naming the setting.
    """
    if at_once is not None and at_once < 1:
        allowed = "a whole number of at least 1, or null: all at once"
        raise ConfigError("hydra.sweeper.max_batch_size", at_once, allowed)
    settings = OmegaConf.to_container(launcher, resolve=False)
    for name, value in _leaves(settings, "hydra.launcher"):
        last = name.rpartition(".")[2]
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            continue
        if last == "n_jobs" and value == 0:
            raise ConfigError(name, value, "a number of workers, or -1: as many as there are cores")
        if last in LEAST and not value >= LEAST[last]:
            raise ConfigError(name, value, f"a value of at least {LEAST[last]}")


def hide(node: DictConfig | ListConfig) -> None:
    """Replace every value of a config that holds a password by a reference (:mod:`emo.redact`).

    Launchers write the config into files, or send it to other machines.
    """
    keys = list(node) if isinstance(node, DictConfig) else range(len(node))
    for key in keys:
        child = node._get_node(key)
        if isinstance(child, (DictConfig, ListConfig)):
            if not (child._is_none() or child._is_missing() or child._is_interpolation()):
                hide(child)
            continue
        value = None if child is None or isinstance(child, list) else child._value()
        if isinstance(value, str) and holds_password(value):
            with flag_override(node, ["readonly", "struct"], [False, False]):
                node[key] = reference_to(value)


def hand_over(master: DictConfig, parent: str, n_points: int, varied: Sequence[str]) -> None:
    """Give each job the run of the sweep, the number of points and the parameters that differ."""
    words = json.dumps("|".join(varied))
    # Hydra puts these first in the overrides of every job, wherever the job runs.
    master.hydra.overrides.hydra.extend(
        [
            f"tracking.parent={parent}",
            f'++hydra.job.env_set.{POINTS}="{n_points}"',
            f"++hydra.job.env_set.{VARIED}={words}",
        ]
    )


def save(master: DictConfig, path: Path) -> None:
    """Write the config of a sweep into its folder; :func:`hide` has replaced its passwords.

    Raises
    ------
    EmoError
        If the file cannot be written.
    """
    partial = path.with_suffix(".partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        OmegaConf.save(master, partial)
        partial.replace(path)
    except OSError as error:
        raise EmoError(
            f"hydra.sweep.dir={value_text(path.parent)}: {error.strerror or error}"
        ) from error


def _leaves(node: Any, prefix: str) -> list[tuple[str, Any]]:
    if not isinstance(node, Mapping):
        return [(prefix, node)]
    return [leaf for key, each in node.items() for leaf in _leaves(each, f"{prefix}.{key}")]
