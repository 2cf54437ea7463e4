"""What was done, in words made from the configs of the runs and of the summary."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from emo.core.four_layer import FourLayerTable
from emo.core.geometry import UNRELIABLE_ANISOTROPY
from emo.summary.commands import another_model
from emo.summary.selection import LoggedRun
from emo.summary.study import Summary

READOUTS = {
    "last": "the last token",
    "mean": "the mean over tokens",
    "suffix": "the last token of a suffix",
}


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
    readout = READOUTS[c.method.readout.value]
    used = [r for r in s.runs if r.run_id in {m.run_id for m in s.models}]
    more = []
    if c.vectors.remove.value != "none":
        more.append("situation means were removed first")
    if c.vectors.projection.value != "none":
        more.append(f"activations were projected ({c.vectors.projection.value})")
    precisions = distinct(r.tags.get("precision", "?") for r in used)
    mixed = (
        " (mixed: differences between models hold those of precision)" if "," in precisions else ""
    )
    return (
        f"Comprehension: each model read every passage once, without chat template; {readout} was "
        f"read after every decoder block. Precision {precisions}{mixed}, backend "
        f"{distinct(r.tags.get('backend', '?') for r in used)}, device "
        f"{distinct(r.tags.get('device', '?') for r in used)}. Emotion vectors are means over an "
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


def _condition(run: LoggedRun) -> str:
    if run.tags.get("method") == "comprehension":
        return f"comprehension in {run.tags.get('precision')}"
    p = {
        k.removeprefix("subparams."): v for k, v in run.params.items() if k.startswith("subparams.")
    }
    decoding = p.get("decoding", "?")
    if decoding == "sampled":
        decoding += f" at T {p.get('temperature')}, top-p {p.get('top_p')}, seed {p.get('seed')}"
    own = p.get("prompts_path", "None")
    whose = "" if own == "None" else f" of the user's own {Path(own).name}"
    return (
        f"prompts {p.get('prompts')} ({p.get('templates')}){whose}, {p.get('samples')} texts an "
        f"emotion, {decoding}, {p.get('max_new_tokens')} tokens, position {p.get('position')}, chat "
        f"template {run.tags.get('chat_template', '?')}, centring {p.get('centring')}, in "
        f"{run.tags.get('precision')}"
        + (f", texts of {p.get('texts_from')}" if run.tags.get("teacher_forced") == "true" else "")
    )


def _statistics(s: Summary) -> str:
    c = s.config
    return (
        f"Statistics: rho is Spearman; p is a one-sided Mantel test with {c.job.summary.permutations} "
        f"permutations; intervals on all items are from {c.job.summary.n_bootstrap} bootstrap draws of "
        "situations (of items within emotions where there are none), recentred on Fisher's z scale; "
        f"halves from {c.resampling.n_splits} random divisions, their intervals from "
        f"{c.resampling.n_bootstrap} draws with {c.resampling.splits_per_replicate} divisions each. "
        "Reliability is the split-half correlation stepped up to all items; where it is at most 0.15 "
        f"nothing is divided by it. Seed {c.seed}."
    )


def headline(s: Summary) -> list[str]:
    """The few sentences a reviewer must see first."""
    said = []
    if s.study is not None:
        u, block = s.study, s.study.blocks[0]
        i, j = np.triu_indices(len(u.models), 1)
        half = float(u.halves.same.value[i, j].mean())
        line = (
            f"{len(u.models)} models agree with a mean rho of {block.same[1]:.2f} on all passages, of "
            f"{half:.2f} where both read the same half of them, and of {block.disjoint[1]:.2f} where "
            "each reads another half. "
        )
        share = u.halves.mean_share
        value = float(share.value)
        if np.isfinite(value):
            low, high = float(share.low), float(share.high)
            bounds = f" (95 % interval {low:.2f} to {high:.2f})" if np.isfinite(low) else ""
            line += f"The share that survives other passages is {value:.2f}{bounds}."
        else:
            line += "Agreement on the same half is too small to have a surviving share."
        said.append(line)
    if flagged := _flagged(s):
        said.append(
            f"Anisotropy is above {UNRELIABLE_ANISOTROPY} in {'; '.join(flagged)}: no cosine of these "
            "can be trusted."
        )
    said += [_four(t.table) for t in s.tables]
    if s.study is None:
        said.append(_no_study(s))
    if all(r.random for r in s.runs):
        said.append("All models here have random weights: these numbers mean nothing.")
    return said


def _flagged(s: Summary) -> list[str]:
    """Models that are too anisotropic, each with the runs in which it is."""
    found = {m.name: ["comprehension"] for m in s.models if m.flagged}
    for t in s.tables:
        names = sorted(c.name for c in t.table.conditions if c.flagged)
        if names:
            found.setdefault(t.table.model, []).append(f"conditions {', '.join(names)}")
    return [f"{model} ({', '.join(where)})" for model, where in found.items()]


def _no_study(s: Summary) -> str:
    if len(s.models) > 1:
        return f"No cross-model study: {s.no_study}."
    wanted = "a second model" if s.models else "comprehension runs of two models"
    return f"No cross-model study: it needs {wanted}; {another_model(s.config)} makes one."


def _four(t: FourLayerTable) -> str:
    rows = [
        f"layer {r.contrast.layer}: {r.verdict.value}" for r in t.rows if not r.contrast.is_floor
    ]
    return f"{t.model}: {'; '.join(rows) or 'no layer can be made yet'}."


def distinct(values: Iterable[str]) -> str:
    """Different values, listed."""
    return ", ".join(dict.fromkeys(values))
