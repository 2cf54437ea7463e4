"""The page of a run as a file; one that cannot be made costs a line in the log, and nothing else."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from pathlib import Path

from emo.report.drawing import Failure, attempt
from emo.report.pages.page import Page, Section, render

log = logging.getLogger(__name__)

PAGE = "run.html"
"""Name of the file."""


def write_page(folder: Path, build: Callable[[], Page], run_id: str = "") -> None:
    """Write ``run.html``, with the figures that are in the folder.

    In the place of a page that cannot be made there is one that says why.
    """
    html = attempt(lambda: _html(folder, build(), run_id))
    if isinstance(html, Failure):
        log.warning("the run's page could not be made, the run goes on: %s", html.reason)
        why = f"The page of this run could not be made: {html.reason}"
        html = render(Page("A run without a page", why, ()), run_id=run_id)
    (folder / PAGE).write_text(html, encoding="utf-8")


def _html(folder: Path, page: Page, run_id: str) -> str:
    wanted = {name for section in page.sections for name in section.figures}
    pictures = {name: (folder / "figures" / f"{name}.png").read_bytes() for name in wanted}
    return render(page, pictures, run_id)


def plain_page(title: str, answer: str, text: str, figures: Iterable[str]) -> Page:
    """The page of a run that has none of its own: the answer, its text and its figures."""
    names = tuple(figures)
    sections = (Section("Figures", "", figures=names),) if names else ()
    return Page(title, answer, sections, text)
