import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from emo.core.compare.precision import deviation
from emo.core.geometry.cosines import paired_cosines
from emo.core.records import Activations, LabelMismatch

EMOTIONS = ("calm", "sad", "happy", "proud")


def activations(values, ids=None, emotions=None, neutral=None):
    n = values.shape[1]
    return Activations(
        values=values.astype(np.float32),
        item_ids=ids or tuple(f"p{i}" for i in range(n)),
        emotions=emotions or tuple(EMOTIONS[i % 4] for i in range(n)),
        situations=tuple(f"s{i // 4}" for i in range(n)),
        neutral=np.ones((len(values), 2, values.shape[2]), np.float32)
        if neutral is None
        else neutral,
        position="last",
    )


def test_the_same_activations_agree_everywhere(rng):
    a = activations(rng.standard_normal((3, 12, 6)))
    d = deviation(a, a)
    for curve in d.curves().values():
        assert curve.shape == (3,)
        assert np.allclose(curve, 1)


def test_oracle_loops(rng):
    values, reference = rng.standard_normal((2, 2, 12, 6)).astype(np.float32)
    d = deviation(activations(values), activations(reference))
    for layer in range(2):
        a, b = values[layer].astype(float), reference[layer].astype(float)
        cosines = [x @ y / np.sqrt((x @ x) * (y @ y)) for x, y in zip(a, b, strict=True)]
        assert d.cosine_mean[layer] == pytest.approx(np.mean(cosines))
        assert d.cosine_min[layer] == pytest.approx(min(cosines))
        vectors, flat = [], []
        for v in (a, b):
            means = np.stack([v[e::4].mean(axis=0) for e in range(4)])
            means -= means.mean(axis=0)
            vectors.append(means)
            unit = means / np.linalg.norm(means, axis=1, keepdims=True)
            flat.append([unit[i] @ unit[j] for i in range(4) for j in range(i + 1, 4)])
        each = [
            x @ y / np.linalg.norm(x) / np.linalg.norm(y) for x, y in zip(*vectors, strict=True)
        ]
        assert d.vector_cosine[layer] == pytest.approx(np.mean(each))
        assert d.vector_cosine_min[layer] == pytest.approx(min(each))
        assert d.rho[layer] == pytest.approx(scipy.stats.spearmanr(*flat).statistic)


@given(st.floats(0.1, 10), st.integers(0, 2**32 - 1))
def test_scale_and_rotation_and_shift(scale, seed):
    """Cosines ignore scale; a rotation or a common shift moves items but not the geometry."""
    rng = np.random.default_rng(seed)
    values = rng.standard_normal((1, 12, 6))
    same = deviation(activations(scale * values), activations(values))
    assert same.cosine_min[0] == pytest.approx(1, abs=1e-5)
    rotation = np.linalg.qr(rng.standard_normal((6, 6)))[0]
    turned = deviation(activations(values @ rotation + 3), activations(values))
    assert turned.rho[0] > 0.99
    assert turned.cosine_mean[0] < 0.999


def test_one_item_that_is_off_shows_in_the_minimum(rng):
    values = rng.standard_normal((2, 12, 6))
    off = values.copy()
    off[1, 5] *= -1
    d = deviation(activations(off), activations(values))
    assert d.cosine_min[0] == pytest.approx(1)
    assert d.cosine_min[1] == pytest.approx(-1)
    assert d.cosine_mean[1] == pytest.approx(10 / 12)


@pytest.mark.parametrize("side", [0, 1])
def test_layers_that_are_not_finite_on_both_sides_have_no_value(rng, side):
    pair = list(rng.standard_normal((2, 3, 12, 6)))
    pair[side][1, 3, 2] = np.inf
    pair[side][2, 0, 0] = np.nan
    d = deviation(*map(activations, pair))
    for curve in d.curves().values():
        assert np.isfinite(curve).tolist() == [True, False, False]


@pytest.mark.parametrize("side", [0, 1])
def test_a_layer_in_which_only_a_neutral_sentence_overflows_has_no_value(rng, side):
    values, neutral = rng.standard_normal((3, 12, 6)), rng.standard_normal((3, 2, 6))
    broken = neutral.astype(np.float32)
    broken[1, 1, 4] = np.inf
    pair = [activations(values, neutral=n) for n in (neutral.astype(np.float32), broken)]
    d = deviation(pair[side], pair[1 - side])
    for curve in d.curves().values():
        assert np.isfinite(curve).tolist() == [True, False, True]


def test_situation_means_are_removed_from_both(rng):
    values = rng.standard_normal((1, 12, 6))
    shifted = values + np.repeat(100 * rng.standard_normal((3, 6)), 4, axis=0)
    plain, removed = (
        deviation(activations(shifted), activations(values), how) for how in ("none", "situation")
    )
    assert removed.vector_cosine[0] == pytest.approx(1, abs=1e-4)
    assert plain.cosine_mean[0] == removed.cosine_mean[0] < 0.9  # items stay as they are


def test_other_items_or_shapes_are_refused(rng):
    a = activations(rng.standard_normal((2, 4, 6)))
    with pytest.raises(LabelMismatch, match="items differ at position 1"):
        deviation(a, activations(a.values, ids=("p0", "x", "p2", "p3")))
    with pytest.raises(LabelMismatch, match="emotions differ at position 0"):
        deviation(a, activations(a.values, emotions=("sad", "calm", "happy", "proud")))
    with pytest.raises(
        LabelMismatch, match=r"layers and hidden sizes differ: \(2, 6\) and \(1, 6\)"
    ):
        deviation(a, activations(a.values[:1]))


def test_a_zero_row_has_no_cosine():
    got = paired_cosines(np.array([[0.0, 0], [3, 4]]), np.array([[1.0, 0], [3, 4]]))
    assert np.isnan(got[0])
    assert got[1] == pytest.approx(1)
