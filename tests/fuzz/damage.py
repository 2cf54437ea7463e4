"""What can happen to a file: operators that damage it, and why each is one that happens."""

from __future__ import annotations

import json
import os
import random
import shutil
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

Damage = Callable[[Path, random.Random], object]


def remove(path: Path) -> None:
    """Whatever is there, gone."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def put(path: Path, content: bytes | str) -> None:
    """A file of this content instead of whatever is there."""
    remove(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(
        content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")
    )


def _size(path: Path) -> int:
    return path.stat().st_size


def _flip(path: Path, at: int, mask: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= mask
    put(path, bytes(content))


def _linked(target: str) -> Damage:
    def damage(path: Path, _: random.Random) -> None:
        remove(path)
        path.symlink_to(target)

    return damage


def _folder(path: Path, _: random.Random) -> None:
    remove(path)
    path.mkdir()


def _pipe(path: Path, _: random.Random) -> None:
    remove(path)
    os.mkfifo(path)


def _sparse(path: Path, _: random.Random) -> None:
    with path.open("r+b") as file:
        file.truncate(64 << 30)


def forget_checksums(folder: Path) -> None:
    """A folder as it was written before lists of checksums were: only what is read can tell damage."""
    for path in folder.rglob("*checksum*"):
        path.unlink()


BYTES: dict[str, Damage] = {
    # A full disk, a kill or a power cut while it was written or copied
    "is empty": lambda p, _: put(p, b""),
    "has one byte": lambda p, _: put(p, p.read_bytes()[:1]),
    "is cut in half": lambda p, _: put(p, p.read_bytes()[: _size(p) // 2]),
    "lacks its last byte": lambda p, _: put(p, p.read_bytes()[:-1]),
    "is zeros": lambda p, _: put(p, bytes(_size(p))),
    "ends in zeros": lambda p, _: put(p, p.read_bytes()[: _size(p) // 2] + bytes(_size(p) // 2)),
    # A bad disk or a bad copy
    "has a flipped bit in front": lambda p, r: _flip(p, r.randrange(min(8, _size(p))), 0x10),
    "has a flipped bit in the middle": lambda p, _: _flip(p, _size(p) // 2, 0x40),
    "has a flipped bit at its end": lambda p, _: _flip(p, _size(p) - 1, 0x40),
    "is noise": lambda p, r: put(p, r.randbytes(_size(p))),
    "has noise behind": lambda p, r: put(p, p.read_bytes() + r.randbytes(64)),
    # Another file under its name
    "is a web page": lambda p, _: put(
        p, "<!DOCTYPE html>\n<html><title>404 Not Found</title></html>\n"
    ),
    "is a pointer to large-file storage": lambda p, _: put(
        p,
        f"version https://git-lfs.github.com/spec/v1\noid sha256:{'4d7a' * 16}\nsize 272123\n",
    ),
}
"""Other bytes in the file."""

KINDS: dict[str, Damage] = {
    "is gone": lambda p, _: remove(p),
    "is a folder": _folder,
    "is a pipe": _pipe,
    "is a link to nothing": _linked("nothing-there"),
    "is a link to /dev/zero": _linked("/dev/zero"),
    "is a link to /dev/urandom": _linked("/dev/urandom"),
    "is 64 GB of zeros": _sparse,
}
"""Something else than a file that can be read whole."""


def to_itself(path: Path, _: random.Random) -> None:
    """A link that leads to itself."""
    remove(path)
    path.symlink_to(path.name)


KINDS["is a link to itself"] = to_itself


def json_texts(content: Any) -> dict[str, str | bytes]:
    """Documents in place of one: other types at the top, and texts that are no JSON."""
    text = json.dumps(content)
    return {
        "is null": "null",
        "is a number": "17",
        "is a text": '"seventeen"',
        "is true": "true",
        "is an empty list": "[]",
        "is an empty object": "{}",
        "is NaN": "NaN",
        "is a list of itself": f"[{text}]",
        "is two documents": text + text,
        "has single quotes": text.replace('"', "'"),
        "is 100000 brackets": "[" * 100_000,
        "is 5000 closed brackets": "[" * 5000 + "]" * 5000,
        "has a byte that is no UTF-8": text.encode()[:2] + b"\xff" + text.encode()[2:],
        "is UTF-16": text.encode("utf-16"),
        "has a number of 10000 digits": f'{{"a": {"9" * 10_000}}}',
    }


WRONG: dict[type, tuple[Any, ...]] = {
    str: (None, 7, ["a"], {"a": "b"}),
    bool: (None, "maybe", [True], 0.5),
    int: (None, "seven", [1], {"a": 1}, -(10**30), 0.5),
    float: (None, "seven", [0.5], {"a": 0.5}),
    list: (None, 7, "text", {"a": 1}, [None], [[["a"]]]),
    dict: (None, 7, "text", [], [["a", 1]]),
}
"""Type of a JSON value -> what may stand there instead and is of no use."""


def places(content: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Paths of all values of a document, of long lists the first and the last entries."""
    if path:
        yield path
    if isinstance(content, dict):
        for key, value in content.items():
            yield from places(value, (*path, key))
    elif isinstance(content, list):
        for i in dict.fromkeys((0, len(content) - 1)) if content else ():
            yield from places(content[i], (*path, i))


def without(content: Any, path: tuple[str | int, ...]) -> Any:
    """A copy that lacks what is at a path."""
    copy = json.loads(json.dumps(content))
    del _parent(copy, path)[path[-1]]
    return copy


def replaced(content: Any, path: tuple[str | int, ...], value: Any) -> Any:
    """A copy that has ``value`` at a path."""
    copy = json.loads(json.dumps(content))
    _parent(copy, path)[path[-1]] = value
    return copy


def value_at(content: Any, path: tuple[str | int, ...]) -> Any:
    """What is at a path."""
    for key in path:
        content = content[key]
    return content


def _parent(content: Any, path: tuple[str | int, ...]) -> Any:
    return value_at(content, path[:-1])


UNTELLABLE = (
    "ends in zeros",
    "is zeros",
    "has a flipped bit in front",
    "has a flipped bit in the middle",
    "has a flipped bit at its end",
    "lacks its last byte",
    "has noise behind",
    "has values that are no numbers",
)
"""Damages after which a file may be a good one of other contents: only a checksum can tell."""


def wrong_values(content: Any, n: int, rng: random.Random) -> list[tuple[str, Any]]:
    """``n`` documents that have a value of another type at some path, or lack it, each with its name."""
    found = []
    known = [path for path in places(content) if value_at(content, path) is not None]
    for path in rng.sample(known, min(n, len(known))):
        words = ".".join(map(str, path))[-60:]
        options = WRONG[type(value_at(content, path))]
        choice = rng.randrange(len(options) + 1)
        if choice == len(options):
            found.append((f"lacks {words}", without(content, path)))
        else:
            value = options[choice]
            found.append(
                (f"has {json.dumps(value)[:20]} at {words}", replaced(content, path, value))
            )
    return found


# ------------------------------------------------------------------------------------- safetensors


def open_tensors(raw: bytes) -> tuple[dict[str, Any], bytes]:
    """Header and data of a safetensors file."""
    (length,) = struct.unpack("<Q", raw[:8])
    return json.loads(raw[8 : 8 + length]), raw[8 + length :]


def tensors(header: Any, data: bytes) -> bytes:
    """The file of a header and data, whether they fit or not."""
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def tensor_files(raw: bytes) -> dict[str, bytes]:
    """Files whose header says what is not so, or whose data no program would have written."""
    header, data = open_tensors(raw)
    name = next(key for key in header if key != "__metadata__")
    entry = header[name]
    begin, end = entry["data_offsets"]

    def other(**changes: Any) -> bytes:
        return tensors({**header, name: {**entry, **changes}}, data)

    wide = {"F32": b"\x00\x00\xc0\x7f", "F64": b"\x00\x00\x00\x00\x00\x00\xf8\x7f"}
    nan = wide.get(entry["dtype"], b"\xff")
    labels = {k: v for k, v in header.items() if k != "__metadata__"}
    shape = entry["shape"]
    return {
        "names a header of 2^60 bytes": struct.pack("<Q", 1 << 60) + raw[8:],
        "names a header of 0 bytes": struct.pack("<Q", 0) + raw[8:],
        "has a header that is no JSON": struct.pack("<Q", 16) + b"{not json at all" + data,
        "has a header that is a list": tensors([header], data),
        "has offsets behind its end": other(data_offsets=[begin, end + 4096]),
        "has offsets backwards": other(data_offsets=[end, begin]),
        "has an unknown number format": other(dtype="F17"),
        "has a shape of more than its bytes": other(shape=[*shape[:-1], shape[-1] * 1000]),
        "has a shape of fewer axes": other(shape=[_product(shape)]),
        "has axes swapped": other(shape=shape[::-1]),
        "has a negative axis": other(shape=[-1, *shape[1:]]),
        "has no labels": tensors(labels, data),
        "has labels that are no JSON": tensors(
            {
                **labels,
                "__metadata__": dict.fromkeys(header.get("__metadata__", {"labels": ""}), "{"),
            },
            data,
        ),
        "has labels that are empty": tensors(
            {
                **labels,
                "__metadata__": dict.fromkeys(header.get("__metadata__", {"labels": ""}), "{}"),
            },
            data,
        ),
        "has its tensor under another name": tensors(
            {**{k: v for k, v in header.items() if k != name}, "weights": entry}, data
        ),
        "has no tensor": tensors({"__metadata__": header.get("__metadata__", {})}, b""),
        "has values that are no numbers": tensors(
            header, data[:begin] + nan * ((end - begin) // len(nan)) + data[end:]
        ),
    }


def _product(shape: list[int]) -> int:
    product = 1
    for size in shape:
        product *= size
    return product
