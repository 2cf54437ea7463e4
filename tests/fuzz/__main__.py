"""``python -m tests.fuzz [GROUP ...] [-k WORD]``: the table of what became of every malformed input."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
import tempfile
import time
from pathlib import Path

from tests.fuzz.groups import GROUPS
from tests.fuzz.suite import Suite, failures, table


def main() -> int:
    """Run the groups named, or all; 1 if a case fails."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument(
        "groups", nargs="*", metavar="GROUP", help=f"of {', '.join(GROUPS)}; none: all"
    )
    parser.add_argument("-k", action="append", default=[], help="cases whose name has this word")
    parser.add_argument("--log", type=Path, help="write what every case printed, as JSON lines")
    options = parser.parse_args()
    if unknown := set(options.groups) - set(GROUPS):
        parser.error(f"GROUP={', '.join(unknown)}: allowed is {', '.join(GROUPS)}")
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder, Suite(Path(folder)) as suite:
        print(f"places made in {time.monotonic() - start:.0f} s", file=sys.stderr)
        for group in options.groups or GROUPS:
            begin = time.monotonic()
            verdicts = suite.run(group, options.k)
            print(f"{group}: {time.monotonic() - begin:.0f} s", file=sys.stderr)
            if words := failures(verdicts):
                print(f"\n{group}\n{words}", flush=True)
        print(f"\n{table(suite.verdicts)}\n{time.monotonic() - start:.0f} s")
        if options.log:
            with options.log.open("w", encoding="utf-8", errors="replace") as file:
                for group, some in suite.verdicts.items():
                    for v in some:
                        row = {
                            "group": group,
                            "name": v.case.name,
                            "word": v.word,
                            "faults": v.faults,
                            "command": shlex.join(v.case.args)
                            if v.case.call is None
                            else v.case.call[1],
                            "code": v.done.code,
                            "seconds": round(v.done.seconds, 2),
                            "err": v.done.err[-3000:],
                            "out": v.done.out[-1500:],
                        }
                        file.write(json.dumps(row, ensure_ascii=True) + "\n")
        return int(any(v.faults for some in suite.verdicts.values() for v in some))


if __name__ == "__main__":
    sys.exit(main())
