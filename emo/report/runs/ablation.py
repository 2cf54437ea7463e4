"""What job=ablate shows: the ranking, all effects and points, two figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, astuple, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from emo.core.conditions.ablation import Ablation
from emo.core.geometry.generated import TextCounts
from emo.core.stats.factorial import full_factorial
from emo.core.stats.intervals import Estimates
from emo.files.csv_files import csv_text
from emo.files.plain_records import from_plain
from emo.files.reading import reads, record_of
from emo.report.runs.extract_figures import BLUE, GREEN, GREY, ORANGE, blank

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Cost:
    """What the factorial took, and what separate runs would have written."""

    texts_written: int
    texts_reused: int
    tokens_written: int
    tokens_distinct: int
    """Of all distinct texts, written now or before."""
    tokens_separate: int
    """Of 256 runs that share nothing, greedy repeats counted once."""
    tokens_nominal: int
    """Of the same runs writing greedy repeats again, as published."""
    forward_passes: int
    seconds_writing: float
    seconds_reading: float
    seconds_comparing: float


@dataclass(frozen=True)
class Ground:
    """What the settings rest on."""

    counts: tuple[TextCounts, ...]
    """Of every setting, in the order of the points."""
    templated: bool
    """Whether the model has a chat template, which the settings that ask for one then have."""
    best_layer: int
    best_run: str
    """The comprehension run that names this layer."""

    @property
    def repeating(self) -> int:
        """Settings whose effective n is below their nominal n."""
        return sum(c.effective < c.nominal - 1e-9 for c in self.counts)

    def metrics(self) -> dict[str, float]:
        """What extract logs of its texts, of the matched and of the loose setting."""
        out = {
            f"n_{name}_{level}": float(value)
            for level, counts in (("matched", self.counts[0]), ("loose", self.counts[-1]))
            for name, value in asdict(counts).items()
            if value is not None  # a level without neutral stories
        }
        return out | {"settings_repeating": self.repeating, "best_layer": self.best_layer}


def summary(a: Ablation, title: str, note: str, cost: Cost, ground: Ground) -> str:
    """The ranking as plain text."""
    t, n = a.texts, len(a.responses.rho)
    drop = t.drop
    lines = [title]
    if note:
        lines.append(f"  note: {note}")
    lines += [
        f"  rho of loose with matched {a.responses.rho[-1]:+.3f}; the drop {float(drop.value):.3f} "
        f"{_interval(drop)} over texts, {_interval(a.emotions['drop'])} over emotions",
        f"  {n} settings, {len(a.responses.emotions)} emotions, {t.n_replicates} replicates",
        f"  texts an emotion: matched {_counts(ground.counts[0])}; "
        f"loose {_counts(ground.counts[-1])}",
        f"  effective n is below nominal in {ground.repeating} of {n} settings",
        f"  best layer {ground.best_layer} (comprehension run {ground.best_run}); chat template "
        f"{'applied' if ground.templated else 'not applied: the model has none'}",
        "",
        "  share of the drop (Shapley), with 95 % intervals, and one at a time:",
        f"  {'':<16}{'rank':<10}{'Shapley':>8}  {'over texts':<17}{'over emotions':<17}"
        f"{'main':>7}{'from matched':>14}{'from loose':>12}",
    ]
    for name in t.ranking:
        i = t.factors.index(name)
        lines.append(
            f"  {name:<16}{_rank(t.rank[i]):<10}{t.shapley.value[i]:>+8.3f}  "
            f"{_interval(t.shapley[i]):<17}"
            f"{_interval(a.emotions['shapley'][i]):<17}{t.main.value[i]:>+7.3f}"
            f"{t.loosened.value[i]:>+14.3f}{t.restored.value[i]:>+12.3f}"
        )
    largest = np.argsort(-np.abs(t.interaction.value))[:3]
    pairs = (f"{' x '.join(t.pairs[k])} {t.interaction.value[k]:+.3f}" for k in largest)
    lines += [
        "  rank: by Shapley value, with the interval over texts; main: mean change of rho when "
        "loosened;",
        "  from matched, from loose: this one alone changed",
        f"  largest interactions: {', '.join(pairs)}",
        f"  texts {cost.texts_written} written ({cost.tokens_written} tokens), "
        f"{cost.texts_reused} reused; forward passes {cost.forward_passes}",
        f"  {n} separate runs would write {cost.tokens_separate} tokens, "
        f"{cost.tokens_separate / max(cost.tokens_distinct, 1):.0f} times as many as there are "
        f"({cost.tokens_distinct}); {cost.tokens_nominal} with greedy repeats written again",
    ]
    return "\n".join(lines)


def _interval(e: Estimates) -> str:
    low, high = float(e.low), float(e.high)
    return "" if low != low else f"[{low:+.2f}, {high:+.2f}]"


def _rank(e: Estimates) -> str:
    low, high = float(e.low), float(e.high)
    return f"{float(e.value):.0f}" + ("" if low != low else f" [{low:.0f}, {high:.0f}]")


def _counts(c: TextCounts) -> str:
    short = f", {c.short} too short" if c.short else ""
    return (
        f"{c.nominal:g} nominal, {c.distinct:g} distinct, {c.effective:.3g} effective in the mean"
        f"{short}"
    )


def metrics(a: Ablation, cost: Cost, ground: Ground) -> dict[str, float | None]:
    """Effects by sub-parameter, the texts and the cost, as flat metrics."""
    t = a.texts
    out: dict[str, float | None] = {
        "rho_loose": float(a.responses.rho[-1]),
        "drop": float(t.drop.value),
    }
    for i, name in enumerate(t.factors):
        for kind in ("shapley", "main", "loosened", "restored", "rank"):
            out[f"{kind}_{name}"] = float(getattr(t, kind).value[i])
    for name in Cost.__annotations__:
        out[name] = getattr(cost, name)
    return out | ground.metrics()


@reads
def read_shown(path: Path) -> dict[str, Any]:
    """Summary and metrics of a logged ablation.

    Raises
    ------
    DamagedFile
        If the file has none.
    """
    raw = record_of(dict[str, Any], path)
    kinds = {"summary": str, "metrics": dict[str, Any]}
    return {name: from_plain(kind, raw[name], name) for name, kind in kinds.items()}


def points_csv(a: Ablation, ground: Ground) -> str:
    """Every setting (0 matched, 1 loose): its rho, the interval over texts, its numbers of texts."""
    low, high = np.nanpercentile(a.responses.replicates, [2.5, 97.5], axis=0)
    levels = full_factorial(len(a.texts.factors))
    rows = zip(levels, a.responses.rho, low, high, ground.counts, strict=True)
    return csv_text(
        [*a.texts.factors, "rho", "low", "high", *(f"n_{f.name}" for f in fields(TextCounts))],
        [[*map(int, x), *map(float, rest), *astuple(counts)] for x, *rest, counts in rows],
    )


def effects_csv(a: Ablation) -> str:
    """Every effect with both intervals; a rank is no smooth function, a jackknife gives it none."""
    rows = []
    nothing = np.full(len(a.texts.factors), np.nan)
    over_emotions = {**a.emotions, "rank": Estimates(a.texts.rank.value, nothing, nothing)}
    for kind, emotions in over_emotions.items():
        texts = getattr(a.texts, kind)
        names = {"interaction": [" x ".join(p) for p in a.texts.pairs], "drop": ["all"]}
        for i, name in enumerate(names.get(kind, a.texts.factors)):
            over = [np.atleast_1d(x)[i] for e in (texts, emotions) for x in (e.low, e.high)]
            rows.append([kind, name, float(np.atleast_1d(texts.value)[i]), *map(float, over)])
    header = ["effect", "of", "value", "low_texts", "high_texts", "low_emotions", "high_emotions"]
    return csv_text(header, rows)


def effects_figure(a: Ablation, title: str) -> Figure:
    """Shapley values and one-at-a-time changes, in the order of the ranking."""
    t = a.texts
    order = [t.factors.index(name) for name in t.ranking]
    names = [f"{t.factors[i]}  {_rank(t.rank[i])}" for i in order]
    figure = blank(11, 4.9)
    left, right = figure.subplots(1, 2, sharey=True)
    _bars(left, t.shapley, order, BLUE, 0.0, "interval over texts")
    _bars(left, a.emotions["shapley"], order, ORANGE, 0.28, "interval over emotions", bar=False)
    left.set_title(f"share of the drop of rho ({float(t.drop.value):.2f})", fontsize=10)
    _bars(right, t.loosened, order, GREEN, -0.18, "from matched: this one loose")
    _bars(right, t.restored, order, GREY, 0.18, "from loose: this one matched again")
    right.set_title("one at a time: change of rho", fontsize=10)
    left.set_yticks(range(len(names)), names)
    left.set_ylabel("rank by Shapley value, interval over texts", fontsize=8)
    left.invert_yaxis()
    for panel in (left, right):
        panel.axvline(0, color="black", lw=0.8)
        panel.grid(axis="x", alpha=0.25)
        panel.legend(
            fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.06), ncol=2, frameon=False
        )
    figure.suptitle(title, fontsize=11)
    return figure


def _bars(
    panel: Axes,
    e: Estimates,
    order: Sequence[int],
    colour: str,
    shift: float,
    label: str,
    bar: bool = True,
) -> None:
    at, value = np.arange(len(order)) + shift, e.value[order]
    if bar:
        panel.barh(at, value, height=0.34, color=colour, alpha=0.75, label=label)
    low, high = e.low[order], e.high[order]
    panel.hlines(at, low, high, color="black" if bar else colour, lw=1.3)
    if not bar:
        panel.plot(value, at, "|", color=colour, label=label)


def interactions_figure(a: Ablation, title: str) -> Figure:
    """Two-way interactions as a matrix, main effects on the diagonal."""
    t = a.texts
    k = len(t.factors)
    grid = np.full((k, k), np.nan)
    i, j = np.triu_indices(k, 1)
    grid[j, i] = t.interaction.value
    grid[np.diag_indices(k)] = t.main.value
    reach = float(np.nanmax(np.abs(grid))) or 1.0
    figure = blank(8, 6.5)
    axes = figure.add_subplot()
    image = axes.imshow(grid, cmap="RdBu_r", vmin=-reach, vmax=reach)
    axes.set_xticks(range(k), t.factors, rotation=45, ha="right")
    axes.set_yticks(range(k), t.factors)
    for row in range(k):
        for column in range(row + 1):
            axes.text(
                column, row, f"{grid[row, column]:+.2f}", ha="center", va="center", fontsize=7
            )
    axes.set_title(f"{title}\nmain effects (diagonal) and interactions, change of rho", fontsize=10)
    figure.colorbar(image, ax=axes, shrink=0.8, label="change of rho")
    return figure
