"""What a run that read passages says: its answer in sentences, and its short table."""

from __future__ import annotations

from math import isfinite
from typing import assert_never

from emo.core.criterion_search import CriterionSearch, SearchVerdict
from emo.core.flags import FLAGGED_ANISOTROPY, ReliabilityFlag, reliability_flag
from emo.core.records import Descriptors, LayerChoice, NestedChoice
from emo.report.runs import terminal
from emo.report.runs.valence import measured_words, valence_row

CRITERIA = {
    "mean_cosine": "published: lowest mean cosine",
    "reliability": "highest split-half reliability",
    "accuracy": "highest left-out accuracy",
}

ACCURACIES = {
    "accuracy": ("accuracy", "nearest centroid, raw activations"),
    "accuracy_z": ("  z-scored", "nearest centroid, dimensions z-scored"),
    "accuracy_lda": ("  LDA", "linear discriminant, shrunk covariance"),
}
"""Curves of left-out accuracy, with their names and words."""


def terminal_text(d: Descriptors, title: str, note: str = "") -> str:
    """The descriptors of one run as about thirty lines of plain text."""
    best = f"{d.best_layer} of {d.n_layers} ({d.best_layer_pct:.1f} %), as published"
    rows = [
        ("best layer", f"{best}; chosen on these passages"),
        ("anisotropy", terminal.anisotropy(d.anisotropy, d.anisotropy_flag, _anisotropy_bounds(d))),
        ("RDM std", f"{d.rdm_std:.4f}{_null(d, 'rdm_std')}"),
        ("reliability", _reliability(d)),
        *terminal.reliability_flag(d.reliability_flag),
        *((name, _accuracy(d, curve, words)) for curve, (name, words) in ACCURACIES.items()),
        valence_row(d.valence, d.split_unit),
        ("nearest pair", terminal.emotion_pair(d.nearest)),
        ("farthest pair", terminal.emotion_pair(d.farthest)),
    ]
    lines = [*terminal.heading(title, note), *terminal.aligned(rows)]
    lines.append(f"  layer by each criterion, bootstrap over {d.split_unit}s:")
    for name, choice in d.choices.items():
        lines.append(f"    {CRITERIA[name]:<32} {_choice(choice)}")
        if choice is not None and name in d.nested:
            lines += _nested(d.nested[name], d.split_unit)
    published = d.choices["mean_cosine"]
    if published is not None:
        lines.append(
            f"    the published criterion is {published.value:.4f} there; analytic floor "
            f"{d.analytic_floor:.4f}{_null(d, 'mean_cosine')}"
        )
    lines += terminal.non_finite_layers(d.n_layers, d.finite_layers)
    return "\n".join(lines)


def _anisotropy_bounds(d: Descriptors) -> tuple[float, float] | None:
    bounds = d.intervals.get("anisotropy")
    return bounds and (float(bounds.low[d.best_layer]), float(bounds.high[d.best_layer]))


def _null(d: Descriptors, name: str) -> str:
    return terminal.permuted(d.nulls, name, d.best_layer)


def _reliability(d: Descriptors) -> str:
    if d.reliability is None:
        return _too_few(d)
    measure = f"split halves of the passages, by {d.split_unit}"
    return f"{d.reliability:.3f} ({measure}){_null(d, 'reliability')}"


def _accuracy(d: Descriptors, curve: str, words: str) -> str:
    value, bounds = d.at_best(curve), d.intervals.get(curve)
    if value is None:
        return _too_few(d)
    interval = ""
    if bounds is not None and isfinite(bounds.low[d.best_layer]):
        interval = f"{bounds.low[d.best_layer]:.3f} to {bounds.high[d.best_layer]:.3f}; "
    chance = f"; chance {d.chance:.3f}" if curve == "accuracy" else ""
    measure = f"{interval}{words}, left out{chance}"
    return f"{value:.3f} ({measure}){_null(d, curve)}"


def _too_few(d: Descriptors) -> str:
    return f"not available: too few {d.split_unit}s per emotion to split"


def _choice(choice: LayerChoice | None) -> str:
    if choice is None:
        return "not available"
    if choice.share != choice.share:  # NaN
        return f"layer {choice.layer} (no interval: too few passages)"
    return (
        f"layer {choice.layer}, 95 % interval {choice.low}-{choice.high}, chosen in "
        f"{choice.share:.0%} of replicates"
    )


def _nested(nested: NestedChoice, unit: str) -> list[str]:
    """What a layer chosen on half of the passages shows on the other half."""
    measures = [
        f"{name} {other:.3f} (on its own half {same:.3f})"
        for name, other, same in (
            ("reliability", nested.reliability, nested.reliability_same),
            ("accuracy with half as many passages", nested.accuracy, nested.accuracy_same),
        )
        if other is not None and same is not None
    ]
    measures += [
        f"{name} {value:.3f}"
        for name, value in (
            ("z-scored accuracy", nested.accuracy_z),
            ("LDA accuracy", nested.accuracy_lda),
        )
        if value is not None
    ]
    if not measures:
        return []
    return [f"      chosen on half of the {unit}s it shows on the other: {', '.join(measures)}"]


RANDOM = "The weights are random: no number here says anything about emotions."
"""The first sentence of the answer of a random model."""


def answer(d: Descriptors, n_items: int, wording: float | None = None, random: bool = False) -> str:
    """What was found, and how far to trust it, in four sentences or so.

    Parameters
    ----------
    d
        Descriptors of the run.
    n_items
        How many passages were read.
    wording
        Left-out accuracy of the words of the passages; None where it is not known.
    random
        Whether the weights are random.
    """
    sentences = [RANDOM] if random else []
    sentences += [_read_as_written(d, n_items, wording), _halves(d), _published(d)]
    sentences.append(valence_sentence(d.valence, d.split_unit))
    return " ".join(sentence for sentence in sentences if sentence)


def _read_as_written(d: Descriptors, n_items: int, wording: float | None) -> str:
    choice = d.choices.get("accuracy")
    if choice is None:
        return (
            f"Too few {d.split_unit}s per emotion to leave one out: whether the {n_items} passages "
            "can be told apart is not known."
        )
    beside = f"chance {terminal.percent(d.chance)}"
    if wording is not None and isfinite(wording):
        beside += f", bag of words {terminal.percent(wording)}"
    return (
        f"At the most accurate layer, {choice.layer} of 0 to {d.n_layers - 1}{_interval(choice)}, "
        f"{terminal.percent(choice.value)} of the {n_items} passages are nearest to their own emotion, "
        f"each with its {d.split_unit} left out ({beside})."
    )


def _interval(choice: LayerChoice) -> str:
    return f" (95 % interval {choice.low} to {choice.high})" if isfinite(choice.share) else ""


def _halves(d: Descriptors) -> str:
    choice = d.choices.get("accuracy")
    layer = d.best_layer if choice is None else choice.layer
    value = float(d.curves["reliability"][layer]) if "reliability" in d.curves else float("nan")
    if not isfinite(value):
        return ""
    against = terminal.beside_permuted(d.nulls, "reliability", layer)
    sentence = (
        f"RDMs from two halves of the passages agree there at {value:.2f}, stepped up{against}"
    )
    match reliability_flag(value, d.split_unit != "passage"):
        case ReliabilityFlag.low:
            sentence += ": too little to compare this geometry with another"
        case ReliabilityFlag.undeclared:
            sentence += (
                ": no situations are declared, and if emotions share topics this is too high"
            )
        case ReliabilityFlag.none | ReliabilityFlag.absent:
            pass
    return f"{sentence}."


def _published(d: Descriptors) -> str:
    choice = d.choices.get("mean_cosine")
    if choice is None:
        return ""
    accuracy, reliability = d.at_best("accuracy"), d.reliability
    measures = [f"accuracy {terminal.percent(accuracy)}"] if accuracy is not None else []
    measures += [f"reliability {reliability:.2f}"] if reliability is not None else []
    measures.append(f"anisotropy {d.anisotropy:.3f}")
    flagged = [i for i in d.finite_layers if d.curves["anisotropy"][i] > FLAGGED_ANISOTROPY]
    above = (
        f"; anisotropy is above the published bound of {FLAGGED_ANISOTROPY} at layers "
        f"{terminal.layer_ranges(flagged)}"
        if flagged
        else ""
    )
    return (
        f"The published criterion chooses layer {choice.layer}{_interval(choice)}: "
        f"{', '.join(measures)}{above}."
    )


def valence_sentence(search: CriterionSearch | None, unit: str) -> str:
    """Whether the geometry tells pleasant from unpleasant emotions; empty where nothing was searched."""
    if search is None:
        return ""
    match search.verdict:
        case SearchVerdict.shown:
            return f"It tells pleasant from unpleasant emotions: {measured_words(search, unit)}."
        case SearchVerdict.not_shown:
            return (
                "It does not tell pleasant from unpleasant emotions beyond chance: "
                f"{measured_words(search, unit)}."
            )
        case SearchVerdict.untold | SearchVerdict.absent:
            return f"{len(search.emotions)} emotions are too few to tell pleasant from unpleasant."
        case verdict:
            assert_never(verdict)
