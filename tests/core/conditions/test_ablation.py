"""Responses against plain loops, effects against planted ones, intervals that hold what they should."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from emo.core.conditions.ablation import EFFECTS, Responses, ablation, responses
from emo.core.geometry.item_sets import ItemSet
from emo.core.records import Activations
from emo.core.stats.factorial import full_factorial

EMOTIONS = tuple("abcdefgh")


def items(rng, geometry, noise, prompts=4, hidden=12):
    """Emotions told by every prompt: a common geometry and noise of each text's own."""
    values = np.repeat(geometry, prompts, axis=0) + noise * rng.normal(
        size=(len(geometry) * prompts, hidden)
    )
    emotions = EMOTIONS[: len(geometry)]
    return ItemSet.make(
        Activations(
            values=values[None].astype(np.float32),
            item_ids=tuple(f"{p}" for _ in emotions for p in range(prompts)),
            emotions=tuple(e for e in emotions for _ in range(prompts)),
            situations=tuple(f"p{p}" for _ in emotions for p in range(prompts)),
            neutral=np.ones((1, 2, hidden), np.float32),
            position="mid",
        ),
        0,
    )


@pytest.fixture
def geometry(rng):
    return rng.normal(size=(8, 12))


def test_rho_is_spearmans_of_the_centred_rdms(rng, geometry):
    a, b = items(rng, geometry, 0.5), items(rng, geometry, 1.0)
    found = responses(a, [a, b], 5, 0)
    rdms = [s.rdm(EMOTIONS) for s in (a, b)]
    assert found.rho == pytest.approx([1.0, spearmanr(*rdms).statistic])
    assert found.replicates.shape == (5, 2)
    assert found.replicates[:, 0] == pytest.approx(1)


def test_left_out_is_rho_without_the_emotion(rng, geometry):
    a, b = items(rng, geometry, 0.5), items(rng, geometry, 1.0)
    found = responses(a, [b], 2, 0)
    for k, emotion in enumerate(EMOTIONS):
        rest = [e for e in EMOTIONS if e != emotion]
        want = spearmanr(a.rdm(rest), b.rdm(rest)).statistic
        assert found.left_out[k, 0] == pytest.approx(want)


def test_equal_points_have_equal_replicates_so_that_their_difference_has_no_noise(rng, geometry):
    reference, point = items(rng, geometry, 0.5), items(rng, geometry, 0.5)
    found = responses(reference, [point, point], 20, 0)
    assert np.allclose(found.replicates[:, 0], found.replicates[:, 1], rtol=0, atol=1e-12)
    assert found.replicates[:, 0].std() > 0


def test_what_cannot_be_resampled_has_the_references_spread_only(rng, geometry):
    reference, single = items(rng, geometry, 0.5), items(rng, geometry, 0.5, prompts=1)
    found = responses(reference, [single], 20, 0)
    assert found.replicates.std() > 0
    fixed = responses(single, [single, items(rng, geometry, 0.5, prompts=1)], 20, 0)
    assert np.ptp(fixed.replicates, axis=0) == pytest.approx([0, 0])


def test_planted_effects_come_out(rng):
    """A response that is additive but for one interaction, in Fisher's z nothing is planted."""
    factors = ("x", "y", "z")
    x, y, z = full_factorial(3).T
    rho = 0.9 - 0.4 * x - 0.1 * y - 0.2 * x * y + 0 * z
    found = Responses(
        rho=rho,
        replicates=rho + 0.01 * rng.normal(size=(50, 8)),
        left_out=np.tile(rho, (5, 1)),
        emotions=EMOTIONS[:5],
    )
    effects = ablation(factors, found)
    assert effects.texts.ranking == ("x", "y", "z")
    assert effects.texts.shapley.value == pytest.approx([0.5, 0.2, 0.0])
    assert effects.texts.loosened.value == pytest.approx([-0.4, -0.1, 0.0])
    assert effects.texts.restored.value == pytest.approx([0.6, 0.3, 0.0])
    assert effects.texts.interaction.value == pytest.approx([-0.1, 0.0, 0.0])
    for name in EFFECTS:
        assert effects.emotions[name].high == pytest.approx(effects.emotions[name].low)


def test_jackknife_over_emotions_by_the_textbook(rng):
    left_out = rng.normal(size=(6, 2))
    found = Responses(np.array([0.3, 0.1]), np.empty((0, 2)), left_out, EMOTIONS[:6])
    over = ablation(("x",), found).emotions["main"]
    effects = left_out[:, 1] - left_out[:, 0]
    error = np.sqrt(5 / 6 * sum((e - effects.mean()) ** 2 for e in effects))
    assert (over.high - over.value).item() == pytest.approx(2.570581835 * error)


def test_of_three_emotions_none_can_be_left_out(rng):
    a, b = (items(rng, rng.normal(size=(3, 12)), 0.5) for _ in range(2))
    effects = ablation(("x",), responses(a, [a, b], 5, 0))
    assert np.isnan(effects.emotions["main"].low).all()
    assert np.isfinite(effects.texts.main.low).all()
