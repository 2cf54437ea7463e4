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
    """Write each figure as ``figures/NAME.png``, ``.svg`` and ``.pdf``.

    In the place of one that cannot be drawn there is a picture that says why.
    """
    from emo.report.drawing import FORMATS, Failure, attempt, instead

    (folder / "figures").mkdir(exist_ok=True)
    spelt: set[str] = set()
    for name, draw in figures.items():
        pictures = attempt(partial(_pictures, draw, spelt))
        if isinstance(pictures, Failure):
            say_left_out(name, pictures.reason)
            blank = instead(name, pictures.reason)
            pictures = {suffix: save(blank) for suffix, save in FORMATS.items()}
        for suffix, picture in pictures.items():
            (folder / "figures" / f"{name}.{suffix}").write_bytes(picture)
    if spelt:
        log.info(
            "no font here has the characters %s: figures spell them, <U+%04X> and so on; a font such "
            "as Noto Sans CJK draws them",
            first_of(sorted(spelt), " "),
            ord(min(spelt)),
        )


def _pictures(draw: Callable[[], Figure], spelt: set[str]) -> dict[str, bytes]:
    """The figure in every format."""
    from emo.report.drawing import FORMATS, make_readable

    figure = draw()
    spelt.update(make_readable(figure))
    return {suffix: save(figure) for suffix, save in FORMATS.items()}


def say_left_out(name: str, reason: str) -> None:
    """Log that a figure is missing."""
    log.warning("figure %s could not be drawn, the run goes on without it: %s", name, reason)
