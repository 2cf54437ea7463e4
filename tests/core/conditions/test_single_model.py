"""One model alone: what changes its RDM, against the parts themselves."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from emo.core.choices import Projection
from emo.core.conditions.single_model import single_model
from emo.core.geometry.item_sets import own_design
from emo.core.stats.resampling import stream
from tests.core.compare.test_cross_model import models
from tests.core.conditions.test_four_layer import study


@pytest.fixture
def model(rng):
    return models(rng, geometry=1, n=2)[0]


def test_projections_are_measured_as_the_model_is(model):
    got = single_model(model, {}, 3)
    own = model.items().rdm(names := model.items().emotions)
    assert tuple(got.projections) == tuple(Projection)
    assert got.projections["none"] == pytest.approx(1)
    want = spearmanr(own, model.items("z_score").rdm(names))[0]
    assert got.projections["z_score"] == pytest.approx(want)


def test_without_generation_runs_two_halves_are_normalised(model):
    got = single_model(model, {}, 3)
    items = model.items()
    first = own_design(items).halves(1, stream(3, "halves"))[0].astype(float)
    a, b = (items.rdms(w[None], items.emotions)[0] for w in (first, 1 - first))
    assert got.compared == ("one half of the passages", "the other half")
    assert {n.name for n in got.normalisations} == {"none", "range", "z_score", "anisotropy"}
    for n in got.normalisations:
        assert n.spearman == pytest.approx(spearmanr(a, b)[0])
    assert got.largest_effect < 1e-9
    assert max(n.largest_change for n in got.normalisations) > 0.1


def test_with_generation_runs_two_conditions_are(rng, model):
    conditions = study(rng)
    got = single_model(model, conditions, 3)
    assert got.compared == ("condition A", "condition C")
    names = conditions["A"].items.emotions
    want = spearmanr(*(conditions[c].items.rdm(names) for c in "AC"))[0]
    assert got.normalisations[-1].spearman == pytest.approx(want)
    del conditions["C"]
    assert single_model(model, conditions, 3).compared[1] == "condition B"
    assert np.isfinite(got.largest_effect)
