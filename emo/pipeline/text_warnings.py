"""Warnings about texts that a model wrote: repeats, no chat template, texts that are too short."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from emo.config.enums import Decoding, Position
from emo.config.schema import RunConfig
from emo.core.geometry.generated import TextCounts

if TYPE_CHECKING:
    from emo.pipeline.writer import Written
    from emo.report.runs.ablation import Ground

log = logging.getLogger(__name__)

NO_TEMPLATE = "the model has no chat template: bare prompts are continued"


def warn_of_texts(written: Written, counts: TextCounts, config: RunConfig) -> None:
    """Warn of what weakens the texts of a generation run."""
    sub = config.subparams
    if counts.effective < counts.nominal - 1e-9:
        log.warning(
            "effective n is %.2f texts per emotion, nominal n %.0f: %s",
            counts.effective,
            counts.nominal,
            "greedy repeats of a prompt are the same text"
            if sub.decoding is Decoding.greedy
            else "some sampled texts are the same",
        )
    if counts.neutral is not None and counts.neutral != counts.neutral_distinct:
        log.warning(
            "of %d neutral stories only %d differ: the baseline rests on fewer texts",
            counts.neutral,
            counts.neutral_distinct,
        )
    if sub.chat_template and not written.templated:
        log.warning(NO_TEMPLATE)
    if counts.short:
        log.warning(
            "%d of %d texts are too short for position=%s and read at %s",
            counts.short,
            len(written.texts.stories),
            sub.position.value,
            "the prompt's last token" if sub.position is Position.mid else "all generated tokens",
        )


def warn_of_settings(ground: Ground) -> None:
    """Warn of what weakens the texts of an ablation, and in how many of its settings."""
    counts = ground.counts
    if ground.repeating:
        log.warning(
            "effective n is below nominal n in %d of %d settings (matched: %.2f of %.0f texts per "
            "emotion): greedy repeats of a prompt, and equal sampled texts, are the same text",
            ground.repeating,
            len(counts),
            counts[0].effective,
            counts[0].nominal,
        )
    if same := sum(c.neutral != c.neutral_distinct for c in counts):
        log.warning("in %d of %d settings some neutral stories are the same", same, len(counts))
    if not ground.templated:
        log.warning("%s: both levels of this sub-parameter are the same", NO_TEMPLATE)
    if short := sum(c.short > 0 for c in counts):
        log.warning(
            "%d of %d settings have texts too short for their position (up to %d), read at the "
            "prompt's last token",
            short,
            len(counts),
            max(c.short for c in counts),
        )
