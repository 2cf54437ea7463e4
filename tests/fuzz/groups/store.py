"""Activation shards, texts, their folders and locks: what is damaged there can be computed again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

from tests.fuzz.case import Case, May
from tests.fuzz.damage import BYTES, KINDS, json_texts, put, remove, tensor_files, wrong_values
from tests.fuzz.drawing import chance
from tests.fuzz.place import SMALL, STEER, STORIES, Place

STORE = Path(".cache", "activations")
READ = (*SMALL, "seed=7", "output=json")
"""Other splits of the same activations: these are read from the store."""
WRITE = (*SMALL, *STORIES, "seed=7", "output=json")
"""The same of texts."""
STEERED = (*SMALL, *STEER, "seed=7", "output=json")
NAMED = ("paths.store", ".cache", "activations")


def cases(place: Place) -> list[Case]:
    """Damage to every kind of file of the store, and to its folders."""
    shard = largest(place, "*.safetensors", rows=32)
    texts = largest(place, "*.jsonl")
    return [
        *shards(place, shard),
        *text_shards(place, texts),
        *folders(shard),
        *whole(shard, texts),
    ]


def largest(place: Place, pattern: str, rows: int = 0) -> Path:
    """The largest shard, by its path in the project."""
    root = place.used.root
    found = max((root / STORE).glob(f"*/{pattern}"), key=lambda p: (p.stat().st_size, p.name))
    return found.relative_to(root)


def case(name: str, args: tuple[str, ...], damage: Callable[[Path], object]) -> Case:
    """Damage before a command that needs what is damaged."""
    return Case(name, args, NAMED, damage, may=May.repair)


def renamed(path: Path, content: bytes) -> None:
    """A shard of this content under the name of its checksum, as another version would write it."""
    put(path.with_name(f"{hashlib.sha256(content).hexdigest()}{path.suffix}"), content)
    remove(path)


def shards(place: Place, shard: Path) -> list[Case]:
    """A shard of activations: damaged, and whole but of other contents."""
    found = []
    rng = chance("shards")
    for name in rng.sample(sorted({**BYTES, **KINDS}), 11):
        operator = {**BYTES, **KINDS}[name]
        found.append(
            case(f"shard {name}", READ, lambda root, o=operator, n=name: o(root / shard, chance(n)))
        )
    raw = (place.used.root / shard).read_bytes()
    files = tensor_files(raw)
    del files["has values that are no numbers"]  # what a model of infinite activations gives
    for name, content in rng.sample(sorted(files.items()), 8):
        found.append(
            case(
                f"shard with its checksum {name}",
                READ,
                lambda root, c=content: renamed(root / shard, c),
            )
        )
    found += [
        case(
            "shard of the name of another",
            READ,
            lambda root: put(root / shard.with_name("0" * 64 + ".safetensors"), raw),
        ),
        case(
            "shard twice",
            READ,
            lambda root: put(root / shard.with_name("f" * 64 + ".safetensors"), raw),
        ),
        case(
            "shard with capitals",
            READ,
            lambda root: (root / shard).rename(root / shard.with_suffix(".SAFETENSORS")),
        ),
    ]
    return found


def text_shards(place: Place, shard: Path) -> list[Case]:
    """A shard of texts: damaged, and whole but of other contents."""
    found = []
    for name in chance("texts").sample(sorted({**BYTES, **KINDS}), 6):
        operator = {**BYTES, **KINDS}[name]
        found.append(
            case(
                f"texts {name}", WRITE, lambda root, o=operator, n=name: o(root / shard, chance(n))
            )
        )
    lines = [json.loads(line) for line in (place.used.root / shard).read_text().splitlines()]
    for name, wrong in wrong_values(lines, 6, chance("text lines")):
        content = "".join(f"{json.dumps(line)}\n" for line in wrong).encode()
        found.append(
            case(
                f"texts with their checksum {name}",
                WRITE,
                lambda root, c=content: renamed(root / shard, c),
            )
        )
    lost = json.dumps({**lines[0], "tokens": [10**6, 5]}) + "\n"
    found.append(
        case(
            "texts of tokens that are none",
            WRITE,
            lambda root: renamed(root / shard, lost.encode()),
        )
    )
    return found


def folders(shard: Path) -> list[Case]:
    """The store, its parts and its locks are something else than folders and files."""
    reader = shard.parent

    def file(path: Path) -> Callable[[Path], object]:
        return lambda root: put(root / path, "a file")

    def link(path: Path, target: str) -> Callable[[Path], object]:
        def damage(root: Path) -> None:
            remove(root / path)
            (root / path).symlink_to(target)

        return damage

    def every_lock(kind: str) -> Callable[[Path], object]:
        def damage(root: Path) -> None:
            for path in (root / STORE / "locks").glob("*.lock"):
                KINDS[kind](path, chance(kind))

        return damage

    def described(text: str | bytes) -> Callable[[Path], object]:
        return lambda root: put(root / reader / "reader.json", text)

    changes = {
        "the store is a file": file(STORE),
        "the cache is a file": file(STORE.parent),
        "the reader's folder is a file": file(reader),
        "the locks are a file": file(STORE / "locks"),
        "the store is a link to nothing": link(STORE, "nothing/there"),
        "the store is a link to itself": link(STORE, "activations"),
        "the reader's folder is a link to itself": link(reader, reader.name),
        "the locks are a link to nothing": link(STORE / "locks", "nothing/there"),
        "the reader's description is gone": lambda root: remove(root / reader / "reader.json"),
        "the reader's description is empty": described(""),
        "the reader's description is of another": described('{"model": "another"}'),
        "the reader's description is deep": described(json_texts({})["is 100000 brackets"]),
        "the reader's description is a folder": lambda root: KINDS["is a folder"](
            root / reader / "reader.json", chance("r")
        ),
        "a shard's place is taken by a folder": lambda root: (
            root / reader / f"{'a' * 64}.safetensors"
        ).mkdir(),
        "half-written files are there": lambda root: put(
            root / reader / ".partial-abc123", bytes(999)
        ),
        "damaged files were set aside before": lambda root: (
            root / shard.with_suffix(".damaged")
        ).mkdir(),
        "a shard is damaged and its place aside is taken": lambda root: (
            put(root / shard, b"x"),
            put(root / shard.with_suffix(".damaged") / "inside", "x"),
        ),
        "a shard is damaged for the second time": lambda root: (
            put(root / shard, b"x"),
            put(root / shard.with_suffix(".damaged"), "x"),
        ),
    }
    found = [case(name, READ, damage) for name, damage in changes.items()]
    seen = (*SMALL, "output=json")  # finished: its lock was made
    kinds = ("is a folder", "is a pipe", "is a link to nothing", "is a link to itself")
    return found + [case(f"every lock {kind}", seen, every_lock(kind)) for kind in kinds]


def whole(shard: Path, texts: Path) -> list[Case]:
    """Everything at once."""

    def all_files(operator: Callable[..., object]) -> Callable[[Path], object]:
        def damage(root: Path) -> None:
            for path in sorted((root / STORE).rglob("*")):
                if path.is_file() and path.suffix in (".safetensors", ".jsonl", ".json"):
                    operator(path, chance(path.name))

        return damage

    return [
        case("every file is cut in half", STEERED, all_files(BYTES["is cut in half"])),
        case("every file is noise", WRITE, all_files(BYTES["is noise"])),
        case("every file is a folder", STEERED, all_files(KINDS["is a folder"])),
        case("the whole store is gone", WRITE, lambda root: remove(root / STORE)),
    ]
