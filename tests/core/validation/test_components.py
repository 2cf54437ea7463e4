"""Shares of components, valence along the first, and layers that hold one geometry."""

import numpy as np
import pytest

from emo.core.stats.resampling import stream
from emo.core.validation.components import components
from emo.core.validation.layers import layer_stability

EMOTIONS = np.tile(np.arange(10), 12)
GROUPS = np.repeat(np.arange(12), 10)
POLES = (1.0,) * 4 + (-1.0,) * 4 + (0.0,) * 2
NAMES = tuple(f"e{k}" for k in range(10))


def items(rng, valence, hidden=16):
    """Twelve situations of ten emotions: a situation's part, noise, and valence along one direction."""
    x = rng.normal(size=(120, hidden)) + 2 * rng.normal(size=(12, hidden))[GROUPS]
    direction = rng.normal(size=hidden) / 4
    return x + valence * np.array(POLES)[EMOTIONS][:, None] * direction


@pytest.mark.slow
def test_without_valence_share_and_r_are_shown_in_five_percent():
    n, share, r = 100, 0, 0
    for k in range(n):
        rng = stream(0, "none", k)
        found = components(items(rng, 0.0), EMOTIONS, GROUPS, NAMES, POLES, 59, rng)
        share += found.shares[0].p <= 0.05
        r += found.valence_p <= 0.05
    assert max(share, r) / n <= 0.05 + 2.6 * (0.05 * 0.95 / n) ** 0.5


def test_a_planted_axis_is_found():
    for k in range(2):
        rng = stream(1, "planted", k)
        found = components(items(rng, 4.0), EMOTIONS, GROUPS, NAMES, POLES, 99, rng)
        assert found.shares[0].p <= 0.05 and found.shares[0].value > found.shares[0].null
        assert found.valence > 0.9 and found.valence_p <= 0.05 and found.valence_low > 0.6
        assert min(found.first[:4]) > max(found.first[4:8])


def layered(rng, same):
    """Six layers that read the same texts: one geometry in all, or one of each layer's own."""
    hidden = 16
    noise = rng.normal(size=(120, hidden))
    one = rng.normal(size=(10, hidden))
    own = rng.normal(size=(6, 10, hidden))
    vectors = np.broadcast_to(one, own.shape) if same else own
    return vectors[:, EMOTIONS] + 1.5 * noise[None] + 0.5 * rng.normal(size=(6, 120, hidden))


@pytest.mark.slow
def test_one_geometry_in_all_layers_is_shown_and_own_ones_are_not():
    layers = tuple(range(6))
    yes = no = 0
    for k in range(8):
        for same in (True, False):
            rng = stream(2, same, k)
            found = layer_stability(layered(rng, same), layers, EMOTIONS, GROUPS, 0.8, 8, rng)
            if same:
                yes += found.low > 0.8 and found.p <= 0.05
                assert 0.9 < found.value < 1.1
            else:
                no += found.p <= 0.05
                assert found.same_mean > found.value - 0.1
    assert yes >= 7 and no == 0


def test_layers_that_share_noise_alone_agree_on_the_same_items_only():
    same, disjoint = [], []
    for k in range(2):
        rng = stream(3, "noise", k)
        noise = rng.normal(size=(120, 16))
        values = noise[None] + 0.3 * rng.normal(size=(6, 120, 16))
        found = layer_stability(values, tuple(range(6)), EMOTIONS, GROUPS, 0.8, 4, rng)
        same.append(found.same_mean)
        disjoint.append(np.mean(found.disjoint))
        assert not found.p <= 0.05
    assert np.mean(same) > 0.7 and abs(np.mean(disjoint)) < 0.15
