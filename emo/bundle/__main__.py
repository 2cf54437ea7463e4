"""``python -m emo.bundle verify PATH``: exit code 0 if every number comes out again, else 1."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence

from emo.errors import EmoError, error_lines


def main(arguments: Sequence[str] | None = None) -> int:
    """Verify a bundle and print what comes out; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m emo.bundle", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    verifying = commands.add_parser("verify", help="make every number of a bundle's report again")
    verifying.add_argument("path", help="the folder or the zip that job=bundle wrote")
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    from emo.bundle.verifying import verify

    try:
        found = verify(given.path)
    except EmoError as error:
        print(f"error: {error_lines(str(error))}", file=sys.stderr)
        return 1
    print(found)
    return 0 if found.ok else 1


if __name__ == "__main__":
    sys.exit(main())
