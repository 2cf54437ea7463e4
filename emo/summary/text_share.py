"""How much of the models' geometries the texts of the passages predict, for the summary."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from emo.core.choices import DEFAULT_ESTIMATOR
from emo.core.compare.baselines import ALL
from emo.core.compare.cross_model import ModelRun
from emo.core.compare.text_share import TextShare, text_shares
from emo.core.geometry.projections import project
from emo.core.geometry.surface import labelled
from emo.core.records import Activations, LabelMismatch, StimulusSet
from emo.core.stats.resampling import Resampling
from emo.summary.baselines import Vectors

log = logging.getLogger(__name__)

EMBEDDING = "embedding_layer"


def model_text_shares(
    models: Sequence[ModelRun],
    stimuli: StimulusSet,
    texts: Mapping[str, Vectors],
    resampling: Resampling,
) -> list[TextShare]:
    """Every model by each kind of text features, by its embedding layer, and by all of these.

    Empty without models, and of vectors that are no differences of means. What cannot be computed is
    left out, with the reason in the log.

    Parameters
    ----------
    models
        At the layer that they are compared at, under their own projection.
    stimuli
        The passages that they have read.
    texts
        What makes features of texts, by its name in tables.
    resampling
        Number of divisions, and the seed.
    """
    if not models:
        return []
    if (estimator := models[0].recipe.estimator) != DEFAULT_ESTIMATOR:
        log.warning("no text shares: they are of differences of means, not of %s", estimator)
        return []
    common = {name: _features(name, make, stimuli) for name, make in texts.items()}
    activations = {m.name: project(m.activations, m.projection) for m in models}
    rows: list[tuple[str, list[Activations], list[str]]] = [
        (name, [features], list(activations)) for name, features in common.items()
    ]
    for m in models:
        own = [] if m.embedding is None else [m.embedding]
        rows += [(EMBEDDING, own, [m.name])] if own else []
        together = [*common.values(), *own]
        rows += [(ALL, together, [m.name])] if len(together) > 1 else []
    shares: list[TextShare] = []
    for name, blocks, read in rows:
        wanted = {n: activations[n] for n in read}
        try:
            shares += text_shares(name, blocks, wanted, resampling, models[0].recipe.remove)
        except (LabelMismatch, ValueError) as error:
            log.warning("no text shares of %s by %s: %s", ", ".join(read), name, error)
    place = {m.name: i for i, m in enumerate(models)}
    return sorted(shares, key=lambda share: place[share.model])


def _features(name: str, make: Vectors, stimuli: StimulusSet) -> Activations:
    items = stimuli.items
    return labelled(
        make([p.text for p in items]),
        tuple(p.id for p in items),
        tuple(p.emotion for p in items),
        tuple(str(p.situation) for p in items) if stimuli.crossed else None,
        name,
    )
