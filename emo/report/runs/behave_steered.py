"""What job=behave says of a vector that was added: sentences, lines, metrics and a table."""

from __future__ import annotations

import math
from typing import Any

from emo.core.behaviour.conversations import Dialogues, Steering
from emo.core.behaviour.facet_b import Contrast, Mean, Share
from emo.core.behaviour.steered import (
    FlipsAgainst,
    SteeredCompliance,
    SteeredFlips,
    steered_compliance,
    steered_flips,
)
from emo.core.stats.intervals import ALPHA
from emo.core.steering.direction_specific import FEWEST_PERMUTED
from emo.files.csv_files import csv_text
from emo.report.runs import compliance

OWN = "steered"


def opening(steering: Steering) -> str:
    """The sentence that stands before all others of a run with a vector."""
    return f"Everything here is said under the vector of {dose(steering)}, but for the comparisons."


def answer(dialogues: Dialogues) -> str:
    """What the vector changes, and whether it is its direction's doing; empty without a vector."""
    if dialogues.steering is None:
        return ""
    sentences: list[str] = []
    flips = steered_flips(dialogues)
    if flips is None and dialogues.arms:
        sentences.append("No conversation with pressure begins rightly under it.")
    elif flips is not None:
        first, c = flips.against[0], flips.against[0].contrast
        sentences.append(
            f"Under pressure {_share(flips.flips)} flip with it and {_share(first.flips)} without: "
            f"{flips_verdict(c)}."
        )
        if c.flips_shown or c.fewer_shown:
            sentences.append(direction_sentence(flips))
    if found := steered_compliance(dialogues):
        first = found.against[0]
        sentences.append(
            f"Compliance is {compliance.mean(found.compliance.score)} with it and "
            f"{compliance.mean(first.compliance.score)} without: {compliance_verdict(found)}."
        )
        if first.contrast.p <= ALPHA:
            sentences.append(direction_sentence(found))
    return " ".join(sentences)


def dose(steering: Steering) -> str:
    """What is added, in words."""
    return f"{steering.emotion}, {steering.strength:g} residual norms at {steering.site}"


def flips_verdict(c: Contrast) -> str:
    """Whether the vector changes flips, in words, with the p of McNemar's exact test."""
    if c.smallest_p > ALPHA:
        return f"too few items to tell (p can be no smaller than {c.smallest_p:.2g})"
    if c.flips_shown:
        return f"more flips are shown (p = {c.p:.2g})"
    return f"{'fewer flips are' if c.fewer_shown else 'a change is not'} shown (p = {c.p:.2g})"


def compliance_verdict(found: SteeredCompliance) -> str:
    """Whether the vector changes compliance, in words, with the exact p over constraints."""
    c = found.against[0].contrast
    most = 2.0 ** (1 - len(c.constraints)) if c.constraints else 1.0
    if most > ALPHA:
        return f"too few constraints that both keep to tell ({len(c.constraints)})"
    word = "not shown to change"
    if c.p <= ALPHA:
        word = f"shown to {'rise' if c.mean.value > 0 else 'fall'}"
    return f"{word} (p = {c.p:.2g}, {len(c.constraints)} constraints)"


def direction_sentence(found: SteeredFlips | SteeredCompliance) -> str:
    """Whether a change stands out among those of permuted vectors."""
    n = found.n_permuted
    if n < FEWEST_PERMUTED:
        return (
            "Whether that is the direction's doing cannot be told with "
            f"job.behave.steer.permuted={n}: it takes {FEWEST_PERMUTED} or more."
        )
    if not math.isfinite(found.specific_p):
        return (
            f"Whether that is the direction's doing cannot be told: the {n} vectors with permuted "
            "dimensions hardly differ."
        )
    word = "stands out" if found.specific else "does not stand out"
    return (
        f"The change {word} among those of {n} vectors with permuted dimensions "
        f"(p = {found.specific_p:.2g})."
    )


def terminal_lines(dialogues: Dialogues) -> list[str]:
    """A line per direction for flips and for compliance; none without a vector."""
    if dialogues.steering is None:
        return []
    lines = [f"  added: {dose(dialogues.steering)}"]
    if flips := steered_flips(dialogues):
        lines.append(f"  {flips.arm}: {_share(flips.flips)} flip under the vector; paired by item:")
        lines += [f"    {_flips_line(a)}" for a in flips.against]
        lines += _specific(flips)
    if found := steered_compliance(dialogues):
        lines.append(
            f"  compliance {compliance.mean(found.compliance.score)} under the vector; paired by "
            "constraint:"
        )
        lines += [
            f"    against {a.variant:<12} {compliance.mean(a.compliance.score):<22} difference "
            f"{compliance.mean(a.contrast.mean)} over {len(a.contrast.constraints)}, "
            f"p = {a.contrast.p:.2g}"
            for a in found.against
        ]
        lines += _specific(found)
    return lines


def _flips_line(a: FlipsAgainst) -> str:
    c = a.contrast
    return (
        f"against {a.variant:<12} {_share(a.flips):<24} {c.only_here} flip only with the vector, "
        f"{c.only_control} only so: {flips_verdict(c)}; shift of the log-odds {_mean(c.shift)}"
    )


def _specific(found: SteeredFlips | SteeredCompliance) -> list[str]:
    return [f"    {direction_sentence(found)}"] if found.n_permuted else []


def metrics(dialogues: Dialogues) -> dict[str, float]:
    """The numbers that scripts get; none without a vector."""
    out: dict[str, float] = {}
    if flips := steered_flips(dialogues):
        out["steering_flips_specific_p"] = flips.specific_p
        for a in flips.against:
            name = a.variant.replace(" ", "_")
            if a.flips.n:
                out[f"steering_flips_{name}"] = a.flips.k / a.flips.n
            out[f"steering_flips_p_against_{name}"] = a.contrast.p
            out[f"steering_shift_against_{name}"] = a.contrast.shift.value
    if found := steered_compliance(dialogues):
        out["steering_compliance_specific_p"] = found.specific_p
        for a in found.against:
            name = a.variant.replace(" ", "_")
            out[f"steering_compliance_{name}"] = a.compliance.score.value
            out[f"steering_compliance_change_against_{name}"] = a.contrast.mean.value
            out[f"steering_compliance_p_against_{name}"] = a.contrast.p
    return {name: value for name, value in out.items() if math.isfinite(value)}


COLUMNS = (
    *("direction", "conversations", "begin_rightly", "flips", "flips_low", "flips_high"),
    *("only_steered", "only_here", "p", "shift", "shift_low", "shift_high", "shift_p"),
    *("constraints", "compliance", "compliance_low", "compliance_high"),
    *("difference", "difference_low", "difference_high", "difference_p"),
)


def rows(dialogues: Dialogues) -> list[list[Any]]:
    """A row per direction, the emotion's own first: its figures, and what sets the own apart from it."""
    if dialogues.steering is None:
        return []
    flips, found = steered_flips(dialogues), steered_compliance(dialogues)
    out = []
    for place, variant in enumerate([dialogues.own, *dialogues.steering.others]):
        row: list[Any] = [variant.name if place else OWN]
        row += [sum(bool(c.of_arm(flips.arm)) for c in variant.conversations) if flips else None]
        if flips is None:
            row += [None] * 11
        elif place == 0:
            row += [*_three(flips.flips), *[None] * 7]
        else:
            a = flips.against[place - 1]
            c = a.contrast
            row += [*_three(a.flips), c.only_here, c.only_control, c.p]
            row += [c.shift.value, c.shift.low, c.shift.high, c.shift_p]
        if found is None:
            row += [None] * 8
        else:
            own = found.compliance if place == 0 else found.against[place - 1].compliance
            row += [len(own.capable), own.score.value, own.score.low, own.score.high]
            if place:
                d = found.against[place - 1].contrast
                row += [d.mean.value, d.mean.low, d.mean.high, d.p]
            else:
                row += [None] * 4
        out.append([_cell(value) for value in row])
    return out


def directions_csv(dialogues: Dialogues) -> str:
    """The rows of all directions as a file."""
    return csv_text(COLUMNS, rows(dialogues))


def _three(share: Share) -> list[Any]:
    return [share.n, share.k, share.low, share.high]


def _cell(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _share(share: Share) -> str:
    return f"{share.k} of {share.n} ({share.low:.2f} to {share.high:.2f})"


def _mean(mean: Mean) -> str:
    if not math.isfinite(mean.value):
        return "-"
    interval = f" ({mean.low:+.2f} to {mean.high:+.2f})" if math.isfinite(mean.low) else ""
    return f"{mean.value:+.2f}{interval}"
