"""Oracles: the classical test model in closed form and in simulation, plain loops, scipy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from emo.core.stats.correlation import spearman_brown
from emo.core.stats.reliability import (
    LEAST_AGREEMENT,
    ceiling,
    full_length,
    noise_ceiling,
    surviving_share,
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


def test_correction_recovers_the_correlation_of_simulated_truths(rng):
    a = rng.normal(size=200_000)
    b = 0.6 * a + 0.8 * rng.normal(size=a.shape)
    first, second = (a + rng.normal(size=a.shape) for _ in range(2))
    other, another = (b + 0.5 * rng.normal(size=a.shape) for _ in range(2))
    reliabilities = np.corrcoef(first, second)[0, 1], np.corrcoef(other, another)[0, 1]
    rho = np.corrcoef(first, other)[0, 1]
    assert rho < 0.4
    assert ceiling(*reliabilities).value == pytest.approx(np.sqrt(0.5 * 0.8), abs=0.01)
    assert rho / ceiling(*reliabilities).value == pytest.approx(0.6, abs=0.01)


@pytest.mark.parametrize(
    ("reliabilities", "words"),
    [
        ((float("nan"), 0.5), "the first set has no reliability"),
        ((0.5, float("nan")), "the second set has no reliability"),
        ((0.5, 0.0), "reliability of the second set is 0.00, not positive"),
        ((-0.1, 0.5), "reliability of the first set is -0.10, not positive"),
    ],
)
def test_no_ceiling_without_two_positive_reliabilities(reliabilities, words):
    got = ceiling(*reliabilities)
    assert got.value is None
    assert words in got.reason


def test_share_of_an_agreement():
    assert surviving_share(0.3, 0.6).value == pytest.approx(0.5)
    assert surviving_share(-0.03, 0.6).value == pytest.approx(-0.05)
    got = surviving_share(0.09, LEAST_AGREEMENT)
    assert got.value is None
    assert got.reason == "agreement on the same items is 0.10, too low to have shares (at most 0.1)"
    assert surviving_share(0.1, -0.5).value is None
    for pair in ((float("nan"), 0.5), (0.5, float("nan"))):
        assert surviving_share(*pair).reason == "too few items to halve"


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
