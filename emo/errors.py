"""Errors a user can act on: one line each, printed without a traceback."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from emo.redact import without_password

LONGEST = 200
"""Characters of a value that a message repeats."""
LONGEST_LINE = 1400
"""Characters of a line of a message; its beginning and its end stay."""
LONG_WORD = re.compile(r"\S{401,}")
"""A word that is cut in the middle: longer than a cut value behind its parameter, or a usual path."""
BELOW = "\n  "
"""Stands between the line of an error and each finding below it."""
LISTED = 10
"""Entries of a list that a message names; it gives the number of the others."""


def value_text(value: object) -> str:
    """A value as a user types it, without quotes, for messages that begin with ``name=value``.

    It is one line of at most ``LONGEST`` characters and holds no password.
    """
    text = "null" if value is None else without_password(str(value))
    if len(text) > LONGEST:
        text = f"{text[:LONGEST]}..."
    return _printable(text)


def one_line(text: object) -> str:
    """A text as a line of a message, whatever it repeats of a value, a file or a server's answer.

    Line breaks become blanks, other characters that do nothing but move a terminal are spelt. A long
    word and a long line are cut in the middle. The line holds no password.
    """
    parts = (part.strip() for part in without_password(str(text)).splitlines())
    line = _printable(" ".join(parts).strip())
    line = LONG_WORD.sub(lambda word: f"{word[0][:LONGEST]}...{word[0][-50:]}", line)
    return line if len(line) <= LONGEST_LINE else f"{line[: LONGEST_LINE - 400]} ... {line[-395:]}"


def error_lines(text: str) -> str:
    """An error as it is printed: :func:`one_line`, and of findings below it a line each."""
    return BELOW.join(map(one_line, text.split(BELOW)))


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def shown(value: object, longest: int = 60) -> str:
    """A value from a file as Python writes it, with quotes around a text, cut at ``longest``."""
    text = repr(value if not isinstance(value, str) else value[: longest + 1])
    return text if len(text) <= longest else f"{text[: longest - 1]}\u2026"


def first_of(entries: Sequence[str], joint: str) -> str:
    """The first ``LISTED`` entries, joined, and the number of the others."""
    return joint.join(_first(entries))


def _first(entries: Sequence[str]) -> list[str]:
    more = len(entries) - LISTED
    return [*entries[:LISTED], *([f"and {more} more"] if more > 0 else [])]


def did_you_mean(value: object, known: Iterable[str]) -> str:
    """Names near to a mistyped one, in brackets; empty where none is near.

    A value that is a list is compared entry by entry. All errors suggest names by this rule.
    """
    names = list(dict.fromkeys(known))
    whole = str(value)
    words = re.split(r"[\[\],\s'\"]+", whole) if whole[:1] in "[(" else [whole]
    close: list[str] = []
    for word in words:
        if word not in names:
            close += difflib.get_close_matches(word, names, n=2, cutoff=0.7)
    close = [name for name in close if name not in words]
    found = list(dict.fromkeys(close))[:3]
    return f" (did you mean {' or '.join(found)}?)" if found else ""


class EmoError(Exception):
    """Something that a user can mend. The message is :func:`one_line`; findings stand below it.

    Whatever it repeats, it is one line, of bounded length, and holds no password.
    """

    def __init__(self, message: object = "", *findings: object) -> None:
        super().__init__(BELOW.join(map(one_line, (message, *findings))))


class ConfigError(EmoError):
    """A parameter has a value that is not allowed.

    ``allowed`` is a sentence, or the allowed names: of these the near ones are suggested, as they are of
    ``names``, which a sentence may leave out.
    """

    def __init__(
        self,
        parameter: str,
        value: object,
        allowed: str | Iterable[object],
        names: Iterable[str] = (),
    ) -> None:
        self.parameter = parameter
        if not isinstance(allowed, str):
            names = [str(name) for name in allowed]
            allowed = ", ".join(names)
        self.allowed = allowed
        hint = did_you_mean(value, names)
        super().__init__(f"{parameter}={value_text(value)}: allowed is {allowed}{hint}")


class UnknownParameter(ConfigError):
    """A parameter does not exist; ``allowed`` are the names in its group."""

    def __init__(self, parameter: str, allowed: Iterable[str], hint: str = "") -> None:
        self.parameter, self.allowed = parameter, ", ".join(allowed)
        EmoError.__init__(
            self,
            f"{value_text(parameter)}: no such parameter{hint}; in this group there are {self.allowed}",
        )


class StimuliError(EmoError):
    """A stimulus file has problems: the first ten, with their line numbers, and how many more."""

    def __init__(self, path: object, problems: list[str], parameter: str | None = None) -> None:
        self.path, self.problems = path, problems
        shown = f"{f'{parameter}=' if parameter else 'stimuli '}{path}:"
        if len(problems) == 1:
            super().__init__(f"{shown} {problems[0]}")
        else:
            super().__init__(shown, *_first(problems))


@contextmanager
def set_by(parameter: str) -> Iterator[None]:
    """A block, or a function, whose stimulus errors name the parameter that names the file."""
    try:
        yield
    except StimuliError as error:
        raise StimuliError(error.path, error.problems, parameter) from error


class ModelError(EmoError):
    """A model cannot be downloaded or read."""


class NoMemory(ModelError):
    """A model needs more memory than is free now."""


class StoreError(EmoError):
    """An activation store cannot be read or written."""


class DamagedFile(EmoError):
    """A file of this project has changed since it was written."""

    def __init__(self, path: object, reason: str) -> None:
        self.reason = reason
        super().__init__(f"{path} is damaged: {reason}")


class TrackingError(EmoError):
    """A tracking server or database does not answer as it should."""


class ArtifactError(TrackingError):
    """A file of a logged run is missing or damaged."""

    def __init__(self, run_id: str, name: str, what: str) -> None:
        self.problem = f"{name} {what}"
        super().__init__(f"run {run_id}: {self.problem}; force=true repeats it")


class NotLogged(ArtifactError):
    """A run does not have a file, and nothing says that it ever had it."""


class SweepFailed(EmoError):
    """Points of a sweep failed; the printed table names them."""


RUN_NOTE = "run "
"""Begins the note that the tracker adds to an error that ended a run; the run's id follows."""


def run_of(error: BaseException) -> str | None:
    """The id of the MLflow run that an error ended; None if it ended no run."""
    notes = [note for note in getattr(error, "__notes__", ()) if note.startswith(RUN_NOTE)]
    return notes[0].removeprefix(RUN_NOTE) if notes else None
