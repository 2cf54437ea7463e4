"""The short table that a run of job=extract prints at its end."""

from __future__ import annotations

from math import isfinite

from emo.core.records import Descriptors, LayerChoice, NestedChoice
from emo.report.runs import terminal
from emo.report.runs.valence import valence_row

CRITERIA = {
    "mean_cosine": "published: lowest mean cosine",
    "reliability": "highest split-half reliability",
    "accuracy": "highest left-out accuracy",
}

ACCURACIES = {
    "accuracy": ("accuracy", "nearest centroid, raw activations"),
    "accuracy_z": ("  z-scored", "nearest centroid, dimensions z-scored"),
    "accuracy_lda": ("  LDA", "linear discriminant, shrunk covariance"),
}
"""Curves of left-out accuracy, with their names and words."""


def terminal_text(d: Descriptors, title: str, note: str = "") -> str:
    """The descriptors of one run as about thirty lines of plain text."""
    best = f"{d.best_layer} of {d.n_layers} ({d.best_layer_pct:.1f} %), as published"
    rows = [
        ("best layer", f"{best}; chosen on these passages"),
        ("anisotropy", terminal.anisotropy(d.anisotropy, d.anisotropy_flag, _anisotropy_bounds(d))),
        ("RDM std", f"{d.rdm_std:.4f}{_null(d, 'rdm_std')}"),
        ("reliability", _reliability(d)),
        *terminal.reliability_flag(d.reliability_flag),
        *((name, _accuracy(d, curve, words)) for curve, (name, words) in ACCURACIES.items()),
        valence_row(d.valence, d.split_unit),
        ("nearest pair", terminal.emotion_pair(d.nearest)),
        ("farthest pair", terminal.emotion_pair(d.farthest)),
    ]
    lines = [*terminal.heading(title, note), *terminal.aligned(rows)]
    lines.append(f"  layer by each criterion, bootstrap over {d.split_unit}s:")
    for name, choice in d.choices.items():
        lines.append(f"    {CRITERIA[name]:<32} {_choice(choice)}")
        if choice is not None and name in d.nested:
            lines += _nested(d.nested[name], d.split_unit)
    published = d.choices["mean_cosine"]
    if published is not None:
        lines.append(
            f"    the published criterion is {published.value:.4f} there; analytic floor "
            f"{d.analytic_floor:.4f}{_null(d, 'mean_cosine')}"
        )
    lines += terminal.non_finite_layers(d.n_layers, d.finite_layers)
    return "\n".join(lines)


def _anisotropy_bounds(d: Descriptors) -> tuple[float, float] | None:
    bounds = d.intervals.get("anisotropy")
    return bounds and (float(bounds.low[d.best_layer]), float(bounds.high[d.best_layer]))


def _null(d: Descriptors, name: str) -> str:
    return terminal.permuted(d.nulls, name, d.best_layer)


def _reliability(d: Descriptors) -> str:
    if d.reliability is None:
        return _too_few(d)
    measure = f"split halves of the passages, by {d.split_unit}"
    return f"{d.reliability:.3f} ({measure}){_null(d, 'reliability')}"


def _accuracy(d: Descriptors, curve: str, words: str) -> str:
    value, bounds = d.at_best(curve), d.intervals.get(curve)
    if value is None:
        return _too_few(d)
    interval = ""
    if bounds is not None and isfinite(bounds.low[d.best_layer]):
        interval = f"{bounds.low[d.best_layer]:.3f} to {bounds.high[d.best_layer]:.3f}; "
    chance = f"; chance {d.chance:.3f}" if curve == "accuracy" else ""
    measure = f"{interval}{words}, left out{chance}"
    return f"{value:.3f} ({measure}){_null(d, curve)}"


def _too_few(d: Descriptors) -> str:
    return f"not available: too few {d.split_unit}s per emotion to split"


def _choice(choice: LayerChoice | None) -> str:
    if choice is None:
        return "not available"
    if choice.share != choice.share:  # NaN
        return f"layer {choice.layer} (no interval: too few passages)"
    return (
        f"layer {choice.layer}, 95 % interval {choice.low}-{choice.high}, chosen in "
        f"{choice.share:.0%} of replicates"
    )


def _nested(nested: NestedChoice, unit: str) -> list[str]:
    """What a layer chosen on half of the passages shows on the other half."""
    measures = [
        f"{name} {other:.3f} (on its own half {same:.3f})"
        for name, other, same in (
            ("reliability", nested.reliability, nested.reliability_same),
            ("accuracy with half as many passages", nested.accuracy, nested.accuracy_same),
        )
        if other is not None and same is not None
    ]
    measures += [
        f"{name} {value:.3f}"
        for name, value in (
            ("z-scored accuracy", nested.accuracy_z),
            ("LDA accuracy", nested.accuracy_lda),
        )
        if value is not None
    ]
    if not measures:
        return []
    return [f"      chosen on half of the {unit}s it shows on the other: {', '.join(measures)}"]
