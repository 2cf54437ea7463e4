"""The tables of the cross-model study."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from emo.core.compare.cross_model import Universality
from emo.core.conditions.single_model import SingleModel
from emo.core.geometry.projections import Normalisation
from emo.core.stats.reliability import Quotient, ceiling, disattenuated
from emo.report.table import Cell, Interval, Table

INTERVAL = "In brackets 95 % bootstrap intervals over items (situations where passages name them)."
DISJOINT = (
    "Same items: both models on all passages. Disjoint: one model on one half, the other on the other "
    "half, mean over random halves. Share: disjoint over same, both on halves (same half: "
    "both models on one half, mean over random halves)."
)


def study_tables(u: Universality) -> Iterator[Table]:
    """Those of the cross-model study; one without rows is left out."""
    made = (
        pair_table(u),
        block_table(u),
        family_table(u),
        delta_table(u),
        size_table(u),
        baseline_table(u),
        projection_table(u),
        normalisation_table(u),
    )
    return (t for t in made if t.rows)


def quotient(q: Quotient) -> Cell:
    """The number, or nothing where there is none."""
    return None if q.value is None else float(q.value)


def pair_table(u: Universality) -> Table:
    """Every model with every other."""
    own = [float(x) for x in u.halves.disjoint.value.diagonal()]
    rows = []
    for i, a in enumerate(u.models):
        for j, b in enumerate(u.models[i + 1 :], i + 1):
            disjoint = u.halves.disjoint[i, j]
            rows.append(
                (
                    a.name,
                    b.name,
                    Interval.of(u.rho[i, j]),
                    float(u.p[i, j]),
                    Interval.of(u.rho_both[i, j]),
                    None if u.partial is None else Interval.of(u.partial[i, j]),
                    float(u.partial_embedding[i, j]),
                    float(u.halves.same.value[i, j]),
                    Interval.of(disjoint),
                    quotient(ceiling(own[i], own[j])),
                    Interval.of(u.halves.share[i, j]),
                    quotient(disattenuated(float(disjoint.value), own[i], own[j])),
                    "unreliable" if u.flagged(i, j) else "ok",
                )
            )
    return Table(
        "pairs",
        "Every model with every other",
        f"{DISJOINT} Ceiling: what the halves' reliability lets disjoint rho reach. Partial: the "
        "RDMs of word and character TF-IDF held fixed; with embedding: those of both models' "
        "embedding layers, too. Disattenuated: disjoint over ceiling, not "
        "formed where a reliability of the halves is at most 0.15. Anisotropy above 0.95 makes a pair "
        "unreliable. "
        f"{INTERVAL}",
        (
            *("model a", "model b", "rho, same items", "Mantel p", "over items and emotions"),
            "partial rho",
            *(
                "partial rho, with embedding",
                "rho, same half",
                "rho, disjoint",
                "ceiling",
                "share",
                "disattenuated",
                "anisotropy",
            ),
        ),
        tuple(rows),
    )


def block_table(u: Universality) -> Table:
    """Instruct and base blocks."""
    rows = tuple((b.name, b.n_models, b.n_pairs, *b.same, *b.disjoint) for b in u.blocks)
    low, high = u.noise_ceiling
    return Table(
        "blocks",
        "Blocks of models",
        f"Rho over the pairs of each block. Noise ceiling of the same-item RDMs: {low:.3f} to "
        f"{high:.3f} (mean rho with the others' and with everyone's mean ranks).",
        (
            *("block", "models", "pairs", "same min", "same mean", "same max"),
            *("disjoint min", "disjoint mean", "disjoint max"),
        ),
        rows,
    )


def family_table(u: Universality) -> Table:
    """Base with instruct, and one family across scale."""
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
            "unreliable" if u.flagged(i, j) else "ok",
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


def delta_table(u: Universality) -> Table:
    """What tuning changes."""
    rows = []
    for i, j in u.base_instruct():
        a, b = u.models[i].descriptors, u.models[j].descriptors
        known = a.reliability is not None and b.reliability is not None
        rows.append(
            (
                u.models[i].family,
                u.models[j].size_b,
                b.anisotropy - a.anisotropy,
                b.rdm_std - a.rdm_std,
                b.best_layer_pct - a.best_layer_pct,
                (b.reliability or 0) - (a.reliability or 0) if known else None,
            )
        )
    return Table(
        "deltas",
        "Instruct minus base",
        "Differences of the descriptors at each model's published best layer.",
        ("family", "size, B", "anisotropy", "RDM std", "best layer, %", "reliability"),
        tuple(rows),
    )


def size_table(u: Universality) -> Table:
    """Size with descriptors."""
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
        "Spearman over models; p by Student's t as published, permutation p, and the Bonferroni line. "
        "Models of one family are not independent, so these p are too small.",
        (
            *("predictor", "descriptor", "n", "rho", "p", "permutation p", "Bonferroni"),
            "permutation p and the line",
        ),
        rows,
    )


def baseline_table(u: Universality) -> Table:
    """How much of each RDM the passages' surface explains."""
    values = {name: [float(x) for x in of] for name, of in u.baselines.items()}
    return _baselines(values, [m.name for m in u.models])


def _baselines(values: Mapping[str, Sequence[float]], models: Sequence[str]) -> Table:
    names = tuple(values)
    rows = tuple((m, *(values[n][i] for n in names)) for i, m in enumerate(models))
    return Table(
        "baselines",
        "Surface baselines",
        "Spearman of each model's RDM with those of TF-IDF vectors of the same passages, and with "
        "that of its own embedding layer (mean over a passage's tokens).",
        ("model", *(n.replace("_", " ") for n in names)),
        rows if names else (),
    )


def projection_table(u: Universality) -> Table:
    """What acts before the cosine."""
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
        "each model's RDM with its own unprojected one.",
        ("projection", "same items", "disjoint", "with raw, min", "with raw, mean"),
        rows,
    )


def normalisation_table(u: Universality) -> Table:
    """Executable proof that linear normalisation does nothing."""
    return _normalisations(
        (u.models[0].name, u.models[1].name),
        u.normalisations,
        f"Over all pairs of models and normalisations the largest change of Spearman or Pearson is "
        f"{u.largest_effect:.1e}.",
    )


def single_model_tables(s: SingleModel) -> Iterator[Table]:
    """What there is of one model alone; a table without rows is left out."""
    made = [_baselines({k: [v] for k, v in s.baselines.items()}, [s.model.name])]
    made.append(
        Table(
            "projections",
            "Projections that can change an RDM",
            "vectors.projection=...: rho of the model's RDM with its own unprojected one.",
            ("projection", "with raw"),
            tuple(s.projections.items()),
        )
    )
    if s.normalisations:
        said = f"The largest change of Spearman or Pearson is {s.largest_effect:.1e}."
        made.append(_normalisations(s.compared, s.normalisations, said))
    return (t for t in made if t.rows)


def _normalisations(
    compared: tuple[str, str], normalisations: Sequence[Normalisation], said: str
) -> Table:
    a, b = compared
    rows = tuple(
        (n.name, n.shift, n.scale, n.largest_change, f"{n.spearman:.12f}", f"{n.pearson:.12f}")
        for n in normalisations
    )
    return Table(
        "normalisations",
        "Linear normalisation of an RDM changes nothing",
        f"(x - shift) / scale of the RDM of {a}, compared with that of {b}. {said}",
        ("normalisation", "shift", "scale", "largest change of an entry", "Spearman", "Pearson"),
        rows,
    )
