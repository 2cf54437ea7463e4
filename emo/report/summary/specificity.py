"""What a summary says of emotion geometry beside situation geometry."""

from __future__ import annotations

import numpy as np

from emo.config.enums import Label
from emo.core.compare.leaving_out import mean_over_pairs
from emo.core.compare.specificity import Shared, Specificity, order
from emo.core.stats.intervals import Estimates
from emo.report.table import Entry, Interval, Table
from emo.summary.assemble import Summary
from emo.summary.specificity import BothLabels


def specificity_table(s: Summary) -> list[Table]:
    """One row per pair of models that have been read under both labels, and one of their mean."""
    both = s.both_labels
    if both is None:
        return []
    n = len(both.result.models)
    pairs = [(i, j) for i in range(n) for j in range(i + 1, n)]
    rows = [_pair(both, i, j) for i, j in pairs]
    if len(pairs) > 1:
        rows = [_mean(both.result), *rows]
    return [
        Table(
            "specificity",
            "Emotions and situations",
            "The same passages labelled by emotion (halves by situation) and by situation (halves by "
            "emotion), each model at its layer by job.summarize.layer for that label. Disjoint rho "
            "over its ceiling has an interval over items and labels: Fieller's over a jackknife of "
            "items and over one of labels, the outer bounds of both (95 %). Difference: of emotions "
            "less of situations, with the interval made of both (Zou & Donner 2008)."
            f"{' Intervals of pairs are not corrected over the pairs.' * (len(pairs) > 1)}",
            (
                *("models", "layers, emotions", "layers, situations"),
                *("disjoint, emotions", "ceiling, emotions", "over ceiling, emotions"),
                *("disjoint, situations", "ceiling, situations", "over ceiling, situations"),
                *("difference", "which"),
            ),
            tuple(rows),
            key=(
                *("models", "over ceiling, emotions", "over ceiling, situations", "difference"),
                "which",
            ),
        )
    ]


def specificity_sentence(r: Specificity) -> str:
    """Which geometry is shared more, of what noise allows each, in one sentence."""
    d, means = r.mean_difference, (r.emotion.mean, r.situation.mean)
    of = [f"{m.value:.2f}" if np.isfinite(m.value) else "nothing" for m in means]
    measured = (
        f"On the same passages the models share {of[0]} of what noise allows of the geometry of "
        f"emotions, and {of[1]} of that of situations"
    )
    if not np.isfinite([d.low, d.high]).all():
        return f"{measured}; these passages cannot tell which is shared more."
    bounds = f"difference {d.value:.2f}, 95 % interval {d.low:.2f} to {d.high:.2f}"
    return f"{measured} ({bounds}): {order(d).value}."


def _pair(both: BothLabels, i: int, j: int) -> tuple[Entry, ...]:
    r = both.result
    layers = [" and ".join(str(both.layers[label][k]) for k in (i, j)) for label in Label]
    return (
        f"{r.models[i]} and {r.models[j]}",
        *layers,
        *_measured(r.emotion, i, j),
        *_measured(r.situation, i, j),
        *_told(r.difference[i, j]),
    )


def _measured(of: Shared, i: int, j: int) -> tuple[Entry, ...]:
    return (
        float(of.disjoint[i, j]),
        float(of.ceiling[i, j]),
        Interval.of(of.over_ceiling[i, j]),
    )


def _mean(r: Specificity) -> tuple[Entry, ...]:
    sides: list[Entry] = []
    for of in (r.emotion, r.situation):
        means = (mean_over_pairs(of.disjoint), mean_over_pairs(np.nan_to_num(of.ceiling)))
        sides += [*map(float, means), Interval.of(of.mean)]
    return ("mean over the pairs", None, None, *sides, *_told(r.mean_difference))


def _told(difference: Estimates) -> tuple[Entry, ...]:
    return Interval.of(difference), order(difference).value
