"""How far two readers of one model differ: the terminal table, the CSV, the figure over layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from emo.core.compare.readers import CURVES, Equivalence, EquivalenceReport, tolerance
from emo.files.csv_files import csv_text
from emo.reference import CROSS_BACKEND
from emo.report.runs import terminal
from emo.report.style import (
    BLUE,
    GREEN,
    GREY,
    LAYER,
    ORANGE,
    PANEL,
    TITLE,
    blank,
    grid,
    legend_below,
    whole_layers,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SHOWS = {
    "bridge": "bridge (transformers' modules, wrapped): shows that tokens, masks and hooks are right",
    "hooked": "hooked (an independent forward pass): shows that the mathematics is right",
}
COMPARED = "TransformerLens against transformers"
HEADINGS = ("1-cos mean", "1-cos min", "1-RDM rho", "Frobenius", "relative", "max |d|")


def terminal_text(report: EquivalenceReport, title: str, note: str = "") -> str:
    """One block of lines per reader, then the published figures.

    A block has one line per layer, or a single line where not one bit differs.
    """
    title = f"{title}: {COMPARED}, {report.n_texts} texts"
    lines = terminal.heading(title, note)
    for name, shows in SHOWS.items():
        lines.append(f"  {shows}")
        if name in report.missing:
            lines.append(f"    not available: {report.missing[name]}")
        else:
            lines += _block(report.compared[name])
    p = CROSS_BACKEND
    published = (1 - p.cosine_mean, 1 - p.cosine_min, 1 - p.rdm_rho, p.rdm_frobenius)
    lines += [
        f"  published, one layer: {p.model}, layer {p.layer} of {p.n_layers} ({p.source})",
        f"    {'':<6}" + "".join(f"{heading:>11}" for heading in HEADINGS[:4]),
        f"    {p.layer:<6}" + "".join(f"{x:>11.1e}" for x in published),
    ]
    return "\n".join(lines)


def answer(report: EquivalenceReport) -> str:
    """Whether each reader agrees with transformers, in one sentence per reader."""
    return " ".join(
        [
            *(_agreement(name, e) for name, e in report.compared.items()),
            *(f"{name} is not available: {why}." for name, why in report.missing.items()),
        ]
    )


def _agreement(name: str, e: Equivalence) -> str:
    if set(e.verdicts) == {"exact"}:
        return f"{name} gives the same bits as transformers at all {len(e.verdicts)} layers."
    verb = "agrees" if e.agrees else "DOES NOT AGREE"
    worst = e.worst_layer
    if worst is None:
        return f"{name} {verb} with transformers."
    return (
        f"{name} {verb} with transformers: the largest relative difference is {e.relative[worst]:.1e}, "
        f"at layer {worst}; rounding explains {e.tolerance:.1e}."
    )


def _block(e: Equivalence) -> list[str]:
    verdicts = e.verdicts
    n, worst = len(verdicts), e.worst_layer
    if set(verdicts) == {"exact"}:
        return [f"    exact: not one bit differs in any of the {n} layers"]
    lines = [f"    {'layer':<6}" + "".join(f"{heading:>11}" for heading in HEADINGS) + "  verdict"]
    for layer, verdict in enumerate(verdicts):
        cells = "".join(f"{x:>11.1e}" for x in _cells(e, layer))
        lines.append(f"    {layer:<6}{cells}  {verdict}")
    counts = ", ".join(f"{verdicts.count(v)} {v}" for v in dict.fromkeys(sorted(verdicts)))
    if worst is None:
        return [*lines, f"    DOES NOT AGREE: {counts}"]
    return [
        *lines,
        f"    {'agrees' if e.agrees else 'DOES NOT AGREE'}: {counts}; largest relative difference "
        f"{e.relative[worst]:.1e} at layer {worst}, rounding explains {e.tolerance:.1e}",
    ]


def _cells(e: Equivalence, layer: int) -> tuple[float, ...]:
    """Distances in the order of ``HEADINGS``; all are small where the readers agree."""
    return (
        1 - e.cosine_mean[layer],
        1 - e.cosine_min[layer],
        1 - e.rdm_rho[layer],
        e.rdm_frobenius[layer],
        e.relative[layer],
        e.max_abs[layer],
    )


def to_csv(report: EquivalenceReport) -> str:
    """CSV with one row per reader and layer."""
    rows = [
        [name, layer, *(float(curve[layer]) for curve in e.curves().values()), verdict]
        for name, e in report.compared.items()
        for layer, verdict in enumerate(e.verdicts)
    ]
    return csv_text(["reader", "layer", *CURVES, "verdict"], rows)


def figure(report: EquivalenceReport, title: str) -> Figure:
    """Four distances over layers on logarithmic axes, with the tolerance and the published figures."""
    drawn = blank(9, 7)
    axes = drawn.subplots(2, 2, sharex=True)
    p = CROSS_BACKEND
    panels = (
        ("activations: relative difference", lambda e: e.relative, None),
        ("emotion vectors: 1 - smallest cosine", lambda e: 1 - e.cosine_min, 1 - p.cosine_min),
        ("RDM: relative Frobenius distance", lambda e: e.rdm_frobenius, p.rdm_frobenius),
        ("RDM: 1 - Spearman rho", lambda e: 1 - e.rdm_rho, 1 - p.rdm_rho),
    )
    colours = {"bridge": BLUE, "hooked": ORANGE}
    for panel, (label, curve, published) in zip(axes.flat, panels, strict=True):
        panel.set_title(label, fontsize=PANEL)
        panel.set_yscale("log")
        for name, e in report.compared.items():
            _draw(panel, e, curve(e), name, colours[name])
        if published is not None:
            same_depth = p.layer / p.n_layers * report.n_layers
            panel.plot(
                same_depth, published, "*", color=GREEN, ms=11, label=f"{p.model}, published"
            )
        grid(panel)
    limit = tolerance(report.precision)
    axes[0, 0].axhline(limit, color=GREY, ls="--", lw=1, label="rounding explains up to here")
    for panel in axes.flat:
        legend_below(panel, down=0.24 if panel in axes[1] else 0.12)  # below the name of the axis
        whole_layers(panel)
    for panel in axes[1]:
        panel.set_xlabel(LAYER)
    drawn.suptitle(f"{title}\n{COMPARED}", fontsize=TITLE)
    return drawn


def _draw(axes: Axes, e: Equivalence, curve: np.ndarray, name: str, colour: str) -> None:
    """Draw a curve where it is above zero; one that never is stands in the legend only."""
    remark = ""
    if set(e.verdicts) == {"exact"}:
        curve, remark = np.zeros_like(curve), ": not one bit differs"
    elif not np.isfinite(curve).any():
        remark = ": not finite"
    elif not (curve > 0).any():
        remark = ": zero"
    shown = np.where(curve > 0, curve, np.nan)
    axes.plot(shown, color=colour, marker="o", ms=3, label=f"{name}{remark}")
