"""The table that shows what the published flag of anisotropy does not say."""

from __future__ import annotations

from emo.core.flags import ANISOTROPY_FLAG
from emo.core.geometry.projections import constant_added
from emo.report.table import Table
from emo.summary.assemble import Summary


def constant_table(s: Summary) -> list[Table]:
    """Three rows per model: its layer as it is, with a constant vector, without the neutral mean."""
    rows = tuple(
        (m.name, m.layer, shift.name, shift.anisotropy, shift.largest_change)
        for m in s.models
        if m.activations.neutral.shape[1] > 1
        for shift in constant_added(m.activations, 0)
    )
    if not rows:
        return []
    return [
        Table(
            "constant",
            "A constant vector changes anisotropy and no RDM",
            "One vector is added to all raw activations of the layer that models are compared at. "
            f"The {ANISOTROPY_FLAG} can be set and cleared so, while the RDM of the centred emotion "
            "vectors moves by rounding only: by itself the flag says nothing about the RDM. Reliability "
            "does.",
            ("model", "layer", "added", "anisotropy", "largest change of an RDM entry"),
            rows,
        )
    ]
