"""A layer chosen on one half and looked at on the other: no bias where all layers are alike."""

import numpy as np
import pytest

from emo.core.choices import Criterion
from emo.core.geometry.cells import ItemCells
from emo.core.geometry.estimators import estimator
from emo.core.geometry.nested_layers import HALVINGS, NestedHalves, _all_items, nested_choice
from tests.core.planted import crossed, nested


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
