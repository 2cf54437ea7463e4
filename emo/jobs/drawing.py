"""Figures of a run as files; one that cannot be drawn costs a line in the log, and nothing else."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

log = logging.getLogger(__name__)


def write_figures(folder: Path, figures: Mapping[str, Callable[[], Figure]]) -> None:
    """Write each figure as ``figures/NAME.png``.

    In the place of one that cannot be drawn there is a picture that says why.
    """
    from emo.report.drawing import Failure, attempt, png
    from emo.report.figures import instead

    (folder / "figures").mkdir(exist_ok=True)
    for name, draw in figures.items():
        picture = attempt(lambda draw=draw: png(draw()))
        if isinstance(picture, Failure):
            say_left_out(name, picture.reason)
            picture = png(instead(name, picture.reason))
        (folder / "figures" / f"{name}.png").write_bytes(picture)


def say_left_out(name: str, reason: str) -> None:
    """Log that a figure is missing."""
    log.warning("figure %s could not be drawn, the run goes on without it: %s", name, reason)
