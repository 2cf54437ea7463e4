"""job=steer: emotion vectors added while a model writes, with controls, as one logged run."""

from __future__ import annotations

import importlib.metadata
import math
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emo import serialise
from emo.api import LoadedRun, load_run
from emo.config import (
    FloatFormat,
    JobConfig,
    JobName,
    JudgeName,
    PrecisionName,
    RunConfig,
    SteerPositions,
    SteerVector,
    canonical,
)
from emo.core.dose_response import Cell, best_cell, cells
from emo.core.resampling import stream
from emo.core.steering import Direction, derangement
from emo.errors import ConfigError
from emo.fingerprint import reader_identity
from emo.generation.generating import Generation
from emo.generation.prompting import prompt_ids
from emo.generation.texts import TextStore
from emo.jobs import extract, record
from emo.jobs.outcome import Outcome
from emo.jobs.plan import Plan, make_plan
from emo.jobs.reader import load_model
from emo.models.weights import Weights, folder_digest
from emo.progress import track
from emo.report import steering as report
from emo.steering.doses import Additions, Dose, Site, parse_sites, plan_doses
from emo.stimuli.scenarios import Scenario, load_scenarios

if TYPE_CHECKING:
    from emo.core.types import EmotionVectors
    from emo.models.loading import LoadedModel
    from emo.steering.judging import Judge
    from emo.steering.sweep import Sweep
    from emo.tracking import RunRecord, Tracker

ARTIFACTS = (
    "steering.json",
    "texts.json",
    "texts.html",
    "cells.csv",
    "table.txt",
    *record.FILES,
    "figures/dose_response.png",
    "figures/emotions.png",
    "figures/regimes.png",
)


def run(config: RunConfig) -> Outcome:
    """Steer, or find the finished run with the same fingerprint."""
    scenarios, digest = _scenarios(config)
    tracker = record.open_tracker(config)
    plan = _plan(config, digest, tracker)
    if found := record.finished(plan, tracker, "steering.json", serialise.read_steering):
        run_id, swept = found
        swept = replace(swept, done=0, reused=swept.done + swept.reused)
        return _outcome("reused", plan, tracker, run_id, swept)

    source = _vectors(config)
    loaded = load_model(plan)
    work = _prepare(config, plan, scenarios, source, loaded)
    name = f"{config.model.label} steering {config.steer.name}"
    tags = record.tags(plan) | {"steer": config.steer.name, "vectors_run": source.run_id}
    with tracker.run(name, tags) as run_id:
        swept = _sweep(work)
        with tempfile.TemporaryDirectory() as folder:
            _write_files(Path(folder), plan, swept)
            tracker.log(run_id, _record(plan, swept), Path(folder))
    return _outcome("finished", plan, tracker, run_id, swept)


def _scenarios(config: RunConfig) -> tuple[tuple[Scenario, ...], str]:
    """The scenarios asked for and the digest of their file; what needs no model is checked here.

    Raises
    ------
    EmoError
        If one of the steering parameters is not allowed.
    """
    steer = config.steer
    parse_sites(steer.layers)
    good = [math.isfinite(s) and s >= 0 for s in steer.strengths]
    if not all(good) or not good or len(set(steer.strengths)) < len(good):
        raise ConfigError("steer.strengths", steer.strengths, "different numbers of at least 0")
    if steer.judge is JudgeName.hf and not steer.judge_model:
        raise ConfigError("steer.judge_model", None, "a folder with a classifier, for judge=hf")
    if len(set(steer.controls)) < len(steer.controls):
        raise ConfigError("steer.controls", [c.value for c in steer.controls], "each control once")
    found = load_scenarios(config.path(steer.scenarios_path) if steer.scenarios_path else None)
    by_id = {s.id: s for s in found.items}
    names = list(by_id) if steer.scenarios is None else steer.scenarios
    if not names or len(set(names)) < len(names) or not set(names) <= set(by_id):
        raise ConfigError("steer.scenarios", names, f"each once, of {', '.join(by_id)}")
    return tuple(by_id[name] for name in names), found.sha256


def _plan(config: RunConfig, scenarios_sha256: str, tracker: Tracker) -> Plan:
    """The plan, named by everything that can change a text or a verdict."""
    steer = config.steer
    if steer.run is None:
        vectors = make_plan(config).provenance.fingerprint
    else:
        vectors = tracker.get(steer.run).data.tags.get("fingerprint", steer.run)

    def identity(config: RunConfig, weights: Weights, device: str, _sha256: str) -> dict[str, Any]:
        settings = canonical(steer)
        for name in ("name", "run", "scenarios_path", "judge_model"):
            del settings[name]
        return {
            "job": "steer",
            "reader": reader_identity(config, weights, device),
            "vectors": vectors,
            "steer": settings,
            "scenarios": scenarios_sha256,
            "judge": _judge_identity(config),
            "batch_size": config.batch_size if _batch_decides(config) else None,
            "seed": config.seed,
        }

    return make_plan(config, identity)


def _judge_identity(config: RunConfig) -> str:
    if config.steer.judge is JudgeName.lexicon:
        return f"vaderSentiment {importlib.metadata.version('vaderSentiment')}"
    folder = config.path(config.steer.judge_model or "")
    if not folder.is_dir():
        raise ConfigError("steer.judge_model", folder, "a folder with a classifier")
    return folder_digest(folder)


def _batch_decides(config: RunConfig) -> bool:
    """Whether a text depends on the batch it is written in: all but fp32 logits do."""
    p = config.precision
    return p.compute_dtype is not FloatFormat.fp32 or p.name is PrecisionName.int8


def _vectors(config: RunConfig) -> LoadedRun:
    """The extraction whose vectors are added: the one named, or this configuration's own.

    Raises
    ------
    EmoError
        If the run is none of this model's, or the extraction fails.
    """
    uri, run_id = config.tracking.uri, config.steer.run
    if run_id is None:
        done = extract.run(replace(config, job=JobConfig(name=JobName.extract), force=False))
        assert done.run_id is not None
        run_id = done.run_id
    found = load_run(run_id, config.root, uri)
    if found.tags.get("job") != "extract":
        raise ConfigError("steer.run", run_id, "the id of a job=extract run")
    if found.tags.get("model_id") != config.model.id:
        model = found.tags.get("model_id")
        raise ConfigError("steer.run", run_id, f"a run of {config.model.id}; this is of {model}")
    return found


@dataclass(frozen=True)
class Work:
    """Everything a sweep needs, checked before a run is opened."""

    plan: Plan
    loaded: LoadedModel
    vectors: EmotionVectors
    source: int | None
    scenarios: tuple[Scenario, ...]
    doses: list[Dose]
    prompts: dict[str, tuple[int, ...]]
    judge: Judge
    store: TextStore


def _prepare(
    config: RunConfig,
    plan: Plan,
    scenarios: tuple[Scenario, ...],
    source: LoadedRun,
    loaded: LoadedModel,
) -> Work:
    """Fit what was asked for to this model and these vectors.

    Raises
    ------
    ConfigError
        If a layer, an emotion or the length of a text does not fit.
    """
    steer, vectors = config.steer, source.vectors
    wanted = list(dict.fromkeys(steer.emotions or [s.emotion for s in scenarios]))
    if missing := [e for e in wanted if e not in vectors.emotions]:
        where = "steer.emotions" if steer.emotions else "steer.scenarios: emotion"
        raise ConfigError(
            where, missing[0], f"{', '.join(vectors.emotions)} (the vectors' emotions)"
        )
    shape = loaded.model.config.get_text_config()
    if vectors.values.shape[::2] != (shape.num_hidden_layers, shape.hidden_size):
        raise ConfigError("steer.run", source.run_id, "vectors with this model's layers and width")
    choice = source.descriptors.choices.get(steer.criterion.value)
    best = None if choice is None else choice.layer
    sites = parse_sites(steer.layers, shape.num_hidden_layers, best)
    if best is None and (steer.vector is SteerVector.best or any(not s.layers for s in sites)):
        raise ConfigError(
            "steer.criterion", steer.criterion.value, "mean_cosine: this run has no layer by it"
        )
    prompts = {
        s.id: prompt_ids(loaded.tokenizer, s.text, steer.chat_template).ids for s in scenarios
    }
    room = None if loaded.context is None else loaded.context - max(map(len, prompts.values()))
    if room is not None and steer.max_new_tokens > room:
        raise ConfigError("steer.max_new_tokens", steer.max_new_tokens, f"at most {room} here")
    return Work(
        plan,
        loaded,
        vectors,
        best if steer.vector is SteerVector.best else None,
        scenarios,
        _doses(config, scenarios, sites),
        prompts,
        _judge(config, loaded.device),
        TextStore(
            config.path(config.paths.store) / "texts",
            {"texts": 1, **reader_identity(config, plan.weights, plan.device)},
        ),
    )


def _doses(config: RunConfig, scenarios: tuple[Scenario, ...], sites: list[Site]) -> list[Dose]:
    directions = [Direction.target, *(Direction(c.value) for c in config.steer.controls)]
    emotions = config.steer.emotions
    return plan_doses(scenarios, emotions, directions, sites, sorted(config.steer.strengths))


def _judge(config: RunConfig, device: str) -> Judge:
    from emo.steering.judging import ClassifierJudge, LexiconJudge

    if config.steer.judge is JudgeName.lexicon:
        return LexiconJudge()
    folder = config.path(config.steer.judge_model or "")
    return ClassifierJudge(folder, device, config.backend.batch_size)


def _sweep(work: Work) -> Sweep:
    from emo.steering.scoring import mean_norms
    from emo.steering.steerable import open_steerable
    from emo.steering.sweep import Setup, sweep

    config, steer = work.plan.config, work.plan.config.steer
    model = open_steerable(work.loaded, config.backend)
    names = [s.id for s in work.scenarios]
    prompts = [work.prompts[name] for name in names]
    norms = dict(zip(names, mean_norms(model, prompts, config.batch_size), strict=True))
    partners = derangement(work.vectors.emotions, stream(config.seed, "steering", "shuffled"))
    additions = Additions(work.vectors, norms, partners, work.source, config.seed)
    generation = Generation(
        steer.max_new_tokens, None, config.seed, config.batch_size, _batch_decides(config)
    )
    late = steer.positions is SteerPositions.generated
    setup = Setup(generation, late, steer.control_samples, track)
    return sweep(model, work.prompts, work.doses, additions, work.judge, work.store, setup)


def _headline(found: Sequence[Cell]) -> dict[str, Any]:
    """The strongest dose of each site in words a search understands, and the best surgical cell."""
    out: dict[str, Any] = {}
    best = best_cell(found)
    if best is not None:
        out |= {
            "best_strength": best.strength,
            "best_success": best.fluent_success.k,
            "best_success_n": best.fluent_success.n,
            "best_success_low": best.fluent_success.low,
            "best_success_high": best.fluent_success.high,
        }
    target = [c for c in found if c.direction == Direction.target.value]
    out["cells"] = len(target)
    out["cells_disagreeing"] = sum(c.disagree for c in target)
    for name in ("surgical", "repetitive_collapse", "explosive", "silent"):
        out[f"cells_{name}"] = sum(c.robust.name == name for c in target)
    return out


def _record(plan: Plan, swept: Sweep) -> RunRecord:
    from emo.tracking import DESCRIPTION, RunRecord

    found = cells(swept.steered, swept.limits)
    metrics = {**_headline(found), "texts_done": swept.done, "texts_reused": swept.reused}
    metrics |= {f"limit_{k}": float(v) for k, v in canonical(swept.limits).items()}
    text = report.summary(swept, _title(plan), plan.weights.note)
    tags = {DESCRIPTION: f"```\n{text}\n```"}
    params, dataset = record.params(plan.config), record.dataset(plan)
    return RunRecord(tags, params, metrics, report.curves(found), dataset)


def _title(plan: Plan) -> str:
    c = plan.config
    return f"{c.model.label}, {c.precision.label}, steering ({c.steer.name})"


def _write_files(folder: Path, plan: Plan, swept: Sweep) -> None:
    title = _title(plan)
    serialise.write_json(swept, folder / "steering.json")
    serialise.write_json(report.texts_table(swept), folder / "texts.json")
    (folder / "texts.html").write_text(report.texts_html(swept, title), encoding="utf-8")
    (folder / "cells.csv").write_text(report.cells_csv(swept), encoding="utf-8")
    text = report.summary(swept, title, plan.weights.note)
    (folder / "table.txt").write_text(text + "\n", encoding="utf-8")
    record.write_files(folder, plan)
    (folder / "figures").mkdir()
    for name, figure in (
        ("dose_response", report.dose_response(swept, title)),
        ("emotions", report.emotions(swept, title)),
        ("regimes", report.regime_map(swept, title)),
    ):
        figure.savefig(folder / "figures" / f"{name}.png")


def _outcome(status: str, plan: Plan, tracker: Tracker, run_id: str, swept: Sweep) -> Outcome:
    uri = tracker.artifact_uri(run_id)
    text = report.summary(swept, _title(plan), plan.weights.note)
    text += (
        f"\n  texts {swept.done} written, {swept.reused} reused"
        f"\n  run {run_id} ({status}); look at it with: make ui"
    )
    return Outcome(
        status=status,
        fingerprint=plan.provenance.fingerprint,
        run_id=run_id,
        metrics=serialise.plain(_headline(cells(swept.steered, swept.limits))),
        artifacts={Path(name).name: f"{uri}/{name}" for name in ARTIFACTS},
        passes_done=swept.done,
        passes_reused=swept.reused,
        table=text,
    )
