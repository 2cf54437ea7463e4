"""The models of a summary on every bundled set of passages that they have read."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float64

from emo.config.schema import RunConfig
from emo.core.compare.cross_model import ModelRun
from emo.core.compare.leaving_out import LeavingOut, leaving_out
from emo.core.geometry.item_sets import common_emotions
from emo.core.records import LabelMismatch
from emo.core.stats.many_correlations import spearman_matrix
from emo.core.stats.resampling import Resampling
from emo.runs.listing import RunListing
from emo.stimuli.loading import bundled_sets, load_stimuli
from emo.summary.selection import Selection, Wanted, select

log = logging.getLogger(__name__)

EXPLICITNESS = ("named", "shown", "implied")
"""The sets that differ in nothing but how openly the feeling is told, the most open first."""


@dataclass(frozen=True)
class OnSet:
    """The models on one set, and what they agree in there."""

    name: str
    models: tuple[ModelRun, ...]
    agreement: LeavingOut | None
    """None for a single model, or where the models cannot be compared."""


@dataclass(frozen=True)
class AcrossSets:
    """One model on several sets that tell the same situations, each set beside each other."""

    model: str
    sets: tuple[str, ...]
    same: Float64[np.ndarray, "set set"]
    """Spearman of the RDMs of all items: parallel passages on both sides."""
    agreement: LeavingOut
    """The same on situations that the two sides do not share."""


@dataclass(frozen=True)
class Sets:
    """A summary's models on several bundled sets."""

    on: tuple[OnSet, ...] = ()
    """In order of explicitness, then by name; empty where there are fewer than two sets."""
    across: tuple[AcrossSets, ...] = ()


def selections(
    config: RunConfig, runs: Sequence[RunListing], wanted: Wanted
) -> dict[str, Selection]:
    """The comprehension runs of each bundled set that has any, by the rules of a summary."""
    path = config.stimuli.neutral_path
    neutral = None if path is None else config.path(path)
    digests = {name: load_stimuli(None, neutral, None, name).sha256 for name in bundled_sets()}
    read = {run.tags.get("stimuli_sha256") for run in runs if run.comprehension}
    return {
        name: select(runs, replace(wanted, stimuli_sha256=digests[name]))
        for name in sorted(digests, key=_place)
        if digests[name] in read
    }


def _place(name: str) -> tuple[int, str]:
    return EXPLICITNESS.index(name) if name in EXPLICITNESS else len(EXPLICITNESS), name


def compare_sets(
    by_set: Mapping[str, Selection],
    read: Callable[[Sequence[RunListing]], ModelRun | None],
    names: Sequence[str],
    resampling: Resampling,
) -> Sets:
    """The models of these names on every set; nothing where fewer than two sets have one of them.

    Parameters
    ----------
    by_set
        Usable runs of each set.
    read
        The newest of a model's runs that can be read, at its layer.
    names
        Of the summary's models, in its order.
    """
    on = []
    for name, selection in by_set.items():
        runs = [selection.models[model] for model in names if model in selection.models]
        models = tuple(m for m in map(read, runs) if m is not None)
        if models:
            on.append(OnSet(name, models, _agreement(models, f"models on {name}", resampling)))
    if len(on) < 2:
        return Sets()
    across = [_across(model, on, resampling) for model in names]
    return Sets(tuple(on), tuple(a for a in across if a is not None))


def _agreement(models: Sequence[ModelRun], what: str, resampling: Resampling) -> LeavingOut | None:
    if len(models) < 2:
        return None
    try:
        return leaving_out([m.items() for m in models], resampling)
    except LabelMismatch as error:
        log.warning("%s are not compared: %s", what, error)
        return None


def _across(model: str, on: Sequence[OnSet], resampling: Resampling) -> AcrossSets | None:
    runs = {s.name: m for s in on for m in s.models if m.name == model}
    agreement = _agreement(list(runs.values()), f"sets read by {model}", resampling)
    if agreement is None:
        return None
    items = [m.items() for m in runs.values()]
    emotions = common_emotions(*(s.emotions for s in items))
    rdms = np.stack([s.rdm(emotions) for s in items])[:, None]
    same = spearman_matrix(rdms, rdms)[..., 0]
    return AcrossSets(model, tuple(runs), same, agreement)
