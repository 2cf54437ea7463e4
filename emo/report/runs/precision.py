"""What a precision changes: the terminal table, tables for files, and the figure over depth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np

from emo.core.compare.precision import AtLayer, PrecisionRow
from emo.files.csv_files import csv_text
from emo.report.runs.extract_figures import blank

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's colours, without yellow: told apart with any colour vision.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000", "#777777")

WHERE = "50%"
"""The depth at which the terminal table gives everything; rho it gives at all of them."""


def summary(rows: Sequence[PrecisionRow], title: str, note: str = "") -> str:
    """One line a precision, about as wide as a terminal."""
    at = rows[0].at
    layers = ", ".join(f"{where} = layer {x.layer}" for where, x in at.items())
    lines = [title, *([f"  note: {note}"] if note else [])]
    lines += [
        f"  against fp32 on the same texts; {layers} (best: of fp32)",
        "",
        f"  {'':24}{f'at {WHERE} of the depth':^50}|{'RDM rho at':^24}|",
        f"  {'precision':24}{'cosine':>9}{'smallest':>10}{'vectors':>9}{'reliab.':>9}"
        f"{'anisotropy':>12} |{'25%':>7}{'50%':>7}{'75%':>7}{'best':>7} "
        f"|{'best':>5}{'MiB':>8}{'s/text':>8}",
    ]
    lines += [f"  {_line(row)}" for row in rows]
    for row in rows:
        if row.non_finite_layers and row.against == rows[0].precision:
            lines.append(f"  {row.name}: not finite at layers {_ranges(row.non_finite_layers)}")
    return "\n".join(lines)


def _line(row: PrecisionRow) -> str:
    x = row.at[WHERE]
    rho = "".join(_number(row.at[where].rho, 7, 3) for where in row.at)
    best = "-" if row.best_layer is None else str(row.best_layer)
    return (
        f"{row.name:24}{_number(x.cosine_mean, 9, 5)}{_number(x.cosine_min, 10, 5)}"
        f"{_number(x.vector_cosine, 9, 4)}{_number(x.reliability, 9, 3)}"
        f"{_number(x.anisotropy, 12, 4)} |{rho} |{best:>5}"
        f"{row.weights_bytes / 2**20:>8.1f}{_number(row.seconds_per_text, 8, 3)}"
    )


def _number(x: float | None, width: int, digits: int) -> str:
    return f"{'-':>{width}}" if x is None else f"{x:>{width}.{digits}f}"


def _ranges(layers: Sequence[int]) -> str:
    """7, 8, 9, 12 as '7-9, 12'."""
    parts: list[list[int]] = []
    for layer in layers:
        if parts and parts[-1][-1] == layer - 1:
            parts[-1].append(layer)
        else:
            parts.append([layer])
    return ", ".join(str(p[0]) if len(p) == 1 else f"{p[0]}-{p[-1]}" for p in parts)


def rows_csv(rows: Sequence[PrecisionRow]) -> str:
    """The table as CSV: one line a precision, columns of a landmark prefixed with it."""
    flat = []
    for row in rows:
        entry = {k: v for k, v in asdict(row).items() if k not in ("at", "non_finite_layers")}
        entry["non_finite_layers"] = _ranges(row.non_finite_layers)
        for where, at in row.at.items():
            entry |= {f"{where} {name}": value for name, value in _fields(at).items()}
        flat.append(entry)
    return _csv(flat)


def _fields(at: AtLayer) -> dict[str, float | int | None]:
    return asdict(at)


def layers_csv(curves: Mapping[str, Mapping[str, np.ndarray]]) -> str:
    """Every curve: one line a precision and layer; what is not finite is an empty field."""
    entries = []
    for name, mine in curves.items():
        n_layers = len(next(iter(mine.values())))
        for layer in range(n_layers):
            values = {k: float(v[layer]) for k, v in mine.items()}
            entries.append(
                {"precision": name, "layer": layer}
                | {k: repr(x) if np.isfinite(x) else None for k, x in values.items()}
            )
    return _csv(entries)


def _csv(entries: Sequence[Mapping[str, object]]) -> str:
    return csv_text(list(entries[0]), (list(entry.values()) for entry in entries))


def depth_figure(curves: Mapping[str, Mapping[str, np.ndarray]], title: str) -> Figure:
    """Distance from fp32 over depth, the geometry's agreement with it, and anisotropy."""
    figure = blank(10, 8)
    axes = figure.subplots(2, 2, sharex=True)
    others = {name: mine for name, mine in curves.items() if name != "fp32"}
    for i, (name, mine) in enumerate(others.items()):
        colour, style = COLOURS[i % len(COLOURS)], "--" if "batched" in name else "-"
        _distance(axes[0, 0], mine["cosine_mean"], name, colour, style)
        _distance(axes[0, 1], mine["vector_cosine"], name, colour, style)
        axes[1, 0].plot(mine["rho"], color=colour, ls=style)
        if "_vs_" not in name:
            axes[1, 1].plot(mine["anisotropy"], color=colour, ls=style)
    if (reference := curves.get("fp32")) is not None:
        axes[1, 0].plot(
            reference["reliability"], color="#777777", ls=":", label="reliability, fp32"
        )
        axes[1, 0].legend(fontsize=8)
        axes[1, 1].plot(reference["anisotropy"], color="#777777", ls=":", label="fp32")
        axes[1, 1].legend(fontsize=8)
    titles = (
        "activations: 1 - mean cosine with fp32",
        "emotion vectors: 1 - mean cosine with fp32",
        "Spearman rho of the RDM with fp32's",
        "anisotropy (neutral sentences)",
    )
    for a, words in zip(axes.flat, titles, strict=True):
        a.set_title(words, fontsize=9)
        a.grid(alpha=0.25)
        a.xaxis.get_major_locator().set_params(integer=True)
    for a in axes[1]:
        a.set_xlabel("layer (resid_post)")
    if others:
        axes[0, 0].legend(fontsize=8)
    figure.suptitle(title, fontsize=11)
    return figure


def _distance(axes: Axes, cosine: np.ndarray, name: str, colour: str, style: str) -> None:
    """1 - cosine on a logarithmic axis; what is equal to the last bits is not drawn."""
    distance = 1 - cosine
    distance = np.where(distance > 1e-12, distance, np.nan)
    axes.semilogy(distance, color=colour, ls=style, label=name)
