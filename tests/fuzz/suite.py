"""Running groups of cases, two at a time, and the table of what became of them."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from queue import SimpleQueue

from tests.fuzz.case import Case
from tests.fuzz.groups import GROUPS
from tests.fuzz.place import Place, Verdict

WORKERS = int(os.environ.get("FUZZ_WORKERS", min(2, os.cpu_count() or 1)))


class Suite:
    """Places to run cases in, made when the first group is run."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._places: list[Place] = []
        self.verdicts: dict[str, list[Verdict]] = {}
        """Group -> what became of its cases."""

    def __enter__(self) -> Suite:
        with ThreadPoolExecutor(WORKERS) as pool:
            folders = [self._folder / f"place{i}" for i in range(WORKERS)]
            self._places = list(pool.map(Place, folders))
        return self

    def __exit__(self, *_: object) -> None:
        with ExitStack() as stack:
            for place in self._places:
                stack.callback(place.close)

    def run(self, group: str, names: Sequence[str] = ()) -> list[Verdict]:
        """Verdicts of a group's cases, in their order; of some only, where names are given."""
        kinds = [{case.name: case for case in GROUPS[group](place)} for place in self._places]
        wanted = [name for name in kinds[0] if not names or any(word in name for word in names)]
        waiting: SimpleQueue[str] = SimpleQueue()
        for name in wanted:
            waiting.put(name)
        found: dict[str, Verdict] = {}
        lock = threading.Lock()

        def work(place: Place, cases: dict[str, Case]) -> None:
            while not waiting.empty():
                try:
                    name = waiting.get_nowait()
                except Exception:  # the other was quicker
                    return
                verdict = place.judge(cases[name])
                with lock:
                    found[name] = verdict

        with ThreadPoolExecutor(len(self._places)) as pool:
            for done in [
                pool.submit(work, *pair) for pair in zip(self._places, kinds, strict=True)
            ]:
                done.result()
        self.verdicts[group] = [found[name] for name in wanted]
        return self.verdicts[group]


def table(verdicts: dict[str, list[Verdict]]) -> str:
    """Group, cases, refused, finished all the same (repaired, or odd and not wrong), failed."""
    words = ("refused", "repaired", "failed")
    rows = [(g, len(v), *(sum(x.word == w for x in v) for w in words)) for g, v in verdicts.items()]
    rows.append(("all", *(sum(row[i] for row in rows) for i in range(1, 5))))  # pyright: ignore
    lines = ["| group | cases | refused | repaired | failed |", "|---|---:|---:|---:|---:|"]
    return "\n".join(lines + [f"| {' | '.join(map(str, row))} |" for row in rows])


def failures(verdicts: Iterable[Verdict]) -> str:
    """The cases that failed, a line each."""
    return "\n".join(str(v) for v in verdicts if v.faults)
