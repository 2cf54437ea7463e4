"""The short table a run ends with on the terminal."""

from __future__ import annotations

from emo.core.records import Descriptors, LayerChoice

NAMES = {
    "mean_cosine": "published: lowest mean cosine",
    "reliability": "highest split-half reliability",
    "accuracy": "highest left-out accuracy",
}


def summary(d: Descriptors, title: str, note: str = "") -> str:
    """Descriptors as plain text, about twenty lines."""
    lines = [title]
    if note:
        lines.append(f"  note: {note}")
    rows: list[tuple[str, str]] = [
        (
            "best layer",
            f"{d.best_layer} of {d.n_layers} ({d.best_layer_pct:.1f} %), as published",
        ),
        (
            "anisotropy",
            f"{d.anisotropy:.4f}"
            + (" UNRELIABLE: above 0.95, no cosine can be trusted" if d.anisotropy_flag else ""),
        ),
        ("RDM std", f"{d.rdm_std:.4f}"),
        ("reliability", _or_not(d.reliability, "split halves of the passages", d)),
        (
            "accuracy",
            _or_not(d.accuracy, f"nearest centroid, left out; chance {d.chance:.3f}", d),
        ),
        ("nearest pair", _pair(d.nearest)),
        ("farthest pair", _pair(d.farthest)),
    ]
    lines += [f"  {name:<14} {text}" for name, text in rows]
    lines.append(f"  layer by each criterion, bootstrap over {d.split_unit}s:")
    lines += [f"    {NAMES[name]:<32} {_choice(c)}" for name, c in d.choices.items()]
    published = d.choices["mean_cosine"]
    if published is not None:
        lines.append(
            f"    the published criterion is {published.value:.4f} there; analytic floor "
            f"{d.analytic_floor:.4f}, pure noise {d.simulated_noise:.4f}"
        )
    lost = sorted(set(range(d.n_layers)) - set(d.finite_layers))
    if lost:
        lines.append(f"  non-finite layers, left out: {', '.join(map(str, lost))}")
    return "\n".join(lines)


def _pair(pair: tuple[str, str, float]) -> str:
    return f"{pair[0]} - {pair[1]} (cosine {pair[2]:+.3f})"


def _or_not(value: float | None, what: str, d: Descriptors) -> str:
    if value is None:
        return f"not available: too few {d.split_unit}s an emotion to split"
    return f"{value:.3f} ({what}, by {d.split_unit})"


def _choice(c: LayerChoice | None) -> str:
    if c is None:
        return "not available"
    if c.share != c.share:
        return f"layer {c.layer} (no interval: too few passages)"
    return f"layer {c.layer}, 95 % interval {c.low}-{c.high}, chosen in {c.share:.0%} of replicates"
