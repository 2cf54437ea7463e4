"""Effects against planted ones, factors held where nothing can be told, what noise alone does."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from emo.core.conditions.ablation import EFFECTS, ablation, shared_rho, stepped
from emo.core.conditions.replicates import ReplicateAgreement
from emo.core.stats.factorial import full_factorial
from tests.core.conditions.text_worlds import texts

EMOTIONS = tuple("abcde")


def agreement(relative, reliability=0.49, reference=0.25, emotions=EMOTIONS):
    """An agreement whose relative values are these, in every row."""
    shape = (len(emotions) + 1, len(relative))
    own = np.broadcast_to(np.asarray(reliability, float), shape)
    replicate = np.full(shape[0], reference)
    limit = np.sqrt(np.maximum(own * reference, 0))
    return ReplicateAgreement(np.tile(relative, (shape[0], 1)) * limit, own, replicate, emotions)


def test_planted_effects_come_out():
    """A response that is additive but for one interaction."""
    x, y, z = full_factorial(3).T
    found = ablation(("x", "y", "z"), agreement(1 - 0.4 * x - 0.1 * y - 0.2 * x * y + 0 * z))
    effects = found.effects
    assert effects.ranking == ("x", "y", "z")
    assert effects.shapley.value == pytest.approx([0.5, 0.2, 0.0])
    assert effects.loosened.value == pytest.approx([-0.4, -0.1, 0.0])
    assert effects.restored.value == pytest.approx([0.6, 0.3, 0.0])
    assert effects.interaction.value == pytest.approx([-0.1, 0.0, 0.0])
    for name in EFFECTS:
        e = getattr(effects, name)
        assert e.high == pytest.approx(e.low)
    assert effects.told == ("x", "y")
    assert found.held == ()
    assert float(found.zero_line.value) == 0.25


def test_intervals_are_over_emotions_left_out(rng):
    values = 1 + 0.1 * rng.normal(size=(6, 2))
    ones = np.ones((6, 2))
    found = ablation(("x",), ReplicateAgreement(values, ones, np.ones(6), EMOTIONS))
    effects = values[1:, 1] - values[1:, 0]
    error = np.sqrt(4 / 5 * ((effects - effects.mean()) ** 2).sum())
    main = found.effects.main
    assert main.value == pytest.approx(values[0, 1] - values[0, 0])
    assert (main.high - main.value).item() == pytest.approx(2.776445105 * error)
    assert found.points.value == pytest.approx(values[0])


def test_a_factor_whose_loose_settings_are_noise_is_held():
    """Where y is loose nothing agrees with itself; the effect of x is of the other settings."""
    x, y = full_factorial(2).T
    found = ablation(("x", "y"), agreement(1 - 0.3 * x, np.where(y, -0.1, 0.5)))
    assert found.held == ("y",)
    assert found.effects.factors == ("x",)
    assert found.effects.main.value == pytest.approx([-0.3])
    assert np.isnan(found.points.value[y == 1]).all()


def test_one_value_without_an_emotion_missing_is_enough_to_hold():
    x = full_factorial(2)[:, 0]
    reliability = np.full((6, 4), 0.5)
    reliability[3, 2] = -0.1
    assert ablation(("x", "y"), agreement(1 - 0.3 * x, reliability)).held == ("y",)


def test_a_reference_that_is_noise_tells_nothing():
    found = ablation(("x", "y"), agreement(np.ones(4), 0.5, reference=-0.02))
    assert set(found.held) == {"x", "y"}
    assert found.effects is None


def test_of_three_emotions_none_can_be_left_out():
    emotions = ("a", "b", "c")
    given = agreement(np.array([1.0, 0.5]), emotions=emotions)
    given.disjoint[1:] = np.nan
    effects = ablation(("x",), given).effects
    assert effects.main.value == pytest.approx([-0.5])
    assert np.isnan(effects.main.low).all()


def test_the_number_of_texts_is_noise_and_no_effect():
    """Ten texts against one: the same relative agreement, another attainable rho."""
    found = ablation(("samples",), agreement(np.ones(2), 0.5, 0.5), np.array([2.0, 0.2]))
    assert found.effects.main.value == pytest.approx([0.0])
    assert found.effects.told == ()
    few = 0.2 * 0.5 / (1 - 0.8 * 0.5)
    assert found.attainable == pytest.approx([2 / 3, np.sqrt(2 / 3 * few)])
    assert found.noise == pytest.approx([found.attainable[1] - found.attainable[0]])


def test_stepping_there_and_back_changes_nothing(rng):
    r = rng.uniform(0.05, 0.95, 20)
    times = rng.uniform(0.1, 9, 20)
    assert stepped(stepped(r, times), 1 / times) == pytest.approx(r)


def test_shared_rho_is_spearmans_of_all_texts(rng):
    geometry = rng.normal(size=(6, 12))
    a, b = texts(rng, geometry, 0.5), texts(rng, geometry, 1.0)
    want = spearmanr(a.rdm(a.emotions), b.rdm(a.emotions)).statistic
    assert shared_rho(a, [a, b]) == pytest.approx([1.0, want])
