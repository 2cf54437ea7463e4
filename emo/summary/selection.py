"""The logged runs that a summary uses, chosen by stated rules, and the reason for every other run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from emo import conditions
from emo.config import precisions, vector_settings
from emo.config.enums import Label, PrecisionName, Readout
from emo.config.schema import PrecisionConfig, RunConfig
from emo.models.weights import FOLDER
from emo.runs.listing import RunListing
from emo.runs.versions import versions
from emo.summary.naming import named, other_names

K = TypeVar("K")

RULES = (
    "Only finished runs of job=extract are used; of several that fit, the newest.",
    "Comprehension runs must have read the configured passages (same digest) with the configured "
    "readout and vectors settings, in a precision that is not quantised; one run per model, in the "
    "configured precision if there is one.",
    "A model is a hub id and a revision, or the content of a folder: other revisions are other models, "
    "copies of a folder are one. Random models count by their shape and seed, and are left out beside "
    "real ones unless named.",
    "A four-layer table is of one such model; A, B and C have one common precision that is not "
    "quantised (the one with most conditions, of several the configured one, else the newest), D is "
    "INT8 with its default threshold and compute format, its variants (int8_alone, int8_shared) only "
    "where there is no other; D forced reads texts of the common precision; D' is D with inputs moved "
    "by one unit in the last place. Generation runs must have the prompts of C (of B, if there is no "
    "C), and those at the best layer must have taken it from the configured passages.",
    "Runs of emotions and runs of situations (stimuli.label) stand in one table only, that of emotions "
    "and situations, where two models or more have runs of both.",
    "Runs of job=behave are compared where they asked the same things in the same way as the newest; "
    "per model, precision and added vector the newest, beside the geometry in that precision.",
    "A run whose files cannot be read gives way to the next older one.",
)


@dataclass(frozen=True)
class Wanted:
    """The passages, vectors and models that a summary is about."""

    stimuli_sha256: str
    vectors: Mapping[str, str]
    """The settings that decide the vectors, by dotted name; see emo.config.vector_settings."""
    models: tuple[str, ...] | None = None
    precision: str = ""
    """Preferred if a model has runs in several precisions; empty: the newest run is."""

    @staticmethod
    def by(config: RunConfig, stimuli_sha256: str) -> Wanted:
        """The passages, vectors and models of the summary of a config."""
        models = config.job.summarize.models
        return Wanted(
            stimuli_sha256,
            vector_settings.values_of(config),
            None if models is None else tuple(models),
            config.precision.label,
        )


@dataclass(frozen=True)
class LeftOut:
    """A run that is not used, with the reason."""

    run: RunListing
    reason: str


@dataclass(frozen=True)
class Selection:
    """Runs that are used, and runs that are not."""

    models: Mapping[str, tuple[RunListing, ...]]
    """Usable comprehension runs by model, newest first."""
    conditions: Mapping[str, Mapping[str, tuple[RunListing, ...]]]
    """Usable runs by model and condition, newest first."""
    left_out: tuple[LeftOut, ...]
    notes: tuple[str, ...] = ()
    """Sentences about the models' names."""
    readings: Mapping[tuple[str, str], tuple[RunListing, ...]] = field(default_factory=dict)
    """Comprehension runs of these passages and settings by model and precision, newest first."""


Reason = Callable[[RunListing], str | None]


@dataclass
class _Sorting:
    """What has been left out so far, with the reasons."""

    left_out: list[LeftOut] = field(default_factory=list)

    def keep(self, runs: Iterable[RunListing], reason: Reason) -> list[RunListing]:
        """The runs for which ``reason(run)`` is None; others are left out for their reason."""
        kept = []
        for run in runs:
            why = reason(run)
            if why is None:
                kept.append(run)
            else:
                self.left_out.append(LeftOut(run, why))
        return kept


def select(runs: Sequence[RunListing], wanted: Wanted) -> Selection:
    """Sort logged extraction runs by :data:`RULES`."""
    sorting = _Sorting()
    runs = sorted(runs, key=lambda r: r.started, reverse=True)
    runs = sorting.keep(runs, lambda r: _unfinished(r) or _unreadable(r) or _other_version(r))
    runs = named(sorting.keep(runs, _older_digest(runs)))
    if wanted.models is not None:
        asked = set(wanted.models)
        runs = sorting.keep(
            runs,
            lambda r: None if _names(r) & asked else "its model is not in job.summarize.models",
        )
    elif any(not r.random for r in runs):
        runs = sorting.keep(
            runs, lambda r: "random weights, beside real models" if r.random else None
        )
    comprehension = [r for r in runs if r.comprehension]
    generation = [r for r in runs if not r.comprehension]
    passages = sorting.keep(comprehension, lambda r: _other_setting(r, wanted))
    plain = [r for r in passages if not r.quantised]
    plain.sort(key=lambda r: r.precision != wanted.precision)  # stable: newest first
    usable = _by(plain, lambda r: r.model)
    stories = sorting.keep(
        generation, lambda r: _no_condition(r) or _other_layer(r, wanted) or _of_emotions(wanted)
    )
    readable = [r for r in comprehension if _is_condition_a(r, wanted)]
    by_condition = {
        model: _conditions([*readable, *stories], model, wanted.precision, sorting)
        for model in dict.fromkeys(r.model for r in stories)
    }
    taken = {r.run_id for group in usable.values() for r in group[:1]}
    taken |= {
        r.run_id for table in by_condition.values() for group in table.values() for r in group[:1]
    }
    decided = taken | {entry.run.run_id for entry in sorting.left_out}
    for run in passages:
        if run.run_id not in decided:
            newest = usable.get(run.model)
            reason = (
                f"quantised ({run.precision})"
                if run.quantised or newest is None
                else _not_first(run, newest[0])
            )
            sorting.left_out.append(LeftOut(run, reason))
    # A run that one table leaves out may stand in another.
    left_out = tuple(entry for entry in sorting.left_out if entry.run.run_id not in taken)
    used = [r for r in runs if r.run_id in taken]
    readings = _by(passages, lambda r: (r.model, r.precision))
    return Selection(usable, by_condition, left_out, tuple(other_names(used)), readings)


def _not_first(run: RunListing, first: RunListing) -> str:
    """Why another comprehension run of the same model is used."""
    if run.precision != first.precision:
        return f"in {run.precision}, run {first.short} of the same model is in {first.precision}"
    return f"older than run {first.short} of the same model"


def _unfinished(run: RunListing) -> str | None:
    return None if run.status == "FINISHED" else f"not finished ({run.status})"


def _unreadable(run: RunListing) -> str | None:
    return f"its parameters cannot be read: {run.unreadable}" if run.unreadable else None


def _other_version(run: RunListing) -> str | None:
    """Why a run cannot stand beside new ones.

    Passages that were read before versions were tagged have the descriptors of then.
    """
    mean = run.comprehension and run.config.method.readout is Readout.mean
    now = versions(not run.comprehension, not run.causal, mean)
    untagged = "reading 1" if run.comprehension else versions(True, not run.causal)
    logged = run.tags.get("versions", untagged)
    return (
        None if logged == now else f"computed otherwise than now ({logged}, now {now}): repeat it"
    )


def _names(run: RunListing) -> set[str]:
    """The names by which ``job.summary.models`` may ask for the model of a run."""
    return {run.model, run.label, *(run.tags.get(tag, "") for tag in ("model", "model_id"))}


def _older_digest(runs: Sequence[RunListing]) -> Reason:
    """A reason for runs of a folder named by an older digest, if a newer run is of the same folder."""
    old, new = f"{FOLDER}-", f"{FOLDER}-v"
    newer: dict[str | None, RunListing] = {}
    for run in runs:
        if run.tags.get("revision", "").startswith(new):
            newer.setdefault(run.tags.get("model_id"), run)

    def reason(run: RunListing) -> str | None:
        revision, first = run.tags.get("revision", ""), newer.get(run.tags.get("model_id"))
        if first is None or revision.startswith(new) or not revision.startswith(old):
            return None
        return f"its folder was named otherwise than now; run {first.short} is of the same folder"

    return reason


def _other_setting(run: RunListing, wanted: Wanted) -> str | None:
    """Why a comprehension run has other passages or settings than the summary."""
    digest = run.tags.get("stimuli_sha256", "")
    if digest != wanted.stimuli_sha256:
        return f"other passages ({digest[:8]} instead of {wanted.stimuli_sha256[:8]})"
    logged = vector_settings.values_of(run.config)
    for name in (*logged, *wanted.vectors):
        value, asked = logged.get(name), wanted.vectors.get(name)
        if value != asked:
            return f"{name}={value}, this summary is of {asked}"
    return None


def _is_condition_a(run: RunListing, wanted: Wanted) -> bool:
    return run.condition == "A" and run.tags.get("stimuli_sha256") == wanted.stimuli_sha256


def _no_condition(run: RunListing) -> str | None:
    if run.condition is not None:
        return None
    return f"none of the conditions: {run.tags.get('condition_note', 'no note')}"


def _other_layer(run: RunListing, wanted: Wanted) -> str | None:
    """Why the layer of a generation run does not fit: ``best`` was found on other passages."""
    digest = run.tags.get("stimuli_sha256", "")
    if run.config.subparams.layer != "best" or digest == wanted.stimuli_sha256:
        return None
    return (
        f"its layer is the best one on other passages ({digest[:8]} instead of "
        f"{wanted.stimuli_sha256[:8]})"
    )


def _of_emotions(wanted: Wanted) -> str | None:
    """Why no generation run fits a summary of situations."""
    of = wanted.vectors["stimuli.label"]
    return None if of == Label.emotion else f"its vectors are of emotions, this summary is of {of}s"


def _other_settings(run: RunListing, name: PrecisionName) -> str | None:
    """Why a run does not fit a condition: its precision has other settings than the default."""
    defaults = PrecisionConfig(name, nudge=run.config.precision.nudge).settings()
    for key, value in replace(run.config.precision, name=name).settings().items():
        if value != defaults[key]:
            setting = f"precision.{precisions.TRAITS[name].group}.{key}"
            return f"{setting}={value}, condition {run.condition} has {defaults[key]}"
    return None


def _conditions(
    runs: Sequence[RunListing], model: str, asked: str, sorting: _Sorting
) -> dict[str, tuple[RunListing, ...]]:
    """The usable runs of one model's conditions."""
    its_runs = [r for r in runs if r.model == model]
    by_precision = _by((r for r in its_runs if not r.quantised), lambda r: r.precision)

    def rank(precision: str) -> tuple[int, bool, int]:
        group = by_precision[precision]
        return len({r.condition for r in group}), precision == asked, group[0].started

    chosen = max(by_precision, key=rank, default=None)
    quantised = {row.precision for row in conditions.CONDITIONS if row.precision is not None}
    variants = {precisions.label(name, v) for name in quantised for v in precisions.VARIANTS}
    allowed = {chosen, *quantised, *variants}
    basis = [r for r in its_runs if precisions.as_read(r.precision) in allowed]
    first = next((r for n in ("C", "B") for r in basis if r.condition == n), None)
    prompts = None if first is None else first.tags.get("prompts_sha256")

    def reason(run: RunListing) -> str | None:
        precision = precisions.as_read(run.precision)
        if precision not in allowed:
            return f"{precision}: A, B and C are compared in {chosen}"
        row = conditions.by_name(str(run.condition))
        fixed = row.precision
        alike = [r for r in basis if r.condition == run.condition]
        usual = any(precisions.as_read(r.precision) == fixed for r in alike)
        if precision in variants and usual:
            return f"{precision} is a variant: {run.condition} is there in {fixed}"
        if fixed is not None and (other := _other_settings(run, fixed)):
            return other
        source = run.config.subparams.texts_from or chosen
        if row.forced and source != chosen:
            return f"it reads the texts of {source}, C is in {chosen}"
        if row.protocol and run.tags.get("prompts_sha256") != prompts:
            return "other prompts than those of condition C"
        return None

    kept = _by(sorting.keep(its_runs, reason), lambda r: str(r.condition))
    sorting.left_out += [
        LeftOut(r, f"older than run {group[0].short} of condition {name}")
        for name, group in kept.items()
        for r in group[1:]
        if name != "A"
    ]
    return kept


def _by(
    runs: Iterable[RunListing], key: Callable[[RunListing], K]
) -> dict[K, tuple[RunListing, ...]]:
    """Runs grouped by a key, each group in the order of the runs."""
    groups: dict[K, list[RunListing]] = {}
    for run in runs:
        groups.setdefault(key(run), []).append(run)
    return {name: tuple(group) for name, group in groups.items()}
