"""What each precision changes: the terminal table, the CSV files, and the figure over layers."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np

from emo.config.enums import PrecisionName
from emo.config.precisions import VARIANTS
from emo.core.compare.precision import PrecisionRow
from emo.core.compare.rounding import KINDS, RULE
from emo.report.runs import terminal
from emo.report.runs.extract import RANDOM
from emo.report.style import GREY, LAYER, PANEL, SERIES, SMALL, TITLE, blank, grid, whole_layers
from emo.report.table import records_csv

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

REFERENCE = PrecisionName.fp32.value
"""The precision that all others are compared with."""
MEANING = (
    "Numbers are 1 - cosine, for RDMs 1 - rho. Rounding alone: about half the distance of a precision "
    "from its replicate (the same precision, inputs moved by one unit in the last place), since each of "
    "the two has rounding of its own; the whole distance where both sides compared are of this "
    "precision."
)
"""What the numbers beside each other are."""
WHERE = "50%"
"""The depth for which the terminal table shows every number; rho is shown at all depths."""

Curves = Mapping[str, Mapping[str, np.ndarray]]
"""Precision -> name of a quantity -> its value at every layer."""


def terminal_text(rows: Sequence[PrecisionRow], title: str, note: str = "") -> str:
    """What each precision changes beside its own rounding, then one line per precision."""
    layers = ", ".join(f"{where} = layer {x.layer}" for where, x in rows[0].at.items())
    lines = [*terminal.heading(title, note), *rounding_lines(rows)]
    lines += [
        f"  against {REFERENCE} on the same texts; {layers} (best: of {REFERENCE})",
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


def answer(rows: Sequence[PrecisionRow], random: bool = False) -> str:
    """How far each precision is from the reference, and where it is farther than rounding takes it."""
    sentences = [RANDOM] if random else []
    rho = [
        f"{row.name} {row.at[WHERE].rho:.3f}"
        for row in rows
        if row.against == REFERENCE != row.name and row.at[WHERE].rho is not None
    ]
    if rho:
        sentences.append(
            f"At {WHERE} of the depth the RDM agrees with that of {REFERENCE} at rho {', '.join(rho)}."
        )
    for row in rows:
        if row.layers_beyond is not None:
            found = [f"{KINDS[kind]} at {n}" for kind, n in row.layers_beyond.items() if n]
            beyond = f"{', '.join(found)} of {row.n_layers} layers" if found else "nothing anywhere"
            sentences.append(f"{row.name} moves beyond its own rounding: {beyond}.")
    return " ".join(sentences)


def rounding_lines(rows: Sequence[PrecisionRow]) -> list[str]:
    """Two lines per precision that has a replicate, and what they mean below them."""
    measured = [row for row in rows if row.layers_beyond is not None]
    if not measured:
        return []
    lines = [line for row in measured for line in _beside_rounding(row)]
    meaning = textwrap.wrap(f"{MEANING} {RULE}", 118, initial_indent="  ", subsequent_indent="  ")
    return [*lines, *meaning, ""]


def _beside_rounding(row: PrecisionRow) -> list[str]:
    """How far a precision moves things, what rounding alone gives, and where it is shown to be more."""
    x = row.at[WHERE]
    # Both sides round where two readings of one precision are compared, fp32 hardly does.
    share = 0.5 if row.against == REFERENCE else 1.0
    similar = (
        (x.cosine_mean, x.own_cosine_mean),
        (x.vector_cosine, x.own_vector_cosine),
        (x.rho, x.own_rho),
    )
    moved = "; ".join(
        f"{what} {_moved(effect)}, rounding alone gives {_moved(own, share)}"
        for what, (effect, own) in zip(KINDS.values(), similar, strict=True)
    )
    assert row.layers_beyond is not None
    beyond = ", ".join(f"{KINDS[kind]} at {n}" for kind, n in row.layers_beyond.items())
    return [
        f"  {row.name}: {moved} (at {WHERE})",
        f"    farther than from its replicate: {beyond} of {row.n_layers} layers",
    ]


def _moved(similarity: float | None, share: float = 1.0) -> str:
    return "-" if similarity is None else f"{max(share * (1 - similarity), 0):.2g}"


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
    """Layers in few words: 7, 8, 9, 12 is '7-9, 12'."""
    parts: list[list[int]] = []
    for layer in layers:
        if parts and parts[-1][-1] == layer - 1:
            parts[-1].append(layer)
        else:
            parts.append([layer])
    return ", ".join(str(p[0]) if len(p) == 1 else f"{p[0]}-{p[-1]}" for p in parts)


def rows_csv(rows: Sequence[PrecisionRow]) -> str:
    """The table as CSV: one row per precision.

    The numbers at a depth have that depth in front of their names.
    """
    records = []
    for row in rows:
        record = {k: v for k, v in asdict(row).items() if k not in ("at", "non_finite_layers")}
        record["non_finite_layers"] = _ranges(row.non_finite_layers)
        for where, numbers in row.at.items():
            record |= {f"{where} {name}": value for name, value in asdict(numbers).items()}
        records.append(record)
    return records_csv(records)


def layers_csv(curves: Curves) -> str:
    """Every curve as CSV: one row per precision and layer; a value that is not finite is empty."""
    records = []
    columns = dict.fromkeys(k for quantities in curves.values() for k in quantities)
    for name, quantities in curves.items():
        n_layers = len(next(iter(quantities.values())))
        nothing = np.full(n_layers, np.nan)
        for layer in range(n_layers):
            values = {k: float(quantities.get(k, nothing)[layer]) for k in columns}
            records.append(
                {"precision": name, "layer": layer}
                | {k: repr(x) if np.isfinite(x) else None for k, x in values.items()}
            )
    return records_csv(records)


def depth_figure(curves: Curves, title: str) -> Figure:
    """Four panels over layers: two distances from the reference, rho of the RDM, anisotropy.

    Dotted in the same colour: the precision's replicate with the precision.
    """
    figure = blank(10, 8)
    axes = figure.subplots(2, 2, sharex=True)
    others = {name: x for name, x in curves.items() if name != REFERENCE}
    for i, (name, quantities) in enumerate(others.items()):
        colour, style = SERIES[i % len(SERIES)], "--" if _variant(name) else "-"
        _distance(axes[0, 0], quantities["cosine_mean"], name, colour, style)
        _distance(axes[0, 1], quantities["vector_cosine"], name, colour, style)
        axes[1, 0].plot(quantities["rho"], color=colour, ls=style)
        if "own_rho" in quantities and not _variant(name):  # which has the replicate of INT8
            _distance(
                axes[0, 0], quantities["own_cosine_mean"], f"{name}, its replicate", colour, ":"
            )
            _distance(axes[0, 1], quantities["own_vector_cosine"], None, colour, ":")
            axes[1, 0].plot(quantities["own_rho"], color=colour, ls=":")
        if "_vs_" not in name:  # the anisotropy belongs to a precision, not to a comparison of two
            axes[1, 1].plot(quantities["anisotropy"], color=colour, ls=style)
    if (reference := curves.get(REFERENCE)) is not None:
        for panel, quantity, label in (
            (axes[1, 0], "reliability", f"reliability, {REFERENCE}"),
            (axes[1, 1], "anisotropy", REFERENCE),
        ):
            panel.plot(reference[quantity], color=GREY, ls=":", label=label)
            panel.legend(fontsize=SMALL)
    titles = (
        f"activations: 1 - mean cosine with {REFERENCE}",
        f"emotion vectors: 1 - mean cosine with {REFERENCE}",
        f"Spearman rho of the RDM with that of {REFERENCE}",
        "anisotropy (neutral sentences)",
    )
    for panel, words in zip(axes.flat, titles, strict=True):
        panel.set_title(words, fontsize=PANEL)
        grid(panel)
        whole_layers(panel)
    for panel in axes[1]:
        panel.set_xlabel(LAYER)
    if others:
        lines, labels = axes[0, 0].get_legend_handles_labels()
        figure.legend(lines, labels, loc="outside lower center", ncols=3, fontsize=SMALL)
    figure.suptitle(title, fontsize=TITLE)
    return figure


def _variant(name: str) -> bool:
    """Whether a precision, or a comparison of two, is of a variant of INT8."""
    return any(f"_{variant}" in name for variant in VARIANTS)


def _distance(axes: Axes, cosine: np.ndarray, name: str | None, colour: str, style: str) -> None:
    """Draw 1 - cosine on a logarithmic axis, except where only the last bits differ."""
    distance = 1 - cosine
    distance = np.where(distance > 1e-12, distance, np.nan)
    axes.semilogy(distance, color=colour, ls=style, label=name)


def metrics(rows: Sequence[PrecisionRow]) -> dict[str, float | None]:
    """The table as flat metrics: what, precision, landmark."""
    out: dict[str, float | None] = {}
    for row in rows:
        for where, point in row.at.items():
            place = where.removesuffix("%")
            kinds = ["cosine_mean", "cosine_min", "vector_cosine", "rho", "reliability"]
            if row.layers_beyond is not None:
                kinds += ["own_cosine_mean", "own_cosine_min", "own_vector_cosine", "own_rho"]
                kinds += [f"excess_{kind}_low" for kind in KINDS]
            for kind in kinds:
                out[f"{kind}_{row.name}_{place}"] = getattr(point, kind)
        out[f"best_layer_{row.name}"] = row.best_layer
        out[f"non_finite_layers_{row.name}"] = len(row.non_finite_layers)
        for kind, n in (row.layers_beyond or {}).items():
            out[f"layers_beyond_{kind}_{row.name}"] = n
        out[f"weights_bytes_{row.name}"] = row.weights_bytes
        out[f"seconds_per_text_{row.name}"] = row.seconds_per_text
    return out
