"""Separation over depth: a planted U is found, and none where the curve is flat or goes one way."""

import numpy as np
import pytest

from emo.core.compare.separation import Measure, depth_curves, place, u_shape
from emo.core.criterion_search import SearchVerdict
from emo.core.records import Activations
from emo.core.stats.resampling import Resampling

LAYERS, EMOTIONS, SITUATIONS, HIDDEN = 8, 5, 8, 16
DEPTH = np.linspace(0, 1, LAYERS)
FLAT = np.full(LAYERS, 0.5)
HUMP = 0.1 + np.exp(-(((np.arange(LAYERS) - LAYERS / 2) / 1.2) ** 2))
RISING = 0.1 + DEPTH


def world(seed, strength, declared=True):
    """Activations whose emotions lie apart by a known strength at every layer."""
    rng = np.random.default_rng(seed)
    means = rng.normal(size=(EMOTIONS, HIDDEN))
    items = (
        np.asarray(strength)[:, None, None, None] * means
        + rng.normal(size=(len(strength), SITUATIONS, 1, HIDDEN))
        + rng.normal(size=(len(strength), SITUATIONS, EMOTIONS, HIDDEN))
    )
    values = items.reshape(len(strength), -1, HIDDEN).astype(np.float32)
    emotions = tuple(f"e{i}" for _ in range(SITUATIONS) for i in range(EMOTIONS))
    names = tuple(f"s{k}" for k in range(SITUATIONS) for _ in range(EMOTIONS))
    ids = tuple(map(str, range(len(names))))
    return Activations(values, ids, emotions, names if declared else None, values[:, :0], "last")


def curves(seed, strength, **settings):
    layers = tuple(range(len(strength)))
    return depth_curves(
        world(seed, strength, **settings), layers, Resampling(n_bootstrap=60, seed=seed)
    )


def verdicts(strength, n, of):
    """How often each measure's verdict is shown, and how often not shown."""
    found = {m: [] for m in Measure}
    for seed in range(n):
        for measure, curve in curves(seed, strength).items():
            found[measure].append(of(curve))
    return {
        m: tuple(
            np.mean([v is x for v in of_m]) for x in (SearchVerdict.shown, SearchVerdict.not_shown)
        )
        for m, of_m in found.items()
    }


def of_u(curve):
    return u_shape(curve).verdict


def of_half(curve):
    return place(curve).about_half


@pytest.mark.parametrize("measure", [Measure.accuracy, Measure.crossnobis])
def test_a_planted_u_is_found_at_half_of_the_depth(measure):
    curve = curves(1, HUMP)[measure]
    shape, where = u_shape(curve), place(curve)
    assert shape.verdict is SearchVerdict.shown
    assert shape.first.low > 0 < shape.last.low
    assert where.percent == 50
    assert where.about_half is SearchVerdict.shown


@pytest.mark.parametrize("strength", [RISING, RISING[::-1]])
def test_a_curve_that_goes_one_way_is_no_u(strength):
    for measure in (Measure.accuracy, Measure.crossnobis):
        curve = curves(2, strength)[measure]
        assert u_shape(curve).verdict is SearchVerdict.not_shown
        assert place(curve).about_half is not SearchVerdict.shown


def test_the_published_cosine_does_not_see_the_planted_u():
    """Centring holds it near -1 / (k - 1), whether emotions lie apart or not."""
    curve = curves(1, HUMP)[Measure.mean_cosine]
    assert np.abs(curve.value + 1 / (EMOTIONS - 1)).max() < 0.03
    assert u_shape(curve).verdict is SearchVerdict.untold


def test_a_few_layers_have_no_quarters():
    curve = curves(0, FLAT[:3])[Measure.accuracy]
    assert u_shape(curve) is None
    assert np.isfinite(place(curve).low)


def test_undeclared_situations_are_left_out_item_by_item():
    found = curves(0, HUMP[2:6], declared=False)
    assert len(found[Measure.accuracy].without) == EMOTIONS * SITUATIONS
    assert len(found[Measure.crossnobis].without) == SITUATIONS


def test_the_interval_holds_the_value_and_widens_with_fewer_situations():
    curve = curves(0, FLAT)[Measure.crossnobis]
    interval = curve.interval
    assert (interval.low < curve.value).all()
    assert (curve.value < interval.high).all()


@pytest.mark.slow
@pytest.mark.parametrize(
    "strength", [FLAT, np.zeros(LAYERS), RISING], ids=["flat", "none", "rising"]
)
def test_without_a_u_one_is_shown_in_at_most_5_percent(strength):
    for measure, (shown, _) in verdicts(strength, 100, of_u).items():
        assert shown <= 0.05, measure
    for measure, (shown, _) in verdicts(strength, 100, of_half).items():
        assert shown <= 0.05, measure


@pytest.mark.slow
def test_a_planted_u_is_shown_and_never_refused():
    found = verdicts(HUMP, 60, of_u)
    for measure in (Measure.accuracy, Measure.crossnobis):
        assert found[measure][0] > 0.9
        assert found[measure][1] == 0
