"""Oracles: the classical test model in closed form and in simulation, plain loops, scipy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from emo.core.stats.correlation import spearman_brown
from emo.core.stats.reliability import (
    full_length,
    noise_ceiling,
)


@given(st.floats(-0.95, 1))
def test_equal_halves_are_spearman_brown(half):
    assert full_length(half) == pytest.approx(spearman_brown(half), abs=1e-9)


@given(st.floats(0.01, 100), st.floats(0.05, 0.5))
def test_unequal_halves_of_the_classical_model_give_its_reliability(signal, share):
    """Items = truth + noise: reliability of a share p of them is p s / (1 + p s)."""

    def part(p):
        return p * signal / (1 + p * signal)

    half = np.sqrt(part(share) * part(1 - share))
    assert full_length(float(half), share * (1 - share)) == pytest.approx(part(1), rel=1e-6)


def test_full_length_of_nothing_is_nothing():
    assert np.isnan(full_length(-1.0))
    assert np.isnan(full_length(float("nan")))
    assert full_length(0.0) == 0
    assert full_length(-0.2) < 0


def test_noise_ceiling_is_the_loop(rng):
    rdms = rng.normal(size=15) + rng.normal(size=(5, 15))
    ranked = np.array([np.argsort(np.argsort(x)) for x in rdms])
    upper = [spearmanr(x, ranked.mean(axis=0))[0] for x in rdms]
    lower = [spearmanr(rdms[i], np.delete(ranked, i, axis=0).mean(axis=0))[0] for i in range(5)]
    assert noise_ceiling(rdms) == (pytest.approx(np.mean(lower)), pytest.approx(np.mean(upper)))


def test_noise_ceiling_of_equal_and_of_unrelated_sets(rng):
    x = rng.normal(size=200)
    assert noise_ceiling(np.stack([x, x**3, np.exp(x)])) == (pytest.approx(1), pytest.approx(1))
    lower, upper = noise_ceiling(rng.normal(size=(6, 200)))
    assert abs(lower) < 0.1
    assert upper > 0.3  # each set is part of the mean it is compared with


def test_noise_ceiling_leaves_missing_pairs_out_everywhere(rng):
    rdms = rng.normal(size=(3, 20))
    spoilt = rdms.copy()
    spoilt[1, 4] = np.nan
    assert noise_ceiling(spoilt) == pytest.approx(noise_ceiling(np.delete(rdms, 4, axis=1)))


def test_one_set_has_no_noise_ceiling(rng):
    with pytest.raises(ValueError, match="at least 2 sets, there are 1"):
        noise_ceiling(rng.normal(size=(1, 10)))
