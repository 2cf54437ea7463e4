"""job=ablate: all 2^8 settings of the sub-parameters between matched and loose, from few texts.

Eight sets of texts (prompts x decoding x chat template) are written at the larger budget and number
of samples; token budget, sample count, position, layer and centring are derived from them.
"""

from __future__ import annotations

import logging
import tempfile
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emo import serialise
from emo.config import RunConfig, SubparamsConfig
from emo.core.ablation import Ablation, ablation, responses
from emo.core.decomposition import FactorialError, full_factorial
from emo.errors import ConfigError, EmoError
from emo.fingerprint import ablation_identity
from emo.generation import protocols
from emo.generation.protocols import SUBPARAMETERS
from emo.generation.stories import NEUTRAL
from emo.jobs import record
from emo.jobs.outcome import Outcome
from emo.jobs.plan import Plan, make_plan
from emo.jobs.points import Points
from emo.jobs.stories import best_layer, read_prompts
from emo.jobs.story_source import StorySource
from emo.progress import track
from emo.report import ablation as report
from emo.stimuli.prompts import PromptSet

if TYPE_CHECKING:
    from emo.tracking import RunRecord, Tracker

log = logging.getLogger(__name__)

FACTORS = tuple(SUBPARAMETERS)
ARTIFACTS = (
    "ablation.json",
    "points.csv",
    "effects.csv",
    *record.FILES,
    "figures/effects.png",
    "figures/interactions.png",
)


def run(config: RunConfig) -> Outcome:
    """Evaluate the factorial, or find the run that did."""
    prompts = read_prompts(config)
    plan = _plan(config, prompts)
    with record.alone(plan):
        return _run(plan, prompts)


def _run(plan: Plan, prompts: PromptSet) -> Outcome:
    config = plan.config
    tracker = record.open_tracker(config)
    if found := record.finished(plan, tracker, "ablation.json", report.read_shown):
        run_id, shown = found
        return _outcome("reused", plan, tracker, run_id, shown["summary"], shown["metrics"])

    best = best_layer(replace(config, subparams=SubparamsConfig()))
    source = StorySource(plan, prompts, emotions_of(plan))
    settings = points(config)
    shared = Points(source, best.layer, max(config.job.tokens), max(config.job.samples))
    shared.check(settings)  # before a run is opened
    tags = record.tags(plan) | {"prompts_sha256": prompts.sha256}
    with tracker.run(
        f"{config.model.label} {plan.config.precision.label} ablation", tags
    ) as run_id:
        sets, cost = shared.evaluate(settings)
        start = time.perf_counter()
        found = responses(sets[0], sets, config.resampling.n_bootstrap, config.seed, track)
        try:
            effects = ablation(FACTORS, found)
        except FactorialError as error:
            raise EmoError(f"model={config.model.label}: {error}") from error
        cost = replace(cost, seconds_comparing=time.perf_counter() - start)
        text = report.summary(effects, _title(plan), plan.weights.note, cost)
        metrics = report.metrics(effects, cost)
        with tempfile.TemporaryDirectory() as folder:
            _write_files(Path(folder), plan, effects, {"summary": text, "metrics": metrics})
            tracker.log(run_id, _record(plan, prompts, text, metrics), Path(folder))
    return _outcome("finished", plan, tracker, run_id, text, metrics, cost)


def levels(config: RunConfig) -> tuple[SubparamsConfig, SubparamsConfig]:
    """The matched and the loose setting, with the budgets and sample counts of the job."""
    own = config.subparams
    kept = {
        name: getattr(own, name)
        for name in ("seed", "temperature", "top_p", "prompts_path", "texts_from")
    }
    return tuple(  # pyright: ignore[reportReturnType]
        replace(level, **kept, max_new_tokens=config.job.tokens[i], samples=config.job.samples[i])
        for i, level in enumerate((protocols.MATCHED, protocols.LOOSE))
    )


def points(config: RunConfig) -> list[SubparamsConfig]:
    """All 256 settings in the order of :func:`full_factorial`; the first is all matched."""
    matched, loose = levels(config)
    out = []
    for row in full_factorial(len(FACTORS)):
        changed = [
            f for name, on in zip(FACTORS, row, strict=True) if on for f in SUBPARAMETERS[name]
        ]
        out.append(replace(matched, name="ablation", **{f: getattr(loose, f) for f in changed}))
    return out


def emotions_of(plan: Plan) -> tuple[str, ...]:
    """The emotions that texts are written about.

    Raises
    ------
    ConfigError
        If more are asked for than there are.
    """
    emotions = tuple(e for e in plan.stimuli.emotions if e != NEUTRAL)
    n = plan.config.job.emotions
    if n is not None and n > len(emotions):
        raise ConfigError("job.emotions", n, f"3 to {len(emotions)}, or null for all")
    return emotions[:n]


def _plan(config: RunConfig, prompts: PromptSet) -> Plan:
    settings = [protocols.identity(sub) for sub in levels(config)]

    return make_plan(
        config, partial(ablation_identity, prompts_sha256=prompts.sha256, levels=settings)
    )


def _title(plan: Plan) -> str:
    c = plan.config
    return f"{c.model.label}, {c.precision.label}, ablation of the eight sub-parameters"


def _record(plan: Plan, prompts: PromptSet, text: str, metrics: dict[str, Any]) -> RunRecord:
    from emo.tracking import DESCRIPTION, RunRecord

    dataset = ("prompts", prompts.sha256, Path(prompts.source).name)
    tags = {DESCRIPTION: f"```\n{text}\n```"}
    return RunRecord(tags, record.params(plan.config), metrics, {}, dataset)


def _write_files(folder: Path, plan: Plan, effects: Ablation, shown: dict[str, Any]) -> None:
    serialise.write_json(shown, folder / "ablation.json")
    (folder / "points.csv").write_text(report.points_csv(effects), encoding="utf-8")
    (folder / "effects.csv").write_text(report.effects_csv(effects), encoding="utf-8")
    record.write_files(folder, plan)
    (folder / "figures").mkdir()
    for name, figure in (
        ("effects", report.effects_figure(effects, _title(plan))),
        ("interactions", report.interactions_figure(effects, _title(plan))),
    ):
        figure.savefig(folder / "figures" / f"{name}.png")


def _outcome(
    status: str,
    plan: Plan,
    tracker: Tracker,
    run_id: str,
    text: str,
    metrics: dict[str, Any],
    cost: report.Cost | None = None,
) -> Outcome:
    uri = tracker.artifact_uri(run_id)
    return Outcome(
        status=status,
        fingerprint=plan.provenance.fingerprint,
        run_id=run_id,
        metrics=serialise.plain(metrics),
        artifacts={Path(name).name: f"{uri}/{name}" for name in ARTIFACTS},
        passes_done=cost.forward_passes if cost else 0,
        table=f"{text}\n  run {run_id} ({status}); look at it with: make ui",
    )
