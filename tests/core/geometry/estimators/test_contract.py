"""What every estimator promises, and that everything computed from vectors takes any of them."""

from dataclasses import replace

import numpy as np
import pytest

from emo.core.choices import DEFAULT_ESTIMATOR, Centring, EstimatorName, UnknownChoice
from emo.core.compare.precision import deviation
from emo.core.compare.rdms import compare_shared
from emo.core.compare.readers import equivalence
from emo.core.geometry.cells import ItemCells
from emo.core.geometry.comprehension import describe
from emo.core.geometry.cosines import cosine_matrix, paired_cosines, upper
from emo.core.geometry.estimators import ESTIMATORS, estimator
from emo.core.geometry.estimators.base import Estimator
from emo.core.geometry.generated import TextCounts, describe_stories, story_set
from emo.core.geometry.item_sets import ItemSet, Recipe
from emo.core.geometry.vectors import emotion_vectors
from emo.core.records import Activations
from emo.core.stats.resampling import Resampling
from tests.core.geometry.estimators.dummies import DualPca, Median

DUMMIES = (Median(), DualPca())
MEMBERS = (*ESTIMATORS.values(), *DUMMIES)
FEW = Resampling(n_splits=4, n_bootstrap=3, splits_per_replicate=2, n_permutations=3)
N_EMOTIONS, HIDDEN = 4, 12

each_member = pytest.mark.parametrize("member", MEMBERS, ids=lambda m: m.name)
each_dummy = pytest.mark.parametrize("dummy", DUMMIES, ids=lambda m: m.name)


@pytest.fixture
def listed(monkeypatch):
    """A table that holds the dummies too."""
    for dummy in DUMMIES:
        monkeypatch.setitem(ESTIMATORS, dummy.name, dummy)


@pytest.fixture
def planted(rng):
    """One direction per emotion; the first two are alike, the last two somewhat."""
    directions = np.linalg.qr(rng.normal(size=(HIDDEN, HIDDEN)))[0][:N_EMOTIONS] * 4
    directions[1] += directions[0]
    directions[3] += 0.5 * directions[2]
    return directions


def _alike(member, got, want):
    """Within what the estimator says of two computations."""
    size = np.abs(want).max()
    return np.allclose(got / size, want / size, rtol=0, atol=member.tolerance, equal_nan=True)


def items(rng, planted, counts=(5,) * N_EMOTIONS, noise=0.5):
    """Items around the planted directions, emotions in order, and their emotions."""
    emotions = np.repeat(np.arange(N_EMOTIONS), counts)
    return planted[emotions] + 2 + noise * rng.normal(size=(len(emotions), HIDDEN)), emotions


def record(values, emotions, groups=None, neutral=0):
    n = len(emotions)
    return Activations(
        np.asarray(values, np.float32)[None].repeat(2, axis=0),
        tuple(str(i) for i in range(n)),
        tuple(f"e{e}" for e in emotions) if neutral == 0 else tuple(emotions),
        None if groups is None else tuple(f"s{g}" for g in groups),
        np.asarray(values[:3], np.float32)[None].repeat(2, axis=0),
        "last",
    )


def crossed(rng, planted, n_groups=5):
    emotions = np.tile(np.arange(N_EMOTIONS), n_groups)
    groups = np.repeat(np.arange(n_groups), N_EMOTIONS)
    noise = 0.7 * rng.normal(size=(len(emotions), HIDDEN))
    return record(
        planted[emotions] + rng.normal(size=(n_groups, HIDDEN))[groups] + noise, emotions, groups
    )


def test_the_table_names_every_estimator_by_its_name_and_has_the_default():
    assert [member.name for member in ESTIMATORS.values()] == list(ESTIMATORS)
    assert DEFAULT_ESTIMATOR in ESTIMATORS
    assert list(ESTIMATORS) == [name.value for name in EstimatorName]


@each_member
@pytest.mark.parametrize("counts", [(5, 5, 5, 5), (2, 9, 4, 6)], ids=["even", "uneven"])
def test_planted_directions_are_recovered(member, counts, rng, planted):
    got = member.vectors(*items(rng, planted, counts))
    want = planted - planted.mean(axis=0)
    # A probe leaves out what emotions share, so it does not point along the mean itself.
    least = 0.8 if member.name == "logistic" else 0.9
    assert (paired_cosines(got - got.mean(axis=0), want) > least).all()


@each_member
def test_the_order_of_the_items_does_not_matter_and_that_of_the_emotions_is_kept(
    member, rng, planted
):
    values, emotions = items(rng, planted)
    order = rng.permutation(len(values))
    got = member.vectors(values[order], emotions[order])
    assert _alike(member, got, member.vectors(values, emotions))


@each_member
def test_one_item_per_emotion_gives_a_vector(member, rng, planted):
    got = member.vectors(*items(rng, planted, (1,) * N_EMOTIONS))
    assert got.shape == (N_EMOTIONS, HIDDEN) and np.isfinite(got).all()


@each_member
def test_a_weight_of_two_is_the_item_twice_and_of_none_its_absence(member, rng, planted):
    values, emotions = items(rng, planted)
    times = rng.integers(0, 3, len(values))
    times[:: len(values) // N_EMOTIONS] = 1
    got = member.vectors(values, emotions, times.astype(float))
    want = member.vectors(np.repeat(values, times, axis=0), np.repeat(emotions, times))
    assert _alike(member, got, want)


@each_member
def test_an_emotion_without_weight_has_no_vector(member, rng, planted):
    values, emotions = items(rng, planted)
    got = member.vectors(values, emotions, (emotions != 1).astype(float))
    assert np.isnan(got[1]).all() and np.isfinite(got[[0, 2, 3]]).all()


@each_member
@pytest.mark.parametrize(
    ("n", "labels", "weights", "message"),
    [
        (0, [], [], "no items"),
        (2, [0], [1.0, 1.0], "2 items, but 1 labels"),
        (2, [0, 1], [1.0], "1 weights"),
        (2, [0, -1], [1.0, 1.0], "numbered from 0"),
        (2, [0, 1], [1.0, -1.0], "not negative"),
        (2, [0, 1], [1.0, np.nan], "finite"),
    ],
)
def test_degenerate_input_is_refused(member, n, labels, weights, message):
    # Without the shape checks of the tests, which would be first to refuse some of these.
    vectors = Estimator.vectors
    vectors = getattr(vectors, "__wrapped__", vectors)
    with pytest.raises(ValueError, match=message):
        vectors(member, np.ones((n, 3)), np.array(labels, dtype=np.int64), np.array(weights))


@each_member
@pytest.mark.parametrize("shifted", [False, True], ids=["as it is", "with a baseline"])
def test_a_shortcut_gives_what_the_plain_path_gives(member, shifted, rng, planted):
    values, emotions = items(rng, planted, (6, 3, 7, 4), noise=3)
    groups = rng.integers(0, 5, len(values))
    groups[:5] = np.arange(5)
    cells = ItemCells.make(groups, emotions)
    baseline = rng.normal(size=HIDDEN) if shifted else None
    weights = rng.integers(0, 3, size=(9, groups.max() + 1)).astype(float)[:, cells.group]
    fast, plain = (
        layer(cells, values, baseline)
        for layer in (member.layer, lambda *args: Estimator.layer(member, *args))
    )
    for got, want in zip(fast.products(weights), plain.products(weights), strict=True):
        assert _alike(member, got, want)
    got, want = fast.left_out_accuracy(weights), plain.left_out_accuracy(weights)
    assert np.allclose(got, want, equal_nan=True)
    if member in ESTIMATORS.values():
        assert np.nanmin(got) < 1  # there is something to compare


@each_member
@pytest.mark.parametrize("centring", [c.value for c in Centring])
@pytest.mark.parametrize("unit_norm", [False, True])
def test_an_item_set_has_the_cosines_of_the_vectors(
    listed, member, centring, unit_norm, rng, planted
):
    names = [f"e{e}" for e in range(N_EMOTIONS - 1)] + ["neutral"]
    values, emotions = items(rng, planted)
    data = record(values, [names[e] for e in emotions], neutral=1)
    vectors = emotion_vectors(
        data if centring == "neutral" else _without_neutral(data),
        centring,
        unit_norm=unit_norm,
        estimator=member.name,
    )
    recipe = Recipe(
        centring=centring, unit_norm=unit_norm, post_centred=False, estimator=member.name
    )
    got = story_set(data, 0, recipe).rdm(vectors.emotions)
    assert vectors.estimator == member.name
    assert got == pytest.approx(upper(cosine_matrix(vectors.values[0])), abs=1e-4)


def _without_neutral(data):
    keep = np.array([e != "neutral" for e in data.emotions])
    return replace(
        data,
        values=data.values[:, keep],
        item_ids=tuple(np.array(data.item_ids)[keep]),
        emotions=tuple(np.array(data.emotions)[keep]),
    )


@each_dummy
def test_what_is_computed_from_vectors_takes_an_estimator_from_the_table(
    listed, dummy, rng, planted
):
    data = crossed(rng, planted)
    other = replace(
        data, values=(data.values + 0.1 * rng.normal(size=data.values.shape)).astype("f4")
    )
    vectors, descriptors = describe(data, FEW, estimator=dummy.name)
    want = emotion_vectors(data, estimator=dummy.name)
    assert np.array_equal(vectors.values, want.values)
    assert not np.allclose(vectors.values, emotion_vectors(data).values)
    assert descriptors.reliability is not None and descriptors.reliability > 0.5
    assert descriptors.choices["reliability"] is not None
    assert np.isfinite(deviation(other, data, estimator=dummy.name).vector_cosine).all()
    assert np.isfinite(equivalence(data, other, "fp32", estimator=dummy.name).cosine_mean).all()
    recipe = Recipe(estimator=dummy.name)
    got = compare_shared(ItemSet.make(data, 0, recipe), ItemSet.make(other, 1, recipe), FEW)
    assert got.rho.value > 0.5 and np.isfinite(got.rho.low)
    counts = TextCounts(5.0, 5.0, 5.0, 0)
    told, _ = describe_stories(data, 0, "in words", recipe, counts, FEW)
    assert np.array_equal(told.values, want.values)


def test_an_unknown_estimator_is_refused(rng, planted):
    data = crossed(rng, planted)
    for refused in (
        lambda: estimator("mean"),
        lambda: Recipe(estimator="mean"),
        lambda: emotion_vectors(data, estimator="mean"),
        lambda: describe(data, FEW, estimator="mean"),
    ):
        with pytest.raises(
            UnknownChoice, match="estimator=mean: allowed is mean_difference, logistic"
        ):
            refused()
