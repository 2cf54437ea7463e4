"""Layers against layers, and the rule that chooses them."""

from dataclasses import replace

import numpy as np
import pytest

from emo.core.compare.depth import (
    Chosen,
    Depth,
    LayerPairs,
    layer_pairs,
    rule_result,
    rule_sentence,
)
from emo.core.compare.leaving_out import leaving_out
from emo.core.compare.likeness import Likeness, likeness
from emo.core.geometry.item_sets import ItemSet, Recipe
from emo.core.records import LabelMismatch
from emo.core.stats.intervals import Estimates
from emo.core.stats.resampling import Resampling
from tests.core.planted import crossed, record

FEW = Resampling(n_splits=12, seed=6)
EMOTIONS, GROUPS = crossed(10, 12)


def layered(rng, geometry, holds):
    """Activations of three layers, of which those in ``holds`` have the planted geometry."""
    layers = []
    for layer in range(3):
        values = 0.7 * rng.normal(size=(len(EMOTIONS), 40))
        if layer in holds:
            values[:, :30] += geometry[EMOTIONS]
        layers.append(record(values, EMOTIONS, GROUPS).values[0])
    one = record(layers[0], EMOTIONS, GROUPS)
    neutral = rng.normal(size=(3, 5, 40)).astype(np.float32)
    return replace(one, values=np.stack(layers), neutral=neutral)


def depth(activations, **rules):
    return Depth.make(activations, {"published": 0} | rules, Recipe(), "none", FEW)


def test_the_matrix_has_its_maximum_where_the_geometry_is_in_both(rng):
    geometry = rng.normal(size=(10, 30))
    a, b = layered(rng, geometry, {1}), layered(rng, geometry, {2})
    got = layer_pairs(("a", "b"), (depth(a), depth(b)), (0, 0))
    assert got.best == (1, 2)
    others = np.delete(got.rho, 1 * 3 + 2)
    assert got.rho[1, 2] > 0.7 and np.abs(others).max() < 0.4
    assert got.higher > 0


def test_an_entry_is_disjoint_rho_of_these_layers(rng):
    geometry = rng.normal(size=(10, 30))
    a, b = layered(rng, geometry, {0, 1}), layered(rng, geometry, {1})
    got = layer_pairs(("a", "b"), (depth(a), depth(b)), (1, 1))
    sets = [ItemSet.make(x, 1) for x in (a, b)]
    assert got.rho[1, 1] == pytest.approx(leaving_out(sets, FEW).whole[0, 1], abs=1e-3)


def test_passages_in_common_are_not_in_the_matrix(rng):
    """Shared noise of the items: the same item set in both models, and no geometry."""
    a = layered(rng, np.zeros((10, 30)), set())
    got = layer_pairs(("a", "b"), (depth(a), depth(a)), (0, 0))
    assert np.abs(got.rho).max() < 0.35


def test_a_layer_that_is_not_finite_has_no_entries(rng):
    a = layered(rng, rng.normal(size=(10, 30)), {1})
    values = a.values.copy()
    values[2, 0, 0] = np.inf
    made = depth(replace(a, values=values), reliability=2, middle=1)
    assert list(made.rules) == ["published", "middle"]
    got = layer_pairs(("a", "a"), (made, made), (0, 0))
    assert np.isnan(got.rho[2]).all() and np.isfinite(got.rho[:2, :2]).all()


def test_other_emotions_are_refused(rng):
    a = depth(layered(rng, np.zeros((10, 30)), set()))
    with pytest.raises(LabelMismatch, match="emotions differ"):
        layer_pairs(("a", "b"), (a, replace(a, emotions=a.emotions[::-1])), (0, 0))


@pytest.mark.parametrize(
    ("low", "high", "says"),
    [
        (0.82, 1.1, Likeness.alike),
        (0.2, 0.7, Likeness.less),
        (0.5, 1.1, Likeness.untold),
        (np.nan, np.nan, Likeness.untold),
    ],
)
def test_what_an_interval_says(low, high, says):
    assert likeness(Estimates(*(np.array(x) for x in ((low + high) / 2, low, high)))) is says


def test_a_rule_that_changes_the_verdict_is_said(rng):
    geometry = rng.normal(size=(10, 30))
    a, b = layered(rng, geometry, {0, 1}), layered(rng, geometry, {0})
    other = layered(rng, rng.normal(size=(10, 30)), {1})
    b = replace(b, values=np.stack([b.values[0], other.values[1], b.values[2]]))
    results = []
    for rule, layer in (("published", 0), ("middle", 1)):
        sets = [ItemSet.make(x, layer) for x in (a, b)]
        chosen = [Chosen(layer, s) for s in sets]
        results.append(rule_result(rule, chosen, sets[0].emotions, leaving_out(sets, FEW)))
    assert [likeness(r.over_ceiling) for r in results] == [Likeness.alike, Likeness.less]
    assert rule_sentence(results, 0.8) == (
        "The rule that chooses the layers decides the verdict: as alike as replicates by published; "
        "less alike than replicates by middle."
    )
    assert rule_sentence(results[:1], 0.8) == ""
    again = replace(results[0], rule="accuracy")
    assert "replicates by published and accuracy; less alike" in rule_sentence(
        [results[0], results[1], again], 0.8
    )
    assert results[0].same > 0.8 and 0.8 < results[0].over_ceiling.value < 1.2


def test_the_share_of_higher_layer_pairs():
    rho = np.array([[0.1, 0.2], [0.3, np.nan]])
    got = LayerPairs("a", "b", rho, (0, 1))
    assert got.higher == pytest.approx(1 / 3)
    assert got.best == (1, 0)
