"""job=behave: conversations in which a user pushes a model that knows better, as one logged run."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from emo.activations.reading import Passes
from emo.config.enums import Source
from emo.config.schema import RunConfig
from emo.core.behaviour.conversations import Dialogues
from emo.core.behaviour.facet_b import facet_b
from emo.files.reading import record_of
from emo.pipeline.conversations import (
    Material,
    Talking,
    behave_plan,
    hold_conversations,
    open_talking,
)
from emo.pipeline.reader import load_model
from emo.report.pages.behave import behave_page
from emo.report.runs import behave as report
from emo.report.runs.behave_figures import turns_figure
from emo.runs.job import Ready, Record, Report, Result, ensure_run
from emo.runs.outcome import Outcome
from emo.runs.plan import Plan


def check(config: RunConfig) -> None:
    """Refuse facts, arms and settings that are wrong whatever the model is."""
    Material.of_config(config)


def run(config: RunConfig) -> Outcome:
    """Hold the conversations, or find the finished run with the same fingerprint."""
    material = Material.of_config(config)
    plan = behave_plan(config, material)
    record: Record[Dialogues] = Record(
        "conversations.json", partial(record_of, Dialogues), partial(_reused, plan)
    )
    return ensure_run(plan, record, partial(_prepare, plan, material)).outcome


def _prepare(plan: Plan, material: Material) -> Ready[Dialogues]:
    talking = open_talking(plan, material, load_model(plan).for_writing())
    tags = {"behave": plan.config.job.behave.name, "dialogue_format": talking.voice.format}
    return Ready(plan.run_name, partial(_compute, talking), tags)


def _compute(talking: Talking) -> tuple[Dialogues, Result]:
    plan = talking.plan
    dialogues = hold_conversations(talking)
    facet, title = facet_b(dialogues), _title(plan)
    shown = _report(plan, dialogues)

    def write(folder: Path) -> None:
        for name, text in (
            ("turns.csv", report.turns_csv(facet)),
            ("answers.csv", report.answers_csv(dialogues)),
            ("table.txt", f"{shown.text}\n"),
        ):
            (folder / name).write_text(text, encoding="utf-8")

    drawn = {"turns": lambda: turns_figure(facet, title)} if facet.n_items else {}
    return dialogues, Result(
        report=shown,
        write=write,
        page=lambda: behave_page(title, shown.answer, shown.text, dialogues, facet, tuple(drawn)),
        figures=drawn,
        metrics={"texts_done": dialogues.done, "texts_reused": dialogues.reused},
        curves=report.curves(facet),
        tags={"decoding": talking.voice.way},
        dataset=("facts", talking.material.sha256, talking.material.name),
    )


def _title(plan: Plan) -> str:
    c = plan.config
    return f"{c.model.label}, {c.precision.label}, behaviour under pressure ({c.job.behave.name})"


def _reused(plan: Plan, dialogues: Dialogues) -> Report:
    return _report(plan, replace(dialogues, done=0, reused=dialogues.done + dialogues.reused))


def _report(plan: Plan, dialogues: Dialogues) -> Report:
    facet, rule = facet_b(dialogues), plan.config.job.behave.rule
    random = plan.config.model.source is Source.tiny
    return Report(
        text=report.terminal_text(dialogues, facet, _title(plan), plan.weights.note),
        metrics=report.metrics(dialogues, facet, rule),
        effort=f"  conversations {dialogues.done} held, {dialogues.reused} reused",
        passes=Passes(dialogues.done, dialogues.reused),
        answer=report.answer(dialogues, facet, rule, random),
    )
