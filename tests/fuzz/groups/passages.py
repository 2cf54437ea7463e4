"""Passage files: rows, quotes, encodings, other formats under the name, other things than files."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

from hypothesis import strategies as st

from tests.fuzz.case import Case, May
from tests.fuzz.damage import BYTES, KINDS, put, remove
from tests.fuzz.drawing import WORDS, chance, drawn
from tests.fuzz.groups.passage_files import (
    bytes_of,
    formats,
    lines_of_json,
    odd_tables,
    rows,
    tables,
    written,
)
from tests.fuzz.place import SMALL, Place, passages

FILE = "texts.csv"
NAMED = ("stimuli.path", FILE, "passage '")
"""The parameter, the file, or the passage in it."""


def cases(place: Place) -> list[Case]:
    """All kinds."""
    found = [case(name, content) for name, content in {**tables(), **rows(), **bytes_of()}.items()]
    found += [case(name, content) for name, content in {**lines_of_json(), **formats()}.items()]
    found += [
        case(f"noise {i}", noise)
        for i, noise in enumerate(drawn(st.binary(min_size=1), 6, "noise"))
    ]
    found += [case(f"words {i}", words) for i, words in enumerate(drawn(WORDS, 5, "words"))]
    found += [odd(name, content) for name, content in odd_tables().items()]
    return found + things() + addresses()


def case(name: str, content: str | bytes) -> Case:
    """A file of this content in place of the passages."""
    fresh = chance(name).random() < 0.5
    args = (*SMALL, f"stimuli.path={FILE}")
    return Case(
        name, args, NAMED, lambda root: put(root / FILE, content), fresh=fresh, listing=True
    )


def odd(name: str, content: str) -> Case:
    """A file that may be refused, and must not break anything."""
    args = (*SMALL, f"stimuli.path={FILE}", "output=json")
    damage: Callable[[Path], object] = lambda root: put(root / FILE, content)  # noqa: E731
    return Case(name, args, NAMED, damage, may=May.finish, listing=True)


def things() -> list[Case]:
    """Something else than a file, or a file that ends badly."""
    found = []
    good = written(passages())
    for name, operator in {**BYTES, **KINDS}.items():

        def damage(root: Path, operator=operator, name=name) -> None:
            put(root / FILE, good)
            operator(root / FILE, chance(name))

        may = May.finish if name in HARMLESS else May.refuse
        args = (*SMALL, f"stimuli.path={FILE}", *["output=json"] * (may is May.finish))
        found.append(Case(f"the file {name}", args, NAMED, damage, may=may, listing=True))
    found.append(Case("the file is a socket", (*SMALL, f"stimuli.path={FILE}"), NAMED, _socket))
    return found


HARMLESS = (
    "lacks its last byte",
    "has a flipped bit in the middle",
    "has a flipped bit at its end",
)
"""The file is one of passages still, of others."""


def _socket(root: Path) -> None:
    remove(root / FILE)
    here = os.open(".", os.O_RDONLY)
    try:  # a socket's address may not be as long as a temporary folder's
        os.chdir(root)
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(FILE)
    finally:
        os.fchdir(here)
        os.close(here)


def addresses() -> list[Case]:
    """Paths and addresses that name no file."""
    paths = {
        "no file": "nothing.csv",
        "no folder": "nothing/at/all.csv",
        "a folder": "conf",
        "a file for a folder": "small.csv/texts.csv",
        "a web address": "'https://example.org/texts.csv'",
        "a bucket": "'s3://bucket/texts.csv'",
        "a file address": "'file:///nothing/texts.csv'",
        "a pattern": "'*.csv'",
        "two files": "'small.csv small.csv'",
        "a drive": "'C:\\texts.csv'",
        "a device": "/dev/null",
        "a terminal": "/dev/tty",
        "standard input": "/dev/stdin",
        "a process": "/proc/self/mem",
        "a dash": "'-'",
        "spaces": "'   '",
        "a tab": "'\t'",
    }
    return [
        Case(f"the path is {n}", (*SMALL, f"stimuli.path={p}"), NAMED[:1]) for n, p in paths.items()
    ]
