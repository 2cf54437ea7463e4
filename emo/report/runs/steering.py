"""Steering as text: the answer, the terminal text, and the table of all texts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from emo.core.choices import Direction
from emo.core.steering.dose_response import (
    DoseCell,
    DoseSweep,
    Proportion,
    best_cell,
    by_site,
)
from emo.core.steering.regimes import Regime, edge, label
from emo.core.steering.text_measures import exact_interval, scripts
from emo.core.steering.unsteered import all_cells, unsteered_regime, unsteered_texts
from emo.reference import STEERING_SUCCESS
from emo.report.runs import steering_judges, terminal
from emo.report.runs.extract import RANDOM
from emo.report.runs.steering_csv import cells_csv, emotions_csv, named_shares, scenarios_csv
from emo.report.runs.steering_figures import dose_response, emotions, regime_map

__all__ = [
    "answer",
    "cells_csv",
    "curves",
    "dose_response",
    "edge_words",
    "emotions",
    "emotions_csv",
    "headline",
    "regime_map",
    "scenarios_csv",
    "terminal_text",
    "texts_table",
]

NORMS = {
    "mean": "the mean norm of the prompt's tokens, without position 0 and special ones, x a unit vector",
    "mean_all": "the mean norm of all of the prompt's tokens x a unit vector",
}
"""What strengths are in, by the norm of a sweep."""

COLUMNS = (
    *("scenario", "emotion", "direction", "site", "strength", "label"),
    *("opening", "text", "unsteered_text", "scripts", "opening_scripts"),
    *("success", "score", "unsteered_score", "named", "repetition", "distinct_1", "distinct_2"),
    *("perplexity_ratio", "perplexity", "foreign", "entropy", "n_tokens", "empty", "overflow"),
    *("second_score", "unsteered_second_score", "draw"),
)


def answer(swept: DoseSweep, random: bool = False) -> str:
    """What was found, and how far to trust it, in three sentences or so."""
    doses = all_cells(swept)
    sentences = [RANDOM] if random else []
    best = best_cell(doses)
    if not any(c.success.n for c in doses):
        sentences.append("The judge has no verdict on these emotions.")
    elif best is None:
        sentences.append(
            "No dose of the emotion vectors leaves the language whole and has a text judged better than "
            "unsteered."
        )
    else:
        beside = ", ".join(
            f"{c.direction} {c.fluent_success.k} of {c.fluent_success.n}"
            for c in doses
            if (c.site, c.strength) == (best.site, best.strength) and c is not best
        )
        sentences.append(
            f"At the best dose (strength {best.strength:g} at {best.site}, chosen on these texts) "
            f"{best.fluent_success.k} of {best.fluent_success.n} texts are fluent and judged to show "
            f"more of the emotion than unsteered{f'; controls there: {beside}' if beside else ''}."
        )
    for s in by_site(swept.steered, swept.limits):
        sure = "" if s.robust.sure else ", which other texts could change"
        sentences.append(
            f"Steering at {s.site} is {s.robust.name} over all strengths by the robust rule{sure}, and "
            f"{s.published.name} by the published one."
        )
    return " ".join([*sentences, *steering_judges.sentences(swept)])


def terminal_text(swept: DoseSweep, title: str, note: str = "") -> str:
    """One line per dose and direction, the limits, and the best surgical dose beside its controls."""
    doses = all_cells(swept)
    width = max(len("site"), *(len(c.site) for c in doses))
    head = (
        f"  {'site':<{width}} {'strength':>8} {'direction':<9} {'judged better':<22} {'fluent':>7} "
        f"{'shift':>6} {'ppl':>6} {'repeat':>6} {'script':>6}  regime: robust (published)"
    )
    p = STEERING_SUCCESS
    low, high = exact_interval(p.successes, p.scenarios)
    published = (
        f"  published: {p.successes} of {p.scenarios} ({low:.2f} to {high:.2f}) by another judge, other "
        f"models and scenarios ({p.source})"
    )
    return "\n".join(
        [
            *terminal.heading(title, note),
            head,
            *(_line(c, width) for c in doses),
            *_limits(swept),
            *_shuffled(swept),
            *_regimes(swept),
            *_best(doses),
            *steering_judges.judge_lines(swept),
            *steering_judges.specificity_lines(swept),
            *steering_judges.damage_lines(swept),
            published,
        ]
    )


def _line(c: DoseCell, width: int) -> str:
    regime = f"{c.robust.name}{'' if c.robust.sure else '?'} ({c.published.name})"
    return (
        f"  {c.site:<{width}} {c.strength:>8g} {c.direction:<9} {_proportion(c.success):<22} "
        f"{c.fluent_success.k:>3}/{c.fluent_success.n:<3} {_number(c.shift.value, '+.2f'):>6} "
        f"{_number(math.exp(c.log_perplexity_ratio.value), '.3g'):>6} "
        f"{_number(c.repetition.value, '.2f'):>6} {_number(c.foreign.value, '.2f'):>6}  "
        f"{regime}{'  DISAGREE' if c.disagree else ''}"
    )


def _proportion(p: Proportion) -> str:
    if not p.n:
        return "cannot be judged"
    return f"{p.k}/{p.n}" + (f" ({p.low:.2f} to {p.high:.2f})" if math.isfinite(p.low) else "")


def _number(value: float, format_spec: str) -> str:
    return format(value, format_spec) if math.isfinite(value) else "-"


def _limits(swept: DoseSweep) -> list[str]:
    limits = swept.limits
    lines = [
        f"  strength x {NORMS[swept.norm]}",
        f"  limits from {limits.n_controls} unsteered texts ({limits.decoding}), one in "
        f"{1 / limits.false_alarm:.0f} of which exceeds each: repeated 3-grams {limits.repetition:.2f}, "
        f"perplexity {math.exp(limits.log_perplexity):.3g}; '?': the 95 % interval of a share contains "
        "its cut-off",
    ]
    if overflows := sum(t.measures.overflow for t in swept.steered):
        lines.append(
            f"  {overflows} texts end where the logits stopped being finite; they count as incoherent"
        )
    return lines


def _shuffled(swept: DoseSweep) -> list[str]:
    if not swept.partners:
        return []
    pairs = ", ".join(f"{e} by {swept.partners[e]}" for e in swept.alike)
    return [
        f"  shuffled: {len(swept.alike)} of {len(swept.partners)} emotions get the vector of one that "
        f"the judge cannot tell apart{': ' if pairs else ''}{pairs}"
    ]


def _regimes(swept: DoseSweep) -> list[str]:
    pooled = [(f"{s.site}, all strengths", s) for s in by_site(swept.steered, swept.limits)]
    return [
        f"  regime at {where}: robust {s.robust.name}{'' if s.robust.sure else '?'}, published rule "
        f"{s.published.name}: {edge_words(s.published)}"
        for where, s in [("strength 0", unsteered_regime(swept)), *pooled]
    ]


def edge_words(published: Regime) -> str:
    """The counts that the published rule rests on, and how many texts it is from another regime."""
    n, nearest = published.n_texts, edge(published)
    looping, short = (round(published.shares[kind] * n) for kind in ("repetitive", "short"))
    texts = "1 text" if nearest.n_texts == 1 else f"{nearest.n_texts} texts"
    return (
        f"{looping} of {n} texts loop, {short} are short; {texts} otherwise would make it "
        f"{nearest.name}"
    )


def _best(doses: Sequence[DoseCell]) -> list[str]:
    best = best_cell(doses)
    if best is None:
        return ["  no dose of the emotion vectors is surgical and has a text judged better"]
    lines = [
        f"  best surgical dose {best.strength:g} at {best.site}: {_proportion(best.fluent_success)} "
        "judged better and fluent, on the same texts by which it was chosen"
    ]
    lines += [
        f"    {c.direction} there: {_proportion(c.fluent_success)}"
        for c in doses
        if (c.site, c.strength) == (best.site, best.strength) and c is not best
    ]
    return lines


def headline(swept: Sequence[DoseCell]) -> dict[str, Any]:
    """The strongest dose of each site in words a search understands, and the best surgical cell."""
    out: dict[str, Any] = {}
    best = best_cell(swept)
    if best is not None:
        out |= {
            "best_strength": best.strength,
            "best_success": best.fluent_success.k,
            "best_success_n": best.fluent_success.n,
            "best_success_low": best.fluent_success.low,
            "best_success_high": best.fluent_success.high,
        }
    target = [c for c in swept if c.direction == Direction.target.value]
    out["cells"] = len(target)
    out["cells_disagreeing"] = sum(c.disagree for c in target)
    for name in ("surgical", "repetitive_collapse", "explosive", "silent"):
        out[f"cells_{name}"] = sum(c.robust.name == name for c in target)
    return out


def curves(doses: Sequence[DoseCell]) -> dict[str, np.ndarray]:
    """Curves for the tracking store: one value per strength, in rising order of strength."""
    groups: dict[str, list[DoseCell]] = {}
    for c in doses:
        groups.setdefault(f"{c.direction}_{c.site}", []).append(c)
    out = {}
    for name, group in groups.items():
        out[f"dose_success_{name}"] = np.array(
            [c.success.k / c.success.n if c.success.n else np.nan for c in group]
        )
        out[f"dose_repetition_{name}"] = np.array([c.repetition.value for c in group])
        out[f"dose_log_perplexity_ratio_{name}"] = np.array(
            [c.log_perplexity_ratio.value for c in group]
        )
    return {name: np.where(np.isfinite(v), v, np.nan) for name, v in out.items()}


def texts_table(swept: DoseSweep) -> dict[str, list[Any]]:
    """All texts as columns and rows for the tracking UI; those of strength 0 come first."""
    openings = {name: named_shares(scripts(text)) for name, text in swept.openings.items()}
    rows = []
    for t in [*unsteered_texts(swept), *swept.steered]:
        m = t.measures
        rows.append(
            [
                *(t.scenario, t.emotion, t.direction, t.site, t.strength),
                *(label(m, swept.limits), swept.openings[t.scenario]),
                *(t.text, swept.unsteered[t.scenario]),
                *(named_shares(scripts(t.text)), openings[t.scenario]),
                *(t.success if t.judged else None, m.score, t.unsteered.score, m.named),
                *(m.repetition, m.distinct_1, m.distinct_2),
                *(math.exp(t.log_perplexity_ratio), math.exp(m.log_perplexity)),
                *(m.foreign, m.entropy, m.n_tokens, m.empty, m.overflow),
                *(m.second_score, t.unsteered.second_score, t.draw),
            ]
        )
    return {"columns": list(COLUMNS), "data": rows}
