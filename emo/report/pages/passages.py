"""The section of the passages: each with the emotion it is written as and the one it is read as."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int

from emo.core.records import StimulusSet
from emo.report.pages.page import Section, fragment, packed

MOST_TEXTS = 3000
MOST_LETTERS = 900_000
"""Passages and characters of one page; what is beyond them is named in a sentence."""


def passages_section(
    stimuli: StimulusSet,
    read: Int[np.ndarray, "layer item"],
    layers: Sequence[int],
    start: int,
    kind: str = "emotion",
    other: str = "situation",
) -> Section:
    """Every passage with what it is read as at the layer of the slider.

    Parameters
    ----------
    stimuli
        The passages; their emotions, in order of first appearance, are what ``read`` counts.
    read
        :func:`emo.core.geometry.left_out.read_as` at every layer of the model.
    layers
        The layers of the slider.
    start
        The layer that is shown first.
    kind, other
        What the vectors are of, and what is left out together.
    """
    emotions = list(stimuli.emotions)
    items = stimuli.items[: fitting([len(p.text) for p in stimuli.items])]
    written = np.array([emotions.index(p.emotion) for p in stimuli.items])
    code = np.uint8 if len(emotions) < np.iinfo(np.uint8).max else np.uint16
    labels = np.where(read < 0, np.iinfo(code).max, read)[list(layers), : len(items)].astype(code)
    rows = [
        {
            "situation": p.situation,
            "text": p.text,
            "written": p.emotion,
            "read": emotions[r] if r >= 0 else None,
        }
        for p, r in zip(items, read[start], strict=False)
    ]
    html = fragment(
        "passages.html",
        rows=rows,
        emotions=emotions,
        crossed=stimuli.crossed,
        start=start,
        n_items=len(stimuli.items),
        kind=kind,
        other=other if stimuli.crossed else "passage",
    )
    data = {
        "emotions": emotions,
        "layers": list(layers),
        "start": start,
        "written": written[: len(items)],
        "bits": code(0).nbytes * 8,
        "read": packed(labels),
    }
    return Section("Passages: written as, read as", html, data, "passages")


def fitting(lengths: Sequence[int], texts: int = MOST_TEXTS, letters: int = MOST_LETTERS) -> int:
    """How many of the first texts a page can hold."""
    within = np.cumsum(lengths) <= letters
    return min(texts, int(within.sum()))
