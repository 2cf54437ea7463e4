"""Everything a summary says, computed from selected runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TypeVar

from safetensors import SafetensorError

from emo.config.schema import RunConfig, StimuliConfig
from emo.core.compare.cross_model import ModelRun, Universality, universality
from emo.core.conditions.claims import Claim
from emo.core.conditions.four_layer import Condition, FourLayerTable, four_layer
from emo.core.conditions.single_model import SingleModel, single_model
from emo.core.geometry.item_sets import ItemSet
from emo.core.geometry.surface import SURFACES, surface_activations
from emo.core.records import LabelMismatch, StimulusSet
from emo.core.stats.resampling import Resampling
from emo.errors import EmoError, first_of
from emo.process.progress import busy, track
from emo.runs.listing import LoggedRun
from emo.summary.commands import COMMANDS, command, whole_study
from emo.summary.loading import Files, condition, model_run
from emo.summary.naming import twins
from emo.summary.published import four_layer_claims, model_claims
from emo.summary.selection import LeftOut, Selection
from emo.summary.steering import Steered, steered, steering_candidates

T = TypeVar("T")


@dataclass(frozen=True)
class Missing:
    """A condition that is not there, the layers that need it, and what makes it."""

    condition: str
    layers: tuple[str, ...]
    command: str


@dataclass(frozen=True)
class ModelTable:
    """One model's four-layer table and what it lacks."""

    table: FourLayerTable
    missing: tuple[Missing, ...]
    runs: Mapping[str, LoggedRun]

    @property
    def model_id(self) -> str:
        return next((r.tags.get("model_id", "") for r in self.runs.values()), "")

    @property
    def own_prompts(self) -> str:
        """The user's own prompts in a few words; empty for those of this project."""
        paths = {r.params.get("subparams.prompts_path", "None") for r in self.runs.values()}
        return "own prompts" if paths - {"None"} else ""


@dataclass(frozen=True)
class Summary:
    """What the report shows."""

    config: RunConfig
    runs: tuple[LoggedRun, ...]
    """Every run that is used."""
    models: tuple[ModelRun, ...]
    study: Universality | None
    no_study: str
    """Why there is no cross-model study, if there is none."""
    single: SingleModel | None
    """What one model alone shows; None where there are several."""
    tables: tuple[ModelTable, ...]
    untold: tuple[tuple[str, Missing], ...]
    """Models with no condition but A, each with what makes the others."""
    claims: tuple[Claim, ...]
    steering: tuple[Steered, ...]
    left_out: tuple[LeftOut, ...]
    stimuli: StimulusSet
    notes: tuple[str, ...] = ()
    """What is to be said of the models' names."""


def summarise(
    config: RunConfig,
    selection: Selection,
    stimuli: StimulusSet,
    files: Callable[[LoggedRun], Files],
    steering_runs: Sequence[LoggedRun] = (),
) -> Summary:
    """Read the selected runs and compute everything; ``steering_runs`` are shown for its models.

    Raises
    ------
    EmoError
        If no run is there to be summarised.
    """
    settings = config.job.summarize
    resampling = Resampling(seed=config.seed, **asdict(config.resampling))
    left = list(selection.left_out)
    used: dict[str, LoggedRun] = {}
    models = []
    for candidates in track(selection.models.values(), "reading models"):
        found = _first(candidates, lambda r: model_run(r, files(r), settings.layer), left)
        if found is not None:
            used[found[0].run_id] = found[0]
            models.append(found[1])
    models.sort(key=lambda m: (m.family, m.size_b or 0.0, m.variant, m.name))
    surfaces = {name: surface_activations(stimuli, name) for name in SURFACES}
    study, no_study = None, ""
    try:
        with busy(f"comparing {len(models)} models"):
            study = universality(
                models, surfaces, resampling, settings.n_bootstrap, settings.permutations
            )
    except LabelMismatch as error:
        no_study = str(error)
    tables = []
    conditions_of: dict[str, Mapping[str, Condition]] = {}
    passages = tuple(ItemSet.make(a, 0) for a in surfaces.values())
    for conditions in track(selection.conditions.values(), "four-layer tables"):
        found = _conditions(conditions, files, passages, left)
        if found:
            made = four_layer(
                {name: c for name, (_, c) in found.items()},
                resampling,
                settings.permutations,
                settings.n_bootstrap,
            )
            runs = {name: r for name, (r, _) in found.items()}
            conditions_of[made.model] = {name: c for name, (_, c) in found.items()}
            tables.append(ModelTable(made, tuple(_missing(made, runs, config.stimuli)), runs))
            used |= {r.run_id: r for r in runs.values()}
    single = None
    if len(models) == 1:
        (alone,) = models
        single = single_model(alone, surfaces, conditions_of.get(alone.name, {}), config.seed)
    if not used:
        raise EmoError(
            "job=summarize: no finished run of these passages, readout and vectors settings"
            + (f" ({_why(left)})" if left else "")
            + "; make one with: python launch.py"
        )
    candidates, unused = steering_candidates(steering_runs, list(used.values()))
    left += unused
    found_steering = [
        _first(of, lambda r: steered(r, files(r)), left) for of in candidates.values()
    ]
    steering = tuple(found[1] for found in found_steering if found is not None)
    used |= {s.run.run_id: s.run for s in steering}
    claims = [
        *model_claims(models, study, config),
        *four_layer_claims([(t.model_id, t.table, t.own_prompts) for t in tables]),
    ]
    return Summary(
        config=config,
        runs=tuple(used.values()),
        models=tuple(models),
        study=study,
        no_study=no_study,
        single=single,
        tables=tuple(tables),
        untold=_untold(models, used, [t.table.model for t in tables], config.stimuli),
        claims=tuple(claims),
        steering=steering,
        left_out=tuple(e for e in left if e.run.run_id not in used),
        stimuli=stimuli,
        notes=(*selection.notes, *twins(models)),
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
    candidates: Sequence[LoggedRun], read: Callable[[LoggedRun], T], left: list[LeftOut]
) -> tuple[LoggedRun, T] | None:
    """The newest run that can be read; those that cannot are left out."""
    for run in candidates:
        try:
            return run, read(run)
        except (EmoError, SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
            left.append(LeftOut(run, f"its files cannot be used: {error}"))
    return None


def _conditions(
    candidates: Mapping[str, Sequence[LoggedRun]],
    files: Callable[[LoggedRun], Files],
    passages: tuple[ItemSet, ...],
    left: list[LeftOut],
) -> dict[str, tuple[LoggedRun, Condition]]:
    """One model's conditions that can be read, each with its run."""
    found = {
        name: _first(of, lambda r, name=name: condition(r, files(r), name, passages), left)
        for name, of in candidates.items()
    }
    return {name: pair for name, pair in found.items() if pair is not None}


def _untold(
    models: Sequence[ModelRun],
    used: Mapping[str, LoggedRun],
    told: Sequence[str],
    stimuli: StimuliConfig,
) -> tuple[tuple[str, Missing], ...]:
    names = ", ".join(n for n in COMMANDS if n != "A")
    return tuple(
        (m.name, Missing(names, ("1 to 4",), whole_study(used[m.run_id], m.precision, stimuli)))
        for m in models
        if m.name not in told
    )


def _missing(
    table: FourLayerTable, runs: Mapping[str, LoggedRun], stimuli: StimuliConfig
) -> list[Missing]:
    first = next(iter(runs.values()))
    plain = [c.precision for c in table.conditions if not c.name.startswith("D")]
    precision = plain[0] if plain else "fp16"
    stories = (runs[n] for n in ("C", "B", *runs) if n in runs and n != "A")
    prompts = next((r.params.get("subparams.prompts_path", "None") for r in stories), "None")
    layers: dict[str, list[str]] = {}
    for contrast, lacks in table.missing:
        for name in lacks:
            layers.setdefault(name, []).append(contrast.layer)
    return [
        Missing(name, tuple(of), command(name, first, precision, stimuli, prompts))
        for name, of in layers.items()
    ]
