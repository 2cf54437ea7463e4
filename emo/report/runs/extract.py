"""The short table that a run of job=extract prints at its end."""

from __future__ import annotations

from emo.core.records import Descriptors, LayerChoice
from emo.report.runs import terminal

CRITERIA = {
    "mean_cosine": "published: lowest mean cosine",
    "reliability": "highest split-half reliability",
    "accuracy": "highest left-out accuracy",
}


def terminal_text(d: Descriptors, title: str, note: str = "") -> str:
    """The descriptors of one run as about twenty lines of plain text."""
    rows = [
        ("best layer", f"{d.best_layer} of {d.n_layers} ({d.best_layer_pct:.1f} %), as published"),
        ("anisotropy", terminal.anisotropy(d.anisotropy, d.anisotropy_flag)),
        ("RDM std", f"{d.rdm_std:.4f}"),
        ("reliability", _or_not(d.reliability, "split halves of the passages", d)),
        ("accuracy", _or_not(d.accuracy, f"nearest centroid, left out; chance {d.chance:.3f}", d)),
        ("nearest pair", terminal.emotion_pair(d.nearest)),
        ("farthest pair", terminal.emotion_pair(d.farthest)),
    ]
    lines = [*terminal.heading(title, note), *terminal.aligned(rows)]
    lines.append(f"  layer by each criterion, bootstrap over {d.split_unit}s:")
    lines += [f"    {CRITERIA[name]:<32} {_choice(choice)}" for name, choice in d.choices.items()]
    published = d.choices["mean_cosine"]
    if published is not None:
        lines.append(
            f"    the published criterion is {published.value:.4f} there; analytic floor "
            f"{d.analytic_floor:.4f}, pure noise {d.simulated_noise:.4f}"
        )
    lines += terminal.non_finite_layers(d.n_layers, d.finite_layers)
    return "\n".join(lines)


def _or_not(value: float | None, measure: str, d: Descriptors) -> str:
    if value is None:
        return f"not available: too few {d.split_unit}s per emotion to split"
    return f"{value:.3f} ({measure}, by {d.split_unit})"


def _choice(choice: LayerChoice | None) -> str:
    if choice is None:
        return "not available"
    if choice.share != choice.share:  # NaN
        return f"layer {choice.layer} (no interval: too few passages)"
    return (
        f"layer {choice.layer}, 95 % interval {choice.low}-{choice.high}, chosen in "
        f"{choice.share:.0%} of replicates"
    )
