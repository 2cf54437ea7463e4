"""The runs of job=behave that a summary shows: who spoke, and the measures made from what was said."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import partial

from emo.config.jobs import BehaveConfig
from emo.config.schema import canonical
from emo.core.behaviour.compliance import compliance_of
from emo.core.behaviour.conversations import Dialogues
from emo.core.behaviour.facets import Measure, measures_of_compliance, measures_of_dialogues
from emo.core.choices import Facet
from emo.files.reading import record_of
from emo.runs.listing import RunListing
from emo.summary.loading import Files
from emo.summary.selection import LeftOut

FILE = "conversations.json"
START = "job.behave."
NOTHING_COUNTS = (
    "none of its items counts: no right first answer, or no constraint that it can keep"
)
ASIDE = (
    "name",
    "steer.",
    "facets",
    "facts_path",
    "arms_path",
    "tasks_path",
    "rule",
    "forced_choice",
)
"""Settings that change no answer, name a file whose content is in the digest, or tell two runs apart."""


@dataclass(frozen=True)
class Speaker:
    """A model as it answered: in a precision, with or without a vector added."""

    model: str
    precision: str
    steering: str
    """The vector that was added; empty for none."""
    run: RunListing
    measures: tuple[Measure, ...]

    @property
    def name(self) -> str:
        """What it is called in tables."""
        return ", ".join(word for word in (self.model, self.precision, self.steering) if word)

    @property
    def format(self) -> str:
        """How the conversations were put to the model."""
        return self.run.tags.get("dialogue_format", "")

    def measure(self, facet: str, name: str) -> Measure | None:
        """A measure by its facet and name; None where the run has none."""
        return next((m for m in self.measures if (m.facet, m.name) == (facet, name)), None)


def behaviour_candidates(
    runs: Sequence[RunListing], used: Collection[RunListing]
) -> tuple[dict[tuple[str, str, str, str], tuple[RunListing, ...]], list[LeftOut]]:
    """Usable runs by facet, model, precision and vector, newest first, and the others with the reason.

    Only models that the summary uses runs of are looked at. A finished run is usable for a facet if it
    asked the same things in the same way as the newest that has the facet, with its model's thinking
    switched as in the model's newest.
    """
    by_weights = {r.weights: r.model for r in used}
    usable: dict[tuple[str, str, str, str], tuple[RunListing, ...]] = {}
    first: dict[str, RunListing] = {}
    of_model: dict[tuple[str, str], RunListing] = {}
    left_out = []
    for run in sorted(runs, key=lambda r: r.started, reverse=True):
        if run.weights not in by_weights:
            continue
        run = replace(run, name=by_weights[run.weights])
        reasons = [_unusable(run)]
        for facet in _facets(run) if reasons == [None] else ():
            newest = first.setdefault(facet, run)
            key = (facet, run.model, run.precision, vector_of(run))
            reason = None
            if _settings(run) != _settings(newest):
                reason = f"asks other things, or asks otherwise, than run {newest.short}"
            elif _thinking(run) != _thinking(own := of_model.setdefault((facet, run.model), run)):
                reason = f"its model's thinking is not switched as in run {own.short}"
            else:
                newer = usable.get(key, ())
                usable[key] = (*newer, run)
                if newer:
                    reason = f"older than job=behave run {newer[0].short} of the same model"
            reasons.append(reason)
        left_out += [LeftOut(run, reason) for reason in dict.fromkeys(reasons) if reason]
    return usable, left_out


def _unusable(run: RunListing) -> str | None:
    if run.status != "FINISHED":
        return f"not finished ({run.status})"
    return f"its parameters cannot be read: {run.unreadable}" if run.unreadable else None


def _facets(run: RunListing) -> list[str]:
    """The facets that a run measured; runs of before there were several measured the epistemic one."""
    return run.tags.get("facets", Facet.epistemic.value).split(", ")


def vector_of(run: RunListing) -> str:
    """The vector that was added while a run's model answered, in words; empty for none."""
    vector, source = (run.tags.get(tag, "") for tag in ("behave_steer", "vectors_run"))
    of = f" by run {source[:8]}" if source else ""
    return f"steered {vector}{of}" if vector else ""


def _settings(run: RunListing) -> dict[str, str]:
    """What two runs must have in common to be compared; what was not logged has its default."""
    defaults = {f"{START}{name}": str(value) for name, value in canonical(BehaveConfig()).items()}
    known = {**defaults, **{k: v for k, v in run.params.items() if k.startswith(START)}}
    asides = tuple(f"{START}{name}" for name in ASIDE)
    kept = {name: value for name, value in known.items() if not name.startswith(asides)}
    return {**kept, "stimuli_sha256": run.tags.get("stimuli_sha256", "")}


def _thinking(run: RunListing) -> str:
    """How the thinking of a run's model was switched; models that have no such switch leave it unset."""
    return run.params.get("model.thinking", str(None))


def measures_of(dialogues: Dialogues, facet: str) -> tuple[Measure, ...]:
    """Every measure of a facet, made from what was said."""
    found = measures_of_dialogues(dialogues)
    if dialogues.answers:
        found += measures_of_compliance(compliance_of(dialogues.answers))
    return tuple(m for m in found if m.facet == facet)


def speakers_of(run: RunListing, facet: str, files: Files) -> tuple[Speaker, ...]:
    """Who speaks in a run, with the measures of one facet: the model, and unsteered if it is steered."""
    dialogues = files(FILE, partial(record_of, Dialogues))
    said = [(vector_of(run), dialogues)]
    if dialogues.steering is not None:
        plain = dialogues.steering.others[0]
        own = replace(
            dialogues, conversations=plain.conversations, answers=plain.answers, steering=None
        )
        said.append(("", own))
    return tuple(
        Speaker(run.model, run.precision, vector, run, measures_of(each, facet))
        for vector, each in said
    )


def who_counts(found: Sequence[tuple[Speaker, ...]]) -> list[Speaker]:
    """All who have a measure, each once: the unsteered part of a steered run only where no other is."""
    every = [each[0] for each in found] + [s for each in found for s in each[1:]]
    counting: dict[tuple[str, str], Speaker] = {}
    for s in every:
        if s.measures:
            counting.setdefault((s.measures[0].facet, s.name), s)
    return list(counting.values())
