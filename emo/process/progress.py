"""How far a long job is: a bar where somebody watches, otherwise a log line now and then.

A line comes at least every :data:`EVERY` seconds, also while a single item takes longer, and at every
tenth of the way if :data:`SELDOM` seconds have passed. It names the loops that this one is part of.
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
"""Seconds between two lines of one loop: at most, and at least."""

T = TypeVar("T")


@stoppable
def track(items: Iterable[Any], title: str) -> Iterable[Any]:
    """The items, with a progress bar if standard error is a terminal, else with log lines."""
    if sys.stderr.isatty():
        from tqdm import tqdm

        return tqdm(items, desc=title, leave=False, unit="step")
    return _tracked(items, title)


def steps(items: Iterable[T], title: str, name: Callable[[T], str]) -> Iterator[T]:
    """Few long items, each announced: ``condition 2 of 8: B, SmolLM2``."""
    every = list(items)
    loop = _Loop(title, len(every))
    with loop.entered():
        for item in every:
            log.info("%s: %s", str(loop), name(item))
            yield item
            loop.done += 1


@contextmanager
def busy(title: str) -> Iterator[None]:
    """A block of work that has no parts to be counted: only how long it takes is said."""
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
    """A loop, how many of its items are done, and when that was last said."""

    open: ClassVar[list[_Loop]] = []
    """Those that are at work, outermost first."""

    def __init__(self, title: str, total: int | None) -> None:
        self.title, self.total, self.done = title, total, 0
        self.start = self.last = time.monotonic()
        self.tenth = 0

    def __str__(self) -> str:
        """The item it is at."""
        return self.title if self.total is None else f"{self.title} {self.done + 1} of {self.total}"

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Stand in the lines of the loops within."""
        self.open.append(self)
        try:
            yield
        finally:  # also takes away those within that were left by an error
            if self in self.open:
                del self.open[self.open.index(self) :]

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Have a line said in time, however long an item takes."""
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
                if self.open and self.open[-1] is self:  # else the loop within says it
                    self.say()

    def step(self) -> None:
        """One more item is done."""
        self.done += 1
        if self.total is None or self.done == self.total:
            return
        tenth = 10 * self.done // self.total
        if tenth > self.tenth and time.monotonic() - self.last >= SELDOM:
            self.say()

    def say(self) -> None:
        """Log how many items are done, and how long the others may take."""
        self.last = time.monotonic()
        passed = self.last - self.start
        around = "".join(f"{loop}, " for loop in self.open if loop is not self)
        line = f"{around}{self.title}: {_duration(passed)} so far"
        if self.total is not None:
            self.tenth = 10 * self.done // self.total
            left = passed / self.done * (self.total - self.done) if self.done else None
            about = "" if left is None else f", about {_duration(left)} left"
            line = f"{around}{self.title}: {self.done} of {self.total}, {_duration(passed)}{about}"
        log.info(line)


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 120 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
