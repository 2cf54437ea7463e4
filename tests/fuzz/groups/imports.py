"""Requests for imports: files that hold no vectors, vectors that do not fit, labels that are none."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.fuzz.case import Case
from tests.fuzz.damage import put
from tests.fuzz.place import SMALL, Place

IMPORT = (*SMALL, "job=import")
PATHS = {
    "null": "null",
    "nothing.npz": "a file that is not there",
    "small.csv": "a file of passages",
    "/dev/null": "a device",
    ".": "a folder without vectors",
    "x" * 300: "300 letters",
}
LABELS = {
    "[]": "none",
    "[calm]": "too few",
    "[calm,calm]": "one twice",
    "[calm,'']": "an empty one",
    "calm": "no list",
}


def packed(**arrays: np.ndarray) -> bytes:
    """The bytes of an npz file."""
    out = io.BytesIO()
    np.savez(out, **arrays)
    return out.getvalue()


GOOD = packed(a=np.eye(4, 128), b=np.eye(4, 128, 4))
FILES = {
    "empty.npz": b"",
    "rubbish.npz": b"PK\x03\x04" + bytes(90),
    "cut.npz": GOOD[: len(GOOD) // 2],
    "pickled.npz": packed(a=np.array([{}], dtype=object)),
    "wide.npz": packed(a=np.ones((4, 129))),
    "deep.npz": packed(a=np.ones((5, 128))),
    "zero.npz": packed(a=np.zeros((4, 128))),
    "flat.npz": packed(a=np.ones(128)),
    "unnamed.npz": packed(vectors=np.ones((4, 2, 128))),
    "empty.gguf": b"",
    "rubbish.gguf": b"GGUF" + bytes(90),
    "rubbish.pt": b"\x80\x04" + bytes(90),
    "rubbish.safetensors": bytes(90),
}


def cases(place: Place) -> list[Case]:
    """All kinds."""
    found = [
        Case(f"path: {n}", (*IMPORT, f"job.import.path={v}"), ("job.import",))
        for v, n in PATHS.items()
    ]
    found += [
        Case(
            f"content: {name}",
            (*IMPORT, f"job.import.path={name}"),
            ("job.import.path",),
            _holding(name, content),
        )
        for name, content in FILES.items()
    ]
    good = (*IMPORT, "job.import.path=good.npz")
    found += [
        Case(
            f"labels: {n}",
            (*good, f"job.import.emotions={v}"),
            ("job.import",),
            _holding("good.npz", GOOD),
        )
        for v, n in LABELS.items()
    ]
    return found


def _holding(name: str, content: bytes) -> Callable[[Path], None]:
    return lambda root: put(root / name, content)
