"""Texts about topics: accuracy with topics left out, in planted worlds with texts that are missing."""

from dataclasses import replace

import numpy as np
import pytest

from emo.core.geometry.generated import TextCounts, describe_stories
from emo.core.geometry.item_sets import Recipe
from emo.core.geometry.projections import project
from emo.core.records import Activations
from emo.core.stats.resampling import Resampling

N_EMOTIONS, N_TOPICS, HIDDEN = 5, 8, 12
DRAWS = Resampling(n_splits=4, n_bootstrap=2, splits_per_replicate=2, n_permutations=19, seed=0)


def world(rng, signal, missing=0.4):
    """Emotions told about topics at one layer; topics matter, emotions as much as ``signal`` says.

    A share of the texts is missing, as if they had been left out; one text of each emotion stays.
    """
    topics = 3 * rng.normal(size=(N_TOPICS, HIDDEN))
    emotions = signal * rng.normal(size=(N_EMOTIONS, HIDDEN))
    values = topics[None] + emotions[:, None] + rng.normal(size=(N_EMOTIONS, N_TOPICS, HIDDEN))
    kept = rng.random((N_EMOTIONS, N_TOPICS)) >= missing
    kept[:, :2] = True
    which, where = np.nonzero(kept)
    names = tuple(f"topic {t}" for t in where)
    return Activations(
        values=values[kept][None].astype(np.float32),
        item_ids=names,
        emotions=tuple(f"emotion {e}" for e in which),
        situations=names,
        neutral=(topics + rng.normal(size=topics.shape))[None].astype(np.float32),
        position="from_start",
    )


def described(activations, draws=DRAWS):
    n = len(activations.item_ids) / N_EMOTIONS
    counts = TextCounts(n, n, n, 0, leaks={}, written={"emotion 0": N_TOPICS})
    projected = project(activations, "neutral_pcs")
    return describe_stories(projected, 0, "the only one", Recipe(), counts, draws)[1]


def test_emotions_that_are_there_are_read_from_other_topics(rng):
    d = described(world(rng, signal=2))
    assert d.accuracy is not None and d.accuracy > 0.7
    assert d.p("accuracy") == 1 / 20


@pytest.mark.slow
def test_without_emotions_accuracy_is_significant_in_no_more_studies_than_by_chance(rng):
    draws = replace(DRAWS, n_splits=1, n_bootstrap=1, splits_per_replicate=1)
    p = np.array([described(world(rng, 0), draws).p("accuracy") for _ in range(100)])
    assert (p <= 0.05).sum() <= 11  # of 100 at 5 %: more than 11 in 4 of 1,000 times


@pytest.mark.parametrize("written", [{}, {"emotion 0": 8}])
def test_there_is_an_accuracy_of_texts_about_topics_alone(rng, written):
    activations = world(rng, 1)
    counts = TextCounts(5.0, 5.0, 5.0, 0, written=written)
    d = describe_stories(activations, 0, "", Recipe(), counts, DRAWS)[1]
    assert ("accuracy" in d.curves, "accuracy" in d.nulls) == (bool(written),) * 2
    assert ("accuracy" in d.headline(), d.accuracy is not None) == (bool(written),) * 2
