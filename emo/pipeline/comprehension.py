"""method=comprehension: passages -> activations -> emotion vectors -> geometry -> one logged run."""

from __future__ import annotations

import logging
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from emo.activations.reading import Passes
from emo.config.enums import Source
from emo.config.schema import RunConfig
from emo.core.criterion_search import verdict_of
from emo.core.flags import anisotropy_words
from emo.core.geometry.cells import MOST_PAIRED
from emo.core.geometry.comprehension import describe
from emo.core.geometry.estimators import estimator
from emo.core.geometry.framing import residual_frame
from emo.core.geometry.item_sets import ItemSet
from emo.core.geometry.layer_results import fits_per_layer
from emo.core.geometry.left_out import read_as
from emo.core.geometry.projections import project
from emo.core.geometry.surface import surface_activations
from emo.core.records import Activations, Descriptors, EmotionVectors, StimulusSet
from emo.core.stats.resampling import Resampling
from emo.errors import EmoError
from emo.models.quantised import WeightCount
from emo.pipeline.nulls import null_curves
from emo.pipeline.reader import Reader
from emo.pipeline.valence import poles_of, valence_curves, valence_metrics
from emo.process.progress import track
from emo.report.labels import figure_in_words_of, in_words_of
from emo.report.pages.comprehension import comprehension_page
from emo.report.runs import extract as table
from emo.report.runs import extract_figures as figures
from emo.report.runs.layer_pictures import write_rdm_pictures
from emo.runs import files
from emo.runs.job import EnsuredRun, Ready, Record, Report, Result, ensure_run, passes_in_words
from emo.runs.plan import Plan, make_plan, say

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from emo.report.pages.page import Page

UNDECLARED = (
    "the passages have no column situation: reliability, accuracies and permuted labels are right only "
    "if no topic is told for several emotions"
)
"""The warning about passages that do not say what they have in common."""


def run(config: RunConfig) -> EnsuredRun[Descriptors]:
    """The finished comprehension run of a config; it is made where there is none."""
    plan = make_plan(config)
    reused = Passes(0, len(plan.stimuli.items) + len(plan.stimuli.neutral))
    record = Record(
        "descriptors.json", files.read_descriptors, partial(_report, plan, passes=reused)
    )
    return ensure_run(plan, record, partial(_prepare, plan))


def ensure_comprehension(config: RunConfig) -> tuple[str, Descriptors]:
    """Id and descriptors of the finished comprehension run; it is made where there is none.

    Raises
    ------
    EmoError
        If it cannot be made.
    """
    made = run(config)
    return made.run_id, made.record


def _prepare(plan: Plan) -> Ready[Descriptors]:
    reader = Reader(plan)
    reader.refuse_overflow()
    if not plan.stimuli.crossed:
        say(logging.WARNING, UNDECLARED)
    _say_fits(plan)
    return Ready(plan.run_name, partial(_compute, plan, reader))


def _say_fits(plan: Plan) -> None:
    """Log what resampling costs, where the estimator has no shortcut."""
    name = plan.config.method.estimator.value
    folds = estimator(name).folds
    if folds is not None:
        settings = Resampling(seed=plan.config.seed, **asdict(plan.config.resampling))
        fits = fits_per_layer(settings, folds)
        say(
            logging.WARNING,
            f"method.estimator={name} is fitted anew for every draw: {fits} fits per layer, each of "
            "milliseconds to a second; fewer with resampling.n_bootstrap=20 "
            "resampling.splits_per_replicate=1 resampling.n_permutations=19",
        )


def _compute(plan: Plan, reader: Reader) -> tuple[Descriptors, Result]:
    from emo.tracking import PICTURES

    activations, passes = reader.read()
    vectors, descriptors = _describe(plan, activations)
    best, title = descriptors.best_layer, plan.title
    report = _report(plan, descriptors, passes)

    def worded(figure: Figure) -> Figure:
        return figure_in_words_of(plan.stimuli.label, figure, _kept(plan))

    def write(folder: Path) -> None:
        files.write_vectors(vectors, folder / "vectors.safetensors")
        files.write_activations(activations, folder / "activations.safetensors")
        (folder / "rdm.csv").write_text(files.rdm_csv(vectors, best), encoding="utf-8")
        write_rdm_pictures(vectors, folder)
        files.write_activations(reader.embedding(), folder / "embedding.safetensors")

    return descriptors, Result(
        report=report,
        write=write,
        figures={
            "rdm": lambda: worded(figures.rdm_heatmap(vectors, best, title)),
            "layers": lambda: worded(figures.layer_curves(descriptors, title)),
            "map": lambda: worded(
                figures.emotion_map(vectors, best, title, descriptors.reliability)
            ),
        },
        metrics=_metrics(descriptors, passes, reader.weights),
        curves=_curves(descriptors),
        page=partial(_page, plan, report, descriptors, vectors, activations),
        tags={
            "anisotropy": anisotropy_words(descriptors.anisotropy_flag),
            "reliability": descriptors.reliability_flag.value,
            "valence": verdict_of(descriptors.valence).value,
            PICTURES: "True",
        },
    )


def _describe(plan: Plan, activations: Activations) -> tuple[EmotionVectors, Descriptors]:
    config, poles = plan.config, poles_of(plan, plan.stimuli.emotions)
    resampling = Resampling(seed=config.seed, **asdict(config.resampling))
    vectors = config.vectors
    try:  # what is logged are the model's own activations; a projection is made anew from them
        projected = project(activations, vectors.projection.value)
        made, descriptors = describe(
            projected,
            resampling,
            vectors.remove.value,
            track,
            config.method.estimator.value,
            poles=poles,
        )
        frame = residual_frame(activations, vectors.projection.value, made.centring)
        return replace(made, frame=frame), descriptors
    except ValueError as error:
        raise EmoError(f"model={config.model.label}: {error}") from error


def _page(
    plan: Plan,
    report: Report,
    descriptors: Descriptors,
    vectors: EmotionVectors,
    activations: Activations,
) -> Page:
    settings, estimator = plan.config.vectors, plan.config.method.estimator.value
    projected = project(activations, settings.projection.value)
    read = read_as(projected, settings.remove.value, estimator)
    poles = plan.poles.of(plan.stimuli.emotions)
    return comprehension_page(
        plan.title, report.answer, report.text, descriptors, vectors, plan.stimuli, read, poles
    )


def _report(plan: Plan, descriptors: Descriptors, passes: Passes) -> Report:
    label, kept = plan.stimuli.label, _kept(plan)
    text = table.terminal_text(descriptors, plan.title, plan.weights.note)
    random = plan.config.model.source is Source.tiny
    answer = table.answer(descriptors, len(plan.stimuli.items), _wording(plan.stimuli), random)
    return Report(
        in_words_of(label, text, kept),
        descriptors.headline(),
        passes_in_words(passes),
        passes,
        in_words_of(label, answer, kept),
    )


def _wording(stimuli: StimulusSet) -> float | None:
    """Left-out accuracy of the words of the passages; None of more than a moment's work."""
    if len(stimuli.items) > MOST_PAIRED:
        return None
    return ItemSet.make(surface_activations(stimuli, "tfidf_words"), 0).left_out_accuracy()


def _kept(plan: Plan) -> tuple[str, ...]:
    """What no word is exchanged in: the title, and the labels."""
    return (plan.title, *plan.stimuli.emotions)


def _metrics(d: Descriptors, passes: Passes, weights: WeightCount) -> dict[str, float | None]:
    metrics: dict[str, float | None] = {
        **weights.metrics(),
        "forward_passes_done": passes.done,
        "forward_passes_reused": passes.reused,
        "finite_layers": len(d.finite_layers),
        "anisotropy_flag": float(d.anisotropy_flag),
        "permutations": d.permutations,
        **valence_metrics(d.valence),
    }
    for name in d.nulls:
        metrics[f"{name}_p"] = d.p(name)
    for name, bounds in d.intervals.items():
        for side, bound in (("low", bounds.low), ("high", bounds.high)):
            value = float(bound[d.best_layer])
            metrics[f"{name}_{side}"] = value if np.isfinite(value) else None
    for name, nested in d.nested.items():
        for measure, value in asdict(nested).items():
            metrics[f"nested_by_{name}_{measure}"] = value
    for name, choice in d.choices.items():
        if choice is not None:
            metrics[f"layer_by_{name}"] = choice.layer
            metrics[f"layer_by_{name}_low"] = choice.low
            metrics[f"layer_by_{name}_high"] = choice.high
    return metrics


def _curves(d: Descriptors) -> dict[str, np.ndarray]:
    """Every curve over the layers by the name of its metric: values, intervals, nulls."""
    curves = dict(d.curves)
    for name, bounds in d.intervals.items():
        curves |= {f"{name}_low": bounds.low, f"{name}_high": bounds.high}
    named = {f"curve_{name}": curve for name, curve in curves.items()}
    return named | null_curves(d.nulls) | valence_curves(d.valence)
