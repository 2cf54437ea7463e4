"""What job=methods says of one model: sentences, metrics and tables."""

from __future__ import annotations

from math import isfinite

from emo.core.compare.method_result import (
    Bounded,
    Contrast,
    Curve,
    MethodRow,
    MethodsResult,
    Order,
    Reading,
)
from emo.core.compare.separation import HALF, Measure
from emo.core.criterion_search import SearchVerdict
from emo.reference import methods as published
from emo.report.runs.extract import RANDOM
from emo.report.runs.terminal import heading
from emo.report.table import Entry, Interval, Table

WORDS = {
    Measure.mean_cosine: "mean pairwise cosine",
    Measure.accuracy: "left-out accuracy",
    Measure.crossnobis: "crossnobis distance",
}
EQUAL = {"accuracy": "left-out accuracy", "crossnobis": "crossnobis", "reliability": "reliability"}
COLUMNS = (
    *("texts", "read at", "estimator", "accuracy", "accuracy by cosine", "reliability"),
    *("agreement with means", "valence", "valence p", "cosine, global", "cosine, neutral"),
    *("probe accuracy", "crossnobis", "steering", "steering, random"),
)


def methods_table(result: MethodsResult, name: str = "methods") -> Table:
    """One row per reading and estimator, with everything that is measured of it."""
    chance = 1 / len(result.emotions)
    return Table(
        name,
        "Estimators and readouts",
        f"At {result.depth:.0%} of the depth, {len(result.emotions)} emotions, chance {chance:.3f}. "
        "Accuracy: items read right by the estimator's own rule, and by the highest cosine with a "
        "vector; vectors are made without the item's situation or prompt. Probe accuracy (one-vs-rest "
        "logistic) and crossnobis (cross-validated squared distance in units of the scatter within "
        "emotions, 0 on average where there is no emotion) are of the reading, whatever the estimator. "
        "Agreement with means: disjoint rho with difference of means over its ceiling. Cosine: mean "
        "pairwise cosine, the published statistic, less the mean of the vectors or less neutral texts; "
        f"centring alone gives {result.algebraic:.3f} for vectors of equal length less their mean. "
        "Steering: judged texts in which the emotion is heard, over all doses, where a steering run of "
        "such vectors is logged. 95 % intervals over situations or prompts.",
        COLUMNS,
        tuple(_row(r, row) for r in result.readings for row in r.rows),
        key=(
            *("texts", "read at", "estimator", "accuracy", "reliability"),
            *("agreement with means", "valence"),
        ),
        names=3,
    )


def _row(r: Reading, row: MethodRow) -> tuple[Entry, ...]:
    steering = row.steering
    return (
        *(r.source, r.readout, row.estimator.value),
        *(interval(x) for x in (row.accuracy, row.cosine_accuracy, row.reliability, row.agreement)),
        *(row.valence, row.valence_p),
        *(interval(x) for x in (row.global_cosine, row.neutral_cosine)),
        *(interval(x) for x in (r.probe_accuracy, r.crossnobis)),
        steering and interval(steering.share),
        steering and interval(steering.random),
    )


def interval(b: Bounded | None) -> Interval | None:
    """A number with its bounds as a table has it."""
    return None if b is None else Interval(b.value, b.low, b.high)


def depth_table(result: MethodsResult) -> Table:
    """One row per reading and measure: where separation is largest, and whether it is a U."""
    return Table(
        "depth",
        "Separation over depth",
        "Of difference-of-means vectors. Furthest apart at: per cent of depth with the middle 95 % of a "
        f"bootstrap over situations or prompts; about half ({HALF[0]:.0f} to {HALF[1]:.0f} %) is shown "
        "if that whole interval is inside, not shown if it is outside. U: separation in the middle half "
        "of the layers less that in the first and in the last quarter; shown if both lower bounds are "
        f"above 0, not shown if an upper bound is below 0. Published: {published.DEPTH}, of the mean "
        f"pairwise cosine, without an interval ({published.SOURCE}).",
        (
            *("texts", "read at", "measure", "furthest apart at", "about half"),
            *("middle less first quarter", "middle less last quarter", "U"),
        ),
        tuple(
            (
                *(r.source, r.readout, WORDS[c.measure]),
                Interval(c.place.percent, c.place.low, c.place.high),
                c.place.about_half.value,
                *(interval(c.first), interval(c.last)),
                c.u_shape.value,
            )
            for r in result.readings
            for c in r.curves
        ),
        key=(
            *("texts", "read at", "measure", "furthest apart at", "about half"),
            *("U",),
        ),
        names=3,
    )


def contrast_table(result: MethodsResult) -> Table:
    """One row per measure: written texts against passages, from as many units."""
    return Table(
        "sources",
        "Written texts against passages",
        f"Difference of means in the first reading of each, from {result.equal_units} prompts or "
        "situations of each: means over random choices of them, with the interval of a typical choice. "
        "Difference: written less read, with the interval made of both (Zou & Donner 2008).",
        ("measure", "written", "read", "difference", "in written texts"),
        tuple(
            (
                EQUAL[c.measure],
                *(interval(x) for x in (c.generation, c.comprehension, c.difference)),
                c.order.value,
            )
            for c in result.contrasts
        ),
    )


def terminal_text(result: MethodsResult, title: str, note: str) -> str:
    """Every reading with its estimators, the contrast of sources, and the verdicts over depth."""
    lines = heading(title, note)
    for r in result.readings:
        lines += _of_reading(r)
    lines += [
        f"  mean pairwise cosine by centring alone: {result.algebraic:.3f} (less the mean of "
        f"{len(result.emotions)} vectors of equal length)"
    ]
    lines += [f"  {_contrast_line(c, result.equal_units)}" for c in result.contrasts]
    return "\n".join(lines)


def _of_reading(r: Reading) -> list[str]:
    units = f"{r.n_items} items, {r.n_units} {r.unit}s"
    lines = [f"  {r.name}: layer {r.layer} of {r.n_layers}, {units}, run {r.run[:8]}"]
    crossnobis = "" if r.crossnobis is None else f", crossnobis {words(r.crossnobis)}"
    lines.append(f"    probe accuracy {words(r.probe_accuracy)}{crossnobis}")
    for row in r.rows:
        agreement = "" if row.agreement is None else f", agreement {words(row.agreement)}"
        valence = "" if row.valence is None else f", valence {row.valence:.2f}"
        lines.append(
            f"    {row.estimator.value:<16}accuracy {words(row.accuracy)}, by cosine "
            f"{row.cosine_accuracy.value:.2f}, reliability {words(row.reliability)}{valence}{agreement}"
        )
        neutral = row.neutral_cosine
        lines.append(
            f"      mean cosine {words(row.global_cosine, 3)} less their mean"
            + ("" if neutral is None else f", {words(neutral, 3)} less {r.neutral}")
        )
        if row.steering is not None:
            s = row.steering
            lines.append(f"      steering {s.hits} of {s.judged} judged texts (run {s.run[:8]})")
    return [*lines, *(_depth_line(c) for c in r.curves)]


def words(b: Bounded, digits: int = 2) -> str:
    """A number with its bounds; without, where these do not exist."""
    if not isfinite(b.value):
        return "not to be had"
    value = f"{b.value:.{digits}f}"
    return f"{value} ({b.low:.{digits}f} to {b.high:.{digits}f})" if isfinite(b.low) else value


def _depth_line(c: Curve) -> str:
    place = c.place
    bounds = f" ({place.low:.0f} to {place.high:.0f})" if isfinite(place.low) else ""
    return (
        f"    {WORDS[c.measure]}: furthest apart at {place.percent:.0f} % of depth{bounds}; about half "
        f"{place.about_half.value}; a U {c.u_shape.value}"
    )


def _contrast_line(c: Contrast, units: int) -> str:
    d = c.difference
    return (
        f"{EQUAL[c.measure]} with {units} units each: written {words(c.generation)}, read "
        f"{words(c.comprehension)}; difference {words(d)}: {c.order.value}"
    )


def answer(result: MethodsResult, random: bool = False) -> str:
    """What the estimators, the sources and the depth show, in a few sentences."""
    sentences = [RANDOM] if random else []
    sentences += [_estimators(r) for r in result.readings[:1]]
    for c in result.contrasts[:1]:
        sentences.append(_sources(c, result.equal_units))
    sentences += [_cosine(r, result) for r in result.readings[:1]]
    sentences += [_depth(r) for r in result.readings[:1]]
    return " ".join(s for s in sentences if s)


def _estimators(r: Reading) -> str:
    """Which estimators read better or worse than difference of means, if any does."""
    means = r.row()
    if means is None:
        return ""
    told = [
        f"{row.estimator.value} {'more' if row.accuracy.low > means.accuracy.high else 'fewer'}"
        for row in r.rows
        if row.accuracy.low > means.accuracy.high or row.accuracy.high < means.accuracy.low
    ]
    base = (
        f"Difference of means reads {means.accuracy.value:.0%} of the left-out items right "
        f"({r.name}, layer {r.layer})"
    )
    if not told:
        return f"{base}; no other estimator's interval lies outside its own."
    return f"{base}; {', '.join(told)}."


def _sources(c: Contrast, units: int) -> str:
    d = c.difference
    if c.order is Order.untold:
        verdict = "which is higher cannot be told"
    else:
        verdict = f"{c.order.value} in written texts"
    return (
        f"Written texts against passages, {units} units each: {EQUAL[c.measure]} differs by "
        f"{words(d)}, {verdict}."
    )


def _cosine(r: Reading, result: MethodsResult) -> str:
    means = r.row()
    if means is None:
        return ""
    return (
        f"The published statistic is {means.global_cosine.value:.3f} where centring alone gives "
        f"{result.algebraic:.3f}."
    )


def _depth(r: Reading) -> str:
    verdicts: dict[SearchVerdict, list[str]] = {}
    for c in r.curves:
        verdicts.setdefault(c.u_shape, []).append(WORDS[c.measure])
    told = "; ".join(f"{v.value} by {' and '.join(m)}" for v, m in verdicts.items())
    return f"A U over depth: {told}."


def metrics(result: MethodsResult) -> dict[str, float | None]:
    """The numbers of every reading and estimator by name, and the contrasts."""
    out: dict[str, float | None] = {
        "n_emotions": len(result.emotions),
        "n_equal_units": result.equal_units,
        "cosine_by_centring": result.algebraic,
    }
    for r in result.readings:
        name = f"{r.source}_{r.readout}"
        out[f"{name}_probe_accuracy"] = r.probe_accuracy.value
        if r.crossnobis is not None:
            out[f"{name}_crossnobis"] = r.crossnobis.value
        for row in r.rows:
            out |= {f"{name}_{row.estimator.value}_{k}": v for k, v in _numbers(row).items()}
    for c in result.contrasts:
        d = c.difference
        for field, value in (("", d.value), ("_low", d.low), ("_high", d.high)):
            out[f"generation_less_comprehension_{c.measure}{field}"] = value
    return {name: v if v is not None and isfinite(v) else None for name, v in out.items()}


def _numbers(row: MethodRow) -> dict[str, float | None]:
    return {
        "accuracy": row.accuracy.value,
        "cosine_accuracy": row.cosine_accuracy.value,
        "reliability": row.reliability.value,
        "valence": row.valence,
        "agreement": row.agreement and row.agreement.value,
        "cosine_global": row.global_cosine.value,
        "cosine_neutral": row.neutral_cosine and row.neutral_cosine.value,
        "steering": row.steering and row.steering.share.value,
    }
