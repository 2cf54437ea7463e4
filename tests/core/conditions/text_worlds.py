"""Planted worlds of an ablation: factors rewrite texts, read them anew, or move the geometry."""

import numpy as np

from emo.core.conditions.replicates import Point
from emo.core.geometry.item_sets import ItemSet
from emo.core.records import Activations
from emo.core.stats.factorial import full_factorial


def item_set(values, emotions, units, crossed=True):
    """Texts of emotions and prompts, both by number; uncrossed: samples of one prompt."""
    return ItemSet.make(
        Activations(
            values=np.asarray(values)[None].astype(np.float32),
            item_ids=tuple(f"{u}" for u in units),
            emotions=tuple(f"e{e:02d}" for e in emotions),
            situations=tuple(f"p{u}" for u in units) if crossed else None,
            neutral=np.zeros((1, 0, np.shape(values)[1]), np.float32),
            position="mid",
        ),
        0,
    )


def texts(rng, geometry, noise, units=5, crossed=True):
    """One text per emotion and unit: the emotion's vector and noise of the text's own."""
    n = len(geometry)
    values = np.repeat(geometry, units, axis=0)
    values = values + noise * rng.normal(size=values.shape)
    return item_set(values, np.repeat(np.arange(n), units), np.tile(np.arange(units), n), crossed)


def world(
    rng, rewriting, reading, moved=None, by=0.0, n=12, prompts=5, hidden=32, text=0.6, read=0.4
):
    """Points of a factorial: ``rewriting`` factors give other texts, ``reading`` ones read them anew.

    The geometry is the same everywhere, but that the factor number ``moved`` turns it ``by`` so many
    radians. Noise of a text is common to all its readings, and every prompt has noise common to all.
    """
    geometry, other = rng.normal(size=(2, n, hidden))
    of_prompt = 0.3 * rng.normal(size=(n, prompts, hidden))
    written, points = {}, []
    for levels in full_factorial(rewriting + reading):
        key = tuple(levels[:rewriting])
        if key not in written:
            written[key] = of_prompt + text * rng.normal(size=(n, prompts, hidden))
        turn = by if moved is not None and levels[moved] else 0.0
        vectors = np.cos(turn) * geometry + np.sin(turn) * other
        noise = written[key] + read * rng.normal(size=(n, prompts, hidden))
        values = (vectors[:, None] + noise).reshape(n * prompts, hidden)
        units = np.tile(np.arange(prompts), n)
        points.append(Point(item_set(values, np.repeat(np.arange(n), prompts), units)))
    return points
