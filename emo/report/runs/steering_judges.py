"""Judges, direction-specific emotions and damage of a steering run: terminal text, files, metrics."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from emo.core.steering.damage import DamageCell, damage_cells
from emo.core.steering.direction_specific import Specificity, direction_specificity
from emo.core.steering.dose_response import DoseSweep, Proportion, cells
from emo.core.steering.judges import FIRST, SECOND, agreement, base_rates, heard_by_judge
from emo.core.steering.text_classifier import Confusion
from emo.files.csv_files import csv_text


def judge_lines(swept: DoseSweep) -> list[str]:
    """Confusion table of a judge trained here, base rates, and two judges side by side."""
    lines = []
    for judge in swept.judges:
        if judge.confusion is not None:
            lines += confusion_lines(judge.name, judge.confusion)
    if swept.judges:
        rates = ", ".join(f"{r.judge} {counted(r.share)}" for r in base_rates(swept))
        lines.append(f"  unsteered texts called by the emotion that is added: {rates}")
    if len(swept.judges) > 1:
        lines += [f"  judged better by {' and by '.join(j.name for j in swept.judges)}:"]
        lines += [
            f"    {site:<9} {strength:>8g} {direction:<9} {counted(first):<22} {counted(second)}"
            for direction, site, strength, first, second in side_by_side(swept)
        ]
        lines.append(f"  {agreement_words(swept)}")
    return lines


def confusion_lines(name: str, found: Confusion) -> list[str]:
    """A confusion table in lines: per emotion the hits, then what else its texts are called."""
    width = max(map(len, found.emotions))
    lines = [
        f"  judge {name}: {found.accuracy:.2f} ({found.low:.2f} to {found.high:.2f}) of {found.n} "
        "passages are called by their own emotion with their situation left out, of "
        f"{found.n_groups}; chance {found.chance:.2f}"
    ]
    for row, emotion in enumerate(found.emotions):
        counts = found.counts[row]
        others = sorted(
            ((n, e) for e, n in zip(found.emotions, counts, strict=True) if n and e != emotion),
            key=lambda pair: (-pair[0], pair[1]),
        )
        wrong = ", ".join(f"{e} {n}" for n, e in others)
        lines.append(
            f"    {emotion:<{width}} {counts[row]:>3} of {sum(counts):<3} {wrong}".rstrip()
        )
    return lines


def confusion_csv(swept: DoseSweep) -> str:
    """CSV with one row per judge, emotion and what its left-out passages are called."""
    rows = [
        [judge.name, emotion, called, judge.confusion.counts[i][j]]
        for judge in swept.judges
        if judge.confusion is not None
        for i, emotion in enumerate(judge.confusion.emotions)
        for j, called in enumerate(judge.confusion.emotions)
    ]
    return csv_text(["judge", "emotion", "called", "n"], rows)


def side_by_side(swept: DoseSweep) -> list[tuple[str, str, float, Proportion, Proportion]]:
    """Direction, site and strength of every dose, with the successes by either judge."""
    first, second = (
        cells(heard_by_judge(swept.steered, judge), swept.limits) for judge in (FIRST, SECOND)
    )
    return [
        (a.direction, a.site, a.strength, a.success, b.success)
        for a, b in zip(first, second, strict=True)
    ]


def agreement_words(swept: DoseSweep) -> str:
    """How far two judges agree on the texts of the emotions' own vectors, in one line."""
    found = agreement(swept.steered)
    first, second = (judge.name for judge in swept.judges)
    kappa = f"kappa {found.kappa:.2f}" if math.isfinite(found.kappa) else "no kappa"
    interval = f" ({found.low:.2f} to {found.high:.2f})" if math.isfinite(found.low) else ""
    return (
        f"agreement on the emotions' own vectors: {kappa}{interval}; of {found.n} texts {found.both} "
        f"are better by both, {found.first_only} by {first} only, {found.second_only} by {second} only"
    )


def counted(p: Proportion) -> str:
    """k/n with its interval, where it has one."""
    if not p.n:
        return "cannot be judged"
    return f"{p.k}/{p.n}" + (f" ({p.low:.2f} to {p.high:.2f})" if math.isfinite(p.low) else "")


def specificity_lines(swept: DoseSweep) -> list[str]:
    """Per site and judge, how many emotions are direction-specific, and which."""
    return [f"  {specificity_words(found)}" for found in direction_specificity(swept)]


def specificity_words(found: Specificity) -> str:
    """How many emotions are direction-specific at a site, by a judge, and which."""
    names = ", ".join(e.emotion for e in found.emotions if e.specific)
    silent = len(found.emotions) - found.n
    if not found.n:
        return (
            f"direction-specific at {found.site} by {found.judge}: cannot be told of any of {silent} "
            "emotions, as it scores the texts of their permuted vectors alike"
        )
    n_permuted = min(len(e.permuted) for e in found.emotions)
    return (
        f"direction-specific at {found.site} by {found.judge}: {found.k} of {found.n} emotions"
        f"{f' ({names})' if names else ''}, against {n_permuted} vectors with permuted dimensions each, "
        f"false discovery rate 0.05{f'; {silent} cannot be told' if silent else ''}"
    )


def specificity_csv(swept: DoseSweep) -> str:
    """CSV with one row per site, judge and emotion: its shift, those of its permuted vectors, p."""
    head = ["site", "judge", "emotion", "shift", "permuted_mean", "permuted_highest", "n_permuted"]
    rows = [
        [
            *(found.site, found.judge, e.emotion, e.shift),
            *(float(np.mean(e.permuted)), max(e.permuted), len(e.permuted)),
            *(e.p, e.adjusted, e.specific if math.isfinite(e.p) else None),
        ]
        for found in direction_specificity(swept)
        for e in found.emotions
    ]
    return csv_text([*head, "p", "p_adjusted", "specific"], rows)


def damage_lines(swept: DoseSweep) -> list[str]:
    """Per dose, the divergence of the predictions on plain texts."""
    found = damage_cells(swept.damage)
    if not found:
        return []
    head = (
        f"  damage on {found[0].n} plain texts, KL divergence from the unsteered predictions in nats "
        "per token:"
    )
    return [head, *(f"    {c.site:<9} {c.strength:>8g} {c.direction:<9} {kl(c)}" for c in found)]


def kl(cell: DamageCell) -> str:
    """A divergence with its interval in words."""
    if not math.isfinite(cell.kl):
        return "not finite"
    interval = f" ({cell.low:.3g} to {cell.high:.3g})" if math.isfinite(cell.high) else ""
    return f"{cell.kl:.3g}{interval}"


def damage_csv(swept: DoseSweep) -> str:
    """CSV with one row per direction, site and strength: the divergence with its interval."""
    names = ("direction", "site", "strength", "n", "kl", "low", "high")
    rows = [[getattr(c, name) for name in names] for c in damage_cells(swept.damage)]
    return csv_text(names, rows)


def damage_curves(swept: DoseSweep) -> dict[str, np.ndarray]:
    """Divergence over strengths for the tracking store, per direction and site."""
    curves: dict[str, list[float]] = {}
    for c in damage_cells(swept.damage):
        curves.setdefault(f"dose_kl_{c.direction}_{c.site}", []).append(c.kl)
    return {name: np.array(values) for name, values in curves.items()}


def numbers(swept: DoseSweep) -> dict[str, float]:
    """Agreement, and direction-specific emotions of the first judge at the first site, as metrics."""
    out: dict[str, float] = {}
    if len(swept.judges) > 1:
        out["judges_kappa"] = agreement(swept.steered).kappa
    if specific := direction_specificity(swept):
        out |= {"direction_specific": specific[0].k, "direction_specific_n": specific[0].n}
    return {name: value for name, value in out.items() if math.isfinite(value)}


def sentences(swept: DoseSweep) -> list[str]:
    """What the answer says of specificity and of two judges."""
    said = [f"{_capital(specificity_words(found))}." for found in direction_specificity(swept)]
    if len(swept.judges) > 1:
        said.append(f"{_capital(agreement_words(swept))}.")
    return said


def _capital(words: str) -> str:
    return words[0].upper() + words[1:]


def files(swept: DoseSweep) -> dict[str, str]:
    """Name and text of every file that the run has on this account."""
    out = {}
    if any(judge.confusion is not None for judge in swept.judges):
        out["confusion.csv"] = confusion_csv(swept)
    if len(swept.judges) > 1:
        out["judges.csv"] = judges_csv(swept)
    if direction_specificity(swept):
        out["specificity.csv"] = specificity_csv(swept)
    if swept.damage:
        out["damage.csv"] = damage_csv(swept)
    return out


def judges_csv(swept: DoseSweep) -> str:
    """CSV with one row per dose: successes by both judges with their intervals."""
    ends = ("k", "n", "low", "high")
    names: Sequence[str] = [judge.name for judge in swept.judges]
    head = ["direction", "site", "strength", *(f"{name}_{end}" for name in names for end in ends)]
    rows = [
        [direction, site, strength, *(getattr(p, end) for p in (a, b) for end in ends)]
        for direction, site, strength, a, b in side_by_side(swept)
    ]
    return csv_text(head, rows)
