"""Figures of a run as files; one that cannot be drawn costs a line in the log, and nothing else."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from emo.errors import first_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

log = logging.getLogger(__name__)


def write_figures(folder: Path, figures: Mapping[str, Callable[[], Figure]]) -> None:
    """Write each figure as ``figures/NAME.png``.

    In the place of one that cannot be drawn there is a picture that says why.
    """
    from emo.report.drawing import Failure, attempt, instead, png

    (folder / "figures").mkdir(exist_ok=True)
    spelt: set[str] = set()
    for name, draw in figures.items():
        picture = attempt(partial(_picture, draw, spelt))
        if isinstance(picture, Failure):
            say_left_out(name, picture.reason)
            picture = png(instead(name, picture.reason))
        (folder / "figures" / f"{name}.png").write_bytes(picture)
    if spelt:
        log.info(
            "no font here has the characters %s: figures spell them, <U+%04X> and so on; a font such "
            "as Noto Sans CJK draws them",
            first_of(sorted(spelt), " "),
            ord(min(spelt)),
        )


def _picture(draw: Callable[[], Figure], spelt: set[str]) -> bytes:
    from emo.report.drawing import make_readable, png

    figure = draw()
    spelt.update(make_readable(figure))
    return png(figure)


def say_left_out(name: str, reason: str) -> None:
    """Log that a figure is missing."""
    log.warning("figure %s could not be drawn, the run goes on without it: %s", name, reason)
