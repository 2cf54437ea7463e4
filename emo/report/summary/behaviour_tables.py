"""What a summary says of behaviour: models, pairs beside their geometry, and what is published."""

from __future__ import annotations

import numpy as np

from emo.core.behaviour.facets import Measure, Told, p_of_counts
from emo.core.compare.distances import Relation
from emo.core.steering.text_measures import exact_interval
from emo.reference import shared_geometry
from emo.reference.behaviour import behaviour_pair
from emo.report.table import Entry, Interval, Table, rounded, text
from emo.summary.assemble import Summary
from emo.summary.behaviour import OnMeasure, Pair, PairKind
from emo.summary.behaviour_runs import Speaker


def behaviour_table(s: Summary) -> list[Table]:
    """One row per measure and run of job=behave; no table without such runs."""
    if not s.behaviour:
        return []
    return [
        Table(
            "behaviour",
            "What the models do",
            "Flips under pressure: share of conversations that begin rightly and come to assert "
            "the wrong answer in the turns of pressure, without the order (exact interval over "
            "items). Log-odds: of the wrong against the right answer by the forced choice, after "
            "the last turn of pressure less after the first answer, less the same in the control "
            "arm, in nats (Student's interval over items). Compliance: share of answers that keep"
            " a constraint which pulls against the task, mean over the constraints that the model"
            " can keep (Student's interval over them). Items: those that count, because the model"
            " passed their gate.",
            ("measure", "model", "precision", "vector added", "value", "items", "format", "run"),
            tuple(_alone(of, speaker, m) for of in s.behaviour for speaker, m in of.speakers),
            key=("measure", "model", "precision", "vector added", "value", "items", "run"),
            names=2,
        )
    ]


def _alone(of: OnMeasure, speaker: Speaker, m: Measure) -> tuple[Entry, ...]:
    return (
        *(of.name, speaker.model, speaker.precision, speaker.steering or "none"),
        Interval(m.value, m.low, m.high),
        *(len(m.outcomes), speaker.format, speaker.run.short),
    )


def behaviour_pair_table(s: Summary) -> list[Table]:
    """One row per measure and pair; no table without a pair."""
    rows = tuple(_pair(of, pair) for of in s.behaviour for pair in of.pairs)
    if not rows:
        return []
    return [
        Table(
            "behaviour_pairs",
            "Behaviour beside geometry, pair by pair",
            "First less second, over the items (constraints) of both: p of flips is McNemar's, "
            "exact; of compliance that of all changes of sign, exact; of log-odds Student's, "
            "paired. Intervals: Bonett and Price's of paired shares, else Student's (95 %), not "
            "corrected over pairs; where one disagrees with an exact p, the p counts. "
            "Holm's p is corrected over the pairs of a measure, and the finding goes by it; least"
            " p is the smallest that so many items allow. Pairs: every two models, each in the "
            "precision of its geometry where it has a run of job=behave in that; a model's other "
            "precisions against that one; a model with a vector added against the same without. "
            "Disjoint rho (interval over items and emotions) and its quotient by its ceiling "
            "(over items) are of both geometries in the precision that the two answered in; they "
            "stand empty where one is not logged, and where a vector was added, as both sides "
            "have the same vectors.",
            (
                *("measure", "pair", "first", "second", "difference", "items of both"),
                *("higher in first", "higher in second", "p", "Holm's p", "least p", "finding"),
                *("rho, disjoint", "disattenuated"),
            ),
            rows,
            key=(
                *("measure", "first", "second", "difference", "Holm's p", "finding"),
                "disattenuated",
            ),
            names=1,
        )
    ]


def _pair(of: OnMeasure, pair: Pair) -> tuple[Entry, ...]:
    c, shared = pair.contrast, pair.shared
    beside = (None, None)
    if shared is not None:
        beside = (Interval.of(shared.rho), Interval.of(shared.over_ceiling))
    return (
        *(of.name, pair.kind.value, pair.first.name, pair.second.name),
        Interval(c.difference, c.low, c.high),
        *(c.n, c.higher, c.lower, c.p, pair.p_holm, c.least_p, pair.told.value),
        *beside,
    )


def behaviour_geometry_table(s: Summary) -> list[Table]:
    """One row per measure and kind of units; no table with fewer than three models."""
    rows = [
        _relation(of, units, found)
        for of in s.behaviour
        for units, found in (("models", of.over_models), ("families", of.over_families))
        if found is not None
    ]
    if not rows:
        return []
    return [
        Table(
            "behaviour_geometry",
            "Do models that behave differently differ in geometry?",
            "Spearman's rho over pairs of units of two distances: the size of the difference in "
            "behaviour on the items of both, and 1 less disjoint rho over its ceiling. p: "
            "Mantel's test, one-sided, over all orders of up to seven units, drawn orders of "
            "more; least p is the smallest that these distances allow, with n units at least 1 / "
            "n!. Models of one family are not independent: where there are such, the row of "
            "families (mean distances between them) decides. Only models that answered in the "
            "precision of their geometry, without a vector added. p is not corrected over the "
            "measures.",
            ("measure", "units", "n", "rho", "p", "least p", "finding"),
            tuple(rows),
            names=2,
        )
    ]


def _relation(of: OnMeasure, units: str, found: Relation) -> tuple[Entry, ...]:
    return (
        *(of.name, units, len(found.units), found.rho, found.p, found.least_p),
        related_words(found),
    )


def related_words(found: Relation) -> str:
    """Whether the two distances are shown to go together, in words."""
    if not found.decidable or not np.isfinite(found.p):
        return "too few to tell"
    return "they go together" if found.shown else "no relation shown"


def behaviour_published_table(s: Summary) -> list[Table]:
    """What is published of the study's two opposite poles; no table without runs of job=behave."""
    if not s.behaviour:
        return []
    pair = behaviour_pair()
    rows: list[tuple[Entry, ...]] = []
    for f in pair.flips:
        shares = (Interval(k / f.n, *exact_interval(k, f.n)) for k in f.of)
        rows.append((f.figure, *shares, p_of_counts(*f.of, f.n)))
    rows += [
        (f"{c.figure}, of {c.constraints[0]} and {c.constraints[1]} constraints", *c.values, None)
        for c in pair.compliance
    ]
    names = (name.rsplit("/", 1)[-1] for name in pair.models)
    rho = shared_geometry().rho(*pair.models)
    return [
        Table(
            "behaviour_published",
            "Cited: the study's opposite poles",
            f"{pair.source} {pair.reread} Cited, not measured here. Intervals (exact) and p (Fisher's "
            "exact test: the pairing of the scenarios is not published) are computed from the counts. "
            f"Published rho of the two geometries, on the same passages: {text(rho)}.",
            ("figure", *names, "p"),
            tuple(rows),
        )
    ]


def behaviour_sentences(s: Summary) -> list[str]:
    """One sentence per measure that two models have: which pairs differ, and whether geometry does."""
    return [sentence for of in s.behaviour if (sentence := _sentence(of))]


def _sentence(of: OnMeasure) -> str:
    pairs = [p for p in of.pairs if p.kind in (PairKind.models, PairKind.versions)]
    if not pairs:
        return ""
    told = [p.told for p in pairs]
    n, differ, untold = len(pairs), told.count(Told.differ), told.count(Told.untold)
    if n == 1:
        c = pairs[0].contrast
        names = f"{pairs[0].first.name} and {pairs[0].second.name}"
        first = f"{names}: {told[0].value} (p {_p(c.p)}, {c.n} {of.unit}s of both)"
    else:
        first = f"{differ} of {n} pairs of models differ (Holm)"
        first += f", {untold} have too few {of.unit}s to tell" * bool(untold)
    return f"Behaviour, {of.name}: {first}.{_beside(of)}"


def _beside(of: OnMeasure) -> str:
    found = of.deciding
    if found is None:
        return ""
    units = "models" if of.over_families is None else "families"
    if not np.isfinite(found.p):
        return f" So few {units} ({len(found.units)}) cannot tell whether geometry differs with it."
    return (
        f" Whether {units} that behave differently are further apart in geometry: rho "
        f"{rounded(found.rho, 2)} over {len(found.units)} {units}, p {_p(found.p)} (at least "
        f"{_p(found.least_p)} with these): {related_words(found)}."
    )


def _p(p: float) -> str:
    return f"{p:.2g}" if np.isfinite(p) else "unknown"
