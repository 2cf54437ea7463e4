"""The table of what the texts alone predict of every model's geometry."""

from __future__ import annotations

from emo.core.compare.baselines import ALL
from emo.core.compare.text_maps import Learning
from emo.core.compare.text_products import AXES
from emo.report.summary.baseline_tables import baseline_words
from emo.report.summary.several import with_rows
from emo.report.table import Entry, Interval, Table
from emo.summary.assemble import Summary

CAPTION = (
    "How much of each model's geometry linear maps predict from the texts alone, at the layer that "
    "models are compared at. Every passage is predicted by a map that has learnt from other situations, "
    "and predictions are compared with passages that no map has seen. Vectors: share of the reliable "
    "squared differences between emotion vectors; below 0 where predicting is worse than not "
    "predicting. RDM: squared disattenuated rho of predicted and observed RDM, negative where rho is. "
    "Axes: share of each of the leading principal axes of the emotion vectors. No share is formed "
    "where the two halves of what it is a share of do not agree. "
    f"{Learning.across.value.capitalize()}: maps may use "
    "whatever tells emotions apart, so that a text that names its emotion predicts all that the model "
    f"knows of it; an upper reading. {Learning.within.value.capitalize()}: maps learn from how texts of "
    "one emotion differ, so they hold what a feature of the text does to activations whatever the "
    "emotion; a lower reading, the more so the more features there are per passage. "
    f"{ALL.capitalize()}: every kind of text features at once, all of one weight. 95 % jackknife "
    "intervals over items."
)


def text_share_table(s: Summary) -> list[Table]:
    """One row per model, kind of text features and way of learning."""
    rows = tuple(
        (
            share.model,
            baseline_words(share.text),
            share.learning.value,
            Interval.of(share.vectors),
            Interval.of(share.rdm),
            *_axes([Interval.of(axis) for axis in share.axes]),
        )
        for share in s.text_shares
    )
    columns = ("model", "text", "maps learn", "vectors", "RDM")
    axes = tuple(f"axis {k + 1}" for k in range(AXES))
    title = "What the texts alone predict"
    return with_rows(Table("text_shares", title, CAPTION, (*columns, *axes), rows, names=3))


def _axes(shares: list[Interval]) -> list[Entry]:
    return [*shares, *[None] * (AXES - len(shares))]
