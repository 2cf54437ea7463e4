"""Errors a user can act on: one line each, printed without a traceback."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from emo.redact import without_password

LONGEST = 200
"""Characters of a value that a message repeats."""


def said(value: object) -> str:
    """A value as a message repeats it: as it is typed, on one line, not too long, no password."""
    text = "null" if value is None else without_password(str(value))
    if len(text) > LONGEST:
        text = f"{text[:LONGEST]}..."
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


LISTED = 10
"""So many of a list are named; of the others a message gives the number."""


def first_of(entries: Sequence[str], joint: str) -> str:
    """The first ``LISTED`` entries behind each other, and how many more there are."""
    more = len(entries) - LISTED
    return joint.join([*entries[:LISTED], *([f"and {more} more"] if more > 0 else [])])


def shown(value: object, longest: int = 60) -> str:
    """A value as a message shows it: on one line, cut where it is long."""
    text = repr(value if not isinstance(value, str) else value[: longest + 1])
    return text if len(text) <= longest else f"{text[: longest - 1]}\u2026"


class EmoError(Exception):
    """Something a user can mend; the message is one clear line (or one line a finding).

    Whatever the message repeats, no password of an address is in it.
    """

    def __init__(self, message: object = "") -> None:
        super().__init__(without_password(str(message)))


class ConfigError(EmoError):
    """A parameter with a value that is not allowed."""

    def __init__(self, parameter: str, value: object, allowed: str | Iterable[object]) -> None:
        self.parameter = parameter
        self.allowed = allowed if isinstance(allowed, str) else ", ".join(map(str, allowed))
        super().__init__(f"{parameter}={said(value)}: allowed is {self.allowed}")


class UnknownParameter(ConfigError):
    """A parameter that there is not; ``allowed`` are the names beside it."""

    def __init__(self, parameter: str, allowed: Iterable[str], hint: str = "") -> None:
        self.parameter, self.allowed = parameter, ", ".join(allowed)
        EmoError.__init__(
            self,
            f"{said(parameter)}: no such parameter{hint}; in this group there are {self.allowed}",
        )


class StimuliError(EmoError):
    """A stimulus file with problems: the first ten with their line numbers, and how many more."""

    def __init__(self, path: object, problems: list[str], parameter: str | None = None) -> None:
        self.path, self.problems = path, problems
        text = problems[0] if len(problems) == 1 else "\n  " + first_of(problems, "\n  ")
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
