"""A layer chosen on one half and looked at on the other: no bias where all layers are alike."""

from dataclasses import replace

import numpy as np
import pytest

from emo.core.choices import Criterion
from emo.core.geometry.cells import ItemCells
from emo.core.geometry.comprehension import describe
from emo.core.geometry.estimators import estimator
from emo.core.geometry.nested_layers import (
    HALVINGS,
    NestedHalves,
    _all_items,
    hits_in_halves,
    nested_choice,
)
from emo.core.stats.resampling import Resampling
from tests.core.planted import crossed, nested, record


def layers_of(rng, strengths, design, hidden=20):
    emotions, groups = design
    cells = ItemCells.make(groups, emotions)
    geometry = rng.normal(size=(emotions.max() + 1, hidden))
    method = estimator("mean_difference")
    return cells, [
        method.layer(cells, s * geometry[emotions] + rng.normal(size=(len(emotions), hidden)))
        for s in strengths
    ]


def values_of(cells, layers, rng, n_splits=4):
    halves = NestedHalves.make(cells, n_splits, rng)
    found = [halves.values(layer) for layer in layers]
    return {name.value: np.stack([x[name.value] for x in found], axis=1) for name in Criterion}


@pytest.mark.slow
@pytest.mark.parametrize("name", [Criterion.reliability, Criterion.accuracy])
def test_a_flat_profile_has_no_bias(rng, name):
    """Every layer is as good as any other, so the nested value is the mean over the layers."""
    studies = [values_of(*layers_of(rng, [0.35] * 10, crossed(8, 12)), rng) for _ in range(12)]
    flat = np.mean([np.nanmean(values[name.value]) for values in studies])
    if name is Criterion.reliability:
        flat = _all_items(float(flat))
    choices = [nested_choice(values, name) for values in studies]
    other = np.array([getattr(choice, name.value) for choice in choices])
    same = np.array([getattr(choice, f"{name.value}_same") for choice in choices])
    assert abs(other.mean() - flat) < max(3 * other.std() / np.sqrt(12), 0.02)
    assert same.mean() - flat > 0.05
    assert (same > other).all()


def test_a_real_peak_is_found_and_keeps_its_value(rng):
    values = values_of(*layers_of(rng, [0.1, 0.1, 2.0, 0.1], crossed(8, 12)), rng)
    for name in (Criterion.reliability, Criterion.accuracy):
        choice = nested_choice(values, name)
        assert choice.accuracy == pytest.approx(choice.accuracy_same, abs=0.02)
        assert choice.accuracy > 0.9
        assert choice.reliability > 0.9


def test_halves_share_no_situation_and_quarters_no_half(rng):
    emotions, groups = crossed(4, 9)
    cells = ItemCells.make(groups, emotions)
    halves = NestedHalves.make(cells, 3, rng)
    assert halves.half.shape == (2 * HALVINGS, 36)
    for first, second in zip(halves.half[::2], halves.half[1::2], strict=True):
        assert not set(cells.group[first]) & set(cells.group[second])
    for half, quarters in zip(halves.half, halves.quarters, strict=True):
        assert not quarters[:, ~half].any()
        assert (quarters[:, half].sum(axis=1) > 0).all()


def test_too_few_passages_have_no_nested_value(rng):
    values = values_of(*layers_of(rng, [1, 2], nested(5, 1)), rng)
    choice = nested_choice(values, Criterion.accuracy)
    assert (choice.reliability, choice.accuracy) == (None, None)


def test_hits_of_a_half_are_those_of_its_items():
    """Two cells of three and one item; the item that is not scored does not count."""
    of_item = np.array([0, 0, 0, 1])
    half = np.array([[True, False], [False, True], [True, True]])
    hits = np.array([1.0, 0.0, np.nan, 1.0])
    assert hits_in_halves(half, of_item, hits).tolist() == pytest.approx([0.5, 1, 2 / 3])


def test_where_one_dimension_drowns_the_rest_the_robust_accuracies_are_nested_too(rng):
    """The raw centroid sees the outlier dimension alone; z-scores and LDA see through it."""
    emotions, groups = crossed(6, 12)
    geometry = rng.normal(size=(6, 15))
    values = np.stack([s * geometry[emotions] for s in (0.0, 0.0, 2.0)])
    values = values + rng.normal(size=(3, len(emotions), 15))
    values[:, :, 3] = 3000 * rng.normal(size=values.shape[:2])
    one = record(values[0], emotions, groups)
    data = replace(
        one,
        values=values.astype(np.float32),
        neutral=rng.normal(size=(3, 5, 15)).astype(np.float32),
    )
    few = Resampling(n_splits=4, n_bootstrap=4, splits_per_replicate=2, n_permutations=3)
    d = describe(data, few)[1]
    choice = nested_choice(
        {
            "accuracy": np.tile([0.1, 0.2, 0.9], (4, 1)),
            "mean_cosine": np.zeros((4, 3)),
            "reliability": np.zeros((4, 3)),
            "accuracy_lda": np.array([[0, 0, 0.8], [0, 0, 0.6], [0, 0, 0.4], [0, 0, 0.2]]),
        },
        Criterion.accuracy,
    )
    assert (choice.accuracy_lda, choice.accuracy_z) == (pytest.approx(0.5), None)
    best = d.nested["accuracy"]
    assert best.accuracy < 0.4
    layer = int(np.nanargmax(d.curves["accuracy_lda"]))
    assert layer == 2 and d.curves["accuracy_lda"][2] > 0.8
    shown = (best.accuracy_z, best.accuracy_lda)
    lowest, highest = np.nanmin(d.curves["accuracy_lda"]), np.nanmax(d.curves["accuracy_lda"])
    assert all(lowest - 0.05 <= x <= highest + 0.05 for x in shown)
