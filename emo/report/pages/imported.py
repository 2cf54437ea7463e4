"""The page of a run of job=import: the geometry of vectors that another program made."""

from __future__ import annotations

import numpy as np

from emo.core.records import EmotionVectors
from emo.files.foreign_vectors import ImportedSet
from emo.report.pages.geometry import Curve, Geometry, geometry_section
from emo.report.pages.page import Page, Section, fragment

FEWEST = 3
"""Vectors of which a map and an RDM show anything."""


def imported_page(
    title: str, answer: str, text: str, found: ImportedSet, vectors: EmotionVectors
) -> Page:
    """The lengths of the vectors, and their geometry at the layers that all of them have."""
    sections = [_lengths(found, vectors)]
    if len(found.emotions) >= FEWEST and found.layers:
        sections.insert(0, geometry_section(_geometry(found, vectors)))
    return Page(title, answer, tuple(sections), text)


def _geometry(found: ImportedSet, vectors: EmotionVectors) -> Geometry:
    cosines = np.array(found.mean_cosine)
    return Geometry(
        vectors=vectors,
        layers=found.layers,
        start=found.layers[len(found.layers) // 2],
        curves=[Curve("mean_cosine", "mean pairwise cosine", cosines)],
        choices=(),
        cards={"mean_cosine": "mean cosine of all pairs"},
    )


def _lengths(found: ImportedSet, vectors: EmotionVectors) -> Section:
    columns = ["vector", *(f"length at layer {layer}" for layer in _few(found.layers))]
    lengths = np.linalg.norm(vectors.values, axis=2)
    rows = [
        [emotion, *(float(lengths[layer, i]) for layer in _few(found.layers))]
        for i, emotion in enumerate(vectors.emotions)
    ]
    html = fragment("table.html", columns=columns, rows=rows, caption="As they are in the file.")
    return Section("What the file holds", html)


def _few(layers: tuple[int, ...]) -> list[int]:
    """The first, the middle and the last layer."""
    return sorted({layers[i] for i in (0, len(layers) // 2, -1)}) if layers else []
