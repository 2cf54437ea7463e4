"""Fake models of different width that read the same passages, with known parts in common."""

import numpy as np

from emo.core.item_sets import ItemSet
from emo.core.types import Activations

BASE = 30


def record(values, emotions, groups, declared=True, ids=None):
    """One-layer activations of items numbered by emotion and group."""
    values = np.asarray(values, dtype=np.float32)
    return Activations(
        values=values[None],
        item_ids=tuple(ids or (f"{g}_{e}" for e, g in zip(emotions, groups, strict=True))),
        emotions=tuple(f"e{e}" for e in emotions),
        situations=tuple(f"s{g}" for g in groups) if declared else None,
        neutral=np.zeros((1, 0, values.shape[1]), np.float32),
        position="last",
    )


def crossed(n_emotions, n_groups):
    """Emotion and group of every item: each situation told for every emotion."""
    return np.tile(np.arange(n_emotions), n_groups), np.repeat(np.arange(n_groups), n_emotions)


def nested(n_emotions, n_groups):
    """Emotion and group of every item: each passage a group of its own."""
    emotions = np.repeat(np.arange(n_emotions), n_groups)
    return emotions, np.arange(len(emotions))


def two_models(
    rng, geometry=0.0, passage=0.0, own=1.0, design=None, declared=True, situation=1.0, alike=1.0
):
    """Activations of two models, 40 and 60 wide.

    Both hold ``geometry`` times emotion vectors (the second's correlate ``alike`` with the first's),
    ``passage`` times a part of every single item, ``situation`` times a part of every group, each in
    a basis of its own, and noise of their own.
    """
    emotions, groups = design or crossed(12, 24)
    shared = [rng.normal(size=(n, BASE)) for n in (emotions.max() + 1, len(emotions))]
    place = rng.normal(size=(groups.max() + 1, BASE))
    other = alike * shared[0] + np.sqrt(1 - alike**2) * rng.normal(size=shared[0].shape)
    out = []
    for hidden, vectors in ((40, shared[0]), (60, other)):
        basis = np.linalg.qr(rng.normal(size=(hidden, BASE)))[0].T
        values = geometry * vectors[emotions] + passage * shared[1] + situation * place[groups]
        noise = own * rng.normal(size=(len(emotions), hidden)) * np.sqrt(BASE / hidden)
        out.append(record(values @ basis + noise, emotions, groups, declared))
    return out


def item_sets(*args, **kwargs):
    """The same as item sets."""
    return [ItemSet.make(a, 0) for a in two_models(*args, **kwargs)]
