"""A study made by processes that are killed inside a write, one after the other, in one process."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from emo.config.enums import SamplerName
from emo.study import claims, journal
from emo.study import stale as left
from emo.study.storage import open_study
from emo.study.trials import completed, run_trials
from tests.study.test_trials import SPACE, planted


class Killed(BaseException):
    """In place of SIGKILL: nothing is written after it."""


def made(
    folder: Path,
    total: int,
    sampler: SamplerName,
    kills: Sequence[tuple[int, float]] = (),
    evaluate: Callable[[Any], Any] = planted,
) -> Any:
    """A study of so many trials; each kill is the number of a write and the share of it that is done."""
    path = folder / "study.journal"
    process = [0]

    def owner() -> dict[str, str]:
        return {"host": socket.gethostname(), "pid": "1", "process_start": str(process[0])}

    def alive(tags: Any) -> bool:
        return tags.get("process_start") == str(process[0])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(claims, "owner", owner)
        patch.setattr(left, "alive", alive)
        patch.setattr(left.time, "sleep", lambda _: None)
        for kill in [*kills, None]:
            process[0] += 1
            with patch.context() as life:
                if kill is not None:
                    life.setattr(journal, "_write", _deadly(*kill))
                try:
                    study = open_study(path, "s", ["rho"])
                    left.fail_stale(study)
                    list(run_trials(study, SPACE, ["rho"], total, evaluate, sampler, 3))
                    break
                except Killed:
                    continue
    return open_study(path, "s", ["rho"])


def _deadly(number: int, share: float) -> Callable[..., None]:
    """Writing that ends inside the ``number``-th write, counted from 0."""
    done = [0]
    write = journal._write

    def written(file: Any, content: bytes) -> None:
        if done[0] > number:
            raise Killed
        done[0] += 1
        if done[0] > number:
            write(file, content[: int(share * len(content))])
            file.truncate = lambda *_: None  # who is dead mends nothing
            raise Killed
        write(file, content)

    return written


def content(study: Any) -> list[Any]:
    """Places, points and values of the complete trials."""
    from emo.study.space import place_of

    return [(place_of(t), t.params, t.values) for t in completed(study)]
