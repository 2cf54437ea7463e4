"""Which logged runs a summary takes, by stated rules, and why it leaves the others out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from emo.config.schema import Int8Config, canonical
from emo.core.conditions.four_layer import FORCED
from emo.models.weights import FOLDER
from emo.runs.listing import UNQUANTISED, LoggedRun
from emo.runs.versions import versions
from emo.summary.naming import named, other_names

BATCHED = "int8_batched"
INT8 = {
    f"precision.int8.{name}": str(canonical(getattr(Int8Config(), name)))
    for name in ("threshold", "compute_dtype")
}
"""Settings that condition D has, as runs log them."""

RULES = (
    "Only finished runs of job=extract are taken; of several that would do, the newest.",
    "Comprehension runs must have read the configured passages (same digest) with the configured "
    "readout and vectors settings, in a precision that is not quantised; one run a model, in the "
    "configured precision if there is one.",
    "A model is a hub id and a revision, or the content of a folder: other revisions are other models, "
    "copies of a folder are one. Random models count by their shape and seed, and are left out beside "
    "real ones unless named.",
    "A four-layer table is of one such model; A, B and C have one common precision that is not "
    "quantised (the one with most conditions, of several the configured one, else the newest), D is "
    "INT8 with its default threshold and compute format, batched INT8 only where there is no other; D "
    "forced reads texts of the common precision. Generation runs must have the prompts of C (of B, if "
    "there is no C), and those at the best layer must have taken it from the configured passages.",
    "A run whose files cannot be read gives way to the next older one.",
)


@dataclass(frozen=True)
class Wanted:
    """What a summary is of."""

    stimuli_sha256: str
    readout: str
    suffix: str
    remove: str
    projection: str
    models: tuple[str, ...] | None = None
    precision: str = ""
    """Taken where there are runs in several; empty: the newest."""


@dataclass(frozen=True)
class LeftOut:
    """A run that is not used, and why."""

    run: LoggedRun
    reason: str


@dataclass(frozen=True)
class Selection:
    """Runs that are used, and those that are not."""

    models: Mapping[str, tuple[LoggedRun, ...]]
    """By model: usable comprehension runs, newest first."""
    conditions: Mapping[str, Mapping[str, tuple[LoggedRun, ...]]]
    """By model and condition: usable runs, newest first."""
    left_out: tuple[LeftOut, ...]
    notes: tuple[str, ...] = ()
    """What is to be said of the models' names."""


Reason = Callable[[LoggedRun], str | None]


@dataclass
class _Sorting:
    """The runs not yet decided on, and what has been left out."""

    left: list[LeftOut] = field(default_factory=list)

    def keep(self, runs: Iterable[LoggedRun], reason: Reason) -> list[LoggedRun]:
        """Runs for which ``reason(run)`` is None; the others are left out with it."""
        kept = []
        for run in runs:
            why = reason(run)
            if why is None:
                kept.append(run)
            else:
                self.left.append(LeftOut(run, why))
        return kept


def select(runs: Sequence[LoggedRun], wanted: Wanted) -> Selection:
    """Sort logged extraction runs by :data:`RULES`."""
    sorting = _Sorting()
    runs = sorted(runs, key=lambda r: r.started, reverse=True)
    runs = sorting.keep(runs, lambda r: _unfinished(r) or _other_version(r))
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
    comprehension = [r for r in runs if r.tags.get("method") == "comprehension"]
    generation = [r for r in runs if r.tags.get("method") != "comprehension"]
    passages = sorting.keep(comprehension, lambda r: _other_setting(r, wanted))
    plain = [r for r in passages if r.tags.get("precision") in UNQUANTISED]
    plain.sort(key=lambda r: r.tags.get("precision") != wanted.precision)  # stable: newest first
    usable = _by(plain, lambda r: r.model)
    stories = sorting.keep(generation, lambda r: _no_condition(r) or _other_layer(r, wanted))
    readable = [r for r in comprehension if _is_condition_a(r, wanted)]
    conditions = {
        model: _conditions([*readable, *stories], model, wanted.precision, sorting)
        for model in dict.fromkeys(r.model for r in stories)
    }
    taken = {r.run_id for of in usable.values() for r in of[:1]}
    taken |= {r.run_id for of in conditions.values() for c in of.values() for r in c[:1]}
    said = {entry.run.run_id for entry in sorting.left}
    for run in passages:
        if run.run_id not in taken | said:
            newest = usable.get(run.model)
            quantised = run.tags.get("precision") not in UNQUANTISED
            sorting.left.append(
                LeftOut(
                    run,
                    f"quantised ({run.tags.get('precision')})"
                    if quantised or newest is None
                    else _not_first(run, newest[0]),
                )
            )
    # A run that is left out of one study may stand in the other.
    left = tuple(entry for entry in sorting.left if entry.run.run_id not in taken)
    used = [r for r in runs if r.run_id in taken]
    return Selection(usable, conditions, left, tuple(other_names(used)))


def _not_first(run: LoggedRun, first: LoggedRun) -> str:
    """Why a comprehension run is not the one of its model."""
    mine, its = (r.tags.get("precision") for r in (run, first))
    if mine != its:
        return f"in {mine}, run {first.short} of the same model is in {its}"
    return f"older than run {first.short} of the same model"


def _unfinished(run: LoggedRun) -> str | None:
    return None if run.status == "FINISHED" else f"not finished ({run.status})"


def _other_version(run: LoggedRun) -> str | None:
    """Why a run cannot stand beside new ones; runs from before versions were tagged can."""
    tags = run.tags
    now = versions(
        tags.get("method") == "generation", str(tags.get("precision")).startswith("int8")
    )
    mine = tags.get("versions", now)
    return None if mine == now else f"computed otherwise than now ({mine}, now {now}): repeat it"


def _names(run: LoggedRun) -> set[str]:
    """What a run's model may be asked for by."""
    return {run.model, run.label, *(run.tags.get(tag, "") for tag in ("model", "model_id"))}


def _older_digest(runs: Sequence[LoggedRun]) -> Reason:
    """Folders were named by another digest once: such runs give way to newer ones of the folder."""
    old, new = f"{FOLDER}-", f"{FOLDER}-v"
    newer: dict[str | None, LoggedRun] = {}
    for run in runs:
        if run.tags.get("revision", "").startswith(new):
            newer.setdefault(run.tags.get("model_id"), run)

    def reason(run: LoggedRun) -> str | None:
        revision, first = run.tags.get("revision", ""), newer.get(run.tags.get("model_id"))
        if first is None or revision.startswith(new) or not revision.startswith(old):
            return None
        return f"its folder was named otherwise than now; run {first.short} is of the same folder"

    return reason


def _other_setting(run: LoggedRun, wanted: Wanted) -> str | None:
    """Why a comprehension run is not of what this summary is of."""
    tags, params = run.tags, run.params
    digest = tags.get("stimuli_sha256", "")
    if digest != wanted.stimuli_sha256:
        return f"other passages ({digest[:8]} instead of {wanted.stimuli_sha256[:8]})"
    settings = {
        "method.readout": (tags.get("readout", ""), wanted.readout),
        "vectors.remove": (params.get("vectors.remove", "none"), wanted.remove),
        "vectors.projection": (params.get("vectors.projection", "none"), wanted.projection),
    }
    if wanted.readout == "suffix":
        settings["method.suffix"] = (params.get("method.suffix", ""), wanted.suffix)
    for name, (mine, asked) in settings.items():
        if mine != asked:
            return f"{name}={mine}, this summary is of {asked}"
    return None


def _is_condition_a(run: LoggedRun, wanted: Wanted) -> bool:
    return run.condition == "A" and run.tags.get("stimuli_sha256") == wanted.stimuli_sha256


def _no_condition(run: LoggedRun) -> str | None:
    if run.condition is not None:
        return None
    return f"none of the conditions: {run.tags.get('condition_note', 'no note')}"


def _other_layer(run: LoggedRun, wanted: Wanted) -> str | None:
    """Why the layer of a generation run is not this summary's: ``best`` is best on some passages."""
    digest = run.tags.get("stimuli_sha256", "")
    if run.params.get("subparams.layer") != "best" or digest == wanted.stimuli_sha256:
        return None
    return (
        f"its layer is the best one on other passages ({digest[:8]} instead of "
        f"{wanted.stimuli_sha256[:8]})"
    )


def _other_int8(run: LoggedRun) -> str | None:
    """Why a run of condition D is not of LLM.int8 as it is by default."""
    for name, default in INT8.items():
        value = run.params.get(name, default)
        if value != default:
            return f"{name}={value}, condition D has {default}"
    return None


def _conditions(
    runs: Sequence[LoggedRun], model: str, asked: str, sorting: _Sorting
) -> dict[str, tuple[LoggedRun, ...]]:
    """The usable runs of one model's conditions."""
    mine = [r for r in runs if r.model == model]
    plain = [r for r in mine if r.tags.get("precision") in UNQUANTISED]
    by_precision = _by(plain, lambda r: r.tags["precision"])

    def rank(precision: str) -> tuple[int, bool, int]:
        of = by_precision[precision]
        return len({r.condition for r in of}), precision == asked, of[0].started

    chosen = max(by_precision, key=rank, default=None)
    allowed = (chosen, "int8", BATCHED)
    basis = [r for r in mine if r.tags.get("precision") in allowed]
    first = next((r for n in ("C", "B") for r in basis if r.condition == n), None)
    prompts = None if first is None else first.tags.get("prompts_sha256")

    def reason(run: LoggedRun) -> str | None:
        if run.tags.get("precision") not in allowed:
            return f"{run.tags.get('precision')}: A, B and C are compared in {chosen}"
        same = [r for r in basis if r.condition == run.condition]
        single = any(r.tags.get("precision") == "int8" for r in same)
        if run.tags.get("precision") == BATCHED and single:
            return f"batched INT8 is a variant: {run.condition} is there in int8"
        if run.condition in ("D", FORCED) and (other := _other_int8(run)):
            return other
        source = run.params.get("subparams.texts_from", chosen)
        if run.condition == FORCED and source != chosen:
            return f"it reads the texts of {source}, C is in {chosen}"
        if run.condition != "A" and run.tags.get("prompts_sha256") != prompts:
            return "other prompts than those of condition C"
        return None

    kept = _by(sorting.keep(mine, reason), lambda r: str(r.condition))
    for name, of in kept.items():
        sorting.left += [
            LeftOut(r, f"older than run {of[0].short} of condition {name}")
            for r in of[1:]
            if name != "A"
        ]
    return kept


def _by(
    runs: Iterable[LoggedRun], key: Callable[[LoggedRun], str]
) -> dict[str, tuple[LoggedRun, ...]]:
    """Runs grouped by a key, each group in the order of the runs."""
    groups: dict[str, list[LoggedRun]] = {}
    for run in runs:
        groups.setdefault(key(run), []).append(run)
    return {name: tuple(of) for name, of in groups.items()}
