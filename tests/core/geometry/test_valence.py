"""Valence: a planted one is found, a geometry without one is called valence in 5 % of studies."""

from dataclasses import replace

import numpy as np
import pytest

from emo.core.criterion_search import SearchVerdict, verdict_of
from emo.core.geometry.comprehension import describe
from emo.core.geometry.cosines import rdm
from emo.core.geometry.criterion_rdm import CriterionRdm
from emo.core.geometry.generated import TextCounts, describe_stories
from emo.core.geometry.item_sets import Recipe
from emo.core.geometry.valence import no_valence, pole_rdm, valence_criterion
from emo.core.records import Activations
from emo.core.stats.correlation import spearman
from emo.core.stats.resampling import Resampling, stream
from tests.core.planted import crossed

FEW = Resampling(n_splits=4, n_bootstrap=2, splits_per_replicate=2, n_permutations=39)
NAMES = tuple(f"e{i}" for i in range(12))
POLES = dict(zip(NAMES, [1.0] * 5 + [-1.0] * 5 + [0.0] * 2, strict=True))


def planted(rng, valences, geometry=0.0, noise=1.0, names=NAMES, n_situations=12, hidden=20):
    """Layers with an axis of valence, directions of every emotion's own, and noise of the items.

    The own directions are the same in all layers, as those of one model nearly are.
    """
    emotions, groups = crossed(len(names), n_situations)
    poles = np.array([POLES.get(name, 0.0) for name in names])
    axis, own = rng.normal(size=hidden), rng.normal(size=(len(names), hidden))
    values = np.array(
        [
            v * poles[emotions][:, None] * axis
            + geometry * own[emotions]
            + noise * rng.normal(size=(len(emotions), hidden))
            for v in valences
        ],
        dtype=np.float32,
    )
    return Activations(
        values,
        tuple(map(str, range(len(emotions)))),
        tuple(names[e] for e in emotions),
        tuple(f"s{g}" for g in groups),
        rng.normal(size=(len(valences), 4, hidden)).astype(np.float32),
        "last",
    )


def stories(activations, layer=1, recipe=None):
    counts = TextCounts(1.0, 1.0, 1.0, 0)
    made = recipe or Recipe(centring="none")
    return describe_stories(activations, layer, "middle", made, counts, FEW, POLES)[1]


def test_poles_make_similarities_that_order_pairs():
    rdm = pole_rdm({"calm": 1.0, "happy": 1.0, "neutral": 0.0, "sad": -1.0})
    assert rdm.cosines.tolist() == [0, -1, -2, -1, -2, -1]


def test_a_planted_valence_is_found_at_its_layer(rng):
    d = describe(planted(rng, [0, 1, 0]), FEW, poles=POLES)[1]
    assert d.valence is not None and d.valence.chosen is not None
    assert (d.valence.layer, d.valence.verdict) == (1, SearchVerdict.shown)
    assert d.curves["valence"][1] == d.valence.rho > 0.7
    assert d.valence.chosen.other == pytest.approx(d.valence.chosen.same, abs=0.05)
    assert d.valence.rho > d.valence.line
    assert d.valence.mantel_p[1] == d.valence.p == pytest.approx(1 / 1001)
    assert d.nulls["valence"].p[1] == pytest.approx(1 / 40)


def test_a_weak_valence_in_a_strong_geometry_is_found(rng):
    """Half of the variance of an emotion's own directions."""
    d = describe(planted(rng, [0, 0.7, 0.7], geometry=0.5), FEW, poles=POLES)[1]
    assert d.valence is not None and d.valence.verdict is SearchVerdict.shown


def test_the_line_holds_the_search_over_layers(rng):
    """Layers that scatter by themselves have a higher best one by chance than any layer named before."""
    d = describe(planted(rng, [0] * 10), FEW, poles=POLES)[1]
    assert d.valence is not None
    assert d.valence.line > 1.3 * np.median(d.valence.chance_high)
    assert (d.valence.rho > d.valence.line) == (d.valence.p <= 0.05)


def false_shares(rng, geometry, n_studies, n_layers=8):
    """Shares of studies without valence that are called valence: by the verdict, by the search."""
    verdicts, searches, single = [], [], []
    for _ in range(n_studies):
        activations = planted(rng, [0] * n_layers, geometry, n_situations=6)
        d = stories(activations)
        assert d.valence is not None
        verdicts.append(d.valence.verdict is SearchVerdict.shown)
        searches.append(d.valence.p <= 0.05)
        single.append(bool(np.nanmin(d.valence.mantel_p) <= 0.05))
    return float(np.mean(verdicts)), float(np.mean(searches)), float(np.mean(single))


@pytest.mark.slow
@pytest.mark.parametrize("geometry", [0.0, 2.0])
def test_a_geometry_without_valence_is_seldom_called_valence(rng, geometry):
    """24 studies: at a rate of 5 % six or more of them are called valence in 0.2 % of tests."""
    verdict, search, _ = false_shares(rng, geometry, 24, n_layers=4)
    assert verdict * 24 < 5.5
    assert search * 24 < 5.5


@pytest.mark.slow
@pytest.mark.parametrize("geometry", [0.0, 0.5, 2.0])
def test_five_percent_of_geometries_without_valence_are_called_valence(rng, geometry):
    """The bounds are three standard errors of a share of 0.05 in 600 studies."""
    verdict, search, single = false_shares(rng, geometry, 600)
    assert 0.023 <= verdict <= 0.077
    assert 0.023 <= search <= 0.077
    if geometry < 2:  # without the search in p, the best of eight layers looks like valence
        assert single > 0.1


@pytest.mark.slow
def test_without_emotion_few_p_under_permuted_labels_are_small(rng):
    """Twelve layers: more than four of them have p <= 0.05 in 0.02 % of tests."""
    d = describe(planted(rng, [0] * 12, n_situations=6), FEW, poles=POLES)[1]
    assert (d.nulls["valence"].p <= 0.05).sum() <= 4
    assert (d.nulls["valence"].low < 0).all() and (d.nulls["valence"].high > 0).all()


def test_generation_and_comprehension_agree_where_their_vectors_do(rng):
    activations = planted(rng, [0.3, 1.0], geometry=0.5)
    passages = describe(activations, FEW, poles=POLES)[1]
    told = stories(activations, recipe=Recipe(centring="global"))
    assert passages.valence is not None and told.valence is not None
    np.testing.assert_allclose(told.curves["valence"], passages.curves["valence"], atol=1e-9)
    assert told.valence.line == pytest.approx(passages.valence.line, abs=1e-9)
    assert told.valence_at_layer == pytest.approx(passages.curves["valence"][1])


def test_rho_is_that_of_the_vectors_which_a_run_logs(rng):
    activations = planted(rng, [1.0, 1.0], geometry=0.5)
    made = Recipe(centring="none", unit_norm=True)
    vectors, d = describe_stories(
        activations, 1, "middle", made, TextCounts(1.0, 1.0, 1.0, 0), FEW, POLES
    )
    rho = [float(spearman(rdm(vectors, x).cosines, pole_rdm(POLES).cosines)) for x in (0, 1)]
    np.testing.assert_allclose(d.curves["valence"], rho, atol=1e-9)


def test_emotions_without_a_pole_are_left_out_of_the_comparison_alone(rng):
    names = (*NAMES, "odd", "wistful")
    activations = planted(rng, [0.0, 1.0], names=names)
    d = describe(activations, FEW, poles=POLES)[1]
    assert d.valence is not None
    assert d.valence.emotions == NAMES
    assert d.valence.verdict is SearchVerdict.shown


@pytest.mark.parametrize(
    ("poles", "words"),
    [
        ({}, "0 emotions are pleasant and 0 unpleasant"),
        ({"e0": 1.0, "e5": -1.0, "e10": 0.0}, "1 emotions are pleasant and 1 unpleasant"),
        ({f"e{i}": 1.0 for i in range(12)}, "12 emotions are pleasant and 0 unpleasant"),
        ({"e0": 1.0, "e1": 1.0, "e10": 0.0}, "2 emotions are pleasant and 0 unpleasant"),
    ],
)
def test_too_few_poles_give_no_valence(rng, poles, words):
    assert no_valence(poles).startswith(words)
    d = describe(planted(rng, [1.0]), FEW, poles=poles)[1]
    assert d.valence is None
    assert "valence" not in d.curves and "valence" not in d.nulls
    assert verdict_of(d.valence) is SearchVerdict.absent


def test_few_emotions_cannot_tell(rng):
    """Two pleasant and three unpleasant emotions can be permuted in ten ways: p is at least 0.1."""
    some = NAMES[3:8]
    d = describe(planted(rng, [3.0], names=some, n_situations=20), FEW, poles=POLES)[1]
    assert d.valence is not None
    assert d.valence.lowest_p == pytest.approx(0.1, abs=0.03)
    assert d.valence.verdict is SearchVerdict.untold


def test_a_layer_that_is_not_finite_has_no_value(rng):
    activations = planted(rng, [0.0, 1.0, 1.0])
    activations.values[2, 0, 0] = np.inf
    d = describe(activations, FEW, poles=POLES)[1]
    assert d.valence is not None and d.valence.layer == 1
    assert np.isnan([d.curves["valence"][2], d.valence.mantel_p[2], d.valence.chance_high[2]]).all()


def test_one_text_per_emotion_has_a_search_and_no_halves(rng):
    activations = replace(planted(rng, [0.0, 3.0], n_situations=1), situations=None)
    d = stories(activations)
    assert d.valence is not None and d.valence.chosen is None
    assert d.valence.verdict is SearchVerdict.shown


@pytest.mark.slow
def test_the_halves_that_choose_a_layer_are_not_those_that_show_it(rng):
    """Layers of noise alone: a half's own best layer is high, on the other half it is nothing."""
    chosen = []
    for _ in range(5):
        found = stories(planted(rng, [0.0] * 20, n_situations=6)).valence
        assert found is not None and found.chosen is not None
        chosen.append((found.chosen.same, found.chosen.other))
    same, other = np.mean(chosen, axis=0)
    assert same > 0.2
    assert abs(other) < 0.15


def test_permuted_emotions_are_the_same_for_all_layers():
    rdm = pole_rdm(POLES)
    held = CriterionRdm.make(NAMES, rdm, 50, stream(0, "x"))
    rows = np.random.default_rng(0).normal(size=(1, len(rdm.cosines)))
    both = held.agreement(np.concatenate([rows, rows]))
    np.testing.assert_allclose(both.permuted[0], both.permuted[1])
    assert held.rho(rdm.cosines[None])[0] == pytest.approx(1)
    assert valence_criterion(NAMES, {}, 0) is None
