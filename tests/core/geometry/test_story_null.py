"""Permuted labels of written texts: planted emotions stand out, and texts without emotion do not."""

from dataclasses import replace

import numpy as np
import pytest

from emo.core.geometry.generated import TextCounts, describe_stories, story_set
from emo.core.geometry.item_sets import Recipe
from emo.core.geometry.story_null import descriptors_of, exchanged_texts
from emo.core.records import NEUTRAL, Activations
from emo.core.stats.resampling import Resampling

FEW = Resampling(n_splits=10, splits_per_replicate=10, n_permutations=39)
N, PROMPTS, HIDDEN = 8, 4, 20
RECIPE = Recipe()


def texts(rng, strength, samples=1, repeated=1, prompts=PROMPTS, neutral=0):
    """One layer with emotions of a strength, one with none; each text is there ``repeated`` times."""
    emotion = np.tile(np.repeat(np.arange(N), samples), prompts)
    prompt = np.repeat(np.arange(prompts), N * samples)
    vectors, place = rng.normal(size=(N, HIDDEN)), rng.normal(size=(prompts, HIDDEN))
    values = np.stack([s * vectors[emotion] + place[prompt] for s in (strength, 0)]) + rng.normal(
        size=(2, len(emotion), HIDDEN)
    )
    values = np.repeat(values, repeated, axis=1)
    emotions = [f"e{e}" for e in np.repeat(emotion, repeated)]
    names = [f"p{p}" for p in np.repeat(prompt, repeated)]
    if neutral:
        values = np.concatenate([values, rng.normal(size=(2, neutral, HIDDEN)) + 3], axis=1)
        emotions += [NEUTRAL] * neutral
        names += [f"n{i}" for i in range(neutral)]
    return Activations(
        values=values.astype(np.float32),
        item_ids=tuple(map(str, range(len(emotions)))),
        emotions=tuple(emotions),
        situations=tuple(names) if prompts > 1 else None,
        neutral=rng.normal(size=(2, 5, HIDDEN)).astype(np.float32),
        position="last",
    )


def described(activations, recipe=RECIPE, effective=1.0, nominal=1.0, settings=FEW):
    counts = TextCounts(nominal, effective, effective, 0)
    return describe_stories(activations, 0, "in words", recipe, counts, settings)[1]


def test_planted_emotions_stand_out_at_their_layer(rng):
    d = described(texts(rng, 2.0))
    assert set(d.nulls) == {"mean_cosine", "rdm_std", "reliability"}
    null = d.nulls["reliability"]
    assert d.p("reliability") == null.p[0] == pytest.approx(1 / 40)
    assert null.high[0] < 0.6 < d.reliability
    assert null.p[1] > 0.05


@pytest.mark.parametrize(
    "recipe", [RECIPE, Recipe(centring="neutral"), Recipe(centring="none", unit_norm=True)]
)
def test_what_is_compared_with_the_null_is_what_the_run_shows(rng, recipe):
    data = texts(rng, 1.0, neutral=6 * (recipe.centring == "neutral"))
    d = described(data, recipe)
    made = replace(recipe, post_centred=False)
    for layer in (0, 1):
        observed = descriptors_of(story_set(data, layer, made), FEW)
        for name in ("mean_cosine", "rdm_std"):
            assert observed[name] == pytest.approx(float(d.curves[name][layer]), abs=1e-9)


def test_whole_emotions_are_exchanged_within_a_prompt(rng):
    emotions, prompts = np.tile(np.repeat(np.arange(4), 3), 5), np.repeat(np.arange(5), 12)
    orders = exchanged_texts(prompts, emotions, True, 30, rng)
    assert orders.shape == (30, 60)
    for order in orders:
        assert sorted(order) == list(range(60))
        assert (prompts[order] == prompts).all()
        # The three texts of an emotion go to one emotion together.
        assert (np.ptp(emotions[order].reshape(-1, 3), axis=1) == 0).all()
    assert len({tuple(o) for o in orders}) > 20


def test_emotions_with_other_numbers_of_texts_keep_their_places(rng):
    emotions, prompts = np.array([0, 0, 1, 1, 2, 0, 1, 2]), np.array([0, 0, 0, 0, 0, 1, 1, 1])
    orders = exchanged_texts(prompts, emotions, False, 40, rng)
    assert (orders[:, 4] == 4).all()
    assert {tuple(o[:4]) for o in orders} == {(0, 1, 2, 3), (2, 3, 0, 1)}


def test_a_single_prompt_of_repeated_texts_has_no_null(rng):
    alike = texts(rng, 1.0, repeated=4, prompts=1)
    assert described(alike, effective=1.0, nominal=4.0).nulls == {}
    differing = texts(rng, 2.0, samples=4, prompts=1)
    d = described(differing, effective=4.0, nominal=4.0)
    assert d.p("reliability") == pytest.approx(1 / 40)


def test_no_permutations_leave_the_nulls_out(rng):
    none = Resampling(n_splits=4, splits_per_replicate=4, n_permutations=0)
    d = described(texts(rng, 1.0), settings=none)
    assert (d.nulls, d.p("reliability")) == ({}, None)


@pytest.mark.slow
@pytest.mark.parametrize("repeated", [1, 4])
def test_texts_without_emotion_stand_out_as_often_as_p_says(rng, repeated):
    """Also where every text is there four times: exchanged one by one they would always stand out."""
    few = Resampling(n_splits=2, splits_per_replicate=3, n_permutations=39)
    plain, p = Recipe(centring="none", unit_norm=True), {}
    for _ in range(100):
        data = texts(rng, 0.0, repeated=repeated)
        d = described(data, plain, effective=1.0, nominal=float(repeated), settings=few)
        for name, null in d.nulls.items():
            p.setdefault(name, []).extend(null.p.tolist())
    assert len(p) == 3
    for name, values in p.items():
        share = np.mean(np.array(values) <= 0.05)
        assert share <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / len(values)), name
