"""Tables of differences between models, each with an interval of its own, and of single emotions."""

from __future__ import annotations

from emo.core.compare.cross_model import Universality
from emo.report.summary.several import of_several
from emo.report.table import Interval, Table

EMOTIONS_SHOWN = 30
"""The most influential emotions that the table names; its CSV file has as many."""


@of_several
def contrast_table(u: Universality) -> Table:
    """One row per contrast of kinds of pairs of models."""
    c = u.families
    rows = ()
    if c is not None:
        row = (c.name, *c.n_pairs, Interval.of(c.disjoint), Interval.of(c.disattenuated))
        rows = (row,)
    return Table(
        "contrasts",
        "Within and across families",
        "Mean rho of the pairs of one family (Llama 3.1 and 3.2 are one) less that of the pairs of "
        "two families: the difference that a claim of family identity is about. 95 % jackknife "
        "intervals over items and emotions, for these models.",
        ("contrast", "pairs within", "pairs across", "rho, disjoint", "disattenuated"),
        rows,
    )


@of_several
def delta_table(u: Universality) -> Table:
    """One row per base model with an instruct version: how tuning changes its descriptors."""
    by_pair = {(v.base, v.instruct): v for v in u.versions}
    rows = []
    for i, j in u.base_instruct():
        a, b = u.models[i].descriptors, u.models[j].descriptors
        v = by_pair.get((i, j))
        rows.append(
            (
                u.models[i].family,
                u.models[j].size_b,
                b.anisotropy - a.anisotropy if v is None else Interval.of(v.anisotropy),
                b.rdm_std - a.rdm_std if v is None else Interval.of(v.rdm_std),
                b.best_layer_pct - a.best_layer_pct,
                None if v is None else Interval.of(v.reliability),
                None if v is None else Interval.of(v.accuracy),
            )
        )
    return Table(
        "deltas",
        "Instruct minus base",
        "Differences of the descriptors, each at the model's own published best layer, which was "
        "chosen on these passages. 95 % jackknife intervals: of anisotropy over the neutral "
        "sentences, of the others over items; that of the layer is in the table of descriptors. An "
        "interval that holds 0 is no evidence that tuning changes nothing. "
        f"{_corrected(5 * len(rows))}",
        ("family", "size, B", "anisotropy", "RDM std", "best layer, %", "reliability", "accuracy"),
        tuple(rows),
    )


def _corrected(n: int) -> str:
    if not n:
        return ""
    return (
        f"Not corrected over these {n} differences: Bonferroni's line would be {0.05 / n:.4f} "
        "instead of 0.05."
    )


@of_several
def influence_table(u: Universality) -> Table:
    """One row per emotion: what the models' agreement owes to it."""
    rows = tuple(
        (
            f.emotion,
            f.disjoint,
            f.over_ceiling,
            f.largest,
            " and ".join(u.models[k].name for k in f.pair),
        )
        for f in u.influences[:EMOTIONS_SHOWN]
    )
    return Table(
        "influence",
        "Which emotion carries the agreement",
        "Change of the mean disjoint rho over the pairs of models, and of mean disjoint rho over "
        "mean ceiling, when one emotion is left out; then the largest change of any pair. Negative: "
        "the agreement rests on that emotion.",
        ("emotion left out", "rho, disjoint", "over ceiling", "largest change", "of the pair"),
        rows,
    )
