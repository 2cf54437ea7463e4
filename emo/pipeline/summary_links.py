"""Where the runs of a summary are to be seen: in MLflow, and as pages of their own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from emo.errors import TrackingError
from emo.report.summary.page import RunLink
from emo.runs.pages import PAGE
from emo.tracking.links import run_link

if TYPE_CHECKING:
    from emo.runs.listing import RunListing
    from emo.tracking import Connection


def run_links(tracker: Connection, runs: Iterable[RunListing], logged: bool) -> list[RunLink]:
    """One link per run; the page of a run only where it lies beside the report.

    Parameters
    ----------
    tracker
        The store of the runs.
    logged
        Whether the report is logged in the same store.
    """
    beside = logged and not tracker.address.server
    return [
        RunLink(
            r.run_id,
            run_link(tracker, r.run_id),
            f"../../{r.run_id}/artifacts/{PAGE}" if beside and _has_page(tracker, r.run_id) else "",
        )
        for r in runs
    ]


def _has_page(tracker: Connection, run_id: str) -> bool:
    """Whether a run has a page; runs of earlier versions have none."""
    try:
        return PAGE in tracker.files_of(run_id)
    except TrackingError:
        return False
