"""The page of a run whose texts the model wrote itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from emo.config.enums import Position
from emo.core.flags import FLAGGED_ANISOTROPY
from emo.core.geometry.generated import StoryDescriptors
from emo.core.geometry.valence import VALENCE
from emo.core.records import EmotionVectors
from emo.generation.positions import FIRST, SHORT
from emo.report.pages.comprehension import CURVES
from emo.report.pages.geometry import Choice, Curve, Geometry, geometry_section
from emo.report.pages.page import Page, Section, fragment
from emo.report.pages.passages import fitting

FROM = "the mean of its tokens from number {} on, of shorter texts of all tokens"
READ = {
    Position.mid: (
        f"its middle token; of a text of at most {SHORT} tokens the last token of the prompt"
    ),
    Position.last: "its last token",
    Position.mean: "the mean of all its tokens",
    Position.from_50: FROM.format(FIRST),
    Position.from_start: FROM.format("{start}"),
}
"""What a text is read at, by position."""


def generation_page(
    title: str,
    answer: str,
    text: str,
    d: StoryDescriptors,
    vectors: EmotionVectors,
    rows: Sequence[Mapping[str, Any]],
    position: Position,
    poles: Mapping[str, float],
    start: int = FIRST,
) -> Page:
    """Geometry at every layer, and every text with its prompt and the place where it was read.

    ``rows`` are those of :func:`emo.report.runs.generation.page_rows`; ``poles`` are by emotion.
    """
    g = Geometry(
        vectors=vectors,
        layers=d.finite_layers,
        start=d.layer,
        curves=_curves(d),
        choices=_choices(d),
        cards={
            "rdm_std": "RDM std: how far the cosines spread",
            "anisotropy": f"anisotropy; above {FLAGGED_ANISOTROPY} the published flag is set",
            VALENCE: "valence: agreement with pleasant and unpleasant",
        },
        poles=poles,
    )
    texts = texts_section(rows, position, start)
    return Page(title, answer, (geometry_section(g), texts), text)


def texts_section(
    rows: Sequence[Mapping[str, Any]], position: Position | None = None, start: int = FIRST
) -> Section:
    """Every distinct text with its prompt.

    With a position, what was read of a text is marked. Rows may have a ``setting``: what
    the text was written with; and ``left_out``: the words for which it is not read.
    """
    listed = rows[: fitting([len(r["text"]) + len(r["prompt"]) for r in rows])]

    def values(name: str) -> list[Any]:
        return list(dict.fromkeys(row[name] for row in rows))

    reading = "A text is read at several places, as the settings say. "
    if position is not None:
        place = READ[position].format(start=start)
        reading = f"A text is read at {place}: that is marked. "
    if any(row.get("left_out") for row in rows):
        reading += (
            "A text that names its emotion, or a near synonym, is left out: the word is named. "
        )
    html = fragment(
        "texts.html",
        rows=listed,
        settings=values("setting") if rows and "setting" in rows[0] else [],
        n_texts=len(rows),
        emotions=values("emotion"),
        prompts=values("prompt_name"),
        finishes=values("finish"),
        marked=position is not None,
        reading=(
            f"{reading}A greedy text that is asked for several times is listed once, with the number "
            "of times it stands for."
        ),
    )
    return Section("Texts and their prompts", html, script="rows")


def _curves(d: StoryDescriptors) -> list[Curve]:
    lines = {"anisotropy": (FLAGGED_ANISOTROPY, "published flag")}
    if d.valence is not None:
        lines[VALENCE] = (d.valence.line, "line of the search")
    return [
        Curve(name, title, d.curves[name], colour, None, d.nulls.get(name), lines.get(name))
        for name, (title, colour) in CURVES.items()
        if name in d.curves and np.isfinite(d.curves[name]).any()
    ]


def _choices(d: StoryDescriptors) -> list[Choice]:
    choices = [Choice("layer of the run", d.layer)]
    if d.valence is not None:
        choices.append(Choice("highest valence", d.valence.layer, curve=VALENCE))
    return choices
