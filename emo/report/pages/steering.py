"""The page of a steering run: the doses, and a card per scenario with every text it was given."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from emo.core.steering.dose_response import DoseCell, DoseSweep, Proportion, SteeredText
from emo.core.steering.regimes import label
from emo.core.steering.unsteered import all_cells
from emo.report.pages.page import Page, Section, fragment
from emo.report.pages.passages import fitting
from emo.report.pages.steering_judges import judge_sections
from emo.steering.heard import HeardWord

Hear = Callable[[str], Sequence[HeardWord]]

FIGURES = ("dose_response", "emotions", "regimes")
DOSES = (
    *("direction", "site", "strength", "judged better (95 %)", "better and fluent"),
    *("shift of the score", "regime: robust, published"),
)


def steering_page(
    title: str, answer: str, text: str, swept: DoseSweep, hear: Hear | None = None
) -> Page:
    """Doses, scenarios and figures; ``hear`` gives the words a judge hears, None where it has none."""
    doses = Section("Doses", _doses(swept))
    figures = Section("Figures", "", figures=FIGURES)
    scenarios = scenarios_section(swept, hear)
    return Page(title, answer, (doses, *judge_sections(swept), scenarios, figures), text)


def _doses(swept: DoseSweep) -> str:
    rows = [
        [
            c.direction,
            c.site,
            f"{c.strength:g}",
            proportion(c.success),
            f"{c.fluent_success.k} of {c.fluent_success.n}",
            signed(c.shift.value),
            _regimes(c),
        ]
        for c in all_cells(swept)
    ]
    caption = (
        "Direction none: the unsteered texts. A question mark: the 95 % interval of a share contains "
        "its cut-off. cells.csv has every measure with its interval."
    )
    return fragment("table.html", columns=DOSES, rows=rows, caption=caption)


def _regimes(c: DoseCell) -> str:
    return f"{c.robust.name}{'' if c.robust.sure else '?'}, {c.published.name}"


def scenarios_section(swept: DoseSweep, hear: Hear | None = None) -> Section:
    """One card per scenario and emotion: opening, unsteered text, then every direction and strength."""
    groups: dict[tuple[str, str], list[SteeredText]] = {}
    kept = fitting([len(t.text) for t in swept.steered])
    for t in swept.steered[:kept]:
        groups.setdefault((t.scenario, t.emotion), []).append(t)
    cards = [_card(swept, *key, texts, hear) for key, texts in groups.items()]

    def values(name: str) -> list[Any]:
        return list(dict.fromkeys(getattr(t, name) for t in swept.steered))

    html = fragment(
        "scenarios.html",
        cards=cards,
        n_texts=len(swept.steered),
        n_listed=kept,
        emotions=values("emotion"),
        directions=values("direction"),
        strengths=[f"{s:g}" for s in values("strength")],
        labels=list(dict.fromkeys(row["label"] for card in cards for row in card["rows"])),
        hears=hear is not None,
        limits=swept.limits,
        perplexity=math.exp(swept.limits.log_perplexity),
    )
    return Section("Scenarios: what was written", html, script="rows")


def _card(
    swept: DoseSweep, scenario: str, emotion: str, texts: Sequence[SteeredText], hear: Hear | None
) -> dict[str, Any]:
    target = [t for t in texts if t.direction == "target" and t.judged]
    return {
        "scenario": scenario,
        "emotion": emotion,
        "opening": swept.openings[scenario],
        "unsteered": pieces(swept.unsteered[scenario], hear),
        "unsteered_score": signed(texts[0].unsteered.score),
        "better": sum(t.success for t in target),
        "judged": len(target),
        "rows": [_row(swept, t, hear) for t in texts],
    }


def _row(swept: DoseSweep, t: SteeredText, hear: Hear | None) -> dict[str, Any]:
    m = t.measures
    ratio = math.exp(t.log_perplexity_ratio) if t.log_perplexity_ratio < 700 else math.inf
    foreign = f", {100 * m.foreign:.0f} % in another script" if m.foreign > 0 else ""
    return {
        "direction": t.direction,
        "site": t.site,
        "strength": f"{t.strength:g}",
        "label": str(label(m, swept.limits)),
        "better": t.success,
        "score": signed(m.score),
        "shift": signed(t.shift),
        "measures": (
            f"score {signed(m.score)} (unsteered {signed(t.unsteered.score)}), repeated 3-grams "
            f"{plain(m.repetition)}, perplexity {plain(ratio)} times the unsteered text's{foreign}"
        ),
        "text": pieces(t.text, hear),
    }


def pieces(text: str, hear: Hear | None) -> list[tuple[str, float | None]]:
    """The text in pieces: each with the valence the judge hears in it, None for the rest."""
    out: list[tuple[str, float | None]] = []
    done = 0
    for word in hear(text) if hear is not None else ():
        out += [(text[done : word.start], None), (text[word.start : word.stop], word.valence)]
        done = word.stop
    out.append((text[done:], None))
    return [piece for piece in out if piece[0]]


def proportion(p: Proportion) -> str:
    """k of n with its interval in words."""
    if not p.n:
        return "cannot be judged"
    interval = f" ({p.low:.2f} to {p.high:.2f})" if math.isfinite(p.low) else ""
    return f"{p.k} of {p.n}{interval}"


def signed(x: float) -> str:
    """A score with its sign; an en dash where there is none, and no minus zero."""
    return f"{round(x, 2) + 0.0:+.2f}".replace("-", "\u2212") if math.isfinite(x) else "\u2013"


def plain(x: float) -> str:
    """A measure with three digits; an en dash where there is none."""
    return f"{x + 0.0:.3g}" if math.isfinite(x) else "\u2013"
