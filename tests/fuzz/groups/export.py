"""Requests for exports: runs, emotions and folders that are none."""

from __future__ import annotations

from pathlib import Path

from tests.fuzz.case import Case
from tests.fuzz.damage import put
from tests.fuzz.place import SMALL, Place

EXPORT = (*SMALL, "job=export")

RUNS = {
    "null": "null",
    "''": "empty",
    "'  '": "spaces",
    "nothing": "a word",
    "0123456789abcdef0123456789abcdef": "an id that is none",
    "0123456789": "the beginning of none",
    "'../../x'": "a path",
    "'%'": "a pattern",
    "'*'": "a star",
    '"\' or 1=1 --"': "a query",
    "latest": "the latest",
    "'a\nb'": "two lines",
    "r" * 5000: "5000 letters",
}
EMOTIONS = {
    "[]": "none",
    "[nostalgic]": "one that is not there",
    "[calm,calm]": "one twice",
    "[[calm]]": "a list in a list",
    "[null]": "null",
    "[calm,5]": "a number",
    "['']": "an empty one",
    "[' calm']": "a space before",
    "[Calm]": "a capital",
    "calm": "no list",
    "{calm:1}": "a mapping",
    "['calm\n']": "a line break",
}
FOLDERS = {
    "''": "empty",
    "small.csv": "a file",
    "small.csv/x": "a folder in a file",
    "/proc/nothing": "a folder that cannot be made",
    "/dev/null": "a device",
    "'~nobody_here/x'": "of a user that is not there",
    "x" * 300: "300 letters",
    "null": "null",
}


def cases(place: Place) -> list[Case]:
    """All kinds."""
    run = f"job.export.run={place.runs['extract']}"
    found = [
        Case(f"run: {n}", (*EXPORT, f"job.export.run={v}"), ("job.export.run",))
        for v, n in RUNS.items()
    ]
    for kind in ("steer", "ablate", "summarize", "sensitivity", "precision", "z_score"):
        args = (*EXPORT, f"job.export.run={place.runs[kind]}")
        found.append(Case(f"run: one of {kind}", args, ("job.export.run",)))
    found += [
        Case(f"emotions: {n}", (*EXPORT, run, f"job.export.emotions={v}"), ("job.export.emotions",))
        for v, n in EMOTIONS.items()
    ]
    found += [
        Case(f"folder: {n}", (*EXPORT, run, f"job.export.folder={v}"), ("job.export.folder",))
        for v, n in FOLDERS.items()
    ]
    for format, suffix in (
        ("safetensors", "safetensors"),
        ("gguf", "gguf"),
        ("repeng", "repeng.gguf"),
    ):

        def taken(root: Path, suffix: str = suffix) -> None:
            """Folders where files should go; which, only the product knows."""
            name = f"tiny_last_{place.runs['extract'][:8]}_unit"
            names = (
                [name]
                if suffix == "safetensors"
                else [f"{name}_{e}" for e in ("afraid", "calm", "happy")]
            )
            for one in names:
                (root / "exports" / f"{one}.{suffix}" / "inside").mkdir(parents=True)
                (root / "exports" / f".partial-{one}.{suffix}").mkdir()

        args = (*EXPORT, run, f"job.export.format={format}")
        found.append(
            Case(f"{format} where folders are", args, ("job.export.folder", "exports"), taken)
        )
        args = (*EXPORT, run, f"job.export.format={format}", "job.export.folder=out")
        found.append(
            Case(
                f"{format} where a file is",
                args,
                ("job.export.folder",),
                lambda root: put(root / "out", "x"),
            )
        )
    return found
