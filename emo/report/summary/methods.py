"""What was done, in words made from the configs of the runs and of the summary."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

import numpy as np

from emo.config import vector_settings
from emo.core.compare.cross_model import ModelRun, Universality
from emo.core.conditions.four_layer import FourLayerTable, LayerRow
from emo.core.geometry.cosines import UNRELIABLE_ANISOTROPY
from emo.runs.listing import RunListing
from emo.summary.assemble import Summary
from emo.summary.commands import another_model


def methods(s: Summary) -> list[str]:
    """Paragraphs."""
    made = [_passages(s)]
    if s.models:
        made.append(_comprehension(s))
    if s.tables:
        made.append(_generation(s))
    made.append(_statistics(s))
    return made


def _passages(s: Summary) -> str:
    stimuli = s.stimuli
    groups = {p.situation for p in stimuli.items}
    crossed = (
        f", {len(groups)} situations crossed with the emotions"
        if stimuli.crossed
        else "; passages name no situation, so halves and draws are of passages within emotions"
    )
    return (
        f"Passages: {len(stimuli.items)} texts of {len(stimuli.emotions)} emotions{crossed} "
        f"(digest {stimuli.sha256[:12]}); {len(stimuli.neutral)} neutral sentences for anisotropy."
    )


def _comprehension(s: Summary) -> str:
    c = s.config
    settings = vector_settings.methods_text(c)
    readout = settings.pop("method.readout")
    used = [r for r in s.runs if r.run_id in {m.run_id for m in s.models}]
    more = list(settings.values())
    precisions = distinct(r.tags.get("precision", "?") for r in used)
    backends, devices = (
        distinct(r.tags.get(tag, "?") for r in used) for tag in ("backend", "device")
    )
    mixed = [
        name
        for name, values in (("precision", precisions), ("backend", backends), ("device", devices))
        if "," in values
    ]
    if mixed:
        more.append(f"differences between models hold those of {' and '.join(mixed)}")
    return (
        f"Comprehension: each model read every passage once, without chat template; {readout} was "
        f"read after every decoder block. Precision {precisions}, backend {backends}, device "
        f"{devices}. Emotion vectors are means over an "
        "emotion's passages minus their mean over emotions; an RDM holds the cosines of all pairs. "
        f"Models are compared at the layer by job.summary.layer={c.job.summary.layer.value}"
        + "".join(f"; {m}" for m in more)
        + "."
    )


def _generation(s: Summary) -> str:
    parts = [
        f"{t.table.model} {c.name}: {_condition(t.runs[c.name])}, layer {c.layer}"
        for t in s.tables
        for c in t.table.conditions
    ]
    return (
        "Conditions: "
        + "; ".join(parts)
        + ". Each vector set is centred on the mean of its own full "
        "set, both are restricted to the common emotions, then compared."
    )


def _condition(run: RunListing) -> str:
    if run.tags.get("method") == "comprehension":
        return f"comprehension in {run.tags.get('precision')}"
    p = {
        k.removeprefix("subparams."): v for k, v in run.params.items() if k.startswith("subparams.")
    }
    decoding = p.get("decoding", "?")
    if decoding == "sampled":
        decoding += f" at T {p.get('temperature')}, top-p {p.get('top_p')}, seed {p.get('seed')}"
    own = run.config.subparams.prompts_path
    whose = "" if own is None else f" of the user's own {Path(own).name}"
    return (
        f"prompts {p.get('prompts')} ({p.get('templates')}){whose}, {p.get('samples')} texts an "
        f"emotion, {decoding}, {p.get('max_new_tokens')} tokens, position {p.get('position')}, chat "
        f"template {run.tags.get('chat_template', '?')}, centring {p.get('centring')}, in "
        f"{run.tags.get('precision')}"
        + (f", texts of {p.get('texts_from')}" if run.teacher_forced else "")
    )


def _statistics(s: Summary) -> str:
    c = s.config
    return (
        f"Statistics: rho is Spearman; p is a one-sided Mantel test with {c.job.summary.permutations} "
        f"permutations; intervals on all items are from {c.job.summary.n_bootstrap} bootstrap draws of "
        "situations (of items within emotions where there are none), recentred on Fisher's z scale; "
        f"halves from {c.resampling.n_splits} random divisions, their intervals from "
        f"{c.resampling.n_bootstrap} draws with {c.resampling.splits_per_replicate} divisions each. "
        "Intervals over items and emotions draw emotions in each of these draws. Reliability is the "
        "split-half correlation stepped up to all items. Nothing is divided by a reliability of at most "
        f"0.15: that of halves under disjoint rho, that of all items otherwise. Seed {c.seed}."
        + _own_settings(s)
    )


def _own_settings(s: Summary) -> str:
    """What runs computed with other settings than the summary: their descriptors are their own."""
    c = s.config
    now = {"seed": str(c.seed)} | {
        f"resampling.{name}": str(value) for name, value in asdict(c.resampling).items()
    }
    ids = {m.run_id for m in s.models}
    other = [
        f"{r.model} {key}={r.params[key]}"
        for r in s.runs
        if r.run_id in ids
        for key, value in now.items()
        if r.params.get(key, value) != value
    ]
    if not other:
        return ""
    return f" Descriptors are as each run computed them, these with other settings: {', '.join(other)}."


def headline(s: Summary) -> list[str]:
    """The few sentences a reviewer must see first."""
    said = [] if s.cross_model is None else [_agreement(s.cross_model)]
    if flagged := _flagged(s):
        said.append(
            f"Anisotropy is above {UNRELIABLE_ANISOTROPY} in {'; '.join(flagged)}: no cosine of these "
            "can be trusted."
        )
    said += [_four(t.table) for t in s.tables]
    if s.cross_model is None:
        said += [_alone(m) for m in s.models]
        said.append(_no_study(s))
    said += s.notes
    if all(r.random for r in s.runs):
        said.append("All models here have random weights: these numbers mean nothing.")
    return said


def _agreement(u: Universality) -> str:
    """How much the models agree, and how much of that is the passages."""
    block, share = u.blocks[0], u.halves.mean_share
    i, j = np.triu_indices(len(u.models), 1)
    half, value = float(u.halves.same.value[i, j].mean()), float(share.value)
    line = f"{len(u.models)} models agree with a mean rho of {block.same[1]:.2f} on all passages"
    if not np.isfinite(block.disjoint[1]):
        return f"{line}. One passage an emotion cannot be halved: what survives other ones is not known."
    line += (
        f", of {half:.2f} where both read the same half of them, and of {block.disjoint[1]:.2f} where "
        "each reads another half. "
    )
    if not np.isfinite(value):
        return f"{line}Agreement on the same half is too small to have a surviving share."
    low, high = float(share.low), float(share.high)
    bounds = f" (95 % interval {low:.2f} to {high:.2f})" if np.isfinite(low) else ""
    return f"{line}The share that survives other passages is {value:.2f}{bounds}."


def _flagged(s: Summary) -> list[str]:
    """Models that are too anisotropic, each with the runs in which it is."""
    found = {m.name: ["comprehension"] for m in s.models if m.flagged}
    for t in s.tables:
        names = sorted(c.name for c in t.table.conditions if c.flagged)
        if names:
            found.setdefault(t.table.model, []).append(f"conditions {', '.join(names)}")
    return [f"{model} ({', '.join(where)})" for model, where in found.items()]


def _alone(m: ModelRun) -> str:
    r = m.descriptors.reliability
    if r is None:
        return (
            f"How well {m.name}'s RDM agrees with itself is not known: too few passages to halve."
        )
    most = max(r, 0.0) ** 0.5
    return (
        f"{m.name}'s RDM agrees with itself at {r:.2f} (split-half over passages, stepped up), so even "
        f"an RDM without noise can agree with it at most at {most:.2f}."
    )


def _no_study(s: Summary) -> str:
    if len(s.models) > 1:
        return f"No cross-model study: {s.no_cross_model}."
    wanted = "a second model" if s.models else "comprehension runs of two models"
    return f"No cross-model study: it needs {wanted}; {another_model(s.config)} makes one."


def _four(t: FourLayerTable) -> str:
    rows = [
        f"layer {r.contrast.layer}: {r.verdict.value}{_survives(r)}"
        for r in t.rows
        if not r.contrast.is_floor
    ]
    return f"{t.model}: {'; '.join(rows) or 'no layer can be made yet'}."


def _survives(r: LayerRow) -> str:
    """Rho on the same and on disjoint items, where both sides have the same."""
    halves = r.comparison.halves
    if halves is None or not np.isfinite(halves.same.value[0, 1]):
        return ""
    same, disjoint = (float(x.value[0, 1]) for x in (halves.same, halves.disjoint))
    return f" (rho {same:.2f} on the same half of the prompts, {disjoint:.2f} on different ones)"


def distinct(values: Iterable[str]) -> str:
    """Different values, listed."""
    return ", ".join(dict.fromkeys(values))
