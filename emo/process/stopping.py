"""Signals that end a process: its runs are closed as after Ctrl-C."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from types import FrameType
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

SIGNALS = ("SIGTERM", "SIGHUP")
"""Signals of Slurm, `docker stop` and `kill`, and of a terminal that is closed."""


class Stopped(KeyboardInterrupt):
    """A signal ends the process; code that handles Ctrl-C handles this, too."""

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__(f"ended by {signal.Signals(number).name}")


class _Last:
    """The error of the last signal, kept because a library may have swallowed it."""

    error: KeyboardInterrupt | None = None


def listen() -> None:
    """Make the signals raise :class:`Stopped` in this process, unless they have a handler.

    Ignored signals (``nohup``) stay ignored, and handlers of launchers stay in place.

    Raises
    ------
    KeyboardInterrupt
        If a signal has come before.
    """
    if _Last.error is not None:
        raise _Last.error
    if threading.current_thread() is not threading.main_thread():
        return
    for name in SIGNALS:
        number = getattr(signal, name, None)  # Windows lacks some
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _stop)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupt)


def _stop(number: int, _frame: FrameType | None) -> None:
    _Last.error = Stopped(number)
    raise _Last.error


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    _Last.error = KeyboardInterrupt()
    raise _Last.error


def stoppable(loop: Callable[P, Iterable[T]]) -> Callable[P, Iterator[T]]:
    """The loop, which raises between two steps an error of a signal that a library has swallowed."""

    @wraps(loop)
    def checked(*args: P.args, **kwargs: P.kwargs) -> Iterator[T]:
        for item in loop(*args, **kwargs):
            if _Last.error is not None:
                raise _Last.error
            yield item

    return checked


def exit_code(error: KeyboardInterrupt) -> int:
    """128 plus the number of the signal, as in shells: 130 after Ctrl-C, 143 after SIGTERM."""
    return 128 + (error.number if isinstance(error, Stopped) else signal.SIGINT)
