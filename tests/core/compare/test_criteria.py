"""Agreement with an external RDM at every layer: planted valence is found, no valence is not."""

import numpy as np
import pytest

from emo.core.compare.criteria import criterion_curve
from emo.core.records import Activations, LabelMismatch, Rdm
from emo.core.stats.resampling import Resampling
from tests.core.planted import crossed

SETTINGS = Resampling(n_permutations=39)
NAMES = tuple(f"e{i}" for i in range(10))
VALENCE = np.array([1.0] * 5 + [-1.0] * 5)


def valence(names=NAMES):
    values = VALENCE[[NAMES.index(n) for n in names]]
    i, j = np.triu_indices(len(names), 1)
    return Rdm(-np.abs(values[i] - values[j]), names, 0)


def activations(rng, valences, geometry=0.0, hidden=20):
    emotions, groups = crossed(10, 12)
    axis, own = rng.normal(size=hidden), rng.normal(size=(10, hidden))
    layers = [
        v * VALENCE[emotions][:, None] * axis
        + geometry * own[emotions]
        + rng.normal(size=(len(emotions), hidden))
        for v in valences
    ]
    values = np.array(layers, dtype=np.float32)
    return Activations(
        values,
        tuple(map(str, range(len(emotions)))),
        tuple(NAMES[e] for e in emotions),
        tuple(f"s{g}" for g in groups),
        values[:, :0],
        "last",
    )


def test_planted_valence_is_found_at_its_layer(rng):
    curve = criterion_curve(activations(rng, [0, 1, 0]), valence(), "valence", SETTINGS, 199)
    assert curve.rho[1] > 0.75
    assert curve.null.p[1] == pytest.approx(1 / 40)
    assert curve.search.mantel_p[1] <= 0.02
    assert abs(curve.rho[[0, 2]]).max() < 0.5
    assert curve.null.low[1] < 0 < curve.null.high[1] < curve.rho[1]


def test_without_emotion_few_layers_are_shown(rng):
    curve = criterion_curve(activations(rng, [0] * 30), valence(), "valence", SETTINGS, 199)
    assert (curve.null.p <= 0.05).sum() <= 6
    assert (curve.search.mantel_p <= 0.05).sum() <= 6


def test_only_emotions_that_both_know_are_compared(rng):
    data = activations(rng, [1.0])
    some = (*NAMES[3:8][::-1], "pride")
    i, j = np.triu_indices(6, 1)
    values = np.zeros((6, 6))
    a, b = np.triu_indices(5, 1)
    values[a, b] = valence(some[:-1]).cosines
    curve = criterion_curve(data, Rdm(values[i, j], some, 0), "valence", SETTINGS, 99)
    assert curve.search.emotions == NAMES[3:8]
    assert curve.rho[0] > 0.6


def test_a_criterion_of_other_emotions_is_refused(rng):
    with pytest.raises(LabelMismatch, match="only 0 emotions are common"):
        criterion_curve(
            activations(rng, [1.0]), Rdm(np.zeros(3), ("x", "y", "z"), 0), "v", SETTINGS, 9
        )


def test_a_layer_that_is_not_finite_has_no_value(rng):
    data = activations(rng, [1.0, 1.0])
    data.values[1, 0, 0] = np.inf
    curve = criterion_curve(data, valence(), "valence", SETTINGS, 99)
    assert np.isnan([curve.rho[1], curve.null.p[1], curve.search.mantel_p[1]]).all()
    assert np.isfinite([curve.rho[0], curve.null.p[0], curve.search.mantel_p[0]]).all()
