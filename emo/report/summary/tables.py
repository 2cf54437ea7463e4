"""The tables of a summary: four layers, descriptors, published figures, runs."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from emo.core.conditions.claims import RULE
from emo.core.conditions.four_layer import CONTRASTS, HALVES, LayerRow
from emo.core.geometry.cosines import UNRELIABLE_ANISOTROPY
from emo.files.names import name_part
from emo.reference import shared_geometry
from emo.report.summary.cross_model_tables import (
    INTERVAL,
    quotient,
    single_model_tables,
    study_tables,
)
from emo.report.table import Cell, Interval, Table
from emo.summary.assemble import ModelTable, Summary


def tables(s: Summary) -> list[Table]:
    """All of them, in the order of the report."""
    return [
        *(table for t in s.tables for table in four_layer_tables(t)),
        *(study_tables(s.cross_model) if s.cross_model else ()),
        *(single_model_tables(s.single) if s.single else ()),
        descriptor_table(s),
        *([claim_table(s)] if s.claims else ()),
        run_table(s),
        left_out_table(s),
    ]


FOUR_LAYER_COLUMNS = (
    *("layer", "contrast", "rho", "verdict", "Mantel p", "over emotions", "items and emotions"),
    *("partial rho", "rho, raw", "p, raw", "mean cosine", "cosine, raw", "emotions", "n a, b"),
    *("read at a, b", "anisotropy", "isolates"),
)
RELIABILITY_COLUMNS = (
    *("layer", "contrast", "own a", "own b", "reliability a", "reliability b", "rho, same half"),
    *("rho, disjoint", "share", "ceiling", "disattenuated", "why not"),
)


def four_layer_tables(t: ModelTable) -> tuple[Table, Table]:
    """Table 1: method, sub-parameters, precision; and how reliable its two sides are."""
    made = {r.contrast: _layer(r) for r in t.table.rows}
    reasons = {c: f"missing: {', '.join(lacks)}" for c, lacks in t.table.missing}
    reasons |= {c: f"refused: {reason}" for c, reason in t.table.refused}
    empty = (None,) * (len(FOUR_LAYER_COLUMNS) - 5)
    rows = [
        made.get(c, (c.layer, f"{c.a} vs {c.b}", None, reasons.get(c), *empty, c.isolates))
        for c in CONTRASTS
    ]
    name = name_part(t.table.model)
    return (
        Table(
            f"four_layer_{name}",
            f"Four layers: {t.table.model}",
            " ".join(_four_layer_caption(t)),
            FOUR_LAYER_COLUMNS,
            tuple(rows),
        ),
        Table(
            f"four_layer_reliability_{name}",
            f"Four layers, what the two sides allow: {t.table.model}",
            "Own: how well each side agrees with itself over the common emotions, its reliability, but "
            "for B rho with B'. Same half and disjoint, where both sides have the same items: both on "
            "one half of them, or one on the one half and one on the other; share: disjoint over same "
            "half. Ceiling: what reliability lets rho, or disjoint rho where it is there, reach; "
            f"disattenuated: that over its ceiling. {INTERVAL}",
            RELIABILITY_COLUMNS,
            tuple(_reliability(r) for r in t.table.rows),
        ),
    )


def _four_layer_caption(made: ModelTable) -> Iterator[str]:
    t = made.table
    plain, quantised = (
        ", ".join(sorted({x.precision for x in t.conditions if (x.name[0] == "D") is of_d}))
        for of_d in (False, True)
    )
    yield (
        f"Spearman rho of two RDMs, post-centred. A, B, C in {plain or 'none'}, D in "
        f"{quantised or 'none'}. {INTERVAL} None over items where a side has one text an emotion. Over "
        "emotions: jackknife; items and emotions: bootstrap at both levels. Partial: with the RDMs of "
        "word and character TF-IDF of both sides' texts held fixed. n: effective texts an emotion. "
        "Mean cosine compares vectors across layers where the two are read at different ones."
    )
    if t.rows:
        yield (
            f"p are not corrected; Bonferroni's line over these {len(t.rows)} contrasts is "
            f"{0.05 / len(t.rows):.4f}."
        )
    for what, tag in (("backend", "backend"), ("device", "device")):
        of = {n: r.tags.get(tag, "unknown") for n, r in made.runs.items()}
        if len(set(of.values())) > 1:
            said = ", ".join(f"{n} {value}" for n, value in sorted(of.items()))
            yield f"Mixed in {what} ({said}): contrasts hold that difference, too."
    if any(r.contrast.layer == "floor C" for r in t.rows):
        of = {c.name: len(c.items.groups) for c in t.conditions}
        odd, even = (of[half] for half in HALVES)
        yield (
            f"Floor C: its halves have {odd} and {even} prompts, so its interval takes Student's t with "
            f"as little as {min(odd, even) - 1} degrees of freedom."
        )
    if flagged := [
        f"{c.name} ({c.anisotropy:.3f})"
        for c in sorted(t.conditions, key=lambda c: c.name)
        if c.flagged
    ]:
        yield (
            f"Anisotropy is above {UNRELIABLE_ANISOTROPY} in {', '.join(flagged)}: no cosine of these "
            "can be trusted."
        )


def _layer(r: LayerRow) -> tuple[Cell, ...]:
    c, compared = r.contrast, r.comparison
    return (
        c.layer,
        f"{c.a} vs {c.b}",
        Interval.of(r.post.rho),
        r.verdict.value,
        r.post.p,
        Interval.of(r.post.over_emotions),
        Interval.of(compared.over_both),
        None if compared.partial is None else Interval.of(compared.partial),
        Interval.of(r.raw.rho),
        r.raw.p,
        r.post.mean_cosine,
        r.raw.mean_cosine,
        len(compared.emotions),
        f"{r.n_effective[0]:.3g}, {r.n_effective[1]:.3g}",
        f"{r.layers[0]}, {r.layers[1]}",
        "unreliable" if r.flagged else "ok",
        c.isolates,
    )


def _reliability(r: LayerRow) -> tuple[Cell, ...]:
    c, compared, halves = r.contrast, r.comparison, r.comparison.halves
    if r.disjoint is not None and not np.isfinite(r.disjoint.value):
        halves = None  # one text an emotion: halves are of emotions, not of texts
    return (
        c.layer,
        f"{c.a} vs {c.b}",
        *(float(x) for x in r.own),
        *(float(x) for x in compared.reliability),
        None if halves is None else float(halves.same.value[0, 1]),
        None if r.disjoint is None else Interval.of(r.disjoint),
        None if halves is None else Interval.of(halves.share[0, 1]),
        quotient(compared.ceiling),
        quotient(compared.disattenuated),
        _why_not(r),
    )


def _why_not(r: LayerRow) -> str:
    """Why there is no disattenuated rho; empty where there is one."""
    if r.comparison.disattenuated.value is not None:
        return ""
    reason = str(r.comparison.disattenuated.reason)
    for side, name in (("first set", r.contrast.a), ("second set", r.contrast.b)):
        reason = reason.replace(f"the {side}", name)
    return reason.replace("the reliability", "the halves' reliability") if r.shared else reason


def descriptor_table(s: Summary) -> Table:
    """Table A1."""
    rows = []
    for m in s.models:
        d, c = m.descriptors, m.descriptors.choices["mean_cosine"]
        by = [d.choices[k] for k in ("reliability", "accuracy")]
        rows.append(
            (
                m.name,
                m.family,
                m.variant,
                m.size_b,
                d.n_layers,
                m.d_model,
                m.precision,
                f"{d.best_layer}" + (f" ({c.low} to {c.high})" if c else ""),
                d.best_layer_pct,
                *(f"{x.layer} ({x.low} to {x.high})" if x else None for x in by),
                d.anisotropy,
                d.rdm_std,
                d.reliability,
                m.layer,
                m.run_id[:8],
            )
        )
    return Table(
        "descriptors",
        "Descriptors (Table A1)",
        "At the published best layer; layers with 95 % bootstrap intervals. Compared at: the layer of "
        f"the cross-model study (job.summary.layer={s.config.job.summary.layer.value}).",
        (
            *("model", "family", "variant", "size, B", "layers", "d_model", "precision"),
            *("best layer", "best layer, %", "by reliability", "by accuracy", "anisotropy"),
            *("RDM std", "reliability", "compared at", "run"),
        ),
        tuple(rows),
    )


def claim_table(s: Summary) -> Table:
    """Published and measured."""
    rows = tuple(
        (
            c.topic,
            c.subject,
            c.published,
            Interval(
                c.measured,
                float("nan") if c.low is None else c.low,
                float("nan") if c.high is None else c.high,
            ),
            c.verdict.value,
            c.differs,
        )
        for c in s.claims
    )
    return Table(
        "claims",
        "Published figures",
        f"{RULE} Published: {shared_geometry().source} The study's passages are its own; figures of "
        "other passages need not agree.",
        ("figure", "of", "published", "measured", "verdict", "differs from the study"),
        rows,
    )


def run_table(s: Summary) -> Table:
    """Provenance."""
    rows = tuple(
        (
            r.run_id,
            r.model,
            r.condition or "none",
            *(r.tags.get(k, "unknown") for k in ("revision", "precision", "backend", "device")),
            r.tags.get("stimuli_sha256", "")[:8],
            r.tags.get("prompts_sha256", "")[:8],
            r.tags.get("code_commit", "unknown")[:8],
            r.tags.get("weights_note", ""),
        )
        for r in s.runs
    )
    return Table(
        "runs",
        "Runs used",
        "Every number comes from the files of these runs.",
        (
            *("run", "model", "condition", "revision", "precision", "backend", "device"),
            *("passages", "prompts", "code", "note"),
        ),
        rows,
    )


def left_out_table(s: Summary) -> Table:
    """Runs that are not used."""
    rows = tuple(
        (e.run.run_id[:8], e.run.model, e.run.tags.get("method", "unknown"), e.reason)
        for e in s.left_out
    )
    return Table(
        "left_out",
        "Runs left out",
        "Logged runs of job=extract, and of job=steer for models shown, that no number here comes from.",
        ("run", "model", "method", "reason"),
        rows,
    )
