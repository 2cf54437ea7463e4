"""The answer at the top of a summary: what was found, and how far to trust it, line by line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

import numpy as np

from emo.config import vector_settings
from emo.core.choices import LayerRule
from emo.core.compare.cross_model import ModelRun, Universality
from emo.core.compare.depth import rule_sentence
from emo.core.compare.leaving_out import ceilings, mean_over_pairs
from emo.core.compare.likeness import Likeness, likeness
from emo.core.conditions.four_layer import FourLayerTable, LayerRow
from emo.core.conditions.verdicts import Verdict
from emo.core.criterion_search import SearchVerdict
from emo.core.flags import FLAG_REASONS, FLAGGED_ANISOTROPY, ReliabilityFlag
from emo.core.records import Descriptors
from emo.core.stats.intervals import ALPHA, Estimates
from emo.report.labels import in_words_of
from emo.report.runs.valence import measured_words
from emo.report.summary.behaviour_tables import behaviour_sentences
from emo.report.summary.specificity import specificity_sentence
from emo.report.table import rounded
from emo.summary.assemble import Summary
from emo.summary.commands import another_model

IN_FULL = 3
"""The most models of which the answer tells what each shows by itself."""


class Mark(StrEnum):
    """The coloured mark in front of a line."""

    none = ""
    alike = "alike"
    less = "less"
    untold = "untold"
    warning = "warning"


@dataclass(frozen=True)
class Line:
    """One finding."""

    text: str
    mark: Mark = Mark.none
    contrast: bool = False
    """Whether it is a verdict that the tables of the four layers give with its reason."""


def lines(s: Summary) -> list[Line]:
    """The findings that a reviewer must see first."""
    margin, found = s.config.job.summarize.margin, []
    if s.cross_model is not None:
        found.append(_agreement(s.cross_model, margin))
        found += [Line(x) for x in [rule_sentence(s.cross_model.rules, margin)] if x]
    if len(s.models) <= IN_FULL:
        found += [Line(" ".join(_alone(s, m))) for m in s.models]
    if len(s.models) == 1 and s.models[0].descriptors.reliability is not None:
        (m,) = s.models
        found.append(Line(" ".join([*_published(m.descriptors), *_compared(m, s)])))
    found += [line for t in s.tables for line in _four(t.table)]
    found += [Line(x) for x in map(_no_valence, s.models) if x]
    if s.cross_model is None:
        found.append(Line(_no_cross_model(s)))
    kept = [m.name for m in s.models]
    label = s.config.stimuli.label
    found = [Line(in_words_of(label, x.text, kept), x.mark, x.contrast) for x in found]
    if s.both_labels is not None:
        found.append(Line(specificity_sentence(s.both_labels.result)))
    found += [Line(sentence) for sentence in behaviour_sentences(s)]
    found += [Line(note) for note in s.notes]
    return [*_random(s), *found]


def answer(found: list[Line]) -> list[Line]:
    """The lines of a summary that say what was found of its models together, or of the only one."""
    warnings = [line for line in found if line.mark is Mark.warning]
    rest = found[len(warnings) :]
    first = (
        rest[:1] if rest and not rest[0].contrast else [line for line in rest if line.contrast][:3]
    )
    return [*warnings, *first]


def _random(s: Summary) -> list[Line]:
    if not s.runs or not all(r.random for r in s.runs):
        return []
    words = "All models here have random weights: these numbers mean nothing."
    return [Line(words, Mark.warning)]


def _agreement(u: Universality, margin: float) -> Line:
    """How much the models agree on passages that they do not share, of what noise allows."""
    n = len(u.models)
    disjoint, ratio = u.left_out.whole, u.left_out.over_ceiling()
    rho = float(mean_over_pairs(disjoint))
    if not np.isfinite(rho):
        return Line(
            f"On the same passages {n} models agree with a mean rho of {u.blocks[0].same[1]:.2f}. One "
            "passage per emotion cannot be halved, so it is not known how much of this is the passages."
        )
    ceiling = float(mean_over_pairs(np.nan_to_num(ceilings(disjoint))))
    measured = (
        f"On different passages {n} models agree with {'a mean ' if n > 2 else ''}rho of "
        f"{rounded(rho, 2)}, where {rounded(ceiling, 2)} is possible at this noise"
    )
    mark = _mark_of(likeness(ratio, margin))
    return Line(f"{measured}: {_judged(ratio, margin)} {_shown(u)}", mark)


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


def _mark_of(likeness: Likeness) -> Mark:
    match likeness:
        case Likeness.alike:
            return Mark.alike
        case Likeness.less:
            return Mark.less
        case Likeness.untold:
            return Mark.untold
        case never:
            assert_never(never)


def _shown(u: Universality) -> str:
    """Whether any agreement is shown, over items and emotions."""
    i, j = np.triu_indices(len(u.models), 1)
    if len(i) == 1:
        shown = bool(u.left_out.rho().low[0, 1] > 0)
        return f"{'An' if shown else 'No'} agreement is shown."
    shown = int((u.p_holm[i, j] <= ALPHA).sum())
    return f"An agreement is shown for {shown} of {len(i)} pairs (Holm)."


def _alone(s: Summary, m: ModelRun) -> list[str]:
    """What one model shows by itself: beside chance, the words of the passages, and its own halves."""
    d, n = m.descriptors, len(s.stimuli.items)
    readout = vector_settings.by_name("method.readout").methods_of(s.config)
    place = f"{m.name}, {n} passages, {len(s.stimuli.emotions)} emotions, {readout}."
    if d.reliability is None:
        return [
            place,
            "There are too few passages to halve, so it is not known whether its RDM says anything of "
            "these emotions.",
        ]
    return [place, *_most_accurate(d, s.words_accuracy)]


def _most_accurate(d: Descriptors, words: float | None) -> Iterator[str]:
    """Accuracy and reliability at the layer that is chosen by accuracy."""
    choice = d.choices.get("accuracy")
    if choice is None:
        return
    beside = [f"chance {percent(d.chance)}"]
    if words is not None:
        beside.append(f"bag of words {percent(words)}")
    p = d.p("accuracy", choice.layer)
    if p is not None:
        beside.append(f"p {p:.2g} under permuted labels")
    yield (
        f"At its most accurate layer, {choice.layer} of 0 to {d.n_layers - 1}"
        f"{_interval(choice.low, choice.high)}, chosen on these passages, {percent(choice.value)} of "
        f"the passages are nearest to their own emotion ({', '.join(beside)})."
    )
    reliability = float(d.curves["reliability"][choice.layer])
    yield (
        f"RDMs of two halves of the passages correlate {rounded(reliability, 2)} there (corrected to "
        "full length)."
    )


def _published(d: Descriptors) -> Iterator[str]:
    """What the published criterion chooses, and what is wrong with it."""
    choice = d.choices["mean_cosine"]
    bounds = (choice.low, choice.high) if choice else (d.best_layer, d.best_layer)
    accuracy = d.at_best("accuracy")
    shown = [] if accuracy is None else [f"accuracy {percent(accuracy)}"]
    nested = d.nested.get("mean_cosine")
    remarks = []
    if nested is not None and nested.reliability is not None:
        inner = rounded(nested.reliability, 2)
        remarks.append(f"{inner} where other {d.split_unit}s choose the layer")
    remarks += _flag(d)
    assert d.reliability is not None
    behind = f" ({'; '.join(remarks)})" if remarks else ""
    shown.append(f"reliability {rounded(d.reliability, 2)}{behind}")
    shown.append(f"raw anisotropy {rounded(d.anisotropy, 2)}{_flagged_layers(d)}")
    yield (
        f"The published criterion chooses layer {d.best_layer}{_interval(*bounds)}: {', '.join(shown)}."
    )


def _flagged_layers(d: Descriptors) -> str:
    """The layers with the published flag of anisotropy, in words; empty where there is none."""
    flagged = [i for i in d.finite_layers if d.curves["anisotropy"][i] > FLAGGED_ANISOTROPY]
    if not flagged:
        return ""
    if len(flagged) == len(d.finite_layers):
        where = "every layer"
    elif flagged[-1] - flagged[0] + 1 == len(flagged):
        where = f"layers {flagged[0]} to {flagged[-1]}"
    else:
        where = f"{len(flagged)} of {d.n_layers} layers"
    return f" (the published flag, above {FLAGGED_ANISOTROPY}, is set at {where})"


def _compared(m: ModelRun, s: Summary) -> Iterator[str]:
    """The layer of all comparisons, where it is neither of the two."""
    rule = s.config.job.summarize.layer
    if rule in (LayerRule.reliability, LayerRule.middle):
        reliability = float(m.descriptors.curves["reliability"][m.layer])
        yield (
            f"Comparisons are at layer {m.layer} (job.summarize.layer={rule.value}), reliability "
            f"{rounded(reliability, 2)}."
        )


def percent(share: float) -> str:
    """A share as a percentage."""
    return f"{rounded(100 * share, 0)} %"


def _interval(low: int, high: int) -> str:
    """The interval of a chosen layer; empty where it is a single layer."""
    return "" if low == high else f" (95 % interval {low} to {high})"


def _flag(d: Descriptors) -> list[str]:
    """Why the reliability is flagged; nothing where it is not."""
    flag = d.reliability_flag
    if flag in (ReliabilityFlag.none, ReliabilityFlag.absent):
        return []
    return [f"{flag.value}: {FLAG_REASONS[flag]}"]


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


def _four(t: FourLayerTable) -> list[Line]:
    """One line per contrast of one model that could be made, and is no floor."""
    rows = [r for r in t.rows if not r.contrast.is_floor]
    if not rows:
        return [Line(f"{t.model}: no contrast has both of its conditions yet.", contrast=True)]
    return [
        Line(
            f"{t.model}, {r.contrast.title}: {r.verdict.value}{_measured(r)}.",
            mark_of(r.verdict),
            contrast=True,
        )
        for r in rows
    ]


def mark_of(verdict: Verdict) -> Mark:
    """The mark of a verdict: alike, less alike, or not told."""
    match verdict:
        case Verdict.as_replicates | Verdict.replicates_agree | Verdict.within_rounding:
            return Mark.alike
        case Verdict.reduced | Verdict.beyond_rounding:
            return Mark.less
        case Verdict.undecided | Verdict.same_texts | Verdict.rounding | Verdict.agreement:
            return Mark.untold
        case Verdict.nothing_shown | Verdict.replicates_disagree:
            return Mark.untold
        case never:
            assert_never(never)


def _measured(r: LayerRow) -> str:
    """Agreement on items that the sides do not share, and what noise allows."""
    if r.attenuation is None or r.disjoint is None:
        return ""
    rho = rounded(float(r.disjoint.value), 2)
    return f" ({rho} where {rounded(r.attenuation.ceiling, 2)} is possible)"
