"""Many items: the same numbers as by inner products of all pairs, in memory of the items alone."""

import tracemalloc
from dataclasses import fields

import numpy as np
import pytest

from emo.core.geometry import cells as cells_module
from emo.core.geometry import classifiers, label_null, means
from emo.core.geometry.cells import MOST_PAIRED, ItemCells
from emo.core.geometry.comprehension import describe
from emo.core.geometry.estimators import estimator, mean_difference
from emo.core.geometry.estimators.base import Estimator
from emo.core.geometry.estimators.cell_sums import SumLayer
from emo.core.records import Activations
from emo.core.stats import resampling
from emo.core.stats.resampling import Resampling, half_splits, nested
from emo.files.plain_records import plain
from tests.core import planted
from tests.core.planted import decided_alike

FEW = Resampling(n_splits=9, n_bootstrap=7, splits_per_replicate=3, n_permutations=9)


def uneven(rng):
    """Some situations lack an emotion, others tell it twice, some tell one emotion only."""
    emotions, groups = rng.integers(0, 5, 70), rng.integers(0, 9, 70)
    emotions[:5], groups[:9] = np.arange(5), np.arange(9)
    alone = np.arange(12)
    return np.append(emotions, alone % 5), np.append(groups, 9 + alone // 2)


def design(kind, rng):
    match kind:
        case "crossed":
            return planted.crossed(5, 9)
        case "loose":
            return planted.nested(5, 9)
        case _:
            return uneven(rng)


each_design = pytest.mark.parametrize("kind", ["crossed", "loose", "uneven"])


def activations(rng, emotions, groups, declared, n_layers=2, hidden=13):
    n = len(emotions)
    values = rng.normal(size=(n_layers, n, hidden)) + 1.2 * np.eye(hidden)[emotions] + 5
    values += rng.normal(size=(n_layers, groups.max() + 1, hidden))[:, groups]
    return Activations(
        values=values.astype(np.float32),
        item_ids=tuple(map(str, range(n))),
        emotions=tuple(f"e{e}" for e in emotions),
        situations=tuple(f"s{g}" for g in groups) if declared else None,
        neutral=rng.normal(size=(n_layers, 4, hidden)).astype(np.float32),
        position="last",
    )


@pytest.fixture
def as_if_many(monkeypatch):
    """Everything is taken to be too large to be held at once."""
    for module in (mean_difference, classifiers):
        monkeypatch.setattr(module, "MOST_PAIRED", 0)
    monkeypatch.setattr(means, "MOST_SHARES", 1)
    for module in (resampling, cells_module):
        monkeypatch.setattr(module, "BLOCK_BYTES", 1000)


@each_design
@pytest.mark.parametrize("remove", ["none", "situation"])
def test_every_descriptor_is_that_of_few_items(kind, remove, rng, request):
    if kind == "loose" and remove == "situation":
        pytest.skip("no situations to be removed")
    data = activations(rng, *design(kind, rng), declared=kind != "loose")
    vectors, want = describe(data, FEW, remove)
    request.getfixturevalue("as_if_many")
    same, got = describe(data, FEW, remove)
    assert same.values == pytest.approx(vectors.values, abs=1e-10)
    for field in fields(want):
        _same(plain(getattr(got, field.name)), plain(getattr(want, field.name)), field.name)


def _same(got, want, name):
    if isinstance(want, dict):
        assert got.keys() == want.keys(), name
        for key in want:
            _same(got[key], want[key], f"{name}.{key}")
    elif isinstance(want, list):
        for one, other in zip(got, want, strict=True):
            _same(one, other, name)
    elif isinstance(want, float):
        assert got == pytest.approx(want, abs=1e-9), name
    else:
        assert got == want, name


@each_design
def test_sums_give_what_the_items_give(kind, rng, as_if_many):
    """Against estimates from the items, in their own places and exchanged."""
    emotions, groups = design(kind, rng)
    values = rng.normal(size=(len(emotions), 7)) + 3 + np.eye(7)[emotions]
    cells, method = ItemCells.make(groups, emotions), estimator("mean_difference")
    orders = label_null.label_orders(groups, emotions, 3, rng)
    weights = rng.integers(0, 3, size=(4, groups.max() + 1)).astype(float)[:, cells.group]
    fast = [method.layer(cells, values), *method.exchanged_layers(cells, values, orders)]
    slow = [
        Estimator.layer(method, cells, values),
        *Estimator.exchanged_layers(method, cells, values, orders),
    ]
    for got, want in zip(fast, slow, strict=True):
        assert isinstance(got, SumLayer)
        for a, b in zip(got.products(weights), want.products(weights), strict=True):
            assert np.allclose(a, b, atol=1e-9)
        hits = want.left_out_hits(weights)
        assert decided_alike(got.left_out_hits(weights), hits)
        assert 0 < np.nanmean(hits) < 1


@pytest.mark.parametrize("n", [MOST_PAIRED, MOST_PAIRED + 1])
def test_only_more_items_than_the_limit_are_summed(n, rng):
    cells = ItemCells.make(np.arange(n), np.arange(n) % 3)
    layer = estimator("mean_difference").layer(cells, rng.normal(size=(n, 2)))
    assert isinstance(layer, SumLayer) == (n > MOST_PAIRED)


def spelt_out_halves(groups, emotions, n_splits, rng):
    """All orders of a stratum at once."""
    strata = resampling.strata(groups, emotions)
    first = np.zeros((n_splits, len(strata)), dtype=bool)
    for stratum in np.unique(strata):
        members = np.flatnonzero(strata == stratum)
        order = rng.permuted(np.tile(members, (n_splits, 1)), axis=1)
        size = np.full(n_splits, len(members) // 2)
        if len(members) % 2:
            size = size + rng.integers(0, 2, n_splits)
        taken = np.arange(len(members))[None, :] < size[:, None]
        np.put_along_axis(first, order, taken, axis=1)
    return first[:, groups]


@each_design
def test_halves_are_those_of_all_orders_at_once(kind, rng, as_if_many):
    emotions, groups = design(kind, rng)
    got, want = (
        halves(groups, emotions, 300, np.random.default_rng(4))
        for halves in (half_splits, spelt_out_halves)
    )
    assert np.array_equal(got, want)


@each_design
def test_draws_of_cells_are_those_of_their_items(kind, rng):
    """The weight of a cell is that of its items, however many it has."""
    emotions, groups = design(kind, rng)
    cells = ItemCells.make(groups, emotions)
    for draw in (half_splits, resampling.bootstrap_counts):
        of_items = draw(groups, emotions, 20, np.random.default_rng(1))
        of_cells = draw(cells.group, cells.emotion, 20, np.random.default_rng(1))
        assert np.array_equal(of_cells[:, cells.of_item], of_items)


@each_design
def test_groups_of_one_emotion_are_found(kind, rng):
    emotions, groups = design(kind, rng)
    want = [len(set(emotions[groups == g])) == 1 for g in range(groups.max() + 1)]
    assert nested(groups, emotions).tolist() == want


def test_scores_are_the_hits_summed_up(rng):
    emotions, groups = uneven(rng)
    values = rng.normal(size=(len(emotions), 6)) + np.eye(6)[emotions]
    labels = np.stack([emotions, rng.permutation(emotions)])
    hits = classifiers.left_out_hits(values, groups, labels, np.random.default_rng(2))
    scores = classifiers.left_out_scores(values, groups, labels, np.random.default_rng(2))
    for name, x in hits.items():
        assert decided_alike(scores[name].hits, x[0])
        assert scores[name].shares == pytest.approx(np.nanmean(x, axis=1))


@pytest.mark.parametrize("kind", ["crossed", "loose"])
def test_nothing_grows_with_the_square_of_the_items(kind, rng):
    """6,000 passages: one matrix of passages x passages alone takes 144 MB in single precision."""
    emotions, groups = planted.crossed(4, 1500) if kind == "crossed" else planted.nested(4, 1500)
    data = activations(rng, emotions, groups, kind == "crossed", n_layers=1, hidden=8)
    few = Resampling(n_splits=2, n_bootstrap=2, splits_per_replicate=1, n_permutations=2)
    tracemalloc.start()
    try:
        describe(data, few)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 100e6
