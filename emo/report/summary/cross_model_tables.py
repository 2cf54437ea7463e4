"""Tables of the cross-model study, and those that one model alone allows as well."""

from __future__ import annotations

from emo.core.compare.cross_model import Universality
from emo.core.compare.leaving_out import ceilings
from emo.core.compare.sizes import SizeCorrelation
from emo.core.flags import FLAGGED_ANISOTROPY
from emo.core.stats.intervals import ALPHA
from emo.report.summary.several import FLAG_COLUMN, flag, of_several, with_rows
from emo.report.table import Entry, Interval, Table
from emo.summary.assemble import Summary

FLAGGED = (
    "Flagged: a model of the pair has the published flag, raw anisotropy above "
    f"{FLAGGED_ANISOTROPY}; it concerns raw activations, and what is compared here is centred."
)
INTERVAL = (
    "In brackets: 95 % bootstrap intervals over items (situations, where the passages name them)."
)
DISJOINT = (
    "Same items: both models read all passages. Disjoint: one model reads one half of the passages "
    "and the other model the other half. Same half: both models read one half. Rho of halves is the "
    "mean over random halves. Share: disjoint divided by same half."
)


@of_several
def pair_table(u: Universality) -> Table:
    """One row per pair of models."""
    pairs = [(i, j) for i in range(len(u.models)) for j in range(i + 1, len(u.models))]
    return Table(
        "pairs",
        "Every model with every other",
        f"{DISJOINT} Disjoint rho has its interval over items and emotions (jackknife, 95 %); p is "
        "its one-sided test against no shared geometry, and Holm's p is corrected over these "
        f"{len(pairs)} pairs (Bonferroni's line on p itself: {ALPHA / len(pairs):.2g}). Rho on the "
        "same items has no p: shared passages alone would make it small. Ceiling: the highest "
        "disjoint rho that two sets with the reliability of these halves can be expected to show. "
        "Disattenuated: disjoint rho divided by its ceiling, with Fieller's interval over items for "
        f"these emotions; its ends are infinite where the ceiling may be nothing. {FLAGGED} "
        f"{INTERVAL}",
        (
            *("model a", "model b", "rho, same items", "over items and emotions"),
            *("rho, same half", "rho, disjoint", "p, disjoint", "Holm's p"),
            *("ceiling", "disattenuated", "share", FLAG_COLUMN),
        ),
        tuple(_pair(u, i, j) for i, j in pairs),
        key=(
            *("model a", "model b", "rho, same items", "rho, disjoint", "ceiling", "disattenuated"),
            "Holm's p",
        ),
        names=2,
    )


def _pair(u: Universality, i: int, j: int) -> tuple[Entry, ...]:
    return (
        u.models[i].name,
        u.models[j].name,
        Interval.of(u.rho[i, j]),
        Interval.of(u.rho_both[i, j]),
        float(u.halves.same.value[i, j]),
        Interval.of(u.left_out.rho()[i, j]),
        float(u.p[i, j]),
        float(u.p_holm[i, j]),
        float(ceilings(u.left_out.whole)[i, j]),
        Interval.of(u.left_out.disattenuated()[i, j]),
        Interval.of(u.halves.share[i, j]),
        flag(u.flagged(i, j)),
    )


@of_several
def block_table(u: Universality) -> Table:
    """One row per block of models: all, instruct, base."""
    rows = tuple((b.name, b.n_models, b.n_pairs, *b.same, *b.disjoint) for b in u.blocks)
    bounds = ""
    if u.noise_ceiling is not None:
        low, high = u.noise_ceiling
        bounds = (
            f" Each RDM on the same items has a mean rho of {low:.3f} with the mean ranks of the "
            f"others, and of {high:.3f} with those of all: between these lies what one RDM can "
            "share with all. The passages' noise is in all of them, so this is no ceiling of "
            "disjoint rho."
        )
    return Table(
        "blocks",
        "Blocks of models",
        f"Rho over the pairs of each block.{bounds}",
        (
            *("block", "models", "pairs", "same min", "same mean", "same max"),
            *("disjoint min", "disjoint mean", "disjoint max"),
        ),
        rows,
        key=(
            "block",
            "models",
            "pairs",
            "same mean",
            "disjoint min",
            "disjoint mean",
            "disjoint max",
        ),
    )


@of_several
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
            Interval.of(u.left_out.rho()[i, j]),
            Interval.of(u.halves.share[i, j]),
            flag(u.flagged(i, j)),
        )
        for kind, pairs in kinds
        for i, j in pairs
    ]
    return Table(
        "families",
        "Within families",
        f"{DISJOINT} {INTERVAL} Across scale: models of one lineage (Llama 3.1 and 3.2 are one) and "
        f"variant, of different sizes{'' if u.across_scale() else ': none here'}. {FLAGGED}",
        (
            *("kind", "family", "model a", "model b", "rho, same items", "rho, disjoint", "share"),
            FLAG_COLUMN,
        ),
        tuple(rows),
        key=("kind", "family", "model a", "model b", "rho, same items", "rho, disjoint", "share"),
        names=4,
    )


@of_several
def size_table(u: Universality) -> Table:
    """One row per predictor and descriptor: the rank correlation over models."""
    rows = tuple(
        (
            c.predictor,
            c.outcome,
            c.n,
            c.rho,
            c.p,
            c.n_families,
            c.family_rho,
            c.family_p,
            c.smallest_p,
            c.bonferroni,
            _reached(c),
        )
        for c in u.sizes
    )
    return Table(
        "sizes",
        "Size and descriptors",
        "Spearman over models, with p by Student's t as published: it takes the models for "
        "independent, and models of one family are not, so it is too small. So the same over "
        "families (Llama 3.1 and 3.2 are one; a model of unknown family is its own), each with the "
        "mean of its models: rho, p by permuting families, and the smallest p that so many families "
        "can give. Bonferroni: the line over these correlations, for the p over families.",
        (
            *("predictor", "descriptor", "models", "rho", "p, as if independent"),
            *("families", "rho over families", "p, families permuted", "smallest p possible"),
            *("Bonferroni", "p over families and the line"),
        ),
        rows,
        key=(
            *("predictor", "descriptor", "models", "rho", "families", "rho over families"),
            "p, families permuted",
        ),
        names=2,
    )


def _reached(c: SizeCorrelation) -> str:
    if not c.decidable:
        return "too few families to reach it"
    return "below the line" if c.significant else "not"


def projection_table(s: Summary) -> list[Table]:
    """One row per projection of the activations: what it changes in the RDMs."""
    if s.cross_model is not None:
        return with_rows(_projectionsof_several(s.cross_model))
    if s.single is None:
        return []
    return with_rows(
        Table(
            "projections",
            "Projections that can change an RDM",
            "vectors.projection=...: rho of the model's RDM with its own RDM without projection.",
            ("projection", "with raw"),
            tuple(s.single.projections.items()),
        )
    )


def _projectionsof_several(u: Universality) -> Table:
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
        "vectors.projection=...: mean rho over pairs of models on the same and on disjoint items, "
        "and rho of each model's RDM with its own RDM without projection.",
        ("projection", "same items", "disjoint", "with raw, min", "with raw, mean"),
        rows,
    )


def normalisation_sentence(s: Summary) -> list[str]:
    """That no linear normalisation of an RDM changes a correlation, with the largest change found."""
    if s.cross_model is not None:
        where, effect = "any pair of these models", s.cross_model.largest_effect
    elif s.single is not None and s.single.normalisations:
        a, b = s.single.compared
        where, effect = f"the RDMs of {a} and {b}", s.single.largest_effect
    else:
        return []
    return [
        "Linear normalisation of an RDM, (x - shift) / scale, changes no correlation: Spearman and "
        f"Pearson of {where} change by at most {effect:.1e}."
    ]
