"""The page of a validation: the table with verdicts, the lens, every part with its values."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from emo.core.validation.findings import RULE
from emo.core.validation.result import ValidationResult
from emo.core.validation.table import WORDS
from emo.reference.frontier import FRONTIER, SOFRONIEW
from emo.report.pages.page import Page, Section, fragment
from emo.report.runs.validation import COLUMNS, ENGLISH
from emo.report.table import Interval, text


def validation_page(
    title: str, answer: str, terminal: str, result: ValidationResult, figures: Iterable[str]
) -> Page:
    """Published numbers and ours, then one section per part that the run has."""
    drawn = set(figures)

    def shown(name: str) -> tuple[str, ...]:
        return (name,) if name in drawn else ()

    sections = [
        Section(
            "Published numbers and these", _table(*_numbers(result)), figures=shown("validations")
        )
    ]
    if result.notes:
        notes = fragment(
            "table.html", columns=("note",), rows=[[n] for n in result.notes], caption=""
        )
        sections.append(Section("What was left out", notes))
    if result.lens is not None:
        sections.append(Section("Logit lens", _table(*_lens(result)), figures=shown("lens")))
    if result.scenarios is not None:
        sections.append(
            Section("Scenarios", _table(*_scenarios(result)), figures=shown("scenarios"))
        )
    if result.numbers is not None:
        sections.append(
            Section("Numbers in texts", _table(*_texts(result)), figures=shown("numbers"))
        )
    if result.turns is not None:
        sections.append(
            Section("Turns of a dialogue", _table(*_turns(result)), figures=shown("turns"))
        )
    if result.preference is not None:
        table = _table(*_preference(result))
        sections.append(Section("Preference", table, figures=shown("preference")))
    if result.preference_steered is not None:
        sections.append(Section("Preference under steering", _table(*_moved(result))))
    for name, heading in (
        ("components", "Components"),
        ("layers", "Layers"),
        ("feels", "He feels"),
    ):
        if shown(name):
            sections.append(Section(heading, "", figures=shown(name)))
    strengths = [[s.emotion, s.share] for s in result.strengths]
    caption = "Length of a vector over the mean residual norm of the run's neutral sentences."
    sections.append(Section("Lengths", _table(("emotion", "length"), strengths, caption)))
    return Page(title, answer, tuple(sections), terminal)


def _numbers(result: ValidationResult) -> tuple[Sequence[str], list[list[Any]], str]:
    rows = []
    for j in result.findings:
        f, published = j.finding, FRONTIER[j.finding.name]
        rows.append(
            [
                WORDS[f.name],
                text(Interval(f.value, f.low, f.high)),
                f.control if math.isfinite(f.control) else None,
                published.published,
                published.replications or None,
                j.corrected,
                j.verdict.value,
            ]
        )
    return COLUMNS, rows, f"{RULE} Published: {SOFRONIEW}, without intervals."


def _lens(result: ValidationResult) -> tuple[Sequence[str], list[list[Any]], str]:
    assert result.lens is not None
    ranks = result.lens.ranks
    own = {} if ranks is None else dict(zip(ranks.emotions, ranks.percentiles, strict=True))
    random = {} if ranks is None else dict(zip(ranks.emotions, ranks.random, strict=True))
    rows = [
        [
            t.emotion,
            " | ".join(token.strip() or repr(token) for token in t.top),
            " | ".join(token.strip() or repr(token) for token in t.bottom),
            own.get(t.emotion),
            random.get(t.emotion),
        ]
        for t in result.lens.tokens
    ]
    columns = (
        "emotion",
        "top tokens",
        "bottom tokens",
        "own words, percentile",
        "random directions",
    )
    return columns, rows, f"Layer {result.layer}; {ENGLISH}."


def _scenarios(result: ValidationResult) -> tuple[Sequence[str], list[list[Any]], str]:
    assert result.scenarios is not None
    rows = []
    for name, b in (("first", result.scenarios.first), ("held out", result.scenarios.second)):
        for i, meant, own, row in zip(b.ids, b.meant, b.found.own, b.readings, strict=True):
            largest = max(zip(row, result.emotions, strict=True))[1]
            rows.append([i, name, meant, own, largest])
    columns = ("scenario", "battery", "emotion meant", "own emotion, SD", "largest cosine")
    return columns, rows, "scenarios.csv has every cosine."


def _texts(result: ValidationResult) -> tuple[Sequence[str], list[list[Any]], str]:
    assert result.numbers is not None
    rows = [
        [t.template, t.rho, t.p, t.control, ", ".join(f"{e} {r:+.2f}" for e, r in t.rhos.items())]
        for t in result.numbers.templates
    ]
    columns = ("text", "rho, signed", "p of this text", "control", "rho by emotion")
    return columns, rows, "Signed by the direction that was named before any model read the texts."


def _turns(result: ValidationResult) -> tuple[Sequence[str], list[list[Any]], str]:
    assert result.turns is not None
    a, p = result.turns.agreement, result.turns.prediction
    rows: list[list[Any]] = [
        ["user's turn and colon, r", text(Interval(a.r, a.low, a.high))],
        ["largest r that the vectors' noise allows", a.ceiling],
        [
            "on disjoint halves of the items, over the ceiling",
            text(Interval(a.over_ceiling, a.over_low, a.over_high)),
        ],
    ]
    if p is not None:
        rows.append(["colon and answer, r", text(Interval(p.colon, p.colon_low, p.colon_high))])
        rows.append(["user's turn and answer, r", p.user])
        rows.append(["difference", text(Interval(p.difference, p.low, p.high))])
    return ("number", "value (95 %)"), rows, f"{result.turns.n} scenarios; {result.form}."


def _preference(result: ValidationResult) -> tuple[Sequence[str], list[list[Any]], str]:
    assert result.preference is not None
    p = result.preference
    rows = [
        [c.name, text(Interval(c.r, c.low, c.high)), c.p, q]
        for c, q in zip(p.emotions, p.q, strict=True)
    ]
    caption = (
        f"Answer A by {p.scores.bias:.2f} log-odds whatever it is; both orders agree in "
        f"{100 * p.scores.agreeing:.0f} % of pairs; scores explain {100 * p.scores.explained:.0f} %."
    )
    return ("emotion", "r with Elo (95 %)", "p", "q (false discovery rate)"), rows, caption


def _moved(result: ValidationResult) -> tuple[Sequence[str], list[list[Any]], str]:
    assert result.preference_steered is not None
    s = result.preference_steered
    rows = [
        [own.name, own.reading, text(Interval(own.elo, own.low, own.high)), control.elo]
        for own, control in zip(s.emotions, s.controls, strict=True)
    ]
    caption = (
        f"Vectors of {s.strength:g} of the mean residual norm, added to the tokens of one of the two "
        f"activities. Over emotions r of the two columns is {text(Interval(s.r, s.low, s.high))}, of "
        f"the permuted vectors {s.control:.2f}. Shifts: over {s.n_categories} categories."
    )
    columns = ("emotion", "r of readings with Elo", "shift in Elo (95 %)", "permuted vector")
    return columns, rows, caption


def _table(columns: Sequence[str], rows: Sequence[Sequence[Any]], caption: str = "") -> str:
    return fragment("table.html", columns=columns, rows=rows, caption=caption)
