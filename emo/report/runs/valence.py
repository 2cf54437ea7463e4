"""What a run says of its valence: a line of its table, and the panel of its figure."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from emo.core.criterion_search import CriterionSearch, SearchVerdict
from emo.core.geometry.valence import LEAST
from emo.report.style import BLUE, GREY

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ABSENT = f"not available: it needs {LEAST} pleasant or unpleasant emotions, of both (stimuli.poles)"
LABEL = "valence: rho with the RDM of poles"
"""Title of the panel."""


def valence_row(search: CriterionSearch | None, unit: str) -> tuple[str, str]:
    """The row of a table; ``unit`` is what halves are made of: situation, passage, prompt, text."""
    return "valence", ABSENT if search is None else _words(search, unit)


def _words(search: CriterionSearch, unit: str) -> str:
    measured = measured_words(search, unit)
    match search.verdict:
        case SearchVerdict.shown:
            return f"{measured}: the geometry knows pleasant from unpleasant"
        case SearchVerdict.not_shown:
            return f"no layer tells pleasant from unpleasant beyond permuted emotions: {measured}"
        case SearchVerdict.untold | SearchVerdict.absent:
            n = len(search.emotions)
            return f"{measured}: {n} emotions cannot tell, p is at least {search.lowest_p:.2f}"
        case verdict:
            assert_never(verdict)


def measured_words(search: CriterionSearch, unit: str) -> str:
    """rho of the best layer and of layers that other items chose, each with what chance gives."""
    rho = f"rho {search.rho:.2f} at layer {search.layer} (line of the search {search.line:.2f})"
    chosen = search.chosen
    if chosen is None:
        return rho
    return f"{rho}, {chosen.other:.2f} where other {unit}s choose it (line {chosen.line:.2f})"


def valence_panel(axes: Axes, search: CriterionSearch | None) -> None:
    """The best layer and the line of the search, in the panel of the curve; nothing without."""
    if search is not None:
        axes.axhline(search.line, color=GREY, ls=":", lw=1.5, label="line of the search")
        axes.plot(search.layer, search.rho, "o", color=BLUE, ms=9, mfc="none")
