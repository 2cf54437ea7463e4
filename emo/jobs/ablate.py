"""job=ablate: all 2^8 settings of the sub-parameters between matched and loose, from few texts.

Eight sets of texts (prompts x decoding x chat template) are written at the larger budget and number
of samples; token budget, sample count, position, layer and centring are derived from them.
"""

from __future__ import annotations

import logging
import tempfile
import time
from collections import defaultdict
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emo import serialise
from emo.config import Centring, RunConfig, SubparamsConfig
from emo.core.ablation import Ablation, ablation, responses
from emo.core.decomposition import FactorialError, full_factorial
from emo.core.item_sets import ItemSet, Recipe
from emo.core.stories import story_set
from emo.core.types import Activations
from emo.errors import ConfigError, EmoError
from emo.fingerprint import ablation_identity
from emo.generation import protocols
from emo.generation.protocols import SUBPARAMETERS
from emo.generation.stories import NEUTRAL, Story, StoryTexts
from emo.jobs import record
from emo.jobs.outcome import Outcome
from emo.jobs.plan import Plan, make_plan
from emo.jobs.stories import Best, best_layer, read_prompts
from emo.jobs.story_source import StorySource, layer_number
from emo.progress import track
from emo.report import ablation as report
from emo.report.ablation import Cost
from emo.stimuli.prompts import PromptSet

if TYPE_CHECKING:
    from emo.tracking import RunRecord, Tracker

log = logging.getLogger(__name__)

FACTORS = tuple(SUBPARAMETERS)
WRITTEN = ("prompts", "decoding", "chat_template")
"""The sub-parameters that a text depends on, besides its length."""
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
    tracker = record.open_tracker(config)
    if found := record.finished(plan, tracker, "ablation.json", report.read_shown):
        run_id, shown = found
        return _outcome("reused", plan, tracker, run_id, shown["summary"], shown["metrics"])

    best = best_layer(replace(config, subparams=SubparamsConfig()))
    source = StorySource(plan, prompts, emotions_of(plan))
    settings = points(config)
    for sub in _writing(settings):
        source.planned(sub)  # refuses a budget without room before a run is opened
    tags = record.tags(plan) | {"prompts_sha256": prompts.sha256}
    with tracker.run(
        f"{config.model.label} {plan.config.precision.label} ablation", tags
    ) as run_id:
        sets, cost = evaluate(source, settings, best)
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


def _writing(settings: list[SubparamsConfig]) -> list[SubparamsConfig]:
    """The settings that write all texts the others need: one a combination of ``WRITTEN``."""
    sets: dict[tuple[Any, ...], SubparamsConfig] = {}
    tokens, samples = (max(getattr(s, f) for s in settings) for f in ("max_new_tokens", "samples"))
    for sub in settings:
        sets.setdefault(
            _written_as(sub),
            replace(sub, max_new_tokens=tokens, samples=samples, centring=Centring.neutral),
        )
    return list(sets.values())


def _written_as(sub: SubparamsConfig) -> tuple[Any, ...]:
    return tuple(getattr(sub, name) for name in WRITTEN)


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


def evaluate(
    source: StorySource, settings: list[SubparamsConfig], best: Best
) -> tuple[list[ItemSet], Cost]:
    """The data set of every setting, at its layer and with its recipe.

    All texts are written first, so that a model which only writes is loaded once; then the readings
    of each set of texts are taken together, in one pass a text.
    """
    n_layers, start = source.n_layers(), time.perf_counter()
    written = {
        _written_as(sub): source.write(sub) for sub in track(_writing(settings), "sets of texts")
    }
    read_from = time.perf_counter()
    plans = _Plans(source)
    sets: dict[int, ItemSet] = {}
    lengths: dict[Any, int] = {}
    passes = separate = 0
    for key, made in written.items():
        texts = dict(zip((s.request for s in made.texts.stories), made.texts.texts, strict=True))
        lengths |= {(key[1], request): len(text.tokens) for request, text in texts.items()}
        readings: dict[SubparamsConfig, list[int]] = defaultdict(list)
        for i, sub in enumerate(settings):
            if _written_as(sub) == key:
                readings[_reading(sub)].append(i)
                separate += sum(
                    min(len(texts[s.request].tokens), sub.max_new_tokens) for s in plans(sub)
                )
        asked = [
            (StoryTexts(plans(sub), tuple(texts[s.request] for s in plans(sub))), sub)
            for sub in readings
        ]
        found, done, _ = source.read(asked)
        passes += done.done
        for activations, which in zip(found, readings.values(), strict=True):
            for i in which:
                sets[i] = _item_set(activations, settings[i], n_layers, best)
    return [sets[i] for i in range(len(settings))], Cost(
        texts_written=sum(w.done for w in written.values()),
        texts_reused=sum(w.reused for w in written.values()),
        tokens_written=sum(w.tokens for w in written.values()),
        tokens_distinct=sum(lengths.values()),
        tokens_separate=separate,
        forward_passes=passes,
        seconds_writing=read_from - start,
        seconds_reading=time.perf_counter() - read_from,
        seconds_comparing=0.0,
    )


def _reading(sub: SubparamsConfig) -> SubparamsConfig:
    """What is read of which texts, whatever layer and centre are taken then."""
    return replace(sub, layer="middle", centring=Centring.neutral, unit_norm=True)


class _Plans:
    """Stories of settings; the neutral ones are always among those of a reading."""

    def __init__(self, source: StorySource) -> None:
        self._source = source
        self._known: dict[tuple[Any, ...], tuple[Story, ...]] = {}

    def __call__(self, sub: SubparamsConfig) -> tuple[Story, ...]:
        key = (*_written_as(sub), sub.samples, sub.centring)
        if key not in self._known:
            self._known[key] = self._source.planned(sub).stories
        return self._known[key]


def _item_set(activations: Activations, sub: SubparamsConfig, n_layers: int, best: Best) -> ItemSet:
    layer, _ = layer_number(sub, n_layers, best.layer)
    recipe = Recipe(centring=sub.centring.value, unit_norm=sub.unit_norm)
    try:
        return story_set(activations, layer, recipe)
    except ValueError as error:
        raise EmoError(f"job=ablate: {error}; take precision=bf16 or precision=fp32") from error


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
    cost: Cost | None = None,
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
