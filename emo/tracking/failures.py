"""Errors of a store as one line; a call that fails for a passing reason is repeated."""

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
"""Words of databases for two writers at once; a repeated call finds what the other writer wrote."""
TRIES = 5
LOCKED_S = 10
"""A call that took longer is not repeated: MLflow has waited 20 s for the lock of a SQLite file."""
HINTS = {"database is locked": "another program has been writing to it for more than 20 s"}


class StoreFailure(TrackingError):
    """A store did not do what it was asked to do."""

    def __init__(self, shown: str, reason: str) -> None:
        self.reason = reason
        super().__init__(f"{shown}: {reason}")


def ask(shown: str, call: Callable[[], T]) -> T:
    """The result of a call to a store, repeated where that helps; its errors are :func:`translated`.

    Raises
    ------
    StoreFailure
        If the call raises, also when repeated.
    """
    return translated(shown, lambda: retried(call))


def translated(shown: str, call: Callable[[], T]) -> T:
    """The result of a call to a store.

    A store raises errors of MLflow, of the database, of the disk and of the library that holds the
    artifacts (the types of S3 are not known here). All become one type, here and nowhere else.
    ``shown`` begins its message.

    Raises
    ------
    StoreFailure
        If the call raises.
    """
    try:
        return call()
    except EmoError:
        raise
    except Exception as error:
        raise StoreFailure(shown, reason(error)) from error


def retried(call: Callable[[], T]) -> T:
    """The result of a call, repeated at most ``TRIES`` times while its error is ``FLEETING``."""
    began = time.monotonic()
    for tries_left in reversed(range(TRIES)):
        try:
            return call()
        except Exception as error:
            waited = time.monotonic() - began
            fleeting = any(words in str(error) for words in FLEETING)
            if not tries_left or waited > LOCKED_S or not fleeting:
                raise
            time.sleep(random.uniform(0.5, 1) * 2.0 ** -(tries_left + 1))
    raise AssertionError("a try returns or raises")


def reason(error: BaseException) -> str:
    """The reason why a store failed, in one line; the words of the database itself, if there are any."""
    below: BaseException | None = error
    while below is not None:
        origin = below.orig if isinstance(below, DBAPIError) else below
        if isinstance(origin, sqlite3.Error) or (isinstance(below, DBAPIError) and origin):
            words = first_line(origin)
            return next((f"{words} ({hint})" for w, hint in HINTS.items() if w in words), words)
        below = below.__cause__
    if isinstance(error, shutil.Error):  # it lists every file of a folder with its reason
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
    """Drops the log lines of MLflow's database layer about its work and about errors that it raises."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno >= logging.WARNING and not record.exc_info


# A filter, since a level would be reset whenever logging is configured again.
logging.getLogger("mlflow.store.db.utils").addFilter(_Quiet())
