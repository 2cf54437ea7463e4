"""Tasks under constraints on the form of the answer, easy and in conflict with the request."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from emo.core.behaviour.constraints import ConstraintName
from emo.core.behaviour.task_answers import TaskKind
from emo.errors import StimuliError, set_by, shown
from emo.files.json_digests import Subject, json_digest
from emo.stimuli.loading import DATA
from emo.stimuli.yaml_files import read_yaml

BUNDLED_TASKS = DATA / "tasks.yaml"


@dataclass(frozen=True)
class Task:
    """One prompt, and the constraint that its answer must keep."""

    id: str
    constraint: ConstraintName
    kind: TaskKind
    text: str


@dataclass(frozen=True)
class TaskSet:
    """Tasks and their source."""

    items: tuple[Task, ...]
    source: str
    sha256: str
    """Digest of the contents; layout and comments of the file are not part of it."""


@set_by("job.behave.tasks_path")
def load_tasks(path: Path | None = None) -> TaskSet:
    """The bundled tasks, or those of a file: a list of entries with constraint, easy and conflict.

    Raises
    ------
    StimuliError
        Naming all problems of the file.
    """
    where = path or BUNDLED_TASKS
    raw, problems = read_yaml(where)
    if problems := [*problems, *_problems(raw)]:
        raise StimuliError(where, problems)
    items = tuple(
        Task(
            f"{entry['constraint']}_{kind}_{i}",
            ConstraintName(entry["constraint"]),
            kind,
            text.strip(),
        )
        for entry in raw
        for kind in TaskKind
        for i, text in enumerate(entry[kind], 1)
    )
    digest = json_digest(Subject.content, [asdict(task) for task in items])
    return TaskSet(items, "bundled" if path is None else path.name, digest)


def _problems(raw: Any) -> Iterator[str]:
    if not isinstance(raw, list) or not raw:
        yield "must be a list of entries with constraint, easy, conflict"
        return
    seen: dict[str, str] = {}
    for i, entry in enumerate(raw, 1):
        if not isinstance(entry, dict) or set(entry) != {"constraint", *TaskKind}:
            yield f"entry {i}: must have constraint, easy, conflict, not {shown(entry)}"
            continue
        name = entry["constraint"]
        if name not in list(ConstraintName):
            yield f"entry {i}: constraint: {shown(name)}: allowed is {', '.join(ConstraintName)}"
        for place, value in ((f"entry {i}", name), *_texts(entry, i)):
            if not isinstance(value, str) or not value.strip():
                yield f"{place}: must be a text, not {shown(value)}"
            elif (first := seen.setdefault(value.strip(), place)) != place:
                yield f"{place}: is the same as in {first}"


def _texts(entry: dict[str, Any], i: int) -> Iterator[tuple[str, Any]]:
    """Every text of an entry and its place; a kind that is no list of texts is one place."""
    for kind in TaskKind:
        texts = entry[kind]
        if not isinstance(texts, list) or not texts:
            yield f"entry {i}: {kind} (a list of texts)", None
        else:
            yield from ((f"entry {i}: {kind} {n}", text) for n, text in enumerate(texts, 1))
