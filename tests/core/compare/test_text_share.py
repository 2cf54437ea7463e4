"""Planted mixtures of a text part and a model part: the share of the first is found again."""

from dataclasses import replace

import numpy as np
import pytest

from emo.core.compare import text_share
from emo.core.compare.text_maps import Learning, text_kernel
from emo.core.compare.text_products import HalvesOfTexts
from emo.core.compare.text_share import MOST_ITEMS, rank_share, text_shares
from emo.core.geometry.cosines import cosine_matrix, upper
from emo.core.records import LabelMismatch
from emo.core.stats.correlation import spearman
from emo.core.stats.intervals import Estimates
from emo.core.stats.resampling import Resampling
from tests.core.planted import crossed, nested, record

FEW = Resampling(n_splits=6, seed=3)
EMOTIONS, SITUATIONS, HIDDEN = 12, 24, 50


class World:
    """Texts of a few features, and activations made of them, of the emotion, and of noise.

    ``share`` of the squared length of the true emotion vectors is a linear function of the texts' mean
    features; the rest is the model's own. ``noise`` is the variance of the vectors' error over theirs,
    so that 0.1 and 0.5 make reliabilities of 0.91 and 0.67. Texts of one emotion differ, by the same
    function. ``apart`` makes the model's own part one that no function of the texts' means is.
    ``spread`` makes the directions of the vectors unlike in size.
    """

    def __init__(self, rng, share, noise, features=8, apart=False, spread=0.0, design=None):
        self.emotions, self.groups = design or crossed(EMOTIONS, SITUATIONS)
        n_e, n_i = self.emotions.max() + 1, len(self.emotions)
        known = rng.normal(size=(n_e, features)) * np.exp(-spread * np.arange(features))
        known -= known.mean(axis=0)
        place = 0.7 * rng.normal(size=(self.groups.max() + 1, features))[self.groups]
        self.texts = known[self.emotions] + place + 1.5 * rng.normal(size=(n_i, features))
        function = rng.normal(size=(features, HIDDEN))
        function /= np.linalg.norm(known @ function)
        own = rng.normal(size=(n_e, HIDDEN)) * np.exp(-spread * np.arange(HIDDEN))
        own -= own.mean(axis=0)
        if apart:
            basis = np.linalg.qr(known)[0]
            own -= basis @ (basis.T @ own)
        own *= np.sqrt(1 - share) / np.linalg.norm(own)
        error = np.sqrt(noise * n_i / n_e / n_e / HIDDEN) * rng.normal(size=(n_i, HIDDEN))
        told = np.sqrt(share) * self.texts @ function
        self.activations = told + own[self.emotions] + error
        self.told = np.sqrt(share) * known @ function
        self.vectors = self.told + own

    @property
    def share(self):
        """Of the squared length; the two parts may be alike by chance."""
        left = ((self.vectors - self.told) ** 2).sum()
        return 1 - left / (self.vectors**2).sum()

    @property
    def rdm(self):
        """The squared rho of the RDMs of the text part and of the whole."""
        told, whole = (upper(cosine_matrix(x)) for x in (self.told, self.vectors))
        return float(np.abs(rho := spearman(told, whole)) * rho)

    def records(self, declared=True):
        rows = self.texts, self.activations
        return [record(x, self.emotions, self.groups, declared) for x in rows]

    def products(self, learning):
        design = HalvesOfTexts.make(self.emotions, self.groups, FEW)
        inner = self.activations - self.activations.mean(axis=0)
        (made,) = design.products(text_kernel([self.texts]), [inner @ inner.T], learning)
        return made

    def shares(self, learning):
        """Of the vectors and of the RDM, without intervals."""
        made = self.products(learning)
        top, bottom = made.parts(made.axes).T
        vectors, rdm = map(np.asarray, (top / bottom)[:2])
        return np.array([vectors, rank_share(Estimates(rdm, rdm, rdm)).value])


@pytest.fixture
def few_blocks(monkeypatch):
    """Intervals from three blocks of situations: for tests that look at none."""
    monkeypatch.setattr("emo.core.compare.text_products.BLOCKS", 3)


def worlds(n, *args, **kwargs):
    return [
        World(np.random.default_rng((k, *map(ord, repr(args)))), *args, **kwargs) for k in range(n)
    ]


def errors(planted, learning):
    """Estimate less truth, of the vectors and of the RDM, in every world."""
    return np.array([w.shares(learning) - np.array([w.share, w.rdm]) for w in planted])


@pytest.mark.parametrize("noise", [0.1, 0.5])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 1.0])
def test_the_planted_share_of_the_vectors_is_found(share, noise):
    found = errors(worlds(5, share, noise), Learning.within)[:, 0]
    assert abs(found.mean()) < 0.05


@pytest.mark.slow
@pytest.mark.parametrize("features", [8, 20])
@pytest.mark.parametrize("noise", [0.1, 0.5])
@pytest.mark.parametrize("share", [0.3, 0.6, 1.0])
def test_with_as_many_passages_as_the_bundled_sets_have_vectors_and_rdms_are_found(
    share, noise, features
):
    n = 16 if noise < 0.5 else 64  # one share of an RDM scatters by 0.1 there
    planted = worlds(n, share, noise, features=features, design=crossed(21, 24))
    vectors, rdm = errors(planted, Learning.within).T
    assert abs(vectors.mean()) < 0.05
    assert abs(rdm.mean()) < 0.05


@pytest.mark.slow
def test_with_more_features_than_passages_to_learn_from_the_share_is_a_lower_bound():
    planted = worlds(4, 1.0, 0.1, features=300, design=crossed(21, 24))
    shares = [w.shares(Learning.within)[0] for w in planted]
    assert 0.7 < np.mean(shares) < 0.85


@pytest.mark.parametrize("learning", Learning)
def test_both_ways_of_learning_find_the_share_where_the_rest_is_no_function_of_the_text(learning):
    vectors, rdm = errors(worlds(6, 0.6, 0.1, apart=True), learning).T
    assert abs(vectors.mean()) < 0.05
    assert abs(rdm.mean()) < 0.1


def test_text_that_only_tells_emotions_apart_predicts_across_them_and_not_within():
    planted = worlds(4, 0.0, 0.1, features=11)
    across, within = (
        np.mean([w.shares(learning) for w in planted], axis=0)
        for learning in (Learning.across, Learning.within)
    )
    assert across[0] > 0.3
    assert abs(within[0]) < 0.02
    assert abs(within[1]) < 0.1


def test_the_penalty_of_least_error_would_find_too_little(monkeypatch):
    planted = worlds(3, 0.6, 1.0)
    monkeypatch.setattr("emo.core.compare.text_maps.LIGHTER", 1.0)
    assert errors(planted, Learning.within)[:, 0].mean() < -0.12


def test_shares_of_the_leading_axes_are_found():
    found = []
    for w in worlds(4, 0.5, 0.05, spread=0.4):
        made = w.products(Learning.within)
        told, vectors = made.axes.T @ w.told, made.axes.T @ w.vectors
        true = 1 - ((vectors - told) ** 2).sum(axis=1) / (vectors**2).sum(axis=1)
        top, bottom = made.parts(made.axes).T
        found.append((top / bottom)[2:] - true)
        assert (np.diff(bottom[2:]) < 0).all()
    assert np.abs(np.mean(found, axis=0)).max() < 0.08


@pytest.mark.slow
def test_intervals_hold_the_truth():
    held = []
    for k, w in enumerate(worlds(30, 0.5, 0.3)):
        texts, model = w.records()
        got = text_shares("t", [texts], {"m": model}, replace(FEW, seed=k))[1]
        assert got.learning == Learning.within
        pairs = ((got.vectors, w.share), (got.rdm, w.rdm))
        held.append([e.low <= true <= e.high for e, true in pairs])
    assert (np.mean(held, axis=0) >= 0.85).all()


def test_every_model_has_both_ways_and_its_intervals(rng):
    world = World(rng, 0.5, 0.2)
    texts, model = world.records()
    other = record(rng.normal(size=(len(world.emotions), 9)), world.emotions, world.groups)
    got = text_shares("style", [texts], {"a": model, "b": other}, replace(FEW, n_splits=3))
    assert [(s.model, s.learning) for s in got] == [(m, w) for w in Learning for m in "ab"]
    a, b = got[2:]
    assert a.text == "style"
    assert a.vectors.low < world.share < a.vectors.high
    assert a.vectors.low > 0.3
    assert len(a.axes) == 3
    assert not np.isfinite(b.vectors.high) or b.vectors.low < 0.5


@pytest.mark.usefixtures("few_blocks")
def test_rows_may_come_in_any_order(rng):
    texts, model = World(rng, 0.5, 0.2, design=crossed(6, 8)).records()
    order = rng.permutation(len(texts.item_ids))
    mixed = replace(
        texts,
        values=texts.values[:, order],
        item_ids=tuple(texts.item_ids[i] for i in order),
        emotions=tuple(texts.emotions[i] for i in order),
        situations=tuple(texts.situations[i] for i in order),
    )
    one, other = (text_shares("t", [t], {"m": model}, FEW)[1] for t in (texts, mixed))
    assert one.vectors.value == pytest.approx(float(other.vectors.value), abs=1e-9)
    cut = replace(mixed, item_ids=("none", *mixed.item_ids[1:]))
    with pytest.raises(LabelMismatch, match="not of the same items"):
        text_shares("t", [cut], {"m": model}, FEW)


@pytest.mark.usefixtures("few_blocks")
def test_several_kinds_of_text_together_predict_what_each_alone_does_not():
    for w in worlds(1, 1.0, 0.1):
        _, model = w.records()
        parts = [record(x, w.emotions, w.groups) for x in np.split(w.texts, 2, axis=1)]
        first = text_shares("t", parts[:1], {"m": model}, FEW)[1].vectors
        both = text_shares("t", parts, {"m": model}, FEW)[1].vectors
        assert first.value < 0.8
        assert abs(both.value - 1) < 0.05


@pytest.mark.usefixtures("few_blocks")
def test_passages_without_situations_and_passages_less_their_situation():
    world = World(np.random.default_rng(5), 0.5, 0.2, design=nested(8, 24))
    texts, model = world.records(declared=False)
    assert abs(text_shares("t", [texts], {"m": model}, FEW)[1].vectors.value - world.share) < 0.12
    world = World(np.random.default_rng(6), 0.5, 0.2)
    texts, model = world.records()
    less = text_shares("t", [texts], {"m": model}, FEW, remove="situation")[1]
    assert abs(less.vectors.value - world.share) < 0.1


def test_too_few_situations_are_refused(rng):
    texts, model = World(rng, 0.5, 0.2, design=crossed(6, 5)).records()
    with pytest.raises(ValueError, match=r"need 6 situations .* one has 5"):
        text_shares("t", [texts], {"m": model}, FEW)


def test_of_many_items_whole_situations_are_taken(rng, monkeypatch):
    assert MOST_ITEMS == 600
    monkeypatch.setattr(text_share, "MOST_ITEMS", 100)
    _, model = World(rng, 0.5, 0.2).records()
    chosen = text_share._some(model, rng)
    situations = [model.situations[i] for i in chosen]
    assert len(chosen) == 96  # 8 situations of 12 emotions
    assert {situations.count(s) for s in situations} == {EMOTIONS}
    _, alone = World(rng, 0.5, 0.2, design=nested(8, 30)).records(declared=False)
    assert len(text_share._some(alone, rng)) == 100
