"""Steering under way: the model opened, what is added to it, and the sweep over all doses."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from emo.core.stats.resampling import stream
from emo.core.steering.dose_response import DoseSweep
from emo.core.steering.text_classifier import JudgeSheet
from emo.core.steering.text_measures import derangement
from emo.generation.generating import Generation
from emo.pipeline.steering_setup import Work, text_store
from emo.process.progress import track
from emo.runs.identity import batch_decides
from emo.steering.doses import Additions
from emo.steering.judging import TrainedJudge

if TYPE_CHECKING:
    from emo.generation.texts import TextStore
    from emo.steering.steerable import Steerable


@dataclass(frozen=True)
class Opened:
    """The model under the backend, what is added to it, and where its texts are kept."""

    model: Steerable
    additions: Additions
    store: TextStore


def open_steering(work: Work) -> Opened:
    """A model that can be steered, and what is added to it.

    Raises
    ------
    EmoError
        If the backend cannot steer the model, or a dose is beyond the range of its numbers.
    """
    import torch

    from emo.steering.injection import open_decoder
    from emo.steering.scoring import mean_norms
    from emo.steering.steerable import open_steerable

    config, settings = work.plan.config, work.plan.config.job.steer
    from emo.steering.damage import plain_texts

    model = open_steerable(work.loaded, config.backend)
    store = text_store(work.plan, open_decoder(model, lambda _: {}).way)
    prompts = {s.id: work.prompts[s.id] for s in work.scenarios}
    if settings.damage:
        prompts |= plain_texts(work.loaded)
    layers = {layer for dose in work.doses for layer in dose.site.layers}
    norms_of_prompts = mean_norms(
        model, list(prompts.values()), config.batch_size, layers, settings.norm
    )
    norms = dict(zip(prompts, norms_of_prompts, strict=True))
    rng = stream(config.seed, "steering", "shuffled")
    emotions = work.vectors.emotions
    partners = derangement(emotions, rng, work.judge.alike) if len(emotions) > 1 else {}
    additions = Additions(work.vectors, norms, partners, work.source, config.seed)
    dtype = work.loaded.model.dtype
    strongest = max(d.strength for d in work.doses)
    largest = min(torch.finfo(t).max for t in (dtype, torch.float32))
    additions.check_range(
        [d for d in work.doses if d.strength == strongest], largest, str(dtype).split(".")[-1]
    )
    return Opened(model, additions, store)


def steer(work: Work, opened: Opened) -> DoseSweep:
    """The texts of all doses with their verdicts; those in the store are not written again."""
    from emo.steering.damage import damages
    from emo.steering.sweep import Setup, sweep

    config, settings = work.plan.config, work.plan.config.job.steer
    generation = Generation(
        settings.max_new_tokens, None, config.seed, config.decode_batch_size, batch_decides(config)
    )
    setup = Setup(generation, settings.positions, settings.norm, track, work.second)
    steered = {s.id for s in work.scenarios}
    swept = sweep(
        *(
            opened.model,
            work.prompts,
            work.doses,
            opened.additions,
            work.judge,
            opened.store,
            setup,
        ),
        [s for s in work.listed if s.id not in steered],
    )
    doses, size = work.doses if settings.damage else [], config.batch_size
    damage = damages(opened.model, doses, opened.additions, size, setup) if doses else ()
    return replace(swept, judges=_sheets(work), damage=damage)


def _sheets(work: Work) -> tuple[JudgeSheet, ...]:
    """The judge and the one beside it, with what is known of those that are trained here."""
    settings = work.plan.config.job.steer
    judges = [(settings.judge, work.judge), (settings.second_judge, work.second)]
    return tuple(
        JudgeSheet(name.value, judge.confusion if isinstance(judge, TrainedJudge) else None)
        for name, judge in judges
        if name is not None
    )
