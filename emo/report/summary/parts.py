"""Figures of the report, each with its caption and its numbers, or with the reason why it is missing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from emo.core.choices import Label
from emo.report.drawing import Failure, attempt, rehearsed
from emo.report.labels import figure_in_words_of, in_words_of
from emo.report.table import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Drawn:
    """A figure of the report, or the reason why there is none."""

    name: str
    """The stem of the figure's files."""
    title: str
    caption: str
    """What the figure shows, or why there is none."""
    figure: Figure | None
    data: Table | None
    """The numbers behind the figure."""
    run_ids: tuple[str, ...]
    failure: str = ""
    """Why drawing failed; empty if it did not."""

    def in_words_of(self, label: Label, kept: Sequence[str]) -> Drawn:
        """The same about passages labelled by ``label``; the numbers behind it stay as they are."""
        title, caption = (in_words_of(label, text, kept) for text in (self.title, self.caption))
        figure = self.figure and figure_in_words_of(label, self.figure, kept)
        return replace(self, title=title, caption=caption, figure=figure)


def draw_or_say_why(
    name: str,
    title: str,
    caption: str,
    draw: Callable[[], tuple[Figure, Table]],
    run_ids: tuple[str, ...],
) -> Drawn:
    """The figure with the numbers behind it, or why drawing failed."""

    def trial() -> tuple[Figure, Table]:
        figure, data = draw()
        return rehearsed(figure), data

    result = attempt(trial)
    if isinstance(result, Failure):
        words = f"Could not be drawn: {result.reason}."
        return Drawn(name, title, words, None, None, run_ids, result.reason)
    figure, data = result
    return Drawn(name, title, caption, figure, replace(data, name=name, title=title), run_ids)


def not_drawn(name: str, title: str, reason: str) -> Drawn:
    """A figure that these runs do not allow, with the reason in its place."""
    return Drawn(name, title, f"Not drawn: {reason}.", None, None, ())
