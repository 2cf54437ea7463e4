"""A process that is told to end: runs are closed as after Ctrl-C, whoever tells it."""

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
"""What Slurm, `docker stop` and `kill` send, and a terminal that is closed."""


class Stopped(KeyboardInterrupt):
    """The process was told to end by a signal; what handles Ctrl-C handles this."""

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__(f"ended by {signal.Signals(number).name}")


class _Told:
    """The last word of the operating system; a library may have swallowed the error it raised."""

    error: KeyboardInterrupt | None = None


def listen() -> None:
    """From here on the signals raise :class:`Stopped` in this process, where nobody handles them yet.

    Signals that are ignored (``nohup``) stay so, and handlers of launchers stay in place.

    Raises
    ------
    KeyboardInterrupt
        If the process was told to end before.
    """
    if _Told.error is not None:
        raise _Told.error
    if threading.current_thread() is not threading.main_thread():
        return
    for name in SIGNALS:
        number = getattr(signal, name, None)  # Windows lacks some
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _stop)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupt)


def _stop(number: int, _frame: FrameType | None) -> None:
    _Told.error = Stopped(number)
    raise _Told.error


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    _Told.error = KeyboardInterrupt()
    raise _Told.error


def stoppable(loop: Callable[P, Iterable[T]]) -> Callable[P, Iterator[T]]:
    """A loop between whose steps the word to end is heard that a library has swallowed: it is raised."""

    @wraps(loop)
    def heard(*args: P.args, **kwargs: P.kwargs) -> Iterator[T]:
        for item in loop(*args, **kwargs):
            if _Told.error is not None:
                raise _Told.error
            yield item

    return heard


def exit_code(error: KeyboardInterrupt) -> int:
    """128 and the signal's number, as shells count: 130 after Ctrl-C, 143 after SIGTERM."""
    return 128 + (error.number if isinstance(error, Stopped) else signal.SIGINT)
