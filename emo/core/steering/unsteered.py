"""Strength 0: the unsteered texts of a sweep, in the records of steered ones.

What a model writes without an addition is what every dose is read against: a regime that the unsteered
texts have as well is the model's (or its precision's), and no effect of steering.
"""

from __future__ import annotations

from emo.core.steering.dose_response import (
    DoseCell,
    DoseSweep,
    SiteRegime,
    SteeredText,
    cell_of,
    cells,
)
from emo.core.steering.regimes import published_regime, robust_regime

NONE = "none"
"""Direction and site of an unsteered text."""


def unsteered_texts(swept: DoseSweep) -> tuple[SteeredText, ...]:
    """The unsteered text of every scenario and emotion of a sweep, as a dose of strength 0.

    Its shift is 0 where it can be judged, so it is never a success.
    """
    judged = {(t.scenario, t.emotion): t.unsteered for t in swept.steered}
    return tuple(
        SteeredText(
            scenario, emotion, NONE, NONE, 0.0, swept.unsteered[scenario], measures, measures
        )
        for (scenario, emotion), measures in judged.items()
    )


def unsteered_cell(swept: DoseSweep) -> DoseCell:
    """The row of strength 0."""
    return cell_of(NONE, NONE, 0.0, unsteered_texts(swept), swept.limits)


def all_cells(swept: DoseSweep) -> list[DoseCell]:
    """The rows of a table of doses: strength 0 first, then one per direction, site and strength."""
    return [unsteered_cell(swept), *cells(swept.steered, swept.limits)]


def unsteered_regime(swept: DoseSweep) -> SiteRegime:
    """Both rules over the unsteered texts, each scenario's once.

    The limits of the robust rule come from these texts and others of their kind: by perplexity at most
    one in twenty of them can be beyond the limit.
    """
    texts = {t.scenario: t for t in unsteered_texts(swept)}
    measures = [t.measures for t in texts.values()]
    return SiteRegime(
        NONE,
        len(texts),
        published_regime([t.text for t in texts.values()]),
        robust_regime(measures, swept.limits, list(texts)),
    )
