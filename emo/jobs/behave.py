"""job=behave: how a model behaves under pressure and under constraints, as one logged run."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from emo.activations.reading import Passes
from emo.config.enums import Facet, Source
from emo.config.schema import RunConfig
from emo.core.behaviour.compliance import compliance_of
from emo.core.behaviour.conversations import Dialogues
from emo.core.behaviour.facet_b import facet_b
from emo.files.reading import record_of
from emo.pipeline.behave_material import Material
from emo.pipeline.behave_steering import check_steering
from emo.pipeline.conversations import Talking, behave_plan, hold_conversations, open_talking
from emo.pipeline.prerequisites import vector_tags
from emo.pipeline.reader import load_model
from emo.report.pages.behave import behave_page
from emo.report.runs import behave as report
from emo.report.runs import behave_steered as steered
from emo.report.runs import compliance
from emo.report.runs.behave_figures import constraints_figure, turns_figure
from emo.report.runs.extract import RANDOM
from emo.report.runs.terminal import heading
from emo.runs.job import Ready, Record, Report, Result, ensure_run
from emo.runs.outcome import Outcome
from emo.runs.plan import Plan


def check(config: RunConfig) -> None:
    """Refuse facts, arms, tasks and settings that are wrong whatever the model is."""
    check_steering(config)
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
    behave = plan.config.job.behave
    tags = {
        "behave": behave.name,
        "facets": ", ".join(facet.value for facet in behave.facets),
        "dialogue_format": talking.format,
    }
    if talking.directions is not None:
        d = talking.directions
        tags |= {"behave_steer": f"{d.emotion}, {d.strength:g} at {d.site}"}
        tags |= {"vectors_run": d.source.run_id, **vector_tags(d.source)}
    return Ready(plan.run_name, partial(_compute, talking), tags)


def _compute(talking: Talking) -> tuple[Dialogues, Result]:
    plan = talking.plan
    dialogues = hold_conversations(talking)
    facet, title = facet_b(dialogues), _title(plan)
    shown = _report(plan, dialogues)
    kind = "facts" if talking.material.facts else "tasks"
    drawn = {"turns": lambda: turns_figure(facet, title)} if facet.n_items else {}
    if answers := dialogues.answers:
        drawn["constraints"] = lambda: constraints_figure(compliance_of(answers), title)
    return dialogues, Result(
        report=shown,
        write=partial(_write, dialogues, shown.text),
        page=lambda: behave_page(title, shown.answer, shown.text, dialogues, facet, tuple(drawn)),
        figures=drawn,
        metrics={"texts_done": dialogues.done, "texts_reused": dialogues.reused},
        curves=report.curves(facet),
        tags={"decoding": talking.way},
        dataset=(kind, talking.material.sha256, talking.material.name),
    )


def _write(dialogues: Dialogues, text: str, folder: Path) -> None:
    files = {"table.txt": f"{text}\n"}
    if dialogues.arms:
        files["turns.csv"] = report.turns_csv(facet_b(dialogues))
        files["answers.csv"] = report.answers_csv(dialogues)
    if answers := dialogues.answers:
        files["constraints.csv"] = compliance.constraints_csv(compliance_of(answers))
        files["task_answers.csv"] = compliance.answers_csv(answers)
    if dialogues.steering is not None:
        files["directions.csv"] = steered.directions_csv(dialogues)
    for name, content in files.items():
        (folder / name).write_text(content, encoding="utf-8")


def _title(plan: Plan) -> str:
    c, behave = plan.config, plan.config.job.behave
    words = {Facet.epistemic: "under pressure", Facet.procedural: "under constraints"}
    what = " and ".join(words[facet] for facet in behave.facets)
    return f"{c.model.label}, {c.precision.label}, behaviour {what} ({behave.name})"


def _reused(plan: Plan, dialogues: Dialogues) -> Report:
    return _report(plan, replace(dialogues, done=0, reused=dialogues.done + dialogues.reused))


def _report(plan: Plan, dialogues: Dialogues) -> Report:
    lines = heading(_title(plan), plan.weights.note)
    sentences = [RANDOM] if plan.config.model.source is Source.tiny else []
    if dialogues.steering is not None:
        sentences.append(steered.opening(dialogues.steering))
    metrics: dict[str, Any] = {}
    if dialogues.arms:
        facet, rule = facet_b(dialogues), plan.config.job.behave.rule
        lines += report.terminal_lines(dialogues, facet)
        sentences.append(report.answer(dialogues, facet, rule))
        metrics |= report.metrics(dialogues, facet, rule)
    if answers := dialogues.answers:
        kept = compliance_of(answers)
        lines += compliance.terminal_lines(kept, answers)
        sentences.append(compliance.answer(kept, answers))
        metrics |= compliance.metrics(kept, answers)
    if dialogues.steering is not None:
        lines += steered.terminal_lines(dialogues)
        sentences.append(steered.answer(dialogues))
        metrics |= steered.metrics(dialogues)
    return Report(
        text="\n".join(lines),
        metrics=metrics,
        effort=f"  conversations {dialogues.done} held, {dialogues.reused} reused",
        passes=Passes(dialogues.done, dialogues.reused),
        answer=" ".join(sentences),
    )
