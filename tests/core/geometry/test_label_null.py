"""Planted truth: no emotion gives p <= 0.05 in about 5 %, emotion gives small p."""

import numpy as np
import pytest

from emo.core.geometry.cells import ItemCells
from emo.core.geometry.comprehension import describe
from emo.core.geometry.estimators import estimator
from emo.core.geometry.estimators.base import Estimator
from emo.core.geometry.label_null import label_null, label_orders
from emo.core.geometry.layer_results import PERMUTED
from emo.core.records import Activations
from emo.core.stats.resampling import Resampling
from tests.core.planted import crossed, decided_alike, nested

SETTINGS = Resampling(n_splits=4, n_bootstrap=2, splits_per_replicate=4, n_permutations=39)


def activations(rng, n_layers, strength, design, declared=True, hidden=24):
    """Layers with emotions in two directions, situations as strong as the items, a large dimension."""
    emotions, groups = design
    n = len(emotions)
    geometry = rng.normal(size=(emotions.max() + 1, 2)) @ rng.normal(size=(2, hidden))
    place = rng.normal(size=(n_layers, groups.max() + 1, hidden))
    values = (
        strength * geometry[emotions] + place[:, groups] + rng.normal(size=(n_layers, n, hidden))
    )
    values[..., 0] *= 5
    return Activations(
        values=values.astype(np.float32),
        item_ids=tuple(map(str, range(n))),
        emotions=tuple(f"e{e}" for e in emotions),
        situations=tuple(f"s{g}" for g in groups) if declared else None,
        neutral=rng.normal(size=(n_layers, 4, hidden)).astype(np.float32),
        position="last",
    )


@pytest.mark.slow
@pytest.mark.parametrize("declared", [True, False])
def test_without_emotion_five_percent_of_p_are_below_five_percent(rng, declared):
    """400 layers are 400 studies; the bounds are three standard errors of a share of 0.05."""
    design = crossed(6, 8) if declared else nested(6, 6)
    descriptors = describe(activations(rng, 400, 0, design, declared), SETTINGS)[1]
    for name in PERMUTED:
        rate = float((descriptors.nulls[name].p <= 0.05).mean())
        # left-out accuracies are coarse, and tied draws count against: their p is a little large
        assert (0.0 if name.startswith("accuracy") else 0.017) <= rate <= 0.083, (name, rate)


@pytest.mark.slow
def test_without_emotion_few_p_are_small(rng):
    """The quick form of the calibration: 24 layers, so at most 5 below 0.05 in 99.4 % of tests."""
    descriptors = describe(activations(rng, 24, 0, crossed(6, 8)), SETTINGS)[1]
    for name in PERMUTED:
        assert (descriptors.nulls[name].p <= 0.05).sum() <= 5, name


def test_emotion_gives_the_smallest_p_there_is(rng):
    descriptors = describe(activations(rng, 3, 1.5, crossed(6, 8)), SETTINGS)[1]
    for name in ("rdm_std", "reliability", "accuracy_z", "accuracy_lda"):
        null = descriptors.nulls[name]
        assert null.p == pytest.approx([(2 if name == "rdm_std" else 1) / 40] * 3), name
        assert (descriptors.curves[name] > null.high).all(), name
    assert descriptors.permutations == 39


def test_emotions_that_all_differ_alike_make_rdm_std_smaller_than_noise(rng):
    """Orthogonal emotions: all cosines are the same, those of noisy means scatter."""
    data = activations(rng, 2, 0, crossed(6, 8))
    data.values[:] += 20 * np.eye(6, 24, dtype=np.float32)[crossed(6, 8)[0]]
    descriptors = describe(data, SETTINGS)[1]
    null = descriptors.nulls["rdm_std"]
    assert (descriptors.curves["rdm_std"] < null.low).all()
    assert null.p == pytest.approx([2 / 40] * 2)


def test_a_situation_is_no_emotion(rng):
    """Strong situations alone change nothing: labels are permuted within them."""
    data = activations(rng, 8, 0, crossed(6, 8))
    data.values[:] += 20 * rng.normal(size=(8, 1)).astype(np.float32)[crossed(6, 8)[1]]
    descriptors = describe(data, SETTINGS)[1]
    assert (descriptors.nulls["rdm_std"].p <= 0.05).sum() <= 2


def test_labels_stay_within_their_situation(rng):
    emotions, groups = crossed(4, 5)
    orders = label_orders(groups, emotions, 30, rng)
    assert (groups[orders] == groups).all()
    assert (np.sort(orders, axis=1) == np.arange(20)).all()
    assert len(np.unique(orders, axis=0)) == 30


def test_groups_of_one_emotion_are_exchanged_whole(rng):
    """Two passages tell one situation for one emotion only: they move together, with the like."""
    emotions = np.array([0, 0, 1, 1, 2, 2, 0, 1, 2])
    groups = np.array([0, 0, 1, 1, 2, 2, 3, 4, 5])
    for order in label_orders(groups, emotions, 20, rng):
        moved = groups[order]
        assert (moved[0::2][:3] == moved[1::2][:3]).all()
        assert set(moved[:6]) == {0, 1, 2}


def test_exchanged_inner_products_are_those_of_exchanged_items(rng):
    """The reordered Gram matrix against estimates from the items; some cells hold two items."""
    emotions, groups = crossed(4, 5)
    emotions, groups = np.append(emotions, [0, 1]), np.append(groups, [0, 3])
    values = rng.normal(size=(22, 7))
    cells, method = ItemCells.make(groups, emotions), estimator("mean_difference")
    orders = label_orders(groups, emotions, 4, rng)
    weights = rng.integers(0, 3, size=(3, len(cells.size))).astype(float)
    fast = method.exchanged_layers(cells, values, orders)
    for got, want in zip(
        fast, Estimator.exchanged_layers(method, cells, values, orders), strict=True
    ):
        assert np.allclose(got.products(weights)[0], want.products(weights)[0])
        assert decided_alike(got.left_out_hits(weights), want.left_out_hits(weights))


def test_no_permutations_give_no_nulls(rng):
    settings = Resampling(n_splits=2, n_bootstrap=2, splits_per_replicate=1, n_permutations=0)
    descriptors = describe(activations(rng, 1, 1, crossed(4, 4)), settings)[1]
    assert descriptors.nulls == {}
    assert descriptors.p("rdm_std") is None


def test_p_counts_the_labels_as_they_are():
    drawn = np.array([[0.1, np.nan], [0.2, 0.0], [0.3, 0.0]])
    null = label_null(np.array([0.25, 0.5]), drawn)
    assert null.p[0] == pytest.approx((1 + 1) / 4)
    assert np.isnan([null.p[1], null.mean[1], null.low[1], null.high[1]]).all()
    both = label_null(np.array([0.05]), drawn[:, :1], two_sided=True)
    assert both.p[0] == pytest.approx(2 / 4)
