"""The four-layer tables of a summary: what each contrast shows, and what its two sides allow."""

from __future__ import annotations

from collections.abc import Iterator

from emo.conditions import in_common_precision
from emo.core.conditions.four_layer import CONTRASTS, HALVES, FourLayerTable, LayerRow
from emo.core.conditions.verdicts import ALPHA
from emo.core.flags import ANISOTROPY_FLAG
from emo.files.names import name_part
from emo.report.summary.cross_model_tables import INTERVAL
from emo.report.summary.several import flag
from emo.report.table import Entry, Interval, Table
from emo.summary.assemble import ModelTable, Summary

FOUR_LAYER_COLUMNS = (
    *("contrast", "rho", "verdict", "Mantel p", "over emotions", "items and emotions"),
    *("partial rho", "rho, raw", "p, raw", "mean cosine", "cosine, raw", "emotions", "n a, b"),
    *("read at a, b", "anisotropy", "study's layer", "isolates"),
)
FOUR_LAYER_KEY = ("contrast", "rho", "Mantel p", "verdict", "mean cosine", "n a, b", "isolates")
RELIABILITY_COLUMNS = (
    *("contrast", "own a", "own b", "reliability a", "reliability b", "rho, same half"),
    *("rho, disjoint", "share", "ceiling", "disattenuated"),
)
RELIABILITY_KEY = ("contrast", "own a", "own b", "rho, disjoint", "ceiling", "disattenuated")


def four_layer_tables(s: Summary) -> list[Table]:
    """Two tables per model with conditions: Table 1, and the reliability of its two sides."""
    return [table for t in s.tables for table in (_contrasts(t), _sides(t.table))]


def _contrasts(t: ModelTable) -> Table:
    """Table 1: one row per contrast, also if it is missing or refused."""
    rows = {r.contrast: _layer(r) for r in t.table.rows}
    reasons = {c: f"missing: {', '.join(lacks)}" for c, lacks in t.table.missing}
    reasons |= {c: f"refused: {reason}" for c, reason in t.table.refused}
    empty = (None,) * (len(FOUR_LAYER_COLUMNS) - 5)  # all but those that a contrast itself gives
    return Table(
        f"four_layer_{name_part(t.table.model)}",
        f"Four layers: {t.table.model}",
        " ".join(_caption(t)),
        FOUR_LAYER_COLUMNS,
        tuple(
            rows.get(c, (c.title, None, reasons.get(c), *empty, c.layer, c.isolates))
            for c in CONTRASTS
        ),
        FOUR_LAYER_KEY,
    )


def _sides(t: FourLayerTable) -> Table:
    """One row per contrast that could be made: the reliability of both sides, and what it allows."""
    return Table(
        f"four_layer_reliability_{name_part(t.model)}",
        f"Four layers, what the two sides allow: {t.model}",
        "Own a, own b: each side's reliability on the emotions that both sides have. B has one text "
        "per emotion and cannot be halved; its value is the correlation with B'. Disjoint: mean rho of "
        "halves of the items that share none (B and B' as they are). Ceiling: the highest disjoint "
        "rho that two sets of this reliability can be expected to show. Disattenuated: disjoint rho "
        "divided by its ceiling, with Fieller's interval; its ends are infinite where the ceiling may "
        "be nothing. "
        "Where both sides have the same items, same half is rho with both on one half, and share is "
        "disjoint divided by it: it depends on the number of items, not on how much is shared. "
        f"{INTERVAL}",
        RELIABILITY_COLUMNS,
        tuple(_reliability(r) for r in t.rows),
        RELIABILITY_KEY,
    )


def _caption(made: ModelTable) -> Iterator[str]:
    t = made.table
    yield (
        f"Spearman rho of two RDMs, post-centred. {_precisions(t)} {INTERVAL} A side with one text per "
        "emotion has no interval over items. Over emotions: jackknife. Items and emotions: bootstrap at "
        "both levels. Partial: rho with the RDMs of word and character TF-IDF of both sides' texts held "
        "fixed. n: effective texts per emotion. Where the two sides are read at different layers, mean "
        "cosine compares vectors of different layers."
    )
    if t.rows:
        yield (
            f"The p are not corrected; Bonferroni's line over these {len(t.rows)} contrasts is "
            f"{ALPHA / len(t.rows):.4f}."
        )
    yield from _mixed(made)
    if any(r.contrast.layer == "floor C" for r in t.rows):
        prompts = {c.name: len(c.items.groups) for c in t.conditions}
        odd, even = (prompts[half] for half in HALVES)
        yield (
            f"Floor C: its halves have {odd} and {even} prompts, so its interval is by Student's t with "
            f"as little as {min(odd, even) - 1} degrees of freedom."
        )
    if flagged := [
        f"{c.name} ({c.anisotropy:.3f})"
        for c in sorted(t.conditions, key=lambda c: c.name)
        if c.flagged
    ]:
        yield (
            f"{ANISOTROPY_FLAG.capitalize()} in {', '.join(flagged)}; it is of raw activations, not of "
            "the centred vectors that are compared."
        )


def _precisions(t: FourLayerTable) -> str:
    """The precisions of the plain conditions and of D."""
    plain = sorted({c.precision for c in t.conditions if in_common_precision(c.name)})
    quantised = sorted({c.precision for c in t.conditions if not in_common_precision(c.name)})
    return f"A, B, C in {', '.join(plain) or 'none'}, D in {', '.join(quantised) or 'none'}."


def _mixed(made: ModelTable) -> Iterator[str]:
    """One sentence per property of the machine in which the conditions differ."""
    for tag in ("backend", "device"):
        values = {name: run.tags.get(tag, "unknown") for name, run in made.runs.items()}
        if len(set(values.values())) > 1:
            each = ", ".join(f"{name} {value}" for name, value in sorted(values.items()))
            yield f"The conditions differ in {tag} ({each}); contrasts contain that difference, too."


def _layer(r: LayerRow) -> tuple[Entry, ...]:
    c, compared = r.contrast, r.comparison
    return (
        c.title,
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
        flag(r.flagged),
        c.layer,
        c.isolates,
    )


def _reliability(r: LayerRow) -> tuple[Entry, ...]:
    c, compared, halves, measured = r.contrast, r.comparison, r.comparison.halves, r.attenuation
    if r.disjoint is None:
        halves = None  # one text per emotion: these are halves of the emotions, not of the texts
    return (
        c.title,
        *(float(x) for x in r.self_agreements),
        *(float(x) for x in compared.reliability),
        None if halves is None else float(halves.same.value[0, 1]),
        None if r.disjoint is None else Interval.of(r.disjoint),
        None if halves is None else Interval.of(halves.share[0, 1]),
        None if measured is None else measured.ceiling,
        None if measured is None else Interval.of(measured.ratio),
    )
