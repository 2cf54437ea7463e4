"""Kill every job at many moments and print what became of them: ``python -m tests.kills``."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.forked import Warm
from tests.kills.cases import JOBS
from tests.kills.killing import Killing, Kind

COLUMNS = (
    "job",
    "disturbed",
    "moments",
    "lost",
    "doubled",
    "RUNNING",
    "other numbers",
    "left behind",
)


def main() -> None:
    """Print a table in Markdown; the exit code says whether anything went wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.kills", description=__doc__)
    parser.add_argument("--moments", type=int, default=20, help="of each job and kind")
    parser.add_argument("--jobs", nargs="+", choices=JOBS, default=list(JOBS))
    kinds = [kind.name for kind in Kind]
    parser.add_argument("--kinds", nargs="+", choices=kinds, default=["time", "event"])
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    print("|", " | ".join(COLUMNS), "|")
    print("|", " | ".join("---" for _ in COLUMNS), "|", flush=True)
    wrong = 0
    with tempfile.TemporaryDirectory(prefix="kills-") as folder, Warm() as warm:
        for name in chosen.jobs:
            killing = Killing(warm, JOBS[name], Path(folder, name))
            for kind in (Kind[k] for k in chosen.kinds):
                tally = killing.disturb(kind, chosen.moments, chosen.seed)
                left = ", ".join(f"{path} ({n})" for path, n in sorted(tally.left.items()))
                counts = (tally.lost, tally.doubled, tally.open, tally.different, left or 0)
                cells = (name, kind.value, tally.moments, *counts)
                print("|", " | ".join(map(str, cells)), "|", flush=True)
                for line in tally.lines:
                    print(f"{name}: {line}", file=sys.stderr, flush=True)
                wrong += not tally.clean
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
