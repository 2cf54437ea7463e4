"""What job=behave says of constraints: a sentence, lines for the terminal, metrics and tables."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from emo.core.behaviour.compliance import GATE, Compliance, MeanOverConstraints, Rate
from emo.core.behaviour.constraints import CONSTRAINTS, ConstraintName
from emo.core.behaviour.task_answers import TaskAnswer
from emo.files.csv_files import csv_text

MANY = 0.1
"""Share of answers that were cut off from which the answer says so."""


def answer(found: Compliance, answers: Sequence[TaskAnswer]) -> str:
    """What was found, and how far to trust it."""
    n, k = len(found.easy), len(found.capable)
    can = f"Of {n} constraints it keeps {k or 'none'} in {GATE:.0%} of easy tasks or more"
    if k == 0:
        sentences = [f"{can}, so nothing can be said of tasks that pull against them."]
    else:
        those = "that constraint" if k == 1 else "those"
        over = "one constraint has no interval" if k == 1 else "interval over constraints"
        sentences = [
            f"{can}; of the tasks that pull against {those} {mean(found.score)} comply ({over})."
        ]
    cut = cut_off(answers)
    if cut > MANY * len(answers):
        sentences.append(
            f"{cut} of {len(answers)} answers were cut off by job.behave.task_tokens and are scored as "
            "they stand."
        )
    return " ".join(sentences)


def cut_off(answers: Sequence[TaskAnswer]) -> int:
    """How many answers were not at their end when the budget was used up."""
    return sum(a.finish == "length" for a in answers)


def mean(score: MeanOverConstraints) -> str:
    """A mean with its interval, where it has one."""
    if not math.isfinite(score.value):
        return "-"
    interval = f" ({score.low:.2f} to {score.high:.2f})" if math.isfinite(score.low) else ""
    return f"{score.value:.2f}{interval}"


def rate(one: Rate) -> str:
    """Answers that comply, with the exact interval."""
    return f"{one.passed} of {one.n} ({one.low:.2f} to {one.high:.2f})"


def terminal_lines(found: Compliance, answers: Sequence[TaskAnswer]) -> list[str]:
    """A line per constraint, the mean, and how many answers were cut off."""
    lines = [f"  {'constraint':<17} {'easy':<24} {'in conflict':<24} counts"]
    lines += [
        f"  {name:<17} {rate(found.easy[name]):<24} {rate(found.conflict[name]):<24} "
        f"{'yes' if name in found.capable else 'no'}"
        for name in found.easy
    ]
    lines.append(
        f"  compliance in conflicts: {mean(found.score)}, mean over the {len(found.capable)} "
        f"constraints that count, those kept in {GATE:.0%} of easy tasks; 95 % interval over constraints"
    )
    lines.append(f"  {cut_off(answers)} of {len(answers)} answers were cut off by the budget")
    return lines


def metrics(found: Compliance, answers: Sequence[TaskAnswer]) -> dict[str, float]:
    """The numbers that scripts get."""
    score = found.score
    named = {"": score.value, "_low": score.low, "_high": score.high}
    out = {f"compliance{end}": value for end, value in named.items() if math.isfinite(value)}
    out |= {
        "n_constraints": len(found.easy),
        "n_constraints_capable": len(found.capable),
        "n_answers": len(answers),
        "n_answers_cut_off": cut_off(answers),
    }
    for kind, rates in (("easy", found.easy), ("conflict", found.conflict)):
        out |= {f"constraint_{kind}_{name}": one.share for name, one in rates.items() if one.n}
    return out


CONSTRAINT_COLUMNS = (
    *("constraint", "words", "capable"),
    *("easy_passed", "easy_n", "easy_low", "easy_high"),
    *("conflict_passed", "conflict_n", "conflict_low", "conflict_high"),
)


def constraints_csv(found: Compliance) -> str:
    """A row per constraint."""
    rows = []
    for name, easy in found.easy.items():
        conflict = found.conflict[name]
        rows.append(
            [
                *(name, CONSTRAINTS[ConstraintName(name)].words, name in found.capable),
                *(easy.passed, easy.n, easy.low, easy.high),
                *(conflict.passed, conflict.n, conflict.low, conflict.high),
            ]
        )
    return csv_text(CONSTRAINT_COLUMNS, rows)


ANSWER_COLUMNS = (
    *("task", "constraint", "kind", "sample", "prompt", "answer", "n_tokens", "finish"),
    *("passed", "why"),
)


def answers_csv(answers: Sequence[TaskAnswer]) -> str:
    """A row per answer, with its verdict."""
    rows: list[list[Any]] = [
        [
            *(a.task, a.constraint, a.kind.value, a.sample, a.prompt, a.answer, a.n_tokens),
            *(a.finish, a.passed, a.why),
        ]
        for a in answers
    ]
    return csv_text(ANSWER_COLUMNS, rows)
