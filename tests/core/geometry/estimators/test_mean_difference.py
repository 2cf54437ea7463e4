"""Oracle: plain loops over items, means, centres and cosines; no Gram matrix anywhere."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from emo.core.geometry.cells import CHUNK, ItemCells
from emo.core.geometry.estimators.mean_difference import GramLayer
from emo.core.geometry.resampled import centred_cosines, half_correlations


def design(kind, rng):
    if kind == "crossed":
        return np.repeat(np.arange(6), 4), np.tile(np.arange(4), 6)
    if kind == "loose":
        return np.arange(14), np.array([0, 0, 0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3])
    # Uneven: some situations lack an emotion, others tell it twice; items in random order.
    groups = rng.integers(0, 5, 30)
    emotions = np.concatenate([np.arange(4), rng.integers(0, 4, 26)])
    groups[:5] = np.arange(5)
    return groups, emotions


def loop_cosines(x, emotions, counts):
    means = {}
    for e in np.unique(emotions):
        rows = [x[i] for i in range(len(x)) for _ in range(int(counts[i])) if emotions[i] == e]
        if rows:
            means[e] = np.mean(rows, axis=0)
    centre = np.mean(list(means.values()), axis=0) if means else None
    out = []
    n = emotions.max() + 1
    for a in range(n):
        for b in range(a + 1, n):
            if a in means and b in means:
                u, v = means[a] - centre, means[b] - centre
                out.append(u @ v / np.linalg.norm(u) / np.linalg.norm(v))
            else:
                out.append(np.nan)
    return np.array(out)


def loop_accuracy(x, groups, emotions, counts):
    hits = total = 0.0
    for i in range(len(x)):
        if not counts[i]:
            continue
        distances = {}
        for e in np.unique(emotions):
            rows = [
                x[j]
                for j in range(len(x))
                for _ in range(int(counts[j]))
                if emotions[j] == e and groups[j] != groups[i]
            ]
            if rows:
                distances[e] = np.linalg.norm(x[i] - np.mean(rows, axis=0))
        if emotions[i] in distances:
            hits += counts[i] * (min(distances, key=distances.get) == emotions[i])
            total += counts[i]
    return hits / total if total else np.nan


@pytest.fixture(params=["crossed", "loose", "uneven"])
def case(request, rng):
    groups, emotions = design(request.param, rng)
    x = rng.normal(size=(len(groups), 9)) + 3 + np.eye(9)[emotions] * 1.5
    cells = ItemCells.make(groups, emotions)
    gram = GramLayer.make(cells, x)
    group_counts = rng.integers(0, 3, size=(12, groups.max() + 1)).astype(float)
    return x, groups, emotions, cells, gram, group_counts


def test_weighted_cosines_equal_the_loop(case):
    x, groups, emotions, cells, gram, group_counts = case
    got = centred_cosines(gram, group_counts[:, cells.group])
    for row, counts in zip(got, group_counts[:, groups], strict=True):
        assert np.allclose(row, loop_cosines(x, emotions, counts), atol=1e-10, equal_nan=True)


def test_left_out_accuracy_equals_the_loop(case):
    x, groups, emotions, cells, gram, group_counts = case
    got = gram.left_out_accuracy(group_counts[:, cells.group])
    want = [loop_accuracy(x, groups, emotions, c) for c in group_counts[:, groups]]
    assert np.allclose(got, want, equal_nan=True)
    assert np.nanmean(got) > 0.3  # the planted means can be found at all


def test_halves_equal_the_loop(case, rng):
    x, groups, emotions, cells, gram, _ = case
    first = rng.random((6, groups.max() + 1)) < 0.5
    ones = np.ones((6, len(cells.group)))
    got = half_correlations(gram, ones, first[:, cells.group])
    for value, half in zip(got, first, strict=True):
        a = loop_cosines(x, emotions, half[groups].astype(float))
        b = loop_cosines(x, emotions, (~half[groups]).astype(float))
        both = np.isfinite(a) & np.isfinite(b)
        if both.sum() >= 3:
            assert value == pytest.approx(spearmanr(a[both], b[both])[0], abs=1e-9)
        else:
            assert np.isnan(value)


def test_chunks_do_not_show(case):
    _, _, _, cells, gram, group_counts = case
    many = np.tile(group_counts[:, cells.group], (CHUNK // 6, 1))
    assert len(many) > CHUNK
    few_cosines = centred_cosines(gram, group_counts[:, cells.group])
    tiled = np.tile(few_cosines, (CHUNK // 6, 1))
    assert np.allclose(centred_cosines(gram, many), tiled, rtol=0, atol=1e-12, equal_nan=True)
    few = gram.left_out_accuracy(group_counts[:, cells.group])
    assert np.allclose(gram.left_out_accuracy(many), np.tile(few, CHUNK // 6), equal_nan=True)


def test_one_passage_per_emotion_has_no_accuracy(rng):
    cells = ItemCells.make(np.arange(4), np.arange(4))
    gram = GramLayer.make(cells, rng.normal(size=(4, 3)))
    assert np.isnan(gram.left_out_accuracy(np.ones((1, 4)))).all()


def test_strong_situations_do_not_pull_accuracy_below_chance(rng):
    """Leaving single passages out would: the others' centroids hold the passage's own situation."""
    situation = rng.normal(size=(8, 30)) * 4
    emotion = rng.normal(size=(5, 30))
    groups, emotions = np.repeat(np.arange(8), 5), np.tile(np.arange(5), 8)
    x = situation[groups] + emotion[emotions]
    by_situation = GramLayer.make(ItemCells.make(groups, emotions), x)
    by_passage = GramLayer.make(ItemCells.make(np.arange(40), emotions), x)
    assert by_situation.left_out_accuracy(np.ones((1, 40)))[0] > 0.4
    assert by_passage.left_out_accuracy(np.ones((1, 40)))[0] < 0.15
