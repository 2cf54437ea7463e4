"""Sections of a steering run's page: judges, direction-specific emotions, damage on plain texts."""

from __future__ import annotations

import math
from collections.abc import Sequence

from emo.core.steering.damage import damage_cells
from emo.core.steering.direction_specific import direction_specificity
from emo.core.steering.dose_response import DoseSweep
from emo.core.steering.judges import base_rates
from emo.core.steering.text_classifier import Confusion
from emo.report.pages.page import Section, fragment
from emo.report.runs.steering_judges import (
    agreement_words,
    counted,
    kl,
    side_by_side,
    specificity_words,
)


def judge_sections(swept: DoseSweep) -> tuple[Section, ...]:
    """What there is of judges, specificity and damage, a section each."""
    sections = []
    if tables := _judges(swept):
        sections.append(Section("Judges", tables))
    if tables := _specificity(swept):
        sections.append(Section("Direction-specific emotions", tables))
    if swept.damage:
        sections.append(Section("Damage on plain texts", _damage(swept)))
    return tuple(sections)


def _judges(swept: DoseSweep) -> str:
    tables = []
    if swept.judges:
        rows = [[r.judge, counted(r.share)] for r in base_rates(swept)]
        caption = "How often a judge calls the unsteered texts by the emotion that is added later."
        tables.append(_table(("judge", "unsteered texts (95 %)"), rows, caption))
    if len(swept.judges) > 1:
        names = [f"judged better by {judge.name}" for judge in swept.judges]
        rows = [
            [direction, site, f"{strength:g}", counted(first), counted(second)]
            for direction, site, strength, first, second in side_by_side(swept)
        ]
        caption = f"Both judges on the same texts: {agreement_words(swept)}."
        tables.append(_table(("direction", "site", "strength", *names), rows, caption))
    tables += [_confusion(j.name, j.confusion) for j in swept.judges if j.confusion is not None]
    return "\n".join(tables)


def _confusion(name: str, found: Confusion) -> str:
    rows = [
        [emotion, *(n or "" for n in counts)]
        for emotion, counts in zip(found.emotions, found.counts, strict=True)
    ]
    caption = (
        f"What judge {name} calls passages whose situation it has not seen: a row per emotion, a column "
        f"per verdict. {found.accuracy:.2f} ({found.low:.2f} to {found.high:.2f}) are right; chance is "
        f"{found.chance:.2f}."
    )
    return _table(("emotion", *found.emotions), rows, caption)


def _specificity(swept: DoseSweep) -> str:
    columns = ("emotion", "shift", "permuted, mean", "permuted, highest", "p, adjusted", "specific")
    return "\n".join(
        _table(
            columns,
            [
                [
                    *(e.emotion, f"{e.shift:+.3f}", f"{sum(e.permuted) / len(e.permuted):+.3f}"),
                    *(f"{max(e.permuted):+.3f}", _p(e.adjusted)),
                    "cannot be told" if not math.isfinite(e.p) else "yes" if e.specific else "no",
                ]
                for e in found.emotions
            ],
            f"{specificity_words(found)}. Shift of the score, mean over scenarios and strengths.",
        )
        for found in direction_specificity(swept)
    )


def _p(value: float) -> str:
    return f"{value:.3g}" if math.isfinite(value) else "\u2013"


def _damage(swept: DoseSweep) -> str:
    rows = [
        [c.direction, c.site, f"{c.strength:g}", c.n, kl(c)] for c in damage_cells(swept.damage)
    ]
    caption = (
        "Divergence of the steered from the unsteered predictions on plain texts that ask for no "
        "emotion, in nats per token, with its 95 % interval over the texts."
    )
    return _table(("direction", "site", "strength", "texts", "KL divergence (95 %)"), rows, caption)


def _table(columns: tuple[str, ...], rows: Sequence[Sequence[object]], caption: str) -> str:
    return fragment("table.html", columns=columns, rows=rows, caption=caption)
