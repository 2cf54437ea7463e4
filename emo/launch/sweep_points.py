"""Points of a sweep, composed, checked and ordered before the first one runs."""

from __future__ import annotations

import hashlib
import importlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from emo.config.checks import check_files
from emo.config.enums import JobName, Source
from emo.config.hydra_errors import explained
from emo.config.resolve import resolve
from emo.config.schema import RunConfig, canonical
from emo.errors import ConfigError, EmoError
from emo.files.json_digests import Subject, json_text
from emo.redact import without_password

NOT_IDENTITY = ("force", "output", "root", "tracking", "paths")
"""Fields of a config that do not make another sweep."""

MOST_REASONS = 5
"""Most reasons that the message of a refused sweep names."""


@dataclass(frozen=True)
class Point:
    """One job of a sweep."""

    overrides: tuple[str, ...]
    config: RunConfig

    @property
    def identity(self) -> Any:
        """The part of the config that distinguishes this point from others, as JSON values."""
        whole = canonical(self.config)
        return {name: value for name, value in whole.items() if name not in NOT_IDENTITY}

    @property
    def loads(self) -> str:
        """The model in memory that the point needs; points with an equal text can share it."""
        c = self.config
        backend = (c.backend.label, c.backend.attention.value, c.backend.device.value)
        backend += (c.backend.placement.value, c.backend.gpu_gib, c.backend.cpu_gib)
        return json.dumps([canonical(c.model), backend, c.precision.settings()])


def composed(
    jobs: Sequence[Sequence[str]], compose: Callable[[Sequence[str]], DictConfig]
) -> list[Point]:
    """The points of jobs, which are given as overrides.

    Raises
    ------
    EmoError
        If a config is wrong: no point runs then, and the line names each reason with its points.
    """
    points: list[Point] = []
    refused: dict[str, list[Sequence[str]]] = {}
    for job in jobs:
        try:
            whole = compose(job)
            ours = OmegaConf.masked_copy(whole, [str(key) for key in whole if key != "hydra"])
            config = resolve(ours, Path(whole.root))
            check_point(config)
            points.append(Point(tuple(job), config))
        except EmoError as error:
            refused.setdefault(_line(error), []).append(job)
        except (HydraException, OmegaConfBaseException) as error:
            refused.setdefault(_line(explained(error)), []).append(job)
    if refused:
        raise EmoError(_refusal(refused, jobs))
    return points


def check_point(config: RunConfig) -> None:
    """Refuse a config that cannot run, as far as can be told without a model.

    Raises
    ------
    EmoError
        Naming the parameter.
    """
    if config.job.name is JobName.sync:
        raise ConfigError(
            "job", "sync", "any other in a sweep: every point would deliver the same results"
        )
    if config.job.name is JobName.ui:
        raise ConfigError("job", "ui", "any other in a sweep: its page stays until it is ended")
    check_files(config)
    if config.model.source is not Source.hub:  # a model of the hub would need the network
        from emo.models.weights import locate

        locate(config.model)
    job = importlib.import_module(f"emo.jobs.{config.job.name.value}")
    if check := getattr(job, "check", None):
        check(config)


def _line(error: EmoError) -> str:
    """The message of an error on one line, also if it has several."""
    return " ".join(str(error).split("\n"))


def _refusal(refused: Mapping[str, Sequence[Sequence[str]]], jobs: Sequence[Sequence[str]]) -> str:
    common = [word for word in jobs[0] if all(word in job for job in jobs)]
    reasons = []
    for line, wrong in list(refused.items())[:MOST_REASONS]:
        names = [" ".join(public_words([w for w in job if w not in common])) for job in wrong]
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        reasons.append(line if len(jobs) == 1 else f"{line} (at {', '.join(names[:3])}{more})")
    if len(refused) > MOST_REASONS:
        reasons.append(f"and {len(refused) - MOST_REASONS} more reasons")
    n = sum(map(len, refused.values()))
    head = f"{n} of {len(jobs)} points cannot run, so none is run: " if len(jobs) > 1 else ""
    return head + "; ".join(reasons)


def ordered(points: Sequence[Point]) -> list[Point]:
    """The points in groups that share a model, backend and precision, otherwise in their order."""
    groups: dict[str, list[Point]] = {}
    for point in points:
        groups.setdefault(point.loads, []).append(point)
    return [point for group in groups.values() for point in group]


def sweep_id(points: Sequence[Point]) -> str:
    """The name of a sweep: a digest of its set of points, in whatever order they were given."""
    texts = sorted(json_text(Subject.settings, point.identity) for point in points)
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16]


def shared_and_varied(points: Sequence[Point]) -> tuple[list[str], list[list[str]]]:
    """The overrides that all points share, and per point the others; without passwords."""
    common = [o for o in points[0].overrides if all(o in p.overrides for p in points)]
    varied = [[o for o in p.overrides if o not in common] for p in points]
    return public_words(common), [public_words(words) for words in varied]


def public_words(words: Sequence[str]) -> list[str]:
    """Overrides without passwords."""
    return [without_password(word) for word in words]
