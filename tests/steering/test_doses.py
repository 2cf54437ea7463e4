"""What is added: unit vectors times strength times the prompt's norm, and the controls' directions."""

import numpy as np
import pytest

from emo.core.choices import Direction
from emo.core.records import EmotionVectors
from emo.errors import ConfigError, EmoError
from emo.steering.doses import Additions, Dose, Site, parse_sites, plan_doses
from emo.stimuli.scenarios import Scenario

A, B = (Scenario(n, "m", e, f"text {n}") for n, e in (("a", "calm"), ("b", "sad")))
EMOTIONS = ("calm", "sad", "proud")
PARTNERS = {"calm": "sad", "sad": "proud", "proud": "calm"}
NORMS = {"a": np.array([2.0, 3.0, 5.0]), "b": np.array([7.0, 11.0, 13.0])}


def vectors():
    values = np.random.default_rng(0).standard_normal((3, 3, 16)) * 9
    return EmotionVectors(values, EMOTIONS, (2, 2, 2), "global")


def added(direction=Direction.target, scenario=A, layers=(1, 2), strength=0.1, source=None, seed=0):
    result = Additions(vectors(), NORMS, PARTNERS, source, seed)
    dose = Dose(scenario, scenario.emotion, direction, Site("x", layers), strength)
    return result.addition(dose)


def unit(layer, emotion):
    v = vectors().values[layer, EMOTIONS.index(emotion)]
    return v / np.linalg.norm(v)


def test_target_is_the_unit_vector_of_each_layer_times_strength_and_norm():
    result = added()
    assert set(result) == {1, 2}
    assert result[1] == pytest.approx(0.1 * 3 * unit(1, "calm"), rel=1e-6)
    assert result[2] == pytest.approx(0.1 * 5 * unit(2, "calm"), rel=1e-6)
    assert result[1].dtype == np.float32


def test_with_a_source_one_layers_vector_is_added_everywhere():
    result = added(source=0)
    assert result[2] == pytest.approx(0.1 * 5 * unit(0, "calm"), rel=1e-6)


def test_norms_are_those_of_the_scenarios_own_prompt():
    assert np.linalg.norm(added(scenario=B)[1]) == pytest.approx(1.1)


def test_controls_have_the_targets_norm():
    length = np.linalg.norm(added()[2])
    for direction in Direction:
        assert np.linalg.norm(added(direction)[2]) == pytest.approx(length)


def test_opposite_and_shuffled():
    assert added(Direction.opposite)[1] == pytest.approx(-added()[1])
    assert added(Direction.shuffled)[1] == pytest.approx(0.1 * 3 * unit(1, "sad"), rel=1e-6)


def test_permuted_vectors_are_the_emotions_with_its_dimensions_in_another_order():
    def permuted(scenario=A, draw=1, seed=0):
        result = Additions(vectors(), NORMS | {"b": NORMS["a"]}, PARTNERS, None, seed)
        return result.addition(
            Dose(scenario, "calm", Direction.permuted, Site("x", (1, 2)), 0.1, draw)
        )

    one, target = permuted(), added()
    for layer in (1, 2):
        assert np.sort(one[layer]) == pytest.approx(np.sort(target[layer]), rel=1e-6)
        assert np.abs(one[layer] - target[layer]).max() > 0.01
    assert one[1] @ one[2] == pytest.approx(
        target[1] @ target[2], rel=1e-5
    )  # one order for all layers
    assert np.array_equal(one[1], permuted(scenario=B)[1])  # one vector for all scenarios
    for other in (permuted(draw=2), permuted(seed=1)):
        assert not np.allclose(one[1], other[1])


def test_permuted_vectors_come_after_the_directions_each_by_its_number():
    doses = plan_doses([A], None, [Direction.target], [Site("x", (1,))], [0.1, 0.2], permuted=2)
    assert [(d.direction.value, d.draw, d.strength) for d in doses] == [
        *(("target", 0, s) for s in (0.1, 0.2)),
        *(("permuted", draw, s) for draw in (1, 2) for s in (0.1, 0.2)),
    ]


def test_random_directions_add_up_over_layers_as_the_emotions_vectors_do():
    """Similar vectors of many layers add up; independent draws would stay at the root of them."""
    rng = np.random.default_rng(2)
    common = 3 * rng.standard_normal((1, 3, 64))
    similar = EmotionVectors(
        common + rng.standard_normal((12, 3, 64)), EMOTIONS, (2, 2, 2), "global"
    )
    norms = {"a": rng.uniform(1, 9, 12)}
    result = {}
    for direction in (Direction.target, Direction.random):
        dose = Dose(A, "calm", direction, Site("all", tuple(range(12))), 0.1)
        result[direction] = np.stack(
            list(Additions(similar, norms, PARTNERS, None, 0).addition(dose).values())
        )
    target, random = result[Direction.target], result[Direction.random]
    assert random @ random.T == pytest.approx(target @ target.T, rel=1e-4)
    length = np.linalg.norm(target.sum(axis=0))
    assert np.linalg.norm(random.sum(axis=0)) == pytest.approx(length, rel=1e-4)
    assert length > 2 * np.linalg.norm(np.linalg.norm(target, axis=1))
    cosine = random.sum(axis=0) @ target.sum(axis=0) / length**2
    assert abs(cosine) < 0.5


def test_random_is_the_same_for_all_strengths_and_another_for_each_scenario_and_seed():
    one = added(Direction.random)[1]
    assert added(Direction.random, strength=0.2)[1] == pytest.approx(2 * one)

    def direction(v):
        return v / np.linalg.norm(v)

    others = [
        added(Direction.random)[2],
        added(Direction.random, scenario=B)[1],
        added(Direction.random, seed=1)[1],
        added()[1],
    ]
    for other in others:
        assert abs(direction(one) @ direction(other)) < 0.99
    # With one source the random direction is one, too.
    both = added(Direction.random, source=0)
    assert direction(both[1]) == pytest.approx(direction(both[2]), rel=1e-5)


def test_no_strength_adds_nothing():
    assert added(strength=0.0) == {}


def test_a_vector_without_direction_is_refused():
    bad = vectors()
    bad.values[1, 0] = np.inf
    dose = Dose(A, "calm", Direction.target, Site("1", (1,)), 0.1)
    with pytest.raises(EmoError, match="vector of calm at layer 1 has norm inf"):
        Additions(bad, NORMS, PARTNERS, None, 0).addition(dose)


@pytest.mark.parametrize(
    ("value", "sites"),
    [
        ("all", [Site("all", (0, 1, 2, 3, 4, 5))]),
        ("best", [Site("best_4", (4,))]),
        (3, [Site("3", (3,))]),
        ("2-4", [Site("2-4", (2, 3, 4))]),
        (["best", 0, "4-5"], [Site("best_4", (4,)), Site("0", (0,)), Site("4-5", (4, 5))]),
    ],
)
def test_layers_are_parsed(value, sites):
    assert parse_sites(value, 6, 4) == sites


@pytest.mark.parametrize("value", ["some", "4-2", "-1", [], [1, 1], "6", "5-6", None, 1.5, ""])
def test_layers_that_make_no_sense_are_refused(value):
    with pytest.raises(ConfigError, match=r"job\.steer\.layers="):
        parse_sites(value, 6, 4)


def test_every_combination_is_planned_once():
    sites = [Site("0", (0,)), Site("1", (1,))]
    directions = [Direction.target, Direction.random]
    doses = plan_doses([A, B], None, directions, sites, [0.1, 0.2, 0.3])
    assert len(doses) == len(set(doses)) == 2 * 2 * 2 * 3
    assert {(d.scenario.id, d.emotion) for d in doses} == {("a", "calm"), ("b", "sad")}
    crossed = plan_doses([A, B], ["sad", "proud"], directions, sites, [0.1])
    assert len(crossed) == 2 * 2 * 2 * 2
    assert {d.emotion for d in crossed} == {"sad", "proud"}
