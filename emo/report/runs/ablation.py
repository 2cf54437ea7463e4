"""What job=ablate shows: the ranking, and the CSV files of effects and settings."""

from __future__ import annotations

from dataclasses import asdict, astuple, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64

from emo.core.conditions.ablation import EFFECTS, Ablation
from emo.core.geometry.generated import TextCounts
from emo.core.stats.factorial import Decomposition, full_factorial
from emo.core.stats.intervals import Estimates
from emo.files.csv_files import csv_text
from emo.files.plain_records import from_plain
from emo.files.reading import reads, record_of
from emo.report.runs import terminal
from emo.report.runs.ablation_figures import rank_text
from emo.report.runs.extract import RANDOM


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
            if isinstance(value, int | float)  # a level without neutral stories has None
        }
        return out | {"settings_repeating": self.repeating, "best_layer": self.best_layer}


def terminal_text(a: Ablation, title: str, note: str, cost: Cost, ground: Ground) -> str:
    """What is told from noise, the ranking of the sub-parameters and the cost as plain text."""
    first, *noted = terminal.heading(title, note)
    return "\n".join(
        [
            first,
            f"  {headline(a)}",
            *noted,
            *_ground_lines(a, ground),
            "",
            *([] if a.effects is None else _ranking_lines(a, a.effects)),
            *_cost_lines(len(a.points.value), cost),
        ]
    )


def headline(a: Ablation) -> str:
    """Which sub-parameters move the geometry beyond noise, and whether their order is determined."""
    t = a.effects
    if t is None:
        return (
            "these texts cannot tell: matched agrees with its own replicate by no more than rho "
            f"{float(a.zero_line.value):+.2f}"
        )
    if np.isnan(t.shapley.low).any():
        return f"no intervals, so that no rank is determined: {len(a.agreement.emotions)} emotions"
    sure = [name for i, name in enumerate(t.factors) if t.rank.low[i] == t.rank.high[i]]
    order = "their ranks are undetermined"
    if sure:
        ranked = sorted(sure, key=t.ranking.index)
        order = "determined ranks: " + ", ".join(
            f"{name} {t.ranking.index(name) + 1}" for name in ranked
        )
    if not t.told:
        return f"no sub-parameter is told from noise, {order}"
    verb = "is" if len(t.told) == 1 else "are"
    return f"{', '.join(t.told)} {verb} told from noise; {order}"


def answer(text: str, random: bool = False) -> str:
    """The headline of a terminal text as a sentence, and what may be said of random weights."""
    told = text.splitlines()[1].strip()
    sentence = f"{told[:1].upper()}{told[1:]}."
    return f"{RANDOM} {sentence}" if random else sentence


def _ground_lines(a: Ablation, ground: Ground) -> list[str]:
    """The zero line, how far loose lies from it, and what both rest on."""
    n, zero, loose = len(a.points.value), a.zero_line, a.points[-1]
    lines = [
        f"  zero line: matched with its own replicate, rho {float(zero.value):+.3f} {_interval(zero)} "
        "on halves of the prompts",
        f"  loose with matched, on other prompts: rho {a.agreement.disjoint[0, -1]:+.3f}, "
        f"{float(loose.value):.2f} {_interval(loose)} of what replicates reach (1: no change)",
    ]
    if a.held:
        unusable = int((~a.agreement.usable).sum())
        lines.append(
            f"  held at matched: {', '.join(a.held)}, since {unusable} of {n} settings do not agree "
            "with their own replicate"
        )
    return [
        *lines,
        f"  {n} settings, {len(a.agreement.emotions)} emotions; intervals: each emotion left out with "
        "its texts",
        f"  texts per emotion: matched {_counts(ground.counts[0])}; "
        f"loose {_counts(ground.counts[-1])}",
        f"  effective n is below nominal in {ground.repeating} of {n} settings",
        f"  best layer {ground.best_layer} (comprehension run {ground.best_run}); chat template "
        f"{'applied' if ground.templated else 'not applied: the model has none'}",
    ]


def _ranking_lines(a: Ablation, t: Decomposition) -> list[str]:
    """One line per sub-parameter in the order of the ranking, and the largest interactions."""
    lines = [
        f"  drop of the relative agreement {float(t.drop.value):.3f} {_interval(t.drop)}; shares of it "
        "(Shapley), and one at a time:",
        f"  {'':<16}{'rank':<10}{'Shapley':>8}  {'95 % interval':<17}"
        f"{'main':>7}{'from matched':>14}{'from loose':>12}{'noise':>8}",
    ]
    for name in t.ranking:
        i = t.factors.index(name)
        lines.append(
            f"  {name:<16}{rank_text(t.rank[i]):<10}{t.shapley.value[i]:>+8.3f}  "
            f"{_interval(t.shapley[i]):<17}{t.main.value[i]:>+7.3f}"
            f"{t.loosened.value[i]:>+14.3f}{t.restored.value[i]:>+12.3f}"
            f"{a.noise[a.factors.index(name)]:>+8.3f}"
        )
    largest = np.argsort(-np.abs(t.interaction.value))[:3]
    pairs = (f"{' x '.join(t.pairs[k])} {t.interaction.value[k]:+.3f}" for k in largest)
    return [
        *lines,
        "  rank: by Shapley value, with the ranks left open, all pairs taken together; main: mean "
        "change when this one",
        "  is loosened; from matched, from loose: change when only this one changes; noise: mean "
        "change of the rho",
        "  that replicates reach with the texts of each setting (the number of samples changes this "
        "alone)",
        *([f"  largest interactions: {', '.join(pairs)}"] if t.pairs else []),
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


def _counts(c: TextCounts) -> str:
    short = f", {c.short} too short" if c.short else ""
    return (
        f"{c.nominal:g} nominal, {c.distinct:g} distinct, {c.effective:.3g} effective on average"
        f"{short}"
    )


def metrics(
    a: Ablation, rho_matched: Float64[np.ndarray, " point"], cost: Cost, ground: Ground
) -> dict[str, float | None]:
    """Metrics of the run: effects of the sub-parameters, numbers of texts, cost."""
    out: dict[str, float | None] = {
        "rho_replicate": _known(a.zero_line.value),
        "disjoint_loose": _known(a.agreement.disjoint[0, -1]),
        "relative_loose": _known(a.points.value[-1]),
        "rho_matched_loose": float(rho_matched[-1]),
        "factors_told": 0.0,
    }
    out |= {f"noise_{name}": _known(x) for name, x in zip(a.factors, a.noise, strict=True)}
    if (t := a.effects) is not None:
        out |= {"drop": float(t.drop.value), "factors_told": float(len(t.told))}
        for i, name in enumerate(t.factors):
            for kind in ("shapley", "main", "loosened", "restored", "rank"):
                out[f"{kind}_{name}"] = float(getattr(t, kind).value[i])
    for name in Cost.__annotations__:
        out[name] = getattr(cost, name)
    return out | ground.metrics()


def _known(value: float | np.ndarray) -> float | None:
    return float(value) if np.isfinite(value) else None


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


def points_csv(a: Ablation, rho_matched: Float64[np.ndarray, " point"], ground: Ground) -> str:
    """CSV with one row per setting (0 matched, 1 loose): its agreement with matched, numbers of texts.

    ``rho_matched`` is on the setting's own texts, those that matched has as well.
    """
    columns = {
        "relative": a.points.value,
        "low": a.points.low,
        "high": a.points.high,
        "disjoint": a.agreement.disjoint[0],
        "ceiling": a.agreement.ceiling[0],
        "attainable": a.attainable,
        "rho_matched": rho_matched,
    }
    rows = zip(
        full_factorial(len(a.factors)),
        zip(*columns.values(), strict=True),
        ground.counts,
        strict=True,
    )
    return csv_text(
        [*a.factors, *columns, *(f"n_{f.name}" for f in fields(TextCounts))],
        [[*map(int, x), *map(float, values), *astuple(counts)] for x, values, counts in rows],
    )


def effects_csv(a: Ablation) -> str:
    """CSV with one row per effect, with its interval; the effect on noise has none."""
    rows = []
    if (t := a.effects) is not None:
        for kind in (*EFFECTS, "rank"):
            values = getattr(t, kind)
            names = {"interaction": [" x ".join(p) for p in t.pairs], "drop": ["all"]}
            columns = (np.atleast_1d(x) for x in (values.value, values.low, values.high))
            for name, *numbers in zip(names.get(kind, t.factors), *columns, strict=True):
                rows.append([kind, name, *map(float, numbers)])
    nan = float("nan")
    rows += [
        ["noise", name, float(x), nan, nan] for name, x in zip(a.factors, a.noise, strict=True)
    ]
    return csv_text(["effect", "of", "value", "low", "high"], rows)
