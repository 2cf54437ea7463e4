"""Behaviour beside geometry: which pairs stand there, and what a planted world comes out as."""

from dataclasses import replace
from functools import lru_cache
from types import SimpleNamespace

import numpy as np
import pytest

from emo.core.behaviour.facets import Measure, PairedTest, Told
from emo.core.compare.cross_model import ModelRun
from emo.core.compare.leaving_out import leaving_out
from emo.core.geometry.comprehension import describe
from emo.core.geometry.item_sets import Recipe
from emo.core.stats.resampling import Resampling
from emo.reference.behaviour import behaviour_pair
from emo.reference.unprinted import unprinted
from emo.report.summary.behaviour_tables import (
    behaviour_geometry_table,
    behaviour_pair_table,
    behaviour_published_table,
    behaviour_sentences,
    behaviour_table,
)
from emo.runs.listing import RunListing
from emo.summary.behaviour import PairKind, behaviour
from emo.summary.behaviour_runs import Speaker
from tests.core.planted import crossed, record

FEW = Resampling(n_splits=10, n_bootstrap=10, splits_per_replicate=2, seed=3)
N_ITEMS = 24


@lru_cache
def study(n):
    """Models whose geometry turns from one into another: the further apart, the less they share."""
    rng = np.random.default_rng(7)
    emotions, groups = crossed(10, 8)
    one, other = rng.normal(size=(2, 10, 30))
    found, descriptors = [], None
    for k, angle in enumerate(np.linspace(0, np.pi / 2, n)):
        geometry = np.cos(angle) * one + np.sin(angle) * other
        values = geometry[emotions] + 0.5 * rng.normal(size=(len(emotions), 30))
        neutral = rng.normal(size=(1, 6, 30)).astype(np.float32)
        activations = replace(record(values, emotions, groups, True), neutral=neutral)
        descriptors = descriptors or describe(activations, Resampling(2, 2, 2, 2))[1]
        found.append(
            ModelRun(
                name=f"m{k}",
                run_id=f"run{k}",
                model_id=f"org/m{k}",
                family=f"{chr(97 + k)}",
                variant="instruct",
                precision="fp32",
                size_b=None,
                activations=activations,
                layer=0,
                descriptors=descriptors,
                recipe=Recipe(),
            )
        )
    return SimpleNamespace(
        models=tuple(found), left_out=leaving_out([m.items() for m in found], FEW)
    )


def with_models(world, **fields):
    """The same geometries of models with other fields, one value per model."""
    given = [
        dict(zip(fields, values, strict=True)) for values in zip(*fields.values(), strict=True)
    ]
    models = tuple(replace(m, **f) for m, f in zip(world.models, given, strict=True))
    return SimpleNamespace(models=models, left_out=world.left_out)


def speaker(name, flips, precision="fp32", steering="", started=0):
    """A model under whose pressure the first ``flips`` items flip."""
    outcomes = {f"item{i}": float(i < flips) for i in range(N_ITEMS)}
    made = Measure(
        *("epistemic", "flips under pressure", "item", flips / N_ITEMS, 0.0, 1.0),
        *(outcomes, PairedTest.mcnemar),
    )
    run = RunListing(f"{name}{precision}{steering}", "FINISHED", started, {}, {})
    return Speaker(name, precision, steering, run, (made,))


def on(speakers, study=None, readings=lambda name, precision: None):
    models = () if study is None else study.models
    return behaviour(speakers, study, models, readings, 99, FEW)


def kinds(found):
    return [(p.kind, p.first.name, p.second.name) for p in found.pairs]


def shown(*found):
    return SimpleNamespace(behaviour=found)


def test_pairs_are_of_models_then_of_precisions_then_of_vectors():
    world = study(2)
    (found,) = on(
        [
            speaker("m1", 4),
            speaker("m0", 3),
            speaker("m0", 5, "int8", started=9),
            speaker("m0", 9, "int8", "steered calm"),
            speaker("m0", 9, "fp16", "steered sad"),  # nothing unsteered in fp16
        ],
        world,
    )
    assert kinds(found) == [
        (PairKind.models, "m0, fp32", "m1, fp32"),
        (PairKind.precisions, "m0, int8", "m0, fp32"),
        (PairKind.steering, "m0, int8, steered calm", "m0, int8"),
    ]
    (models, precisions, vectors) = found.pairs
    assert models.shared is not None
    assert precisions.shared is vectors.shared is None
    assert vectors.contrast.difference == pytest.approx(4 / N_ITEMS)


def test_base_and_instruct_of_one_size_are_named_so():
    world = with_models(
        study(2), family=["f", "f"], variant=["base", "instruct"], size_b=[1.0, 1.0]
    )
    (found,) = on([speaker("m0", 1), speaker("m1", 2)], world)
    assert [p.kind for p in found.pairs] == [PairKind.versions]


def test_a_model_s_geometry_in_another_precision_stands_beside_what_it_does_there():
    world, asked = study(2), []

    def readings(name, precision):
        asked.append((name, precision))
        return world.models[0] if precision == "fp32" else world.models[1]

    (found,) = on([speaker("m0", 3), speaker("m0", 5, "int8")], world, readings)
    assert sorted(asked) == [("m0", "fp32"), ("m0", "int8")]
    assert found.pairs[0].shared.rho.value == pytest.approx(world.left_out.whole[0, 1])


def test_a_difference_is_told_and_many_pairs_need_more():
    (found,) = on([speaker("m0", 0), speaker("m1", 7), speaker("m2", 7)], study(3))
    told = [p.told for p in found.pairs]
    assert told == [Told.differ, Told.differ, Told.not_shown]
    assert found.pairs[0].p_holm == pytest.approx(3 * 2 / 2**7)
    assert "2 of 3 pairs of models differ (Holm)" in behaviour_sentences(shown(found))[0]


def test_behaviour_that_follows_geometry_is_found():
    world = study(7)
    (found,) = on([speaker(f"m{k}", 3 * k) for k in range(7)], world)
    assert found.over_families is None
    assert found.over_models.rho > 0.8
    assert found.over_models.shown
    assert "they go together" in behaviour_sentences(shown(found))[0]


@pytest.mark.slow
def test_behaviour_in_any_other_order_is_found_as_often_as_chance():
    world = study(7)
    rng, p = np.random.default_rng(0), []
    for _ in range(60):
        order = rng.permutation(7)
        (mixed,) = on([speaker(f"m{k}", 3 * order[k]) for k in range(7)], world)
        p.append(mixed.over_models.p)
    assert np.mean(np.array(p) <= 0.05) <= 0.12  # 8 of 60 or more have a chance of 1 %


def test_three_models_are_too_few_and_the_smallest_p_is_said():
    (found,) = on([speaker(f"m{k}", 6 * k) for k in range(3)], study(3))
    assert found.over_models.least_p >= 1 / 6 > 0.05
    (table,) = behaviour_geometry_table(shown(found))
    assert table.rows[0][-1] == "too few to tell"
    assert "(at least 0.33 with these): too few to tell." in behaviour_sentences(shown(found))[0]


def test_models_of_one_family_are_not_independent_and_families_decide():
    world = study(7)
    world = with_models(world, family=["a", "a", "b", "b", "c", "c", "d"])
    (found,) = on([speaker(f"m{k}", 3 * k) for k in range(7)], world)
    assert found.over_families.units == ("a", "b", "c", "d")
    assert found.deciding is found.over_families
    (table,) = behaviour_geometry_table(shown(found))
    assert [row[1] for row in table.rows] == ["models", "families"]
    assert "over 4 families" in behaviour_sentences(shown(found))[0]


def test_only_models_that_answered_in_the_precision_of_their_geometry_are_related_to_it():
    speakers = [speaker(f"m{k}", 3 * k) for k in range(4)] + [speaker("m4", 9, "int8")]
    (found,) = on(speakers, study(5))
    assert found.over_models.units == ("m0", "m1", "m2", "m3")
    assert on([speaker(f"m{k}", 3) for k in range(4)])[0].over_models is None


def test_tables_have_every_run_and_pair_with_intervals_and_no_geometry_where_there_is_none():
    (found,) = on([speaker("m0", 3), speaker("m1", 9), speaker("m0", 5, "int8")], study(2))
    (alone,) = behaviour_table(shown(found))
    assert [row[1:4] for row in alone.rows] == [
        ("m0", "fp32", "none"),
        ("m0", "int8", "none"),
        ("m1", "fp32", "none"),
    ]
    (pairs,) = behaviour_pair_table(shown(found))
    rows = [dict(zip(pairs.columns, row, strict=True)) for row in pairs.rows]
    assert rows[0]["difference"].low < rows[0]["difference"].value < rows[0]["difference"].high
    assert rows[0]["disattenuated"] is not None
    assert rows[1]["disattenuated"] is None
    assert (rows[0]["higher in first"], rows[0]["higher in second"]) == (0, 6)
    for make in (behaviour_table, behaviour_pair_table, behaviour_published_table):
        assert make(shown()) == []


def test_cited_figures_are_those_of_the_study_and_their_p_is_computed():
    (table,) = behaviour_published_table(shown(*on([speaker("m0", 1)])))
    rows = {row[0]: row[1:] for row in table.rows}
    published = rows["flips at any of five turns, published"]
    rates = {f.models[0]: f.value for f in unprinted().figures if f.figure.startswith("flip rate")}
    assert [x.value for x in published[:2]] == [rates[m] for m in behaviour_pair().models]
    assert published[2] == pytest.approx(0.0230, abs=1e-4)
    again = rows["flips at the four turns of pressure, read again"]
    assert (again[0].value, again[1].value, again[2]) == (0.5, 0.4, pytest.approx(1))
    assert again[0].low < 0.2 < 0.8 < again[0].high
    assert "on the same passages: 0.813." in table.caption
    assert "withdrawn" in table.caption and "Cited, not measured here" in table.caption


def test_a_vector_without_anything_to_hold_it_against_makes_no_pair():
    (found,) = on([speaker("m0", 3, steering="steered calm")], study(2))
    assert found.pairs == ()
    assert behaviour_pair_table(shown(found)) == []
    assert behaviour_sentences(shown(found)) == []
    assert replace(found, pairs=()).deciding is None
