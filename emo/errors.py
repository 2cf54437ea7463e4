"""Errors a user can act on: one line each, printed without a traceback."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager


class EmoError(Exception):
    """Something a user can mend; the message is one clear line (or one line a finding)."""


class ConfigError(EmoError):
    """A parameter with a value that is not allowed."""

    def __init__(self, parameter: str, value: object, allowed: str | Iterable[object]) -> None:
        self.parameter = parameter
        self.allowed = allowed if isinstance(allowed, str) else ", ".join(map(str, allowed))
        super().__init__(f"{parameter}={value}: allowed is {self.allowed}")


class StimuliError(EmoError):
    """A stimulus file with problems, all of them listed with their line numbers."""

    def __init__(self, path: object, problems: list[str], parameter: str | None = None) -> None:
        self.path, self.problems = path, problems
        text = problems[0] if len(problems) == 1 else "".join(f"\n  {p}" for p in problems)
        super().__init__(f"{f'{parameter}=' if parameter else 'stimuli '}{path}: {text}")


@contextmanager
def set_by(parameter: str) -> Iterator[None]:
    """Problems of a stimulus file are said of the parameter that names it; also a decorator."""
    try:
        yield
    except StimuliError as error:
        raise StimuliError(error.path, error.problems, parameter) from error


class ModelError(EmoError):
    """A model that cannot be had or read."""


class NoMemory(ModelError):
    """A model that can be read, but not in the memory that is free now."""


class StoreError(EmoError):
    """An activation store that cannot be read or written."""


class DamagedFile(EmoError):
    """A file that this project wrote and that is not as it was written."""

    def __init__(self, path: object, reason: str) -> None:
        self.reason = reason
        super().__init__(f"{path} is damaged: {reason}")


class TrackingError(EmoError):
    """A tracking server or database that does not answer as it should."""


class ArtifactError(TrackingError):
    """A file of a logged run that is missing or damaged."""

    def __init__(self, run_id: str, name: str, problem: str) -> None:
        self.found = f"{name} {problem}"
        super().__init__(f"run {run_id}: {self.found}; force=true repeats it")


class NotLogged(ArtifactError):
    """A file that a run has not, and as far as is known has never had."""


class SweepFailed(EmoError):
    """Points of a sweep failed; the table that was printed names them."""


RUN_NOTE = "run "
"""Begins the note that the tracker adds to an error which ended a run; the rest is the run's id."""


def run_of(error: BaseException) -> str | None:
    """The MLflow run that an error ended, None if it ended none."""
    notes = [note for note in getattr(error, "__notes__", ()) if note.startswith(RUN_NOTE)]
    return notes[0].removeprefix(RUN_NOTE) if notes else None
