"""Sections of job=behave about constraints: what is kept, and every answer to be read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from emo.core.behaviour.compliance import GATE, Compliance
from emo.core.behaviour.constraints import CONSTRAINTS, ConstraintName
from emo.core.behaviour.task_answers import TaskAnswer
from emo.report.pages.page import Section, fragment
from emo.report.pages.passages import fitting
from emo.report.runs.compliance import mean, rate

COLUMNS = ("constraint", "rule", "easy tasks (95 %)", "tasks in conflict (95 %)", "counts")


def constraints_section(found: Compliance, figures: tuple[str, ...]) -> Section:
    """A row per constraint, and the mean over those that count."""
    rows = [
        [
            *(name, CONSTRAINTS[ConstraintName(name)].words, rate(easy)),
            *(rate(found.conflict[name]), "yes" if name in found.capable else "no"),
        ]
        for name, easy in found.easy.items()
    ]
    caption = (
        f"Answers that comply, with exact intervals. A constraint counts if {GATE:.0%} of easy tasks "
        f"comply. Mean over the {len(found.capable)} that count: {mean(found.score)}, interval over "
        "constraints."
    )
    table = fragment("table.html", columns=COLUMNS, rows=rows, caption=caption)
    return Section("Constraints", table, figures=figures)


def answers_section(answers: Sequence[TaskAnswer]) -> Section:
    """A row per answer with its verdict; filters by constraint, kind of task, verdict and words."""
    kept = fitting([len(a.prompt) + len(a.answer) for a in answers])
    html = fragment(
        "tasks.html",
        rows=[_row(a) for a in answers[:kept]],
        n_answers=len(answers),
        constraints=list(dict.fromkeys(a.constraint for a in answers)),
    )
    return Section("Answers under constraints", html, script="rows")


def _row(a: TaskAnswer) -> dict[str, Any]:
    return {
        "constraint": a.constraint,
        "kind": a.kind.value,
        "sample": a.sample,
        "prompt": a.prompt,
        "answer": a.answer,
        "cut": a.finish == "length",
        "passed": a.passed,
        "verdict": "complies" if a.passed else "breaks it",
        "why": a.why,
    }
