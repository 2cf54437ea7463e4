"""One job: what it gives undisturbed, and what it gives when it is killed and started again."""

from __future__ import annotations

import random
import re
import signal
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from tests.forked import Done, Hook, Project, Warm
from tests.kills import record
from tests.kills.cases import Job, write_passages

EVENTS = "tests.kills.events"
PLAIN: Hook = (f"{EVENTS}:plain_figures", [])
TIMEOUT_S = 600


class Kind(Enum):
    """How a job is disturbed."""

    time = "at a random moment"
    event = "at a random file or database event"
    chain = "at three random events in a row"
    term = "SIGTERM at a random event"
    interrupt = "SIGINT at a random event"

    @property
    def signal(self) -> signal.Signals:
        """What is sent."""
        other = {Kind.term: signal.SIGTERM, Kind.interrupt: signal.SIGINT}
        return other.get(self, signal.SIGKILL)


@dataclass
class Tally:
    """What all disturbances of one kind came to."""

    moments: int = 0
    lost: int = 0
    """Finished runs that an undisturbed project has and this one has not."""
    doubled: int = 0
    open: int = 0
    """Runs that are RUNNING though their process is gone."""
    different: int = 0
    """Moments after which a number or a file is another."""
    left: Counter[str] = field(default_factory=Counter)
    """What was left behind -> after how many moments."""
    lines: list[str] = field(default_factory=list)
    """What went wrong, with the moment that repeats it."""

    @property
    def clean(self) -> bool:
        """Whether nothing went wrong but for what was left behind."""
        return not (self.lost or self.doubled or self.open or self.different or self.lines)


class Killing:
    """A job in a project that is put back after each moment."""

    def __init__(self, warm: Warm, job: Job, folder: Path) -> None:
        self.warm, self.job = warm, job
        self.project = Project(folder)
        write_passages(self.project.root)
        for command in job.before:
            warm.learn(self.project, *command, hooks=[PLAIN])
        self._saved = self.project.save()
        warm.learn(
            self.project, *job.command, hooks=[PLAIN]
        )  # what it imports is known from here on
        self.project.restore(self._saved)
        counted = folder / "events"
        done = self._run([(f"{EVENTS}:count", [str(counted), *self._folders])])
        assert done.code == 0, done.err
        self.seconds, self.n_events = done.seconds, int(counted.read_text())
        self.undisturbed = record.read(self.project)

    @property
    def _folders(self) -> list[str]:
        return [str(self.project.root), str(self.project.temporary)]

    def disturb(self, kind: Kind, moments: int, seed: int = 0) -> Tally:
        """Kill the job at so many moments, each in a fresh project; what became of it."""
        draws = random.Random(f"{self.job.name} {kind.name} {seed}")
        tally = Tally()
        for _ in range(3 * moments):  # a command that ended before its moment came does not count
            if tally.moments == moments:
                break
            self.project.restore(self._saved)
            times = 3 if kind is Kind.chain else 1
            at = [
                draws.uniform(0, self.seconds)
                if kind is Kind.time
                else draws.randint(1, self.n_events)
                for _ in range(times)
            ]
            self._moment(kind, at, tally)
        self.project.restore(self._saved)
        return tally

    def _moment(self, kind: Kind, at: Sequence[float], tally: Tally) -> None:
        killed = [self._killed(kind, moment) for moment in at]
        if not killed[0]:
            return
        tally.moments += 1
        done = self._run()
        words = f"{kind.name} {[round(moment, 3) for moment in at]}"
        if done.code != 0 or done.traceback:
            tally.lines.append(f"{words}: exit code {done.code}: {done.err[-400:]}")
            return
        self._compare(record.read(self.project), words, tally)

    def _killed(self, kind: Kind, moment: float) -> bool:
        """Start the command and disturb it; whether it ended by that."""
        if kind is Kind.time:
            done = self._run(kill=(moment, kind.signal))
        else:
            done = self._run([(f"{EVENTS}:kill_at", [moment, kind.signal, *self._folders])])
        return done.code != 0

    def _run(self, hooks: Sequence[Hook] = (), kill: tuple[float, int] | None = None) -> Done:
        return self.warm.run(
            self.project, *self.job.command, hooks=[PLAIN, *hooks], kill=kill, timeout=TIMEOUT_S
        )

    def _compare(self, disturbed: record.Record, words: str, tally: Tally) -> None:
        for name, runs in self.undisturbed.runs.items():
            there = len(disturbed.runs.get(name, []))
            tally.lost += max(len(runs) - there, 0)
            allowed = len(runs) + (self.job.repeated and name.startswith(self.job.name))
            tally.doubled += max(there - allowed, 0)
        tally.doubled += len(disturbed.runs.keys() - self.undisturbed.runs.keys())
        tally.open += len(disturbed.open)
        if different := record.differences(self.undisturbed, disturbed):
            tally.different += 1
            tally.lines.append(f"{words}: " + "; ".join(different[:5]))
        left = disturbed.paths - self.undisturbed.paths
        tally.left.update({_shape(path) for path in left})


def _shape(path: str) -> str:
    """A path as far as its first random part, of which the beginning."""
    parts = path.split("/")
    for i, part in enumerate(parts):
        if random_part := re.match(r"tmp|\.(?!cache)[a-z]+-?", part):
            return "/".join([*parts[:i], f"{random_part[0]}*"])
    return path
