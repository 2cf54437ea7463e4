"""Scenarios that mean emotions: found where readings tell them, not where only their means differ."""

import numpy as np
import pytest

from emo.core.stats.resampling import stream
from emo.core.validation.diagonal import centred, diagonal
from emo.core.validation.lens import lens_ranks, percentiles

MEANT = np.repeat(np.arange(8), 2)


def world(rng, effect):
    """16 scenarios x 12 emotions: own levels of rows and columns, noise, and the effect of the label."""
    values = rng.normal(size=(16, 12)) + 5 * rng.normal(size=12) + 3 * rng.normal(size=(16, 1))
    values[np.arange(16), MEANT] += effect
    return values


def shown(effect, n, seed=0):
    hits = 0
    for k in range(n):
        rng = stream(seed, "diagonal", k)
        hits += diagonal(world(rng, effect), MEANT, 99, rng).p <= 0.05
    return hits / n


def test_without_an_effect_five_percent_are_shown_whatever_rows_and_columns_have_of_their_own():
    assert shown(0.0, 300) <= 0.05 + 2.6 * (0.05 * 0.95 / 300) ** 0.5


def test_a_planted_diagonal_is_found():
    assert shown(2.0, 40) >= 0.95


def test_what_the_words_explain_is_no_effect():
    """Readings that follow shared words match; with the words held fixed they do not."""
    plain = held = kept = 0
    for k in range(60):
        rng = stream(3, "words", k)
        words = world(rng, 3.0)
        values = words + 0.5 * rng.normal(size=words.shape)
        plain += diagonal(values, MEANT, 99, rng).p <= 0.05
        held += diagonal(values, MEANT, 99, rng, words).p <= 0.05
        kept += diagonal(world(rng, 3.0), MEANT, 99, rng, rng.normal(size=words.shape)).p <= 0.05
    assert plain == kept == 60 and held <= 7


def test_the_interval_covers_no_effect():
    covered = 0
    for k in range(200):
        rng = stream(1, "cover", k)
        found = diagonal(world(rng, 0.0), MEANT, 19, rng)
        covered += found.low <= 0 <= found.high
    assert covered / 200 >= 0.91


def test_a_model_that_reads_one_emotion_everywhere_shows_nothing():
    values = np.tile(np.linspace(0, 1, 12), (16, 1)) + 1e-3 * stream(0, "same").normal(
        size=(16, 12)
    )
    assert diagonal(values, MEANT, 199, stream(0, "p")).p > 0.05


def test_rows_and_columns_have_mean_zero(rng):
    x = centred(world(rng, 1.0))
    assert np.abs(x.mean(axis=0)).max() < 1e-12 and np.abs(x.mean(axis=1)).max() < 1e-12


def test_percentiles_are_shares_of_the_vocabulary_below():
    logits = np.array([[3.0, 1.0, 2.0, 0.0, -1.0]])
    assert percentiles(logits, [[0], [4], [1, 2]]).tolist() == [[1.0, 0.0, 0.625]]


@pytest.mark.slow
@pytest.mark.parametrize(("effect", "least", "most"), [(0.0, 0.0, 0.1), (3.0, 0.95, 1.0)])
def test_own_words_under_own_vectors(effect, least, most):
    random = others = 0
    for k in range(120):
        rng = stream(2, "lens", k)
        logits = rng.normal(size=(110, 60))
        words = [[3 * e] for e in range(10)]
        logits[np.arange(10), 3 * np.arange(10)] += effect
        ranks = percentiles(logits, words)
        found = lens_ranks([f"e{k}" for k in range(10)], ranks[:10], ranks[10:], 99, rng)
        random += found.p <= 0.05
        others += found.others.p <= 0.05
    for share in (random / 120, others / 120):
        assert least <= share <= most
