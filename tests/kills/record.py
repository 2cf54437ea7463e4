"""What a project has after a command: its runs, their numbers and files, and what was left behind."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
import re
import sqlite3
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emo.files.whole import PARTIAL
from tests.forked import Project

NOT_NUMBERS = re.compile(
    r"(forward_passes|texts|tokens|readings|replicate)(_(written|done|reused|read))?|done|.*seconds.*"
    r"|points|finished|reused|failed|status"
)
"""Names of what a process has done or how long it took, of which one that goes on does less."""
DONE = re.compile(r"texts \d+ written \(\d+ tokens\), \d+ reused; forward passes \d+")
"""The same in words."""
ID = re.compile(r"(?<![.\w])[0-9a-f]{8}([0-9a-f]{24})?\b")
"""Whole, and as tables and pages shorten it."""
TIME = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d[:-]\d\d[:-]\d\d|\b\d+(\.\d+)? s\b")
STEP_IMAGE = re.compile(r"timestamp\+\d+\+[0-9a-f-]{36}")
"""In the name of an image that MLflow keeps by step."""
CHECKSUMS = "checksums.json"
"""Of the files as they are, ids and times included."""
IGNORED = ("project/multirun", "project/outputs")
"""Folders of Hydra's, one a start."""


@dataclass(frozen=True)
class Run:
    """A finished run without what is another's every time: ids and times."""

    metrics: dict[str, list[tuple[int, str]]]
    """Name -> steps and values."""
    params: dict[str, str]
    files: dict[str, str]
    """Path -> digest of the contents."""


@dataclass(frozen=True)
class Record:
    """All that a project has."""

    runs: dict[str, list[Run]]
    """Job and fingerprint -> the finished runs that have them."""
    open: list[str]
    paths: set[str]
    """Every path, ids and times left out."""
    exports: dict[str, str]
    """Path -> digest of the contents of what was written to be handed on."""


def read(project: Project) -> Record:
    """The record of a project; the database is read without MLflow."""
    database = project.root / "mlruns" / "mlflow.db"
    runs: dict[str, list[Run]] = defaultdict(list)
    unclosed, dead = [], []
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        tables = {
            name: connection.execute(f"select run_uuid, key, {values} from {name}").fetchall()
            for name, values in (
                ("tags", "value"),
                ("params", "value"),
                ("metrics", "step, value, is_nan"),
            )
        }
        for run_id, status in connection.execute("select run_uuid, status from runs").fetchall():
            tags = {k: v for r, k, v in tables["tags"] if r == run_id}
            name = " ".join(
                tags.get(key, "") for key in ("job", "fingerprint", "sweep", "study", "trial")
            )
            if status == "RUNNING":
                unclosed.append(name)
            if status != "FINISHED":
                dead.append(run_id)
                continue
            runs[name].append(_run(project, run_id, tables))
    finally:
        connection.close()
    exports = _files(project.root / "exports")  # what lies half written counts as left behind
    exports = {name: v for name, v in exports.items() if not name.startswith(PARTIAL)}
    return Record(dict(runs), unclosed, _paths(project, dead), exports)


def _run(project: Project, run_id: str, tables: dict[str, list[Any]]) -> Run:
    metrics: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for run, key, step, value, is_nan in tables["metrics"]:
        if run == run_id and not NOT_NUMBERS.fullmatch(
            key.rpartition("/")[2]
        ):  # cost/texts_written
            metrics[key].append((step, repr(math.nan if is_nan else value)))
    return Run(
        {name: sorted(points) for name, points in metrics.items()},
        {k: v for r, k, v in tables["params"] if r == run_id and k != "tracking.parent"},
        _files(project.root / "mlruns" / "artifacts" / run_id / "artifacts"),
    )


def _files(folder: Path) -> dict[str, str]:
    return {
        _plain(str(path.relative_to(folder))): _digest(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != CHECKSUMS
    }


def _digest(path: Path) -> str:
    content = path.read_bytes()
    try:
        text = _plain(content.decode())
        if path.suffix == ".json":
            text = json.dumps(_numbers(json.loads(text)), sort_keys=True)
        if path.suffix == ".csv":
            rows = csv.DictReader(io.StringIO(text))
            text = json.dumps([_numbers(row) for row in rows], default=str)
        content = text.encode()
    except ValueError:
        pass
    return hashlib.sha256(content).hexdigest()[:12]


def _plain(text: str) -> str:
    for pattern, word in ((STEP_IMAGE, "IMAGE"), (ID, "ID"), (TIME, "TIME"), (DONE, "DONE")):
        text = pattern.sub(word, text)
    return text


def _numbers(value: Any) -> Any:
    """JSON without what NOT_NUMBERS names."""
    if isinstance(value, dict):
        return {k: _numbers(v) for k, v in value.items() if not NOT_NUMBERS.fullmatch(k)}
    return [_numbers(v) for v in value] if isinstance(value, list) else value


def _paths(project: Project, dead: list[str]) -> set[str]:
    """Everything there is but locks, Hydra's folders and the files of runs that were not finished."""
    found = set()
    for top in (project.root, project.temporary):
        for path in top.rglob("*"):
            name = str(path.relative_to(project.folder))
            if name.startswith(IGNORED) or path.suffix == ".lock" or any(d in name for d in dead):
                continue
            found.add(_plain(name).replace("-journal", ""))
    return found


def differences(undisturbed: Record, disturbed: Record) -> list[str]:
    """What is another number, parameter or file, one line each."""
    found = []
    for name, runs in undisturbed.runs.items():
        for other in disturbed.runs.get(name, []):
            for what in ("metrics", "params", "files"):
                a, b = getattr(runs[0], what), getattr(other, what)
                found += _unlike(f"{name}: {what}", a, b)
    return found + _unlike("exports", undisturbed.exports, disturbed.exports)


def _unlike(name: str, a: dict[str, Any], b: dict[str, Any]) -> list[str]:
    return [
        f"{name} {key}: {a.get(key)} is {b.get(key)}"
        for key in sorted(a.keys() | b.keys())
        if a.get(key) != b.get(key)
    ]
