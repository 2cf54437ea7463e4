"""The few sentences at the top of a summary."""

from __future__ import annotations

import numpy as np

from emo.core.compare.cross_model import ModelRun, Universality
from emo.core.conditions.four_layer import FourLayerTable, LayerRow
from emo.core.flags import ANISOTROPY_FLAG
from emo.summary.assemble import Summary
from emo.summary.commands import another_model


def headline(s: Summary) -> list[str]:
    """The sentences that a reviewer must see first."""
    sentences = [] if s.cross_model is None else [_agreement(s.cross_model)]
    if flagged := _flagged(s):
        sentences.append(
            f"{ANISOTROPY_FLAG.capitalize()} in {'; '.join(flagged)}; it is of raw activations, not of "
            "the centred vectors that are compared."
        )
    sentences += [_four(t.table) for t in s.tables]
    if s.cross_model is None:
        sentences += [_alone(m) for m in s.models]
        sentences.append(_no_cross_model(s))
    sentences += s.notes
    if all(r.random for r in s.runs):
        sentences.append("All models here have random weights: these numbers mean nothing.")
    return sentences


def _agreement(u: Universality) -> str:
    """How much the models agree, and how much of their agreement other passages leave."""
    block, share = u.blocks[0], u.halves.mean_share
    i, j = np.triu_indices(len(u.models), 1)
    half, value = float(u.halves.same.value[i, j].mean()), float(share.value)
    line = f"On all passages, {len(u.models)} models agree with a mean rho of {block.same[1]:.2f}"
    if not np.isfinite(block.disjoint[1]):
        return (
            f"{line}. One passage per emotion cannot be halved, so it is not known how much of this "
            "survives other passages."
        )
    line += (
        f"; it is {half:.2f} where both models of a pair read the same half of the passages, and "
        f"{block.disjoint[1]:.2f} where each reads another half. "
    )
    if not np.isfinite(value):
        return f"{line}Agreement on the same half is too small to have a surviving share."
    low, high = float(share.low), float(share.high)
    bounds = f" (95 % interval {low:.2f} to {high:.2f})" if np.isfinite(low) else ""
    return f"{line}The share that survives other passages is {value:.2f}{bounds}."


def _flagged(s: Summary) -> list[str]:
    """The models with the published flag of anisotropy, each with the runs that have it."""
    places = {m.name: ["comprehension"] for m in s.models if m.flagged}
    for t in s.tables:
        names = sorted(c.name for c in t.table.conditions if c.flagged)
        if names:
            places.setdefault(t.table.model, []).append(f"conditions {', '.join(names)}")
    return [f"{model} ({', '.join(where)})" for model, where in places.items()]


def _alone(m: ModelRun) -> str:
    """What reliability allows other models to agree with this one."""
    r = m.descriptors.reliability
    if r is None:
        return (
            f"{m.name}: there are too few passages to halve, so it is not known how well its RDM agrees "
            "with itself."
        )
    most = max(r, 0.0) ** 0.5
    return (
        f"{m.name}: the RDMs of two halves of the passages correlate {r:.2f} (corrected to the full "
        f"number of passages), so no other RDM can be expected to correlate with this one above "
        f"{most:.2f}."
    )


def _no_cross_model(s: Summary) -> str:
    """Why there is no cross-model study, and what makes one."""
    if len(s.models) > 1:
        return f"No cross-model study: {s.no_cross_model}."
    lacking = "a second model" if s.models else "comprehension runs of two models"
    return f"No cross-model study: it needs {lacking}; {another_model(s.config)} makes one."


def _four(t: FourLayerTable) -> str:
    """The verdict of every layer of one model."""
    rows = [
        f"layer {r.contrast.layer}: {r.verdict.value}{_survives(r)}"
        for r in t.rows
        if not r.contrast.is_floor
    ]
    return f"{t.model}: {'; '.join(rows) or 'no layer has both of its conditions yet'}."


def _survives(r: LayerRow) -> str:
    """Rho on the same and on disjoint items, where both sides have the same items."""
    halves = r.comparison.halves
    if halves is None or not np.isfinite(halves.same.value[0, 1]):
        return ""
    same, disjoint = (float(x.value[0, 1]) for x in (halves.same, halves.disjoint))
    return f" (rho {same:.2f} on the same half of the prompts, {disjoint:.2f} on different halves)"
