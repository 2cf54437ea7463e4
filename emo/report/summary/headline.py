"""The few sentences at the top of a summary."""

from __future__ import annotations

import numpy as np

from emo.core.choices import LayerRule
from emo.core.compare.cross_model import ModelRun, Universality
from emo.core.compare.depth import rule_sentence
from emo.core.compare.leaving_out import ceilings, mean_over_pairs
from emo.core.compare.likeness import Likeness, likeness
from emo.core.conditions.four_layer import FourLayerTable, LayerRow
from emo.core.criterion_search import SearchVerdict
from emo.core.flags import FLAG_REASONS, ReliabilityFlag
from emo.core.records import Descriptors
from emo.core.stats.intervals import ALPHA, Estimates
from emo.report.labels import in_words_of
from emo.report.runs.valence import measured_words
from emo.report.summary.specificity import specificity_sentence
from emo.summary.assemble import Summary
from emo.summary.commands import another_model


def headline(s: Summary) -> list[str]:
    """The sentences that a reviewer must see first."""
    margin, sentences = s.config.job.summarize.margin, []
    if s.cross_model is not None:
        sentences.append(_agreement(s.cross_model, margin))
        sentences += filter(None, [rule_sentence(s.cross_model.rules, margin)])
    sentences += [_four(t.table) for t in s.tables]
    if s.cross_model is None:
        words = None if s.single is None else s.single.words_accuracy
        sentences += [_alone(m, words, s.config.job.summarize.layer) for m in s.models]
        sentences.append(_no_cross_model(s))
    sentences += filter(None, [_no_valence(m) for m in s.models])
    kept = [m.name for m in s.models]
    sentences = [in_words_of(s.config.stimuli.label, line, kept) for line in sentences]
    if s.both_labels is not None:
        sentences.append(specificity_sentence(s.both_labels.result))
    sentences += s.notes
    if all(r.random for r in s.runs):
        sentences.append("All models here have random weights: these numbers mean nothing.")
    return sentences


def _agreement(u: Universality, margin: float) -> str:
    """How much the models agree on passages that they do not share, of what noise allows."""
    n = len(u.models)
    disjoint, ratio = u.left_out.whole, u.left_out.over_ceiling()
    rho = float(mean_over_pairs(disjoint))
    if not np.isfinite(rho):
        return (
            f"On the same passages {n} models agree with a mean rho of {u.blocks[0].same[1]:.2f}. One "
            "passage per emotion cannot be halved, so it is not known how much of this is the passages."
        )
    ceiling = float(mean_over_pairs(np.nan_to_num(ceilings(disjoint))))
    measured = (
        f"On different passages {n} models agree with {'a mean ' if n > 2 else ''}rho of {rho:.2f}, "
        f"where {ceiling:.2f} is possible at this noise"
    )
    return f"{measured}: {_judged(ratio, margin)} {_shown(u)}"


def _judged(ratio: Estimates, margin: float) -> str:
    """What the quotient of agreement and ceiling says, with its interval."""
    low, high = float(ratio.low), float(ratio.high)
    if not np.isfinite([low, high]).all():
        return "these passages cannot tell how alike the geometries are, nothing is excluded."
    bounds = f"{ratio.value:.2f} of it (95 % interval {low:.2f} to {high:.2f})"
    match likeness(ratio, margin):
        case Likeness.alike:
            return f"{bounds}, as alike as replicates by the margin of {margin:g}."
        case Likeness.less:
            return f"{bounds}, less alike than replicates by the margin of {margin:g}."
        case Likeness.untold:
            return f"{bounds}; these passages cannot tell whether it is above {margin:g}."


def _shown(u: Universality) -> str:
    """Whether any agreement is shown, over items and emotions."""
    i, j = np.triu_indices(len(u.models), 1)
    if len(i) == 1:
        shown = bool(u.left_out.rho().low[0, 1] > 0)
        return f"{'An' if shown else 'No'} agreement is shown."
    shown = int((u.p_holm[i, j] <= ALPHA).sum())
    return f"An agreement is shown for {shown} of {len(i)} pairs (Holm)."


def _alone(m: ModelRun, words_accuracy: float | None, rule: LayerRule) -> str:
    """What one model shows by itself, beside permuted labels and the words of the passages."""
    d, layer = m.descriptors, m.layer
    place = f"{m.name} at layer {layer} (job.summarize.layer={rule.value})"
    if d.reliability is None:
        return (
            f"{place}: there are too few passages to halve, so it is not known whether its RDM says "
            "anything of these emotions."
        )
    reliability = float(d.curves["reliability"][layer])
    parts = [
        f"reliability {reliability:.2f}{_nested(d, rule)}{_null(d, 'reliability', layer)}{_flag(d)}",
        f"left-out accuracy {d.curves['accuracy'][layer]:.2f} (chance {d.chance:.2f}"
        f"{_words(words_accuracy)}){_null(d, 'accuracy', layer)}",
    ]
    return f"{place}: {'; '.join(parts)}."


def _nested(d: Descriptors, rule: LayerRule) -> str:
    """The same where the layer is chosen on other situations; empty where the rule chooses none."""
    nested = None if rule.criterion is None else d.nested.get(rule.criterion.value)
    if nested is None or nested.reliability is None:
        return ""
    return f" ({nested.reliability:.2f} where the layer is chosen on other situations)"


def _null(d: Descriptors, name: str, layer: int) -> str:
    """The p under permuted labels; empty for a run that was logged without."""
    p = d.p(name, layer)
    return "" if p is None else f", p {p:.2g} under permuted labels"


def _words(accuracy: float | None) -> str:
    return "" if accuracy is None else f", the words of the passages {accuracy:.2f}"


def _flag(d: Descriptors) -> str:
    flag = d.reliability_flag
    if flag in (ReliabilityFlag.none, ReliabilityFlag.absent):
        return ""
    return f" ({flag.value}: {FLAG_REASONS[flag]})"


def _no_valence(m: ModelRun) -> str:
    """What a model shows that is not shown to know valence; empty for others."""
    search = m.descriptors.valence
    if search is None or search.verdict is not SearchVerdict.not_shown:
        return ""
    measured = measured_words(search, m.descriptors.split_unit)
    return f"{m.name}: no layer tells pleasant from unpleasant ({measured})."


def _no_cross_model(s: Summary) -> str:
    """Why there is no cross-model study, and what makes one."""
    if len(s.models) > 1:
        return f"No cross-model study: {s.no_cross_model}."
    lacking = "a second model" if s.models else "comprehension runs of two models"
    return f"No cross-model study: it needs {lacking}; {another_model(s.config)} makes one."


def _four(t: FourLayerTable) -> str:
    """The verdict of every layer of one model."""
    rows = [
        f"{r.contrast.title}: {r.verdict.value}{_measured(r)}"
        for r in t.rows
        if not r.contrast.is_floor
    ]
    return f"{t.model}: {'; '.join(rows) or 'no layer has both of its conditions yet'}."


def _measured(r: LayerRow) -> str:
    """Agreement on items that the sides do not share, and what noise allows."""
    if r.attenuation is None or r.disjoint is None:
        return ""
    return f" ({r.disjoint.value:.2f} where {r.attenuation.ceiling:.2f} is possible)"
