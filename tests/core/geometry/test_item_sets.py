"""Oracle: plain loops from items to cosines, following the protocol sentence by sentence."""

from dataclasses import replace

import numpy as np
import pytest

from emo.core.geometry.item_sets import (
    Design,
    ItemSet,
    Recipe,
    common_emotions,
    own_design,
    shared_design,
)
from emo.core.records import LabelMismatch
from emo.core.stats.intervals import expansion
from tests.core.planted import crossed, nested, record, two_models

RECIPES = [
    Recipe(),
    Recipe(unit_norm=True),
    Recipe(centring="none", unit_norm=True),
    Recipe(centring="none", post_centred=False),
    Recipe(unit_norm=True, post_centred=False),
    Recipe(remove="situation"),
]


def loop_rdm(x, emotions, groups, counts, names, recipe, baseline):
    """Cosines of the named emotions; ``counts`` says how often each item is drawn."""
    x = np.array(x, dtype=float)
    if recipe.remove == "situation":
        for g in set(groups):
            rows = [i for i in range(len(x)) if groups[i] == g]
            x[rows] = x[rows] - x[rows].mean(axis=0)
    if baseline is not None:
        x = x - baseline
    vectors = {}
    for e in dict.fromkeys(emotions):
        rows = [x[i] for i in range(len(x)) for _ in range(int(counts[i])) if emotions[i] == e]
        if rows:
            vectors[e] = np.mean(rows, axis=0)
    if recipe.centring == "global":
        centre = np.mean(list(vectors.values()), axis=0)
        vectors = {e: v - centre for e, v in vectors.items()}
    if recipe.unit_norm:
        vectors = {e: v / np.linalg.norm(v) for e, v in vectors.items()}
    if recipe.post_centred:
        centre = np.mean(list(vectors.values()), axis=0)
        vectors = {e: v - centre for e, v in vectors.items()}
    out = []
    for i, a in enumerate(names):
        for b in names[i + 1 :]:
            if a in vectors and b in vectors:
                u, v = vectors[a], vectors[b]
                out.append(u @ v / np.linalg.norm(u) / np.linalg.norm(v))
            else:
                out.append(np.nan)
    return np.array(out)


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("with_baseline", [False, True])
def test_rdms_equal_the_loop(rng, recipe, with_baseline):
    emotions, groups = crossed(6, 5)
    order = rng.permutation(30)  # items in any order, one left out, one twice
    emotions, groups = (np.append(x[order][1:], x[order][4]) for x in (emotions, groups))
    x = (rng.normal(size=(30, 7)) + 4).astype(np.float32)
    data = record(x, emotions, groups)
    baseline = rng.normal(size=7) if with_baseline else None
    items = ItemSet.make(data, 0, recipe, baseline)
    names = ("e4", "e0", "e2", "e5")  # fewer than there are, in another order
    count_of_group = rng.integers(0, 3, size=(8, 5)).astype(float)
    count_of_group[0] = 1
    numbers = np.array([int(name[1:]) for _, name in items.cells])
    got = items.rdms(count_of_group[:, numbers], names)
    for row, counts in zip(got, count_of_group[:, groups], strict=True):
        want = loop_rdm(x, data.emotions, groups, counts, names, recipe, baseline)
        assert np.allclose(row, want, atol=1e-6, equal_nan=True)
    assert np.allclose(items.rdm(names), got[0], rtol=0, atol=1e-12, equal_nan=True)


def test_an_emotion_without_items_leaves_the_centre_and_its_pairs(rng):
    emotions, groups = nested(5, 2)
    x = rng.normal(size=(10, 6)).astype(np.float32)
    for recipe in RECIPES[:5]:
        items = ItemSet.make(record(x, emotions, groups, declared=False), 0, recipe)
        weights = np.ones((1, 10))
        weights[0, [e == "e3" for e, _ in items.cells]] = 0
        names = items.emotions
        want = loop_rdm(x, [f"e{e}" for e in emotions], groups, emotions != 3, names, recipe, None)
        got = items.rdms(weights, names)[0]
        assert np.isnan(want).sum() == 4
        assert np.allclose(got, want, atol=1e-6, equal_nan=True)


def test_huge_common_activations_do_not_cost_precision(rng):
    """Residual streams have dimensions thousands of times the differences that matter."""
    emotions, groups = crossed(6, 5)
    x = rng.normal(size=(30, 7))
    far = np.array([2.0**16, 0, -(2.0**15), 0, 0, 0, 1])
    near, moved = (
        ItemSet.make(record(v, emotions, groups), 0)
        for v in (np.round(x * 2**7) / 2**7, np.round(x * 2**7) / 2**7 + far)
    )
    assert np.allclose(near.rdm(near.emotions), moved.rdm(near.emotions), atol=1e-9)


def test_layers_that_are_not_finite_are_refused(rng):
    data = record(rng.normal(size=(6, 3)), *crossed(3, 2))
    data.values[0, 2, 1] = np.inf
    with pytest.raises(ValueError, match="layer 0"):
        ItemSet.make(data, 0)


def test_the_layer_asked_for_is_read(rng):
    a, b = (record(rng.normal(size=(12, 5)), *crossed(4, 3)) for _ in range(2))
    both = replace(
        a,
        values=np.concatenate([a.values, b.values]),
        neutral=np.zeros((2, 0, 5), np.float32),
    )
    for layer, one in ((0, a), (1, b)):
        names = both.emotions[:4]
        want = ItemSet.make(one, 0).rdm(names)
        assert np.allclose(ItemSet.make(both, layer).rdm(names), want, rtol=0, atol=1e-12)


def test_common_emotions_keep_the_first_order():
    assert common_emotions("abcd", "dcxa") == ("a", "c", "d")
    with pytest.raises(LabelMismatch, match=r"only 2 emotions are common to all \(a, b\)"):
        common_emotions("abc", "abd")
    with pytest.raises(LabelMismatch, match="none"):
        common_emotions("abc", "xyz")


def test_a_shared_design_gives_every_set_the_draws_of_its_own_cells(rng):
    """The second set lacks an emotion and has its items in another order."""
    a, b = two_models(rng, design=crossed(5, 6))
    order = rng.permutation(30)
    order = order[[b.emotions[i] != "e1" for i in order]]
    b = replace(
        b,
        values=b.values[:, order],
        **{
            k: tuple(getattr(b, k)[i] for i in order)
            for k in ("item_ids", "emotions", "situations")
        },
    )
    sets = [ItemSet.make(x, 0) for x in (a, b)]
    design = shared_design(sets)
    names = list(dict.fromkeys(cell for s in sets for cell in s.cells))
    for s, of in zip(sets, design.of_set, strict=True):
        assert [names[i] for i in of] == s.cells
    first = design.halves(20, rng)
    for s, of in zip(sets, design.of_set, strict=True):
        for g in s.groups:  # situations stay whole, in both sets alike
            column = [i for i, (_, group) in enumerate(s.cells) if group == g]
            whole = first[:, of[column]]
            reference = first[:, next(i for i, (_, group) in enumerate(names) if group == g)]
            assert (whole == reference[:, None]).all()


def test_sets_that_have_not_read_the_same_are_refused(rng):
    a, b = two_models(rng, design=crossed(4, 3))
    ids = ("other", *b.item_ids[1:])
    with pytest.raises(LabelMismatch, match="one set declares situations"):
        shared_design([ItemSet.make(a, 0), ItemSet.make(replace(b, situations=None), 0)])
    with pytest.raises(LabelMismatch, match=r"e0/0_0 of 's0' is in one set only \(2 such"):
        shared_design([ItemSet.make(a, 0), ItemSet.make(replace(b, item_ids=ids), 0)])


def test_items_of_an_emotion_that_is_not_common_may_differ(rng):
    a, b = two_models(rng, design=crossed(5, 3))
    keep = [i for i, e in enumerate(b.emotions) if e != "e4"]
    fewer = replace(
        b,
        values=b.values[:, keep],
        **{
            k: tuple(getattr(b, k)[i] for i in keep) for k in ("item_ids", "emotions", "situations")
        },
    )
    assert len(shared_design([ItemSet.make(a, 0), ItemSet.make(fewer, 0)]).emotion) == 15


def test_groups_are_what_is_declared_and_nothing_else(rng):
    """Situations that show in the ids only are not used: the passage is then its own group."""
    a, _ = two_models(rng, design=crossed(4, 6), declared=False)
    undeclared = ItemSet.make(a, 0)
    assert not undeclared.crossed
    assert len(undeclared.groups) == 24
    assert own_design(undeclared).units.tolist() == [6] * 4
    declared = ItemSet.make(replace(a, situations=tuple(i[0] for i in a.item_ids)), 0)
    assert declared.crossed
    assert own_design(declared).units.tolist() == [6]


@pytest.mark.parametrize(
    ("design", "units"),
    [
        (crossed(4, 6), [6]),
        (nested(4, 3), [3] * 4),
        ((np.array([0, 0, 1, 1, 1, 2]), np.arange(6)), [2, 3, 1]),
    ],
)
def test_units_are_what_is_drawn_from(design, units):
    got = Design(*design, of_set=())
    assert got.units.tolist() == units
    assert got.expansion == expansion(np.array(units))


def test_bootstrap_counts_are_those_of_the_groups(rng):
    got = Design(*crossed(4, 6), of_set=()).counts(50, rng).reshape(50, 6, 4)
    assert (got == got[:, :, :1]).all()
    assert (got[:, :, 0].sum(axis=1) == 6).all()
