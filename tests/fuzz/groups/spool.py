"""Results that wait for job=sync: an entry that is damaged stays, and does not hold up the others."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.fuzz.case import Case, May
from tests.fuzz.damage import (
    BYTES,
    KINDS,
    forget_checksums,
    json_texts,
    places,
    put,
    remove,
    replaced,
    without,
)
from tests.fuzz.drawing import chance
from tests.fuzz.place import Place

SPOOL = Path("mlruns", "spool")
ARGS = ("job=sync", "model=tiny")

VALUES: dict[str, tuple[Any, ...]] = {
    "uri": (
        None,
        5,
        "",
        "nothing://x",
        "sqlite:////proc/nothing/x.db",
        "http://127.0.0.1:9",
        ["a"],
    ),
    "experiment": (None, 5, "", ["a"]),
    "run_id": (5, ["a"], {"a": 1}, "../../x", "' or 1=1 --"),
    "name": (None, 5, ["a"]),
    "tags": (None, [], "text", {"a": None}, {"a": [1]}),
    "record": (None, [], "text", {}),
    "start_ms": (None, "yesterday", 1e300, [1]),
    "end_ms": (None, "yesterday", -(10**30), [1]),
    "id": (None, "", ".", "..", "../../small", "/etc", 5, "a" * 300),
    "status": (None, "DONE", 5, "RUNNING"),
    "error": (5, ["a"]),
    "record.metrics": (None, [], "text", {"rho": "high"}, {"rho": [1]}, {"": 1}, {"a" * 300: 1}),
    "record.params": (None, [], {"seed": 1}, {"seed": None}, {"seed": ["a"]}),
    "record.tags": (None, [], {"a": 1}),
    "record.curves": (None, [], {"c": "x"}, {"c": [[1, 2]]}, {"c": {"a": 1}}, {"c": 5}),
    "record.dataset": (5, "text", ["one"], ["a", "b", "c", "d"], [1, 2, 3], [None, None, None]),
}
"""Place in entry.json -> values that are of no use there."""


def cases(place: Place) -> list[Case]:
    """Other documents, a wrong value at each place, and files that are not there."""
    found = [
        case(f"entry {name}", lambda e, t=text: put(e / "entry.json", t))
        for name, text in documents()
    ]
    rng = chance("spool")
    for at, values in VALUES.items():
        found += [
            case(f"entry with {at}={json.dumps(value)[:30]}", edited(at, value))
            for value in rng.sample(values, min(2, len(values)))
        ]
    entry = json.loads(next((place.used.root / "waiting").glob("*/entry.json")).read_text())
    paths = [p for p in places(entry) if p[0] != "tags" and len(p) <= 2]
    for path in rng.sample(sorted(paths, key=str), 8):
        if path in OPTIONAL:
            continue
        found.append(case(f"entry without {'.'.join(map(str, path))}", lacking(path)))
    return found + folders()


OPTIONAL = (("id",), ("status",), ("error",), ("record", "curves"), ("record", "dataset"))
for _name in ("seed", "rho", "none", "colour", "curve"):
    OPTIONAL += tuple(("record", kind, _name) for kind in ("params", "metrics", "tags", "curves"))


def documents() -> list[tuple[str, str | bytes]]:
    return sorted(json_texts({"uri": "sqlite:///x.db"}).items())


def waiting(root: Path) -> list[Path]:
    """Put the two entries where job=sync looks; the first is the one that is damaged."""
    (root / SPOOL).mkdir(parents=True, exist_ok=True)
    found = []
    for source in (root / "waiting").iterdir():
        target = root / SPOOL / source.name
        shutil.copytree(source, target)
        path = target / "entry.json"
        found.append((json.loads(path.read_text())["start_ms"], target))
    return [path for _, path in sorted(found)]


def case(name: str, damage: Callable[[Path], object]) -> Case:
    """Damage to the first entry."""

    def both(root: Path) -> None:
        damage(waiting(root)[0])

    return Case(name, ARGS, ("spool", "stay"), both, may=May.stay)


def edited(at: str, value: Any) -> Callable[[Path], object]:
    """Another value at a place of entry.json."""

    def damage(entry: Path) -> None:
        forget_checksums(entry)  # or the content would not be looked at
        path = entry / "entry.json"
        put(path, json.dumps(replaced(json.loads(path.read_text()), tuple(at.split(".")), value)))

    return damage


def lacking(at: tuple[str | int, ...]) -> Callable[[Path], object]:
    """Nothing at a place of entry.json."""

    def damage(entry: Path) -> None:
        forget_checksums(entry)
        path = entry / "entry.json"
        put(path, json.dumps(without(json.loads(path.read_text()), at)))

    return damage


def folders() -> list[Case]:
    """Files of an entry, and the entry itself, that are something else or gone."""

    def instead(part: str, kind: str) -> Callable[[Path], object]:
        operator = {**BYTES, **KINDS}[kind]
        return lambda entry: operator(entry / part if part else entry, chance(kind))

    found = [
        case(f"entry.json {kind}", instead("entry.json", kind))
        for kind in ("is empty", "is cut in half", "is zeros", "is noise", *KINDS)
    ]
    found += [
        case(f"files {kind}", instead("files", kind))
        for kind in ("is gone", "is a pipe", "is a link to nothing", "is a link to itself")
    ]
    found.append(case("files are a file", lambda entry: put(entry / "files", "x")))
    found.append(case("a file of it is gone", lambda entry: remove(entry / "files" / "table.txt")))
    found.append(
        case("a file of it is cut", lambda entry: put(entry / "files" / "table.txt", "a t"))
    )
    found.append(case("the entry is an empty folder", lambda entry: (remove(entry), entry.mkdir())))
    found.append(
        case(
            "the entry is under another name", lambda entry: entry.rename(entry.with_name("0" * 32))
        )
    )
    stray = lambda entry: (entry.parent / "stray").mkdir()  # noqa: E731
    found.append(case("a folder that is no entry", stray))
    spool = {
        "the spool is a file": lambda root: put(root / SPOOL, "x"),
        "its lock is a folder": lambda root: (waiting(root), (root / SPOOL / ".sync.lock").mkdir())[
            0
        ],
    }
    found += [
        Case(name, (*ARGS,), ("spool", ".sync.lock"), damage) for name, damage in spool.items()
    ]
    return found
