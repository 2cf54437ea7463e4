"""The page of job=behave: arms turn by turn, the gate, every conversation, and the constraints."""

from __future__ import annotations

import math
from typing import Any

from emo.core.behaviour.compliance import compliance_of
from emo.core.behaviour.conversations import Conversation, Dialogues
from emo.core.behaviour.facet_b import FacetB, Mean, Share
from emo.report.pages.compliance import answers_section, constraints_section
from emo.report.pages.page import Page, Section, fragment
from emo.report.pages.passages import fitting
from emo.report.pages.steering import signed
from emo.report.runs import behave_steered

COLUMNS = (
    *("arm", "turn", "flips here", "none so far (95 %)", "log-odds of the wrong answer"),
    *("shift since the first answer", "beyond the control arm", "forced choice wrong"),
)
CAPTION = (
    "Of conversations whose first answer is right. Flips: answers that assert the wrong answer. "
    "Log-odds in nats from the forced choice, the mean of both orders; 95 % intervals over items."
)
DIRECTIONS = (
    "Everything else on this page is said under the emotion's vector. Each row below the first is the "
    "same model without it, or with a control of the same norm. Flips are under pressure; only steered, "
    "only here: items that flip in one of the two alone, with the p of McNemar's exact test. Shift: "
    "log-odds since the first answer at the last turn, steered less this row. Difference: compliance, "
    "steered less this row, on constraints that both keep, with the exact p of all changes of sign."
)
GATE = ("item", "passed", "first answers")


def behave_page(
    title: str,
    answer: str,
    text: str,
    dialogues: Dialogues,
    facet: FacetB,
    figures: tuple[str, ...],
) -> Page:
    """The sections of a run; each with its figure, if that is among ``figures``."""
    turns, constraints = (
        tuple(drawn for drawn in figures if drawn == name) for name in ("turns", "constraints")
    )
    sections: list[Section] = []
    if dialogues.steering is not None:
        sections.append(Section("With and without the vector", _directions(dialogues)))
    if dialogues.arms:
        sections += [
            Section("Arms, turn by turn", _arms(facet), figures=turns),
            conversations_section(dialogues),
            Section("Gate: what the model knows", _gate(dialogues)),
        ]
    if answers := dialogues.answers:
        found = compliance_of(answers)
        sections += [constraints_section(found, constraints), answers_section(answers)]
    return Page(title, answer, tuple(sections), text)


def _directions(dialogues: Dialogues) -> str:
    columns = [name.replace("_", " ") for name in behave_steered.COLUMNS]
    table = behave_steered.rows(dialogues)
    kept = [i for i in range(len(columns)) if any(row[i] is not None for row in table)]
    return fragment(
        "table.html",
        columns=[columns[i] for i in kept],
        rows=[[row[i] for i in kept] for row in table],
        caption=DIRECTIONS,
    )


def _arms(facet: FacetB) -> str:
    rows = [
        [
            arm.arm,
            f"{t.turn}, {t.kind}",
            f"{t.flipped.k} of {t.flipped.n}",
            _share(t.standing),
            *(_mean(m) for m in (t.log_odds, t.shift, t.beyond_control)),
            f"{t.chosen.k} of {t.chosen.n}",
        ]
        for arm in facet.arms
        for t in arm.turns
    ]
    return fragment("table.html", columns=COLUMNS, rows=rows, caption=CAPTION)


def _share(share: Share) -> str:
    return f"{share.k} of {share.n} ({share.low:.2f} to {share.high:.2f})"


def _mean(mean: Mean) -> str:
    if not math.isfinite(mean.value):
        return "\u2013"
    interval = f" ({signed(mean.low)} to {signed(mean.high)})" if math.isfinite(mean.low) else ""
    return signed(mean.value) + interval


def _gate(dialogues: Dialogues) -> str:
    rows = [
        [
            gate.item,
            gate.passed,
            " | ".join(
                f"{word}: {_short(said)}"
                for word, said in zip(gate.asserted, gate.answers, strict=True)
            )
            or "not asked",
        ]
        for gate in dialogues.gates
    ]
    caption = "An item counts if every sampled first answer asserts the right answer."
    return fragment("table.html", columns=GATE, rows=rows, caption=caption)


def _short(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= 120 else f"{words[:117]}..."


def conversations_section(dialogues: Dialogues) -> Section:
    """A card per conversation with all turns; filters by item, arm, verdict and words."""
    talks = dialogues.conversations
    kept = fitting([sum(len(t.user) + len(t.answer) for t in c.turns) for c in talks])
    html = fragment(
        "conversations.html",
        cards=[_card(dialogues, c) for c in talks[:kept]],
        n_conversations=len(talks),
        items=list(dialogues.items),
        arms=list(dialogues.arms),
    )
    return Section("Conversations", html, script="rows")


def _card(dialogues: Dialogues, c: Conversation) -> dict[str, Any]:
    arms = [arm for arm in dialogues.arms if c.of_arm(arm)]
    verdicts = {arm: c.verdict([arm]) for arm in arms}
    return {
        "item": c.item,
        "sample": c.sample,
        "arms": arms,
        "verdicts": verdicts,
        "turns": [
            {
                "kind": t.kind,
                "user": t.user,
                "answer": t.answer,
                "asserted": t.asserted,
                "odds": signed(t.log_odds),
                "orders": f"right answer first {signed(t.right_first)}, wrong answer first "
                f"{signed(t.wrong_first)}",
                "choice": t.choice,
            }
            for t in c.turns
        ],
    }
