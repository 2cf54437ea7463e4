"""Everything that a summary shows, computed from the selected runs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TypeVar

from safetensors import SafetensorError

from emo import conditions
from emo.config.enums import Label
from emo.config.precisions import PUBLISHED
from emo.config.schema import RunConfig, StimuliConfig
from emo.core.compare.baselines import Baselines
from emo.core.compare.cross_model import ModelRun, Universality, universality
from emo.core.compare.text_share import TextShare
from emo.core.conditions.claims import Claim
from emo.core.conditions.four_layer import Condition, FourLayerTable, four_layer
from emo.core.conditions.single_model import SingleModel, single_model
from emo.core.geometry.item_sets import ItemSet
from emo.core.geometry.surface import SURFACES, WORDING, surface_activations
from emo.core.records import LabelMismatch, StimulusSet
from emo.core.stats.resampling import Resampling
from emo.errors import EmoError, first_of
from emo.process.progress import busy, track
from emo.runs.listing import RunListing
from emo.summary.baselines import condition_baselines, model_baselines, text_baselines
from emo.summary.behaviour import OnMeasure, behaviour
from emo.summary.behaviour_runs import (
    NOTHING_COUNTS,
    behaviour_candidates,
    speakers_of,
    who_counts,
)
from emo.summary.commands import all_conditions, command
from emo.summary.loading import Files, condition, model_run
from emo.summary.methods import MethodsOf, methods_candidates, methods_of
from emo.summary.naming import twins
from emo.summary.published import four_layer_claims, model_claims
from emo.summary.selection import LeftOut, Selection
from emo.summary.sets import Sets, compare_sets
from emo.summary.specificity import BothLabels, both_labels
from emo.summary.steering import Steered, steered, steering_candidates
from emo.summary.text_share import model_text_shares

log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True)
class Missing:
    """A condition without a run, the contrasts that need it, and the command that makes it."""

    condition: str
    contrasts: tuple[str, ...]
    command: str


@dataclass(frozen=True)
class ModelTable:
    """The four-layer table of one model, and the conditions that it lacks."""

    table: FourLayerTable
    missing: tuple[Missing, ...]
    runs: Mapping[str, RunListing]

    @property
    def model_id(self) -> str:
        return next((r.tags.get("model_id", "") for r in self.runs.values()), "")

    @property
    def own_prompts(self) -> str:
        """The user's own prompts in a few words; empty for those of this project."""
        paths = {r.config.subparams.prompts_path for r in self.runs.values()}
        return "own prompts" if paths - {None} else ""


@dataclass(frozen=True)
class Summary:
    """Everything that the report shows."""

    config: RunConfig
    runs: tuple[RunListing, ...]
    """Every run that is used."""
    models: tuple[ModelRun, ...]
    cross_model: Universality | None
    no_cross_model: str
    """Why there is no cross-model study, if there is none."""
    single: SingleModel | None
    """Results for a single model; None if there are several models."""
    tables: tuple[ModelTable, ...]
    untold: tuple[tuple[str, Missing], ...]
    """Models that have condition A only, each with the command that makes the others."""
    claims: tuple[Claim, ...]
    steering: tuple[Steered, ...]
    left_out: tuple[LeftOut, ...]
    stimuli: StimulusSet
    notes: tuple[str, ...] = ()
    """Sentences about the models' names."""
    baselines: Baselines | None = None
    """The models beside baselines of the passages; None where they cannot stand beside them."""
    condition_baselines: Mapping[str, Mapping[str, Baselines]] = field(default_factory=dict)
    """By model and condition: what a model wrote, beside baselines of its own texts."""
    sets: Sets = field(default_factory=Sets)
    """The models on the bundled sets of passages."""
    text_shares: tuple[TextShare, ...] = ()
    """What the texts of the passages predict of every model; empty where it is not wanted."""
    methods: tuple[MethodsOf, ...] = ()
    """Estimators and readouts, of the models that have a run of job=methods."""
    both_labels: BothLabels | None = None
    """Emotion geometry beside situation geometry; None where fewer than two models have both."""
    behaviour: tuple[OnMeasure, ...] = ()
    """What the models do under pressure and constraints; empty without runs of job=behave."""
    words_accuracy: float | None = None
    """Accuracy of the classifier that reads the models, on the words of the passages (TF-IDF)."""


def summarise(
    config: RunConfig,
    selection: Selection,
    stimuli: StimulusSet,
    files: Callable[[RunListing], Files],
    steering_runs: Sequence[RunListing] = (),
    by_set: Mapping[str, Selection] | None = None,
    others: Mapping[str, Sequence[RunListing]] | None = None,
    methods_runs: Sequence[RunListing] = (),
    behave_runs: Sequence[RunListing] = (),
) -> Summary:
    """The summary of the selected runs, with the other jobs' runs of their models.

    ``by_set`` has the runs that can be used of every bundled set.

    ``others`` are runs of the same passages under the other label, by model.

    Raises
    ------
    EmoError
        If no run is there to be summarised.
    """
    settings = config.job.summarize
    resampling = Resampling(seed=config.seed, **asdict(config.resampling))
    left_out = list(selection.left_out)
    used: dict[str, RunListing] = {}
    models = []

    def read(r: RunListing) -> ModelRun:
        return model_run(r, files(r), settings.layer, resampling)

    for candidates in track(selection.models.values(), "reading models"):
        pair = _first(candidates, read, left_out)
        if pair is not None:
            used[pair[0].run_id] = pair[0]
            models.append(pair[1])
    models.sort(key=lambda m: (m.family, m.size_b or 0.0, m.variant, m.name))
    ready = {m.run_id: m for m in models}

    def read_once(candidates: Sequence[RunListing]) -> ModelRun | None:
        pair = _first(
            candidates,
            lambda r: ready.get(r.run_id) or model_run(r, files(r), settings.layer),
            left_out,
        )
        if pair is None:
            return None
        used[pair[0].run_id] = pair[0]
        return pair[1]

    with busy("comparing sets of passages"):
        sets = compare_sets(by_set or {}, read_once, [m.name for m in models], resampling)
    surfaces = {name: surface_activations(stimuli, name) for name in SURFACES}
    cross_model, no_cross_model = None, ""
    try:
        with busy(f"comparing {len(models)} models"):
            cross_model = universality(
                models, resampling, settings.n_bootstrap, settings.permutations
            )
    except LabelMismatch as error:
        no_cross_model = str(error)
    texts = text_baselines(config)
    with busy("baselines"):
        baselines = model_baselines(models, stimuli, texts, resampling)
    with busy("text shares"):
        shares = model_text_shares(
            models if settings.text_share else [], stimuli, texts, resampling
        )
    tables, beside_own_texts = [], {}
    conditions_of: dict[str, Mapping[str, Condition]] = {}
    passages = tuple(ItemSet.make(surfaces[name], 0) for name in WORDING)
    for by_condition in track(selection.conditions.values(), "four-layer tables"):
        pairs = _conditions(by_condition, files, passages, left_out)
        if pairs:
            made = four_layer(
                {name: c for name, (_, c) in pairs.items()},
                resampling,
                settings.permutations,
                settings.n_bootstrap,
                settings.margin,
            )
            runs = {name: r for name, (r, _) in pairs.items()}
            conditions_of[made.model] = {name: c for name, (_, c) in pairs.items()}
            beside_own_texts[made.model] = condition_baselines(pairs, files, texts, resampling)
            tables.append(ModelTable(made, tuple(_missing(made, runs, config.stimuli)), runs))
            used |= {r.run_id: r for r in runs.values()}
    single = None
    if len(models) == 1:
        (only,) = models
        single = single_model(only, conditions_of.get(only.name, {}), config.seed)
    if not used:
        raise EmoError(
            "job=summarize: no finished run of these passages, readout and vectors settings"
            + (f" ({_why(left_out)})" if left_out else "")
            + "; make one with: python launch.py"
        )
    usable, unused = steering_candidates(steering_runs, list(used.values()))
    left_out += unused
    sweeps = [_first(runs, lambda r: steered(r, files(r)), left_out) for runs in usable.values()]
    steering = tuple(pair[1] for pair in sweeps if pair is not None)
    used |= {s.run.run_id: s.run for s in steering}
    usable, unused = methods_candidates(methods_runs, list(used.values()), stimuli.sha256)
    left_out += unused
    tabled = [_first(runs, lambda r: methods_of(r, files(r)), left_out) for runs in usable.values()]
    methods = tuple(pair[1] for pair in tabled if pair is not None)
    used |= {m.run.run_id: m.run for m in methods}
    usable, unused = behaviour_candidates(behave_runs, list(used.values()))
    left_out += unused
    spoke = [
        _first(runs, lambda r, facet=facet: speakers_of(r, facet, files(r)), left_out)
        for (facet, *_), runs in usable.items()
    ]
    read_of = [pair[1] for pair in spoke if pair is not None]
    speakers = who_counts(read_of)
    left_out += [LeftOut(own.run, NOTHING_COUNTS) for own, *_ in read_of if not own.measures]
    used |= {s.run.run_id: s.run for s in speakers}
    with busy("behaviour beside geometry"):
        doing = behaviour(
            speakers,
            cross_model,
            models,
            lambda name, precision: read_once(selection.readings.get((name, precision), ())),
            settings.permutations,
            resampling,
        )
    beside = both_labels(
        config.stimuli.label,
        cross_model,
        others or {},
        lambda runs: _first(runs, lambda r: model_run(r, files(r), settings.layer), left_out),
        resampling,
    )
    used |= {r.run_id: r for r in (beside.runs if beside else ())}
    claims = [
        *model_claims(models, cross_model, config),
        *four_layer_claims([(t.model_id, t.table, t.own_prompts) for t in tables]),
    ]
    return Summary(
        config=config,
        runs=tuple(used.values()),
        models=tuple(models),
        cross_model=cross_model,
        no_cross_model=no_cross_model,
        single=single,
        tables=tuple(tables),
        untold=_untold(models, used, [t.table.model for t in tables], config.stimuli),
        claims=tuple(claims),
        steering=steering,
        left_out=tuple(e for e in left_out if e.run.run_id not in used),
        stimuli=stimuli,
        notes=(*selection.notes, *twins(models)),
        baselines=baselines,
        condition_baselines=beside_own_texts,
        sets=sets,
        text_shares=tuple(shares),
        methods=methods,
        both_labels=beside,
        behaviour=doing,
        words_accuracy=passages[0].left_out_accuracy() if models else None,
    )


def _why(left_out: Sequence[LeftOut]) -> str:
    """Every reason why runs are left out, with the run, or how many runs it holds for."""
    runs: dict[str, list[str]] = {}
    for each in left_out:
        runs.setdefault(each.reason, []).append(each.run.run_id[:8])
    ids = {
        reason: ids[0] if len(ids) == 1 else f"{len(ids)} others" for reason, ids in runs.items()
    }
    return first_of([f"{who}: {reason}" for reason, who in ids.items()], "; ")


def _first(
    candidates: Sequence[RunListing], read: Callable[[RunListing], T], left_out: list[LeftOut]
) -> tuple[RunListing, T] | None:
    """The newest run that can be read, with what was read; runs that cannot be read are left out."""
    for run in candidates:
        try:
            return run, read(run)
        except (EmoError, SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
            log.warning("run %s is left out: its files cannot be used: %s", run.short, error)
            left_out.append(LeftOut(run, f"its files cannot be used: {error}"))
    return None


def _conditions(
    candidates: Mapping[str, Sequence[RunListing]],
    files: Callable[[RunListing], Files],
    passages: tuple[ItemSet, ...],
    left_out: list[LeftOut],
) -> dict[str, tuple[RunListing, Condition]]:
    """The conditions of one model that can be read, each with its run."""
    pairs = {
        name: _first(runs, lambda r, name=name: condition(r, files(r), name, passages), left_out)
        for name, runs in candidates.items()
    }
    return {name: pair for name, pair in pairs.items() if pair is not None}


def _untold(
    models: Sequence[ModelRun],
    used: Mapping[str, RunListing],
    with_table: Sequence[str],
    stimuli: StimuliConfig,
) -> tuple[tuple[str, Missing], ...]:
    """Models with no table, each with the conditions that it lacks and what makes them.

    None of situations: what a model writes has none.
    """
    if stimuli.label is Label.situation:
        return ()
    names = ", ".join(n for n in conditions.names() if n != "A")
    return tuple(
        (
            m.name,
            Missing(
                names, ("every contrast",), all_conditions(used[m.run_id], m.precision, stimuli)
            ),
        )
        for m in models
        if m.name not in with_table
    )


def _missing(
    table: FourLayerTable, runs: Mapping[str, RunListing], stimuli: StimuliConfig
) -> list[Missing]:
    first = next(iter(runs.values()))
    common = [c.precision for c in table.conditions if conditions.in_common_precision(c.name)]
    precision = common[0] if common else PUBLISHED
    stories = [runs[n] for n in ("C", "B", *runs) if n in runs and n != "A"]
    prompts = stories[0].config.subparams.prompts_path if stories else None
    contrasts: dict[str, list[str]] = {}
    for contrast, lacks in table.missing:
        for name in lacks:
            contrasts.setdefault(name, []).append(contrast.title)
    return [
        Missing(name, tuple(needed), command(name, first, precision, stimuli, prompts))
        for name, needed in contrasts.items()
    ]
