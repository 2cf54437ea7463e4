"""Steering as text: the terminal text, the table of all texts, and a page to browse them."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from emo.core.steering.dose_response import (
    DoseCell,
    DoseSweep,
    Proportion,
    best_cell,
    by_scenario,
    by_site,
)
from emo.core.steering.regimes import Regime, edge, label
from emo.core.steering.text_measures import exact_interval, scripts
from emo.core.steering.unsteered import all_cells, unsteered_regime, unsteered_texts
from emo.reference import STEERING_SUCCESS
from emo.report.runs import terminal
from emo.report.runs.steering_csv import cells_csv, emotions_csv, named_shares, scenarios_csv
from emo.report.runs.steering_figures import dose_response, emotions, regime_map

__all__ = [
    "cells_csv",
    "curves",
    "dose_response",
    "edge_words",
    "emotions",
    "emotions_csv",
    "regime_map",
    "scenarios_csv",
    "terminal_text",
    "texts_html",
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
)


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
            ]
        )
    return {"columns": list(COLUMNS), "data": rows}


PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>
<style>body{{font:14px system-ui,sans-serif;margin:1.5em}}table{{border-collapse:collapse}}
td,th{{border-bottom:1px solid #ddd;padding:.3em .5em;text-align:left;vertical-align:top}}
th{{position:sticky;top:0;background:#fff}}td.text{{max-width:36em;white-space:pre-wrap}}
tr.repetitive{{background:#fde9d9}}tr.incoherent{{background:#dbe9f6}}tr.empty{{background:#eee}}
input{{width:30em;padding:.4em}}</style>
<h1>{title}</h1>
<p><label>Show rows that contain all of: <input id="filter" placeholder="calm target 0.4"></label></p>
{scenarios}
<table><thead><tr>{head}</tr></thead><tbody>
{rows}
</tbody></table>
<script>
document.getElementById("filter").addEventListener("input", event => {{
  const words = event.target.value.toLowerCase().split(/\\s+/).filter(Boolean);
  for (const row of document.querySelectorAll("tbody tr")) {{
    const text = row.textContent.toLowerCase();
    row.hidden = !words.every(word => text.includes(word));
  }}
}});
</script></html>
"""
SHOWN = (
    *("scenario", "emotion", "direction", "site", "strength", "label", "text"),
    *("success", "score", "unsteered_score", "repetition", "perplexity_ratio", "foreign"),
)


def texts_html(swept: DoseSweep, title: str) -> str:
    """One HTML page with every text, a filter by words, and one colour per label."""
    table = texts_table(swept)
    places = [table["columns"].index(name) for name in SHOWN]
    label_place = table["columns"].index("label")
    rows = "\n".join(
        f'<tr class="{row[label_place]}">'
        + "".join(
            f"<td{' class=text' if name == 'text' else ''}>{_html(row[place])}</td>"
            for name, place in zip(SHOWN, places, strict=True)
        )
        + "</tr>"
        for row in table["data"]
    )
    head = "".join(f"<th>{re.sub('_', ' ', name)}</th>" for name in SHOWN)
    return PAGE.format(
        title=html.escape(title), head=head, rows=rows, scenarios=_scenario_table(swept)
    )


def _html(value: Any) -> str:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    words = f"{value:.3g}" if isinstance(value, float) else str(value)
    return html.escape(words).replace("\n", " \u23ce ")


def _scenario_table(swept: DoseSweep) -> str:
    """HTML table of the success of each emotion's own vector per scenario, over all doses."""
    rows = "".join(
        f"<tr><td>{html.escape(s.scenario)}</td><td>{html.escape(s.emotion)}</td>"
        f"<td>{_proportion(s.success)}</td><td>{html.escape(swept.openings[s.scenario])}</td></tr>"
        for s in by_scenario(swept.steered)
        if s.direction == "target"
    )
    return (
        "<details><summary>Openings, and how often the texts of all doses were judged better</summary>"
        "<p>The trials of a scenario are doses of one prompt and so not independent. The interval shows "
        "how few they are; it says nothing about other prompts.</p>"
        f"<table><thead><tr><th>scenario<th>emotion<th>k/n (95 % interval)<th>opening</tr></thead>"
        f"<tbody>{rows}</tbody></table></details>"
    )
