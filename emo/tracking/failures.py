"""What a store raises, as one line; what passes by itself is asked again."""

from __future__ import annotations

import logging
import random
import re
import shutil
import sqlite3
import time
from collections.abc import Callable
from typing import TypeVar

from mlflow.exceptions import MlflowException
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from emo.errors import EmoError, TrackingError
from emo.redact import without_password

T = TypeVar("T")

FLEETING = (
    "UNIQUE constraint failed",
    "duplicate key value violates",
    "Duplicate entry",
    "database is locked",
    "database table is locked",
    "deadlock detected",
    "Deadlock found",
)
"""Words of databases for two that write at once: asked again, the second finds what the first wrote."""
TRIES = 5
LOCKED_S = 10
"""Not asked again after so long: MLflow itself has waited 20 s for the lock of a SQLite file then."""
HINTS = {"database is locked": "another program has been writing to it for more than 20 s"}


class StoreFailure(TrackingError):
    """A store that did not do what it was asked to."""

    def __init__(self, shown: str, reason: str) -> None:
        self.reason = reason
        super().__init__(f"{shown}: {reason}")


def ask(shown: str, call: Callable[[], T]) -> T:
    """What a call to a store gives, asked again where that helps; its errors are :func:`translated`.

    Raises
    ------
    StoreFailure
        If it raises, and asking again does not help.
    """
    return translated(shown, lambda: retried(call))


def translated(shown: str, call: Callable[[], T]) -> T:
    """What a call to a store gives.

    A store raises much: MLflow's errors, the database's, the disk's, those of the library that holds
    the artifacts (S3's are of no type known here). All become one, here and nowhere else; ``shown``
    begins its message.

    Raises
    ------
    StoreFailure
        If it raises.
    """
    try:
        return call()
    except EmoError:
        raise
    except Exception as error:
        raise StoreFailure(shown, reason(error)) from error


def retried(call: Callable[[], T]) -> T:
    """What a call gives that may be made again: at most ``TRIES`` times where it is ``FLEETING``."""
    began = time.monotonic()
    for left in reversed(range(TRIES)):
        try:
            return call()
        except Exception as error:
            waited = time.monotonic() - began
            if not left or waited > LOCKED_S or not any(words in str(error) for words in FLEETING):
                raise
            time.sleep(random.uniform(0.5, 1) * 2.0 ** -(left + 1))
    raise AssertionError("a try returns or raises")


def reason(error: BaseException) -> str:
    """Why a store failed, in one line: the database's own words where they are under others."""
    below: BaseException | None = error
    while below is not None:
        origin = below.orig if isinstance(below, DBAPIError) else below
        if isinstance(origin, sqlite3.Error) or (isinstance(below, DBAPIError) and origin):
            words = first_line(origin)
            return next((f"{words} ({hint})" for w, hint in HINTS.items() if w in words), words)
        below = below.__cause__
    if isinstance(error, shutil.Error):  # every file of a folder, each with its reason
        return without_password(re.sub(r"^\[Errno \d+\] |: .*", "", str(error.args[0][0][-1])))
    if isinstance(error, OSError) and error.strerror:
        where = f" ({error.filename})" if error.filename else ""
        return without_password(f"{error.strerror}{where}")
    known = isinstance(error, (MlflowException, SQLAlchemyError, EmoError, ImportError, OSError))
    return first_line(error) if known else f"{type(error).__name__}: {first_line(error)}"


def first_line(error: BaseException) -> str:
    """The first line of an error's message, or its type where it has none."""
    return without_password((str(error) or type(error).__name__).splitlines()[0])


class _Quiet(logging.Filter):
    """Drops what MLflow's database layer tells of its work, and of errors that it raises as well."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno >= logging.WARNING and not record.exc_info


# A filter: a level would be set back whenever logging is configured anew.
logging.getLogger("mlflow.store.db.utils").addFilter(_Quiet())
