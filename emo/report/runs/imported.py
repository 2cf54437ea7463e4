"""What job=import says of the vectors of a file: sentences, lines for the terminal, metrics."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float64

from emo.files.foreign_vectors import ImportedSet
from emo.report.runs import terminal

CANNOT = (
    "The file has no items: reliability, accuracy, intervals, nulls and a layer chosen by them cannot "
    "be had, and a summary leaves the run out."
)


def answer(found: ImportedSet) -> str:
    """What the run holds, and what it cannot have."""
    n = len(found.emotions)
    return (
        f"{n} vector{'s' * (n != 1)} from {found.file} at {len(found.layers)} of {found.n_layers} "
        f"layers. {CANNOT}"
    )


def terminal_text(found: ImportedSet, title: str, note: str) -> str:
    """The vectors, their layers, and how they can be used."""
    rows = [
        ("file", f"{found.file} ({found.format}), sha256 {found.sha256[:8]}"),
        ("emotions", ", ".join(found.emotions)),
        ("layers", f"{layers_in_words(found.layers)} of {found.n_layers}, width {found.hidden}"),
        ("centre", f"{found.centre}; job=read measures tokens from it"),
    ]
    middle = found.mean_cosine[found.n_layers // 2]
    if math.isfinite(middle):
        rows.append(("mean cosine", f"{middle:+.3f} of all pairs at layer {found.n_layers // 2}"))
    rows.append(
        ("use", "job.steer.run, job.read.run and job.export.run=ID; job.steer.criterion=middle")
    )
    return "\n".join([*terminal.heading(title, note), *terminal.aligned(rows)])


def layers_in_words(layers: tuple[int, ...]) -> str:
    """Numbers with runs of neighbours as ranges: 1-3, 7."""
    parts: list[list[int]] = []
    for layer in layers:
        if parts and layer == parts[-1][-1] + 1:
            parts[-1].append(layer)
        else:
            parts.append([layer])
    words = [f"{p[0]}-{p[-1]}" if len(p) > 1 else str(p[0]) for p in parts]
    return ", ".join(words) or "none that all emotions have"


def metrics(found: ImportedSet) -> dict[str, int]:
    """Numbers of vectors and layers."""
    return {"n_emotions": len(found.emotions), "n_layers_given": len(found.layers)}


def curve(found: ImportedSet) -> Float64[np.ndarray, " layer"]:
    """Mean pairwise cosine over layers."""
    return np.array(found.mean_cosine, dtype=np.float64)
