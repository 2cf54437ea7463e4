"""Files of logged runs: what a later command reads of them is damaged."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.fuzz.case import Case, May
from tests.fuzz.damage import (
    BYTES,
    KINDS,
    UNTELLABLE,
    forget_checksums,
    json_texts,
    put,
    tensor_files,
    wrong_values,
)
from tests.fuzz.drawing import chance
from tests.fuzz.place import AXES, FIVE, LOGGED, SMALL, STEER, STORIES, SUMMARIZE, Place

Operator = Callable[[Path], object]

READ = {
    ("extract", "again"): ("descriptors.json",),
    ("extract", "residual export"): ("vectors.safetensors",),
    ("extract", "steer"): ("vectors.safetensors", "descriptors.json"),
    ("extract", "steer own"): ("vectors.safetensors",),
    ("extract", "summarize"): (
        "vectors.safetensors",
        "activations.safetensors",
        "embedding.safetensors",
        "descriptors.json",
        "stimuli.csv",
    ),
    ("generation", "again"): ("generation.json",),
    ("generation", "export"): ("vectors.safetensors",),
    ("generation", "summarize"): (
        *("texts.jsonl", "activations.safetensors", "generation.json"),
        "emotion_words.safetensors",
    ),
    ("steer", "again"): ("steering.json",),
    ("steer", "summarize"): ("steering.json",),
    ("ablate", "again"): ("ablation.json",),
    ("precision", "again"): ("precision.json",),
    ("equivalence", "again"): ("equivalence.json",),
    ("axes", "again"): ("axes.json",),
    ("validate", "again"): ("validate.json",),
    ("five", "axes"): ("activations.safetensors",),
    ("five_stories", "axes stories"): ("activations.safetensors", "texts.jsonl"),
    ("extract", "export"): ("vectors.safetensors", "checksums.json"),
    ("other_model", "again"): ("checksums.json",),
}
"""Kind of run and what is done with it -> the files that are read for it, where a version logs them."""
CASES = {"summarize": 2, "steer": 3, "steer own": 2}
"""Damages tried of each file; 5 where it is not said, so that the whole stays short."""


def command(place: Place, kind: str, use: str) -> tuple[str, ...]:
    """What reads a run's files."""
    run = place.runs[kind]
    match use:
        case "again":
            return (*SMALL, *LOGGED[kind], "output=json")
        case "export":
            return (*SMALL, "job=export", f"job.export.run={run}", "output=json")
        case "residual export":
            return (
                *SMALL,
                "job=export",
                f"job.export.run={run}",
                "job.export.scale=residual",
                "output=json",
            )
        case "steer":
            return (*SMALL, *STEER, f"job.steer.run={run}", "seed=7", "output=json")
        case "steer own":
            return (*SMALL, *STEER, "seed=8", "output=json")
        case "axes":  # other permutations: its own run is not found, and the extraction is read
            return (*SMALL, *FIVE, *AXES, "job.axes.permutations=101", "output=json")
        case "axes stories":
            return (*SMALL, *FIVE, *STORIES, *AXES, "job.axes.permutations=101", "output=json")
        case "summarize":
            return (*SMALL, *SUMMARIZE, "force=true", "output=json")
        case _:
            raise ValueError(use)


def cases(place: Place) -> list[Case]:
    """Drawn damages of every file that something reads, also of runs without checksums."""
    found = []
    for (kind, use), files in READ.items():
        for file in files:
            path = place.artifacts(kind) / file
            if not (place.used.root / path).exists():
                continue
            options = list(damages(place.used.root / path))
            rng, n = chance(f"{kind} {use} {file}"), CASES.get(use, 5)
            found += [
                case(place, kind, use, path, *o) for o in rng.sample(options, min(n, len(options)))
            ]
            options = [o for o in options if o[0] not in UNTELLABLE]
            found += [
                case(place, kind, use, path, *o, before=True)
                for o in rng.sample(options, max(1, n // 2))
            ]
    return found


def case(
    place: Place,
    kind: str,
    use: str,
    path: Path,
    name: str,
    operator: Operator,
    before: bool = False,
) -> Case:
    """One damage; ``before``: the run is of a version that logged no checksums."""

    def damage(root: Path) -> None:
        if before:
            forget_checksums(root / place.artifacts(kind))
        operator(root / path)

    return Case(
        f"{kind}, {use}: {path.name} {name}{' (no checksums)' * before}",
        command(place, kind, use),
        (place.runs[kind], place.runs[kind][:8], path.name),
        damage,
        may=May.leave_out if use == "summarize" else May.repair,
    )


def damages(path: Path) -> Iterator[tuple[str, Operator]]:
    """Everything that can happen to a file of its kind."""
    raw = path.read_bytes()
    for name, operator in {**BYTES, **KINDS}.items():
        yield name, lambda p, o=operator, n=name: o(p, chance(n))
    contents: dict[str, str | bytes] = {}
    if path.suffix == ".safetensors":
        contents = {**tensor_files(raw)}
    elif path.suffix == ".json":
        content = json.loads(raw)
        contents = json_texts(content)
        for name, wrong in wrong_values(content, 14, chance(path.name)):
            contents[name] = json.dumps(wrong)
    elif path.suffix == ".jsonl":
        lines = [json.loads(line) for line in raw.decode().split("\n") if line]
        for name, wrong in wrong_values(lines, 14, chance(path.name)):
            contents[name] = "".join(json.dumps(line) + "\n" for line in wrong)
    for name, text in contents.items():
        yield name, lambda p, text=text: put(p, text)
