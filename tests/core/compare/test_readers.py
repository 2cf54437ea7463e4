"""Two readings of one model: planted agreement, rounding, faults and gaps."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from emo.core.compare.readers import ROUNDOFF, equivalence, tolerance
from emo.core.records import Activations, LabelMismatch

EMOTIONS = ("afraid", "calm", "happy", "proud")
LAYERS, ITEMS, HIDDEN = 3, 12, 16


def reading(values, neutral, emotions=EMOTIONS):
    n = values.shape[1]
    return Activations(
        values=values.astype(np.float32),
        item_ids=tuple(f"p{i}" for i in range(n)),
        emotions=tuple(emotions[i % len(emotions)] for i in range(n)),
        situations=tuple(f"s{i // len(emotions)}" for i in range(n)),
        neutral=neutral.astype(np.float32),
        position="last",
    )


@pytest.fixture
def a(rng):
    return reading(rng.normal(size=(LAYERS, ITEMS, HIDDEN)), rng.normal(size=(LAYERS, 3, HIDDEN)))


def changed(a, factor=1.0, noise=0.0, rng=None):
    values = a.values * np.float32(factor)
    if noise:
        values = values + np.float32(noise) * rng.standard_normal(values.shape).astype(np.float32)
    return dataclasses.replace(a, values=values)


def test_the_same_numbers_are_exact_everywhere(a):
    e = equivalence(a, a, "fp32")
    assert e.verdicts == ("exact",) * LAYERS
    assert e.agrees
    assert e.max_abs.tolist() == e.relative.tolist() == e.rdm_frobenius.tolist() == [0] * LAYERS
    assert np.allclose(e.cosine_min, 1, atol=1e-12)
    assert np.allclose(e.rdm_rho, 1)


def test_numbers_against_a_plain_loop(a, rng):
    b = changed(a, noise=0.3, rng=rng)
    e = equivalence(a, b, "bf16")
    for layer in range(LAYERS):
        means = []
        for r in (a, b):
            x = r.values[layer].astype(float)
            rows = [x[[n == name for n in r.emotions]].mean(axis=0) for name in EMOTIONS]
            means.append(np.array(rows) - np.mean(rows, axis=0))
        p, q = means
        cosines = [u @ v / np.linalg.norm(u) / np.linalg.norm(v) for u, v in zip(p, q, strict=True)]
        assert e.cosine_mean[layer] == pytest.approx(np.mean(cosines))
        assert e.cosine_min[layer] == pytest.approx(min(cosines))
        rdms = []
        for m in (p, q):
            unit = m / np.linalg.norm(m, axis=1, keepdims=True)
            rdms.append([1 - unit[i] @ unit[j] for i in range(4) for j in range(i + 1, 4)])
        x, y = np.array(rdms)
        assert e.rdm_rho[layer] == pytest.approx(spearmanr(x, y).statistic)
        assert e.rdm_frobenius[layer] == pytest.approx(np.linalg.norm(x - y) / np.linalg.norm(x))
        d = b.values[layer].astype(float) - a.values[layer]
        norms = np.linalg.norm(a.values[layer].astype(float), axis=1)
        assert e.relative[layer] == pytest.approx(max(np.linalg.norm(d, axis=1) / norms))
        assert e.max_abs[layer] == pytest.approx(np.abs(d).max())


def test_neutral_sentences_count_too(a):
    neutral = a.neutral.copy()
    neutral[1, 2, 5] += 3
    e = equivalence(a, dataclasses.replace(a, neutral=neutral), "fp32")
    assert e.verdicts == ("exact", "outside", "exact")
    assert e.max_abs[1] == pytest.approx(3, rel=1e-6)
    assert e.cosine_min[1] == pytest.approx(1)  # emotion vectors are of the passages


@pytest.mark.parametrize("precision", ROUNDOFF)
@given(where=st.floats(0.01, 100), seed=st.integers(0, 100))
def test_verdict_is_drawn_at_the_tolerance(precision, where, seed):
    rng = np.random.default_rng(seed)
    a = reading(rng.normal(size=(1, ITEMS, HIDDEN)), rng.normal(size=(1, 3, HIDDEN)))
    b = changed(a, factor=1 + where * tolerance(precision))
    e = equivalence(a, b, precision)
    assert e.relative[0] == pytest.approx(where * tolerance(precision), rel=0.02, abs=1e-7)
    if abs(where - 1) > 0.1:
        assert e.verdicts == (("within",) if where < 1 else ("outside",))
        assert e.agrees == (where < 1)


def test_tolerances_follow_the_formats():
    for precision, dtype in (("fp32", np.float32), ("fp16", np.float16)):
        assert ROUNDOFF[precision] == np.finfo(dtype).eps / 2
    assert ROUNDOFF["bf16"] == 2.0**-8  # 8 bits of precision, 7 of them stored
    assert tolerance("fp32") < tolerance("fp16") < tolerance("bf16")


def test_a_scale_is_seen_although_no_cosine_sees_it(a):
    """A folded norm scales the stream; the published figures, all of them cosines, would pass."""
    e = equivalence(a, changed(a, factor=1.5), "bf16")
    assert np.allclose(e.cosine_min, 1)
    assert np.allclose(e.rdm_rho, 1)
    assert e.verdicts == ("outside",) * LAYERS


def test_one_emotion_that_is_off_is_the_smallest_cosine(a):
    values = a.values.copy()
    values[2, [e == "happy" for e in a.emotions]] *= -1
    e = equivalence(a, dataclasses.replace(a, values=values), "fp32")
    assert e.cosine_min[2] < 0 < e.cosine_mean[2]
    assert e.worst_layer == 2


def gap(a, layer, item=0, value=np.inf):
    values = a.values.copy()
    values[layer, item, 0] = value
    return dataclasses.replace(a, values=values)


def test_a_layer_that_overflows_in_both_is_not_compared(a):
    e = equivalence(gap(a, 1), gap(a, 1, value=np.nan), "fp16")
    assert e.verdicts == ("exact", "not finite", "exact")
    assert e.agrees
    assert np.isnan(e.cosine_mean[1])
    assert np.isnan(e.relative[1])
    assert e.headline()["cosine_min"] == pytest.approx(1)


def test_a_layer_that_overflows_in_one_only_does_not_agree(a):
    for pair in ((gap(a, 1), a), (a, gap(a, 1)), (gap(a, 1), gap(a, 1, item=3))):
        e = equivalence(*pair, "fp16")
        assert e.verdicts == ("exact", "outside", "exact")
        assert not e.agrees


def test_nothing_finite_is_no_agreement(a):
    b = dataclasses.replace(a, values=np.full_like(a.values, np.nan))
    e = equivalence(b, b, "fp16")
    assert e.verdicts == ("not finite",) * LAYERS
    assert not e.agrees
    assert e.worst_layer is None
    assert e.headline()["relative"] is None


def test_headline_is_the_worst_layer_of_each(a, rng):
    values = a.values.copy()
    values[0] += 0.5 * rng.standard_normal(values[0].shape).astype(np.float32)
    values[2] += 0.1 * rng.standard_normal(values[0].shape).astype(np.float32)
    e = equivalence(a, dataclasses.replace(a, values=values), "bf16")
    headline = e.headline()
    assert headline["agrees"] == 0
    for name in ("cosine_mean", "cosine_min", "rdm_rho"):
        assert headline[name] == getattr(e, name).min()
    for name in ("max_abs", "relative", "rdm_frobenius"):
        assert headline[name] == getattr(e, name).max() > 0


def test_removing_situations_reaches_the_emotion_vectors(a):
    values = a.values.copy()
    values[:, :4] += 100  # one situation, moved as a whole; its mean goes away again
    b = dataclasses.replace(a, values=values)
    assert equivalence(a, b, "fp32", "situation").rdm_rho == pytest.approx(np.ones(LAYERS))
    assert equivalence(a, b, "fp32", "situation").verdicts == ("outside",) * LAYERS


def test_identical_texts_have_no_cosine_and_make_no_warning(a):
    same = dataclasses.replace(a, values=np.ones_like(a.values))
    e = equivalence(same, same, "fp32")
    assert np.isnan(e.cosine_mean).all()
    assert e.verdicts == ("exact",) * LAYERS


def test_other_items_or_another_order_are_refused(a):
    with pytest.raises(LabelMismatch, match="items differ at position 0"):
        equivalence(a, dataclasses.replace(a, item_ids=a.item_ids[::-1]), "fp32")
    with pytest.raises(LabelMismatch, match="emotions differ"):
        equivalence(a, dataclasses.replace(a, emotions=a.emotions[::-1]), "fp32")
