"""Validations by the run's own items: components of the vectors, layers, the vectors' lengths."""

from __future__ import annotations

import numpy as np

from emo.core.records import Activations
from emo.core.stats.resampling import index
from emo.core.validation.components import Components, components
from emo.core.validation.layers import LayerStability, layer_stability
from emo.core.validation.result import Strength
from emo.core.validation.table import STABLE
from emo.errors import ArtifactError
from emo.pipeline.validations.setting import Setting

COMPARED = 14
"""Layers that are compared at most, as published."""
SPLITS = 20
"""Random halves of the items."""


def labelled(setting: Setting) -> tuple[Activations, np.ndarray, np.ndarray, np.ndarray] | None:
    """The run's activations, which items have a vector's emotion, their emotions, and their groups.

    None, and a note, where the run's activations cannot be read.
    """
    try:
        activations = setting.logged.activations
    except ArtifactError as error:
        note = f"components and layers need the run's activations: {error.problem}"
        if note not in setting.notes:
            setting.notes.append(note)
        return None
    kept = np.array([e in setting.emotions for e in activations.emotions])
    emotions = [setting.emotions.index(e) for e in activations.emotions if e in setting.emotions]
    groups = index([g for g, k in zip(activations.groups, kept, strict=True) if k])[1]
    return activations, kept, np.array(emotions), groups


def leading_components(setting: Setting) -> Components | None:
    """Shares of the first two components at the layer, against permuted labels, and valence.

    Source: the published shares are 26 to 27 and 14 to 15 percent of 171 emotions. Ratings of valence
    and arousal over all layers are job=axes.
    """
    found = labelled(setting)
    if found is None:
        return None
    activations, kept, emotions, groups = found
    if len(set(emotions.tolist())) < 3:
        setting.notes.append("components: fewer than three emotions")
        return None
    items = setting.source.frame.placed(activations.values[setting.layer][kept], setting.layer)
    return components(
        *(items, emotions, groups, setting.emotions, setting.poles),
        *(setting.permutations, setting.rng("components")),
    )


def compared_layers(setting: Setting) -> LayerStability | None:
    """Agreement of the RDMs of up to 14 layers, over the depth, on the same and on disjoint items.

    Source: the published comparison of 14 layers is on the same texts.
    """
    found = labelled(setting)
    if found is None:
        return None
    activations, kept, emotions, groups = found
    n = activations.n_layers
    chosen = sorted({round(x) for x in np.linspace(0, n - 1, min(COMPARED, n))})
    frame = setting.source.frame
    values = [frame.placed(activations.values[layer][kept], layer) for layer in chosen]
    finite = [k for k, v in enumerate(values) if np.isfinite(v).all()]
    if len(finite) < 3 or len(set(emotions.tolist())) < 3:
        setting.notes.append("layers: fewer than three layers with finite activations, or emotions")
        return None
    return layer_stability(
        *(np.array([values[k] for k in finite]), tuple(chosen[k] for k in finite)),
        *(emotions, groups, STABLE, SPLITS, setting.rng("layers")),
    )


def strengths(setting: Setting) -> tuple[Strength, ...]:
    """Length of every vector over the mean residual norm of the neutral sentences, at the layer."""
    lengths = np.linalg.norm(setting.vectors.values[setting.layer], axis=1) / setting.scale
    if setting.vectors.unit_norm:
        setting.notes.append("the run's vectors have length 1, so their lengths say nothing")
    return tuple(Strength(e, float(x)) for e, x in zip(setting.emotions, lengths, strict=True))
