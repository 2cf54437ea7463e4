"""Runs of the same models and passages under the other label, beside those of a summary."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import assert_never

from emo.config.enums import Label
from emo.config.schema import RunConfig
from emo.core.compare.cross_model import ModelRun, Universality
from emo.core.compare.leaving_out import leaving_out
from emo.core.compare.specificity import Specificity, of_models, specificity
from emo.core.records import LabelMismatch
from emo.core.stats.resampling import Resampling
from emo.runs.listing import RunListing

log = logging.getLogger(__name__)

Read = Callable[[Sequence[RunListing]], tuple[RunListing, ModelRun] | None]
"""The newest run that can be read, with what was read of it."""


@dataclass(frozen=True)
class BothLabels:
    """Emotion geometry beside situation geometry of the models that have runs of both."""

    result: Specificity
    layers: Mapping[Label, tuple[int, ...]]
    """Of every model, the layer at which its geometry of that label is compared."""
    runs: tuple[RunListing, ...]
    """The runs under the other label than the summary's."""


def other_label(config: RunConfig) -> RunConfig:
    """The config of the same passages under the other label."""
    match config.stimuli.label:
        case Label.emotion:
            label = Label.situation
        case Label.situation:
            label = Label.emotion
        case never:
            assert_never(never)
    return replace(config, stimuli=replace(config.stimuli, label=label))


def both_labels(
    label: Label,
    own: Universality | None,
    others: Mapping[str, Sequence[RunListing]],
    read: Read,
    resampling: Resampling,
) -> BothLabels | None:
    """Both kinds of geometry of the models that have both; None where fewer than two have.

    ``label`` and ``own`` are of the summary, ``others`` the runs under the other label by model.
    """
    if own is None:
        return None
    pairs = {m.name: read(others[m.name]) for m in own.models if m.name in others}
    found = {name: pair for name, pair in pairs.items() if pair is not None}
    if len(found) < 2:
        return None
    kept = [i for i, m in enumerate(own.models) if m.name in found]
    runs, models = zip(*found.values(), strict=True)
    try:
        other = leaving_out([m.items() for m in models], resampling)
    except LabelMismatch as error:
        log.warning("emotions and situations are not compared: %s", error)
        return None
    sides = {label: of_models(own.left_out, kept)}
    layers = {label: tuple(own.models[i].layer for i in kept)}
    (theirs,) = set(Label) - {label}
    sides[theirs], layers[theirs] = other, tuple(m.layer for m in models)
    result = specificity(list(found), sides[Label.emotion], sides[Label.situation])
    return BothLabels(result, layers, runs)
