"""Progress of a long job: a bar on a terminal, otherwise a log line now and then.

A line is logged at least every :data:`EVERY` seconds, even if one item takes longer, and at every
tenth of the items if :data:`SELDOM` seconds have passed. It names the outer loops.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import contextmanager
from typing import Any, ClassVar, TypeVar

from emo.process.stopping import stoppable

log = logging.getLogger(__name__)

EVERY = 30.0
SELDOM = 5.0
"""Most and least seconds between two lines of one loop."""

T = TypeVar("T")


@stoppable
def track(items: Iterable[Any], title: str) -> Iterable[Any]:
    """The items, with a progress bar if standard error is a terminal, otherwise with log lines."""
    if sys.stderr.isatty():
        from tqdm import tqdm

        return tqdm(items, desc=title, leave=False, unit="step")
    return _tracked(items, title)


def steps(items: Iterable[T], title: str, name: Callable[[T], str]) -> Iterator[T]:
    """The items, few and long, each announced by a log line: ``condition 2 of 8: B, SmolLM2``.

    The line says how long those before took and how long the others take if they are alike; a last line
    gives the seconds of each.
    """
    every = list(items)
    loop = _Loop(title, len(every))
    took: list[str] = []
    with loop.entered():
        for item in every:
            log.info("%s: %s%s", str(loop), name(item), loop.in_all())
            start = time.monotonic()
            yield item
            loop.done += 1
            took.append(f"{name(item)} {duration(time.monotonic() - start)}")
    if len(took) > 1:
        log.info("%s: %s; %s in all", title, "; ".join(took), loop.passed())


@contextmanager
def busy(title: str) -> Iterator[None]:
    """A block of work without countable items: log lines say how long it has taken."""
    loop = _Loop(title, None)
    with loop.entered(), loop.watched():
        yield


def _tracked(items: Iterable[T], title: str) -> Iterator[T]:
    loop = _Loop(title, len(items) if isinstance(items, Sized) else None)
    with loop.entered(), loop.watched():
        for item in items:
            yield item
            loop.step()


class _Loop:
    """A loop, the number of its finished items, and the time of its last log line."""

    open: ClassVar[list[_Loop]] = []
    """Running loops, outermost first."""

    def __init__(self, title: str, total: int | None) -> None:
        self.title, self.total, self.done = title, total, 0
        self.start = self.last = time.monotonic()
        self.tenth = 0

    def __str__(self) -> str:
        """The current item of the loop."""
        return self.title if self.total is None else f"{self.title} {self.done + 1} of {self.total}"

    def passed(self) -> str:
        """The time since the loop began, in words."""
        return duration(time.monotonic() - self.start)

    def in_all(self) -> str:
        """The time passed and a guess of what is left in all, for the end of a line; empty at first."""
        if not self.done or self.total is None:
            return ""
        rest = (time.monotonic() - self.start) / self.done * (self.total - self.done)
        return f" ({self.passed()} so far, about {duration(rest)} left)"

    @contextmanager
    def entered(self) -> Iterator[None]:
        """A block in which inner loops name this loop in their lines."""
        self.open.append(self)
        try:
            yield
        finally:  # also removes inner loops that an error ended
            if self in self.open:
                del self.open[self.open.index(self) :]

    @contextmanager
    def watched(self) -> Iterator[None]:
        """A block in which lines are logged in time, however long an item takes."""
        ended = threading.Event()
        watch = threading.Thread(target=self._watch, args=[ended], daemon=True)
        watch.start()
        try:
            yield
        finally:
            ended.set()
            watch.join()

    def _watch(self, ended: threading.Event) -> None:
        while not ended.wait(max(0.01, self.last + EVERY - time.monotonic())):
            if time.monotonic() - self.last >= EVERY:
                self.last = time.monotonic()
                if self.open and self.open[-1] is self:  # otherwise the inner loop logs it
                    self.log_line()

    def step(self) -> None:
        """Count one more finished item."""
        self.done += 1
        if self.total is None or self.done == self.total:
            return
        tenth = 10 * self.done // self.total
        if tenth > self.tenth and time.monotonic() - self.last >= SELDOM:
            self.log_line()

    def log_line(self) -> None:
        """Log the number of finished items, and an estimate for the others."""
        self.last = time.monotonic()
        passed = self.last - self.start
        around = "".join(f"{loop}, " for loop in self.open if loop is not self)
        line = f"{around}{self.title}: {duration(passed)} so far"
        if self.total is not None:
            self.tenth = 10 * self.done // self.total
            rest = passed / self.done * (self.total - self.done) if self.done else None
            about = "" if rest is None else f", about {duration(rest)} left"
            line = f"{around}{self.title}: {self.done} of {self.total}, {duration(passed)}{about}"
        log.info(line)


def duration(seconds: float) -> str:
    """A time in words: seconds, minutes or hours.

    Example
    -------
    >>> duration(33.4), duration(600)
    ('33 s', '10 min')
    """
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 120 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
