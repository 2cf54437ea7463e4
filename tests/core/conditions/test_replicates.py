"""Agreement with a reference on other prompts: against plain loops, and in planted worlds."""

from itertools import combinations

import numpy as np
import pytest
from scipy.stats import spearmanr

from emo.core.conditions.ablation import ablation, shared_rho
from emo.core.conditions.replicates import Point, replicate_agreement
from emo.core.records import LabelMismatch
from tests.core.conditions.text_worlds import texts, world

E = tuple(f"e{i:02d}" for i in range(6))


@pytest.fixture
def geometry(rng):
    return rng.normal(size=(6, 16))


def rdm(items, units, emotions=E):
    """RDM of some prompts, or of the texts in those places, without the library's divisions."""
    cells = items.layer.cells
    place = cells.group if items.crossed else np.arange(len(cells.emotion)) % len(items.groups)
    if not items.crossed:
        place = np.concatenate([np.arange(n) for n in np.bincount(cells.emotion)])
    return items.rdms(np.isin(place, units).astype(float)[None], emotions)[0]


def rho(a, b):
    return spearmanr(a, b).statistic


def test_prompts_are_shared_by_no_two_sides(rng, geometry):
    """Four prompts have three divisions; each half of the one set with the other half of the other."""
    reference, point = texts(rng, geometry, 1.0, 4), texts(rng, geometry, 1.0, 4)
    found = replicate_agreement(reference, [Point(point)], 20, 0)
    divisions = [((0, 1), (2, 3)), ((0, 2), (1, 3)), ((0, 3), (1, 2))]
    across = [
        (rho(rdm(point, a), rdm(reference, b)) + rho(rdm(point, b), rdm(reference, a))) / 2
        for a, b in divisions
    ]
    assert found.disjoint[0, 0] == pytest.approx(np.mean(across))
    for items, got in ((point, found.reliability[0, 0]), (reference, found.reference[0])):
        assert got == pytest.approx(
            np.mean([rho(rdm(items, a), rdm(items, b)) for a, b in divisions])
        )
    ceiling = np.sqrt(found.reliability[0, 0] * found.reference[0])
    assert found.relative[0, 0] == pytest.approx(found.disjoint[0, 0] / ceiling)


def test_the_reference_as_a_point_is_the_zero_line(rng, geometry):
    reference = texts(rng, geometry, 0.7)
    found = replicate_agreement(reference, [Point(reference)], 20, 0)
    assert found.relative[:, 0] == pytest.approx(1)
    assert found.disjoint[:, 0] == pytest.approx(found.reference)
    assert found.reference[0] < 0.95


def test_without_an_emotion_it_is_the_agreement_of_sets_that_lack_it(rng, geometry):
    noise = [0.5 * rng.normal(size=(30, 16)) for _ in range(2)]

    def sets(kept):
        from tests.core.conditions.text_worlds import item_set

        rows = [i for i in range(30) if i // 5 in kept]
        return [
            item_set(
                (np.repeat(geometry, 5, axis=0) + x)[rows],
                [i // 5 for i in rows],
                [i % 5 for i in rows],
            )
            for x in noise
        ]

    reference, point = sets(range(6))
    whole = replicate_agreement(reference, [Point(point)], 20, 0)
    for left in range(6):
        less, other = sets([i for i in range(6) if i != left])
        want = replicate_agreement(less, [Point(other)], 20, 0)
        assert whole.relative[1 + left, 0] == pytest.approx(want.relative[0, 0])


def test_samples_of_one_prompt_are_divided_on_their_own(rng, geometry):
    reference, point = texts(rng, geometry, 1.0, 4), texts(rng, geometry, 1.0, 4, crossed=False)
    found = replicate_agreement(reference, [Point(point)], 20, 0)
    halves = list(combinations(range(4), 2))
    every = [rho(rdm(point, a), rdm(reference, b)) for a in halves for b in halves]
    assert found.disjoint[0, 0] == pytest.approx(np.mean(every))
    own = [rho(rdm(point, (0, i)), rdm(point, tuple({1, 2, 3} - {i}))) for i in (1, 2, 3)]
    assert found.reliability[0, 0] == pytest.approx(np.mean(own))


def test_a_single_text_is_as_reliable_as_those_it_is_like(rng, geometry):
    reference, single = texts(rng, geometry, 1.0, 4), texts(rng, geometry, 1.0, 1, crossed=False)
    like = texts(rng, geometry, 1.0, 3, crossed=False)
    found = replicate_agreement(reference, [Point(single, like), Point(single)], 20, 0)
    pairs = [rho(rdm(like, [i]), rdm(like, [j])) for i, j in combinations(range(3), 2)]
    assert found.reliability[0, 0] == pytest.approx(np.mean(pairs))
    halves = [rho(rdm(single, [0]), rdm(reference, h)) for h in combinations(range(4), 2)]
    assert found.disjoint[0] == pytest.approx(np.mean(halves))
    assert np.isnan(found.relative[0, 1])


def test_a_point_with_some_of_the_prompts_meets_the_reference_on_the_others(rng, geometry):
    reference, point = texts(rng, geometry, 1.0, 4), texts(rng, geometry, 1.0, 2)
    found = replicate_agreement(reference, [Point(point)], 20, 0)
    divisions = [((0, 2), (1, 3)), ((0, 3), (1, 2))]  # of 0, 1 | 2, 3 the point has one half
    across = [
        (rho(rdm(point, [a[0]]), rdm(reference, b)) + rho(rdm(point, [b[0]]), rdm(reference, a)))
        / 2
        for a, b in divisions
    ]
    assert found.disjoint[0, 0] == pytest.approx(np.mean(across))


def test_of_many_texts_some_divisions_are_drawn(rng, geometry):
    reference = texts(rng, geometry, 0.5, 12)
    twice = [replicate_agreement(reference, [Point(reference)], 15, s) for s in (0, 0, 1)]
    assert twice[0].reference.tolist() == twice[1].reference.tolist() != twice[2].reference.tolist()
    assert twice[0].reference[0] == pytest.approx(twice[2].reference[0], abs=0.05)


def test_a_reference_without_a_replicate_is_refused(rng, geometry):
    single = texts(rng, geometry, 1.0, 1, crossed=False)
    with pytest.raises(LabelMismatch, match="one text per emotion and no replicate"):
        replicate_agreement(single, [Point(single)], 20, 0)


def effects_in(rng, rewriting, reading, **planted):
    points = world(rng, rewriting, reading, **planted)
    agreement = replicate_agreement(points[0].items, points, 20, 0)
    factors = tuple(f"text {i}" for i in range(rewriting)) + tuple(
        f"read {i}" for i in range(reading)
    )
    return ablation(factors, agreement), shared_rho(points[0].items, [p.items for p in points])


def wrong(found):
    """Whether the interval of each main effect, Shapley value and of the drop excludes zero."""
    t = found.effects
    each = [np.atleast_1d((e.low > 0) | (e.high < 0)) for e in (t.main, t.shapley, t.drop)]
    return np.concatenate(each)


@pytest.mark.slow
def test_texts_written_anew_are_no_effect(rng):
    """The rule in a world without an effect, and what comparing with the reference's own texts gives."""
    excluded, relative, drop_before = [], [], []
    for _ in range(20):
        found, shared = effects_in(rng, 1, 1)
        excluded.append(wrong(found))
        relative.append(found.points.value)
        drop_before.append(shared[0] - shared[-1])
    assert np.mean(excluded, axis=0).max() <= 0.15
    assert np.mean(relative, axis=0) == pytest.approx(1, abs=0.06)
    assert np.mean(drop_before) > 0.2


@pytest.mark.parametrize("moved", [0, 1])
def test_a_planted_effect_is_found_and_ranked_first(rng, moved):
    for _ in range(3):
        found, _ = effects_in(rng, 1, 1, moved=moved, by=1.5, n=16, text=0.4)
        assert found.effects.told == (found.factors[moved],)
        assert found.effects.ranking[0] == found.factors[moved]
        assert found.effects.rank[moved].high == 1


@pytest.mark.slow
@pytest.mark.parametrize("text", [0.6, 1.2])
def test_no_interval_excludes_zero_more_often_than_its_level(rng, text):
    """20 emotions, 5 prompts, three factors that rewrite texts and two that read them elsewhere."""
    excluded = np.array([wrong(effects_in(rng, 3, 2, n=20, text=text)[0]) for _ in range(60)])
    assert excluded.mean(axis=0).max() <= 0.12
    assert excluded.mean() <= 0.05


@pytest.mark.slow
def test_one_effect_among_five_is_ranked_first(rng):
    first = told = 0
    for moved in (0, 4) * 5:
        found, _ = effects_in(rng, 3, 2, n=20, moved=moved, by=0.7)
        first += found.effects.ranking[0] == found.factors[moved]
        told += found.effects.told == (found.factors[moved],)
    assert first == 10
    assert told >= 9
