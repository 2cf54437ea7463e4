"""Tables of the cross-model study, and those that one model alone allows as well."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import wraps

from emo.core.compare.cross_model import Universality
from emo.core.flags import ANISOTROPY_FLAG
from emo.core.geometry.projections import Normalisation
from emo.core.stats.reliability import LEAST_RELIABILITY, Quotient, ceiling, disattenuated
from emo.report.table import Entry, Interval, Table
from emo.summary.assemble import Summary

INTERVAL = (
    "In brackets: 95 % bootstrap intervals over items (situations, where the passages name them)."
)
DISJOINT = (
    "Same items: both models read all passages. Disjoint: one model reads one half of the passages and "
    "the other model the other half. Same half: both models read one half. Rho of halves is the mean "
    "over random halves. Share: disjoint divided by same half."
)


def quotient(q: Quotient) -> Entry:
    """The number of a quotient, or nothing if it has none."""
    return None if q.value is None else float(q.value)


def _of_several(make: Callable[[Universality], Table]) -> Callable[[Summary], list[Table]]:
    """Makes the table of a summary that has a cross-model study; a table without rows is left out."""

    @wraps(make)
    def tables(s: Summary) -> list[Table]:
        return [] if s.cross_model is None else _with_rows(make(s.cross_model))

    return tables


def _with_rows(table: Table) -> list[Table]:
    return [table] if table.rows else []


@_of_several
def pair_table(u: Universality) -> Table:
    """One row per pair of models."""
    pairs = [(i, j) for i in range(len(u.models)) for j in range(i + 1, len(u.models))]
    return Table(
        "pairs",
        "Every model with every other",
        f"{DISJOINT} Ceiling: the highest disjoint rho that two sets with the reliability of these "
        "halves can be expected to show. Disattenuated: disjoint rho divided by its ceiling; not formed "
        f"where a reliability of the halves is at most {LEAST_RELIABILITY}. Partial: rho with the RDMs "
        "of word and character TF-IDF held fixed; with embedding: with those of both models' embedding "
        f"layers held fixed, too. Anisotropy: the {ANISOTROPY_FLAG}, in one model "
        f"of the pair. {INTERVAL}",
        (
            *("model a", "model b", "rho, same items", "Mantel p", "over items and emotions"),
            *("partial rho", "partial rho, with embedding", "rho, same half", "rho, disjoint"),
            *("ceiling", "share", "disattenuated", "anisotropy"),
        ),
        tuple(_pair(u, i, j) for i, j in pairs),
    )


def _pair(u: Universality, i: int, j: int) -> tuple[Entry, ...]:
    halves = u.halves.disjoint
    reliability = [float(halves.value[k, k]) for k in (i, j)]
    return (
        u.models[i].name,
        u.models[j].name,
        Interval.of(u.rho[i, j]),
        float(u.p[i, j]),
        Interval.of(u.rho_both[i, j]),
        None if u.partial is None else Interval.of(u.partial[i, j]),
        float(u.partial_embedding[i, j]),
        float(u.halves.same.value[i, j]),
        Interval.of(halves[i, j]),
        quotient(ceiling(*reliability)),
        Interval.of(u.halves.share[i, j]),
        quotient(disattenuated(float(halves.value[i, j]), *reliability)),
        "published flag" if u.flagged(i, j) else "ok",
    )


@_of_several
def block_table(u: Universality) -> Table:
    """One row per block of models: all, instruct, base."""
    rows = tuple((b.name, b.n_models, b.n_pairs, *b.same, *b.disjoint) for b in u.blocks)
    low, high = u.noise_ceiling
    return Table(
        "blocks",
        "Blocks of models",
        f"Rho over the pairs of each block. Noise ceiling of the RDMs on the same items: {low:.3f} to "
        f"{high:.3f} (each RDM's mean rho with the mean ranks of the others, and of all).",
        (
            *("block", "models", "pairs", "same min", "same mean", "same max"),
            *("disjoint min", "disjoint mean", "disjoint max"),
        ),
        rows,
    )


@_of_several
def family_table(u: Universality) -> Table:
    """One row per pair of base and instruct models, and per pair of one lineage at two sizes."""
    kinds = (("base, instruct", u.base_instruct()), ("across scale", u.across_scale()))
    rows = [
        (
            kind,
            " and ".join(dict.fromkeys((u.models[i].family, u.models[j].family))),
            u.models[i].name,
            u.models[j].name,
            Interval.of(u.rho[i, j]),
            Interval.of(u.halves.disjoint[i, j]),
            Interval.of(u.halves.share[i, j]),
            "published flag" if u.flagged(i, j) else "ok",
        )
        for kind, pairs in kinds
        for i, j in pairs
    ]
    return Table(
        "families",
        "Within families",
        f"{DISJOINT} {INTERVAL} Across scale: models of one lineage (Llama 3.1 and 3.2 are one) and "
        f"variant, of different sizes{'' if u.across_scale() else ': none here'}.",
        (
            *("kind", "family", "model a", "model b", "rho, same items", "rho, disjoint", "share"),
            "anisotropy",
        ),
        tuple(rows),
    )


@_of_several
def delta_table(u: Universality) -> Table:
    """One row per base model with an instruct version: how tuning changes its descriptors."""
    rows = []
    for i, j in u.base_instruct():
        a, b = u.models[i].descriptors, u.models[j].descriptors
        both = (
            None
            if a.reliability is None or b.reliability is None
            else (a.reliability, b.reliability)
        )
        rows.append(
            (
                u.models[i].family,
                u.models[j].size_b,
                b.anisotropy - a.anisotropy,
                b.rdm_std - a.rdm_std,
                b.best_layer_pct - a.best_layer_pct,
                None if both is None else both[1] - both[0],
            )
        )
    return Table(
        "deltas",
        "Instruct minus base",
        "Differences of the descriptors, each at the model's own published best layer.",
        ("family", "size, B", "anisotropy", "RDM std", "best layer, %", "reliability"),
        tuple(rows),
    )


@_of_several
def size_table(u: Universality) -> Table:
    """One row per predictor and descriptor: the rank correlation over models."""
    rows = tuple(
        (
            c.predictor,
            c.outcome,
            c.n,
            c.rho,
            c.p,
            c.permutation_p,
            c.bonferroni,
            "below the line" if c.significant else "not",
        )
        for c in u.sizes
    )
    return Table(
        "sizes",
        "Size and descriptors",
        "Spearman over models, with p by Student's t as published, p by permutation, and the Bonferroni "
        "line. Models of one family are not independent, so these p are too small.",
        (
            *("predictor", "descriptor", "n", "rho", "p", "permutation p", "Bonferroni"),
            "permutation p and the line",
        ),
        rows,
    )


def baseline_table(s: Summary) -> list[Table]:
    """One row per model: rho of its RDM with the RDMs of the surface of the passages."""
    if s.cross_model is not None:
        columns = {name: [float(x) for x in rho] for name, rho in s.cross_model.baselines.items()}
        return _with_rows(_baselines([m.name for m in s.cross_model.models], columns))
    if s.single is not None:
        columns = {name: [rho] for name, rho in s.single.baselines.items()}
        return _with_rows(_baselines([s.single.model.name], columns))
    return []


def _baselines(models: Sequence[str], columns: Mapping[str, Sequence[float]]) -> Table:
    rows = tuple((m, *(rho[i] for rho in columns.values())) for i, m in enumerate(models))
    return Table(
        "baselines",
        "Surface baselines",
        "Spearman rho of each model's RDM with the RDMs of TF-IDF vectors of the same passages, and "
        "with the RDM of its own embedding layer (mean over a passage's tokens).",
        ("model", *(name.replace("_", " ") for name in columns)),
        rows if columns else (),
    )


def projection_table(s: Summary) -> list[Table]:
    """One row per projection of the activations: what it changes in the RDMs."""
    if s.cross_model is not None:
        return _with_rows(_projections_of_several(s.cross_model))
    if s.single is None:
        return []
    return _with_rows(
        Table(
            "projections",
            "Projections that can change an RDM",
            "vectors.projection=...: rho of the model's RDM with its own RDM without projection.",
            ("projection", "with raw"),
            tuple(s.single.projections.items()),
        )
    )


def _projections_of_several(u: Universality) -> Table:
    rows = tuple(
        (
            p.projection,
            p.same,
            p.disjoint,
            min(p.rho_with_raw),
            sum(p.rho_with_raw) / len(p.rho_with_raw),
        )
        for p in u.projections
    )
    return Table(
        "projections",
        "Projections that can change an RDM",
        "vectors.projection=...: mean rho over pairs of models on the same and on disjoint items, and "
        "rho of each model's RDM with its own RDM without projection.",
        ("projection", "same items", "disjoint", "with raw, min", "with raw, mean"),
        rows,
    )


def normalisation_table(s: Summary) -> list[Table]:
    """One row per linear normalisation of an RDM: rho does not change."""
    if s.cross_model is not None:
        a, b = (m.name for m in s.cross_model.models[:2])
        return [
            _normalisations(
                (a, b),
                s.cross_model.normalisations,
                "Over all pairs of models and normalisations the largest change of Spearman or Pearson "
                f"is {s.cross_model.largest_effect:.1e}.",
            )
        ]
    if s.single is None or not s.single.normalisations:
        return []
    return [
        _normalisations(
            s.single.compared,
            s.single.normalisations,
            f"The largest change of Spearman or Pearson is {s.single.largest_effect:.1e}.",
        )
    ]


def _normalisations(
    compared: tuple[str, str], normalisations: Sequence[Normalisation], largest: str
) -> Table:
    a, b = compared
    rows = tuple(
        (n.name, n.shift, n.scale, n.largest_change, f"{n.spearman:.12f}", f"{n.pearson:.12f}")
        for n in normalisations
    )
    return Table(
        "normalisations",
        "Linear normalisation of an RDM changes nothing",
        f"(x - shift) / scale of the RDM of {a}, compared with the RDM of {b}. {largest}",
        ("normalisation", "shift", "scale", "largest change of an entry", "Spearman", "Pearson"),
        rows,
    )
