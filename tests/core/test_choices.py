"""Closed choices: owned by the core, offered by the configuration, refused where they are unknown."""

from enum import StrEnum

import numpy as np
import pytest

from emo.config import enums
from emo.core import choices
from emo.core.choices import (
    Centring,
    Criterion,
    Direction,
    LayerRule,
    Projection,
    Removal,
    SteerControl,
    UnknownChoice,
    chosen,
)
from emo.core.compare.readers import ROUNDINGS, ROUNDOFF, tolerance
from emo.core.geometry.item_sets import ItemSet, Recipe
from emo.core.geometry.means import prepare
from emo.core.geometry.projections import project
from emo.core.geometry.vectors import emotion_vectors
from emo.core.records import Activations

CHOICES = [
    c for c in vars(choices).values() if isinstance(c, type) and issubclass(c, StrEnum) and len(c)
]


@pytest.fixture
def data(rng):
    values = rng.normal(size=(1, 6, 4)).astype(np.float32)
    emotions = ("calm", "sad", "neutral") * 2
    situations = ("quay",) * 3 + ("field",) * 3
    return Activations(values, tuple("abcdef"), emotions, situations, values[:, :3], "last")


@pytest.mark.parametrize("choice", CHOICES, ids=lambda c: c.__name__)
def test_a_member_is_its_own_name_as_text(choice):
    for member in choice:
        assert member.name == member.value == str(member)
        assert chosen(choice, member.value, "x") is chosen(choice, member, "x") is member


@pytest.mark.parametrize("choice", CHOICES, ids=lambda c: c.__name__)
@pytest.mark.parametrize("value", ["", "globl", "NONE", None, 0, True])
def test_what_is_no_member_is_refused_and_the_members_are_named(choice, value):
    with pytest.raises(UnknownChoice) as error:
        chosen(choice, value, "parameter")
    assert str(error.value) == f"parameter={value}: allowed is {', '.join(choice)}"


def test_the_configuration_offers_the_cores_own_choices():
    for name in enums.__all__:
        assert getattr(enums, name) is getattr(choices, name)


def test_every_direction_but_the_target_and_permuted_ones_is_a_control():
    others = [d for d in Direction if d not in (Direction.target, Direction.permuted)]
    assert [c.direction for c in SteerControl] == others


def test_every_layer_rule_but_half_depth_follows_one_criterion():
    followed = [rule.criterion for rule in LayerRule if rule is not LayerRule.middle]
    assert followed == list(Criterion)
    assert LayerRule.middle.criterion is None


def test_every_float_format_has_its_roundoff():
    assert set(ROUNDOFF) == set(ROUNDINGS) == set(choices.FloatFormat)


@pytest.mark.parametrize("centring", [c.value for c in Centring])
@pytest.mark.parametrize("remove", [r.value for r in Removal])
def test_every_member_is_known_wherever_vectors_are_made(data, centring, remove):
    vectors = emotion_vectors(data, centring, remove)
    assert (vectors.centring, vectors.removed) == (centring, remove)
    items = ItemSet.make(data, 0, Recipe(remove, centring))
    assert items.rdm(items.emotions).shape == (3,)


@pytest.mark.parametrize("projection", [p.value for p in Projection])
def test_every_projection_is_known(data, projection):
    assert project(data, projection).values.shape == data.values.shape


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda a: emotion_vectors(a, "globl"), "centring=globl: allowed is neutral, global, none"),
        (lambda a: emotion_vectors(a, remove="pca"), "remove=pca: allowed is none, situation"),
        (lambda a: prepare(a, "None"), "remove=None: allowed is none, situation"),
        (lambda a: Recipe(centring="pca"), "centring=pca"),
        (lambda a: Recipe(remove="passage"), "remove=passage"),
        (lambda a: project(a, "pca"), "projection=pca: allowed is none, all_but_the_top"),
        (lambda a: tolerance("int8"), "precision=int8: allowed is fp32, bf16, fp16"),
    ],
)
def test_unknown_names_are_refused_by_the_core_itself(data, call, message):
    with pytest.raises(UnknownChoice, match=message):
        call(data)
