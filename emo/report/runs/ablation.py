"""What job=ablate shows: the ranking, the CSV files of effects and settings, two figures."""

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
from emo.report.runs import terminal
from emo.report.style import (
    BLACK,
    BLUE,
    FINE,
    GREEN,
    GREY,
    HEADING,
    ORANGE,
    SIGNED,
    SMALL,
    TITLE,
    blank,
    grid,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Cost:
    """The cost of the factorial, beside the cost of separate runs."""

    texts_written: int
    texts_reused: int
    tokens_written: int
    tokens_distinct: int
    """Tokens of all distinct texts, written now or before."""
    tokens_separate: int
    """Tokens of 256 runs that share nothing; a greedy repeat counts once."""
    tokens_nominal: int
    """Tokens of the same runs where every greedy repeat is written again, as published."""
    forward_passes: int
    seconds_writing: float
    seconds_reading: float
    seconds_comparing: float


@dataclass(frozen=True)
class Ground:
    """The texts, the chat template and the layer behind the numbers of all settings."""

    counts: tuple[TextCounts, ...]
    """Numbers of texts per setting, in the order of ``points.csv``."""
    templated: bool
    """Whether the model has a chat template; without one no setting can apply it."""
    best_layer: int
    best_run: str
    """Id of the comprehension run whose best layer this is."""

    @property
    def repeating(self) -> int:
        """The number of settings whose effective n is below their nominal n."""
        return sum(c.effective < c.nominal - 1e-9 for c in self.counts)

    def metrics(self) -> dict[str, float]:
        """Numbers of texts of the matched and the loose setting, as job=extract logs them."""
        out = {
            f"n_{name}_{level}": float(value)
            for level, counts in (("matched", self.counts[0]), ("loose", self.counts[-1]))
            for name, value in asdict(counts).items()
            if value is not None  # a level without neutral stories
        }
        return out | {"settings_repeating": self.repeating, "best_layer": self.best_layer}


def terminal_text(a: Ablation, title: str, note: str, cost: Cost, ground: Ground) -> str:
    """The ranking of the sub-parameters as plain text."""
    return "\n".join(
        [
            *terminal.heading(title, note),
            *_drop_lines(a, ground),
            "",
            *_ranking_lines(a),
            *_cost_lines(len(a.responses.rho), cost),
        ]
    )


def _drop_lines(a: Ablation, ground: Ground) -> list[str]:
    """How much rho drops from matched to loose, and what this rests on."""
    drop, n = a.texts.drop, len(a.responses.rho)
    return [
        f"  rho of loose with matched {a.responses.rho[-1]:+.3f}; the drop {float(drop.value):.3f} "
        f"{_interval(drop)} over texts, {_interval(a.emotions['drop'])} over emotions",
        f"  {n} settings, {len(a.responses.emotions)} emotions, {a.texts.n_replicates} replicates",
        f"  texts per emotion: matched {_counts(ground.counts[0])}; "
        f"loose {_counts(ground.counts[-1])}",
        f"  effective n is below nominal in {ground.repeating} of {n} settings",
        f"  best layer {ground.best_layer} (comprehension run {ground.best_run}); chat template "
        f"{'applied' if ground.templated else 'not applied: the model has none'}",
    ]


def _ranking_lines(a: Ablation) -> list[str]:
    """One line per sub-parameter in the order of the ranking, and the largest interactions."""
    t = a.texts
    lines = [
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
    return [
        *lines,
        "  rank: by Shapley value, with the interval over texts; main: mean change of rho when "
        "this one is loosened;",
        "  from matched, from loose: change of rho when only this one changes",
        f"  largest interactions: {', '.join(pairs)}",
    ]


def _cost_lines(n_settings: int, cost: Cost) -> list[str]:
    """Texts, tokens and forward passes, beside those of separate runs."""
    times = cost.tokens_separate / max(cost.tokens_distinct, 1)
    return [
        f"  texts {cost.texts_written} written ({cost.tokens_written} tokens), "
        f"{cost.texts_reused} reused; forward passes {cost.forward_passes}",
        f"  {n_settings} separate runs would write {cost.tokens_separate} tokens, "
        f"{times:.0f} times the {cost.tokens_distinct} tokens here "
        f"({cost.tokens_nominal} if greedy repeats were written again)",
    ]


def _interval(e: Estimates) -> str:
    low, high = float(e.low), float(e.high)
    return "" if low != low else f"[{low:+.2f}, {high:+.2f}]"


def _rank(e: Estimates) -> str:
    low, high = float(e.low), float(e.high)
    return f"{float(e.value):.0f}" + ("" if low != low else f" [{low:.0f}, {high:.0f}]")


def _counts(c: TextCounts) -> str:
    short = f", {c.short} too short" if c.short else ""
    return (
        f"{c.nominal:g} nominal, {c.distinct:g} distinct, {c.effective:.3g} effective on average"
        f"{short}"
    )


def metrics(a: Ablation, cost: Cost, ground: Ground) -> dict[str, float | None]:
    """Metrics of the run: effects of the sub-parameters, numbers of texts, cost."""
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
    """The terminal text and the metrics of a logged ablation.

    Raises
    ------
    DamagedFile
        If the file does not hold them.
    """
    raw = record_of(dict[str, Any], path)
    kinds = {"summary": str, "metrics": dict[str, Any]}
    return {name: from_plain(kind, raw[name], name) for name, kind in kinds.items()}


def points_csv(a: Ablation, ground: Ground) -> str:
    """CSV with one row per setting (0 matched, 1 loose): rho with its interval, numbers of texts."""
    low, high = np.nanpercentile(a.responses.replicates, [2.5, 97.5], axis=0)
    levels = full_factorial(len(a.texts.factors))
    rows = zip(levels, a.responses.rho, low, high, ground.counts, strict=True)
    return csv_text(
        [*a.texts.factors, "rho", "low", "high", *(f"n_{f.name}" for f in fields(TextCounts))],
        [[*map(int, x), *map(float, rest), *astuple(counts)] for x, *rest, counts in rows],
    )


def effects_csv(a: Ablation) -> str:
    """CSV with one row per effect, with its intervals over texts and over emotions.

    A rank has no interval over emotions: the jackknife needs a smooth function, and a rank is none.
    """
    rows = []
    nothing = np.full(len(a.texts.factors), np.nan)
    over_emotions = {**a.emotions, "rank": Estimates(a.texts.rank.value, nothing, nothing)}
    for kind, by_emotions in over_emotions.items():
        by_texts = getattr(a.texts, kind)
        names = {"interaction": [" x ".join(p) for p in a.texts.pairs], "drop": ["all"]}
        for i, name in enumerate(names.get(kind, a.texts.factors)):
            bounds = [np.atleast_1d(x)[i] for e in (by_texts, by_emotions) for x in (e.low, e.high)]
            rows.append([kind, name, float(np.atleast_1d(by_texts.value)[i]), *map(float, bounds)])
    header = ["effect", "of", "value", "low_texts", "high_texts", "low_emotions", "high_emotions"]
    return csv_text(header, rows)


def effects_figure(a: Ablation, title: str) -> Figure:
    """Shapley values and changes one at a time, in the order of the ranking."""
    t = a.texts
    order = [t.factors.index(name) for name in t.ranking]
    names = [f"{t.factors[i]}  {_rank(t.rank[i])}" for i in order]
    figure = blank(11, 4.9)
    shares, changes = figure.subplots(1, 2, sharey=True)
    places = np.arange(len(order))
    _bars(shares, _in_order(t.shapley, order), places, BLUE, "interval over texts")
    _marks(
        shares,
        _in_order(a.emotions["shapley"], order),
        places + 0.28,
        ORANGE,
        "interval over emotions",
    )
    shares.set_title(f"share of the drop of rho ({float(t.drop.value):.2f})", fontsize=HEADING)
    _bars(
        changes, _in_order(t.loosened, order), places - 0.18, GREEN, "from matched: this one loose"
    )
    _bars(
        changes,
        _in_order(t.restored, order),
        places + 0.18,
        GREY,
        "from loose: this one matched again",
    )
    changes.set_title("one at a time: change of rho", fontsize=HEADING)
    shares.set_yticks(range(len(names)), names)
    shares.set_ylabel("rank by Shapley value, interval over texts", fontsize=SMALL)
    shares.invert_yaxis()
    for panel in (shares, changes):
        panel.axvline(0, color=BLACK, lw=0.8)
        grid(panel, "x")
        panel.legend(
            fontsize=SMALL, loc="upper center", bbox_to_anchor=(0.5, -0.06), ncol=2, frameon=False
        )
    figure.suptitle(title, fontsize=TITLE)
    return figure


def _in_order(e: Estimates, order: Sequence[int]) -> Estimates:
    """The estimates in another order."""
    return Estimates(*(x[list(order)] for x in (e.value, e.low, e.high)))


def _bars(panel: Axes, e: Estimates, places: np.ndarray, colour: str, label: str) -> None:
    """Draw values as bars with their intervals as black lines."""
    panel.barh(places, e.value, height=0.34, color=colour, alpha=0.75, label=label)
    panel.hlines(places, e.low, e.high, color=BLACK, lw=1.3)


def _marks(panel: Axes, e: Estimates, places: np.ndarray, colour: str, label: str) -> None:
    """Draw values as short strokes with their intervals as lines of the same colour."""
    panel.hlines(places, e.low, e.high, color=colour, lw=1.3)
    panel.plot(e.value, places, "|", color=colour, label=label)


def interactions_figure(a: Ablation, title: str) -> Figure:
    """A matrix of the two-way interactions with the main effects on its diagonal."""
    t = a.texts
    k = len(t.factors)
    grid = np.full((k, k), np.nan)
    i, j = np.triu_indices(k, 1)
    grid[j, i] = t.interaction.value
    grid[np.diag_indices(k)] = t.main.value
    reach = float(np.nanmax(np.abs(grid))) or 1.0
    figure = blank(8, 6.5)
    axes = figure.add_subplot()
    image = axes.imshow(grid, cmap=SIGNED, vmin=-reach, vmax=reach)
    axes.set_xticks(range(k), t.factors, rotation=45, ha="right")
    axes.set_yticks(range(k), t.factors)
    for row in range(k):
        for column in range(row + 1):
            axes.text(
                column, row, f"{grid[row, column]:+.2f}", ha="center", va="center", fontsize=FINE
            )
    axes.set_title(
        f"{title}\nmain effects (diagonal) and interactions, change of rho", fontsize=HEADING
    )
    figure.colorbar(image, ax=axes, shrink=0.8, label="change of rho")
    return figure
