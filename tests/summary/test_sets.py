"""A model's geometry on several sets: planted ones that are alike, and one that fades."""

from dataclasses import replace

import numpy as np
import pytest

from emo.core.stats.resampling import Resampling
from emo.runs.listing import RunListing
from emo.summary import sets
from emo.summary.selection import Selection
from tests.core.compare.test_cross_model import models
from tests.core.planted import crossed, record, two_models

pytestmark = pytest.mark.slow

FEW = Resampling(n_splits=12, n_bootstrap=4, splits_per_replicate=2)


def selection(**runs):
    listed = {m: (RunListing(run, "FINISHED", 1, {}, {}),) for m, run in runs.items()}
    return Selection(listed, {}, ())


@pytest.fixture
def planted(rng):
    """Two models on a set where they share a geometry, one alike, and one with nothing in it."""
    strong, nothing = two_models(rng, geometry=3), two_models(rng, geometry=0)
    # The second set has the first one's vectors with noise of its own.
    again = [
        record(a.values[0] + rng.normal(size=a.values[0].shape) * 2, *crossed(12, 24))
        for a in strong
    ]
    read = {}
    for name, (a, b) in {"named": strong, "shown": again, "implied": nothing}.items():
        for label, activations in (("a", a), ("b", b)):
            read[f"{name} {label}"] = replace(
                models(rng, 2)[0], name=label, activations=activations, layer=0
            )
    return read


def compare(read, *names):
    by_set = {name: selection(a=f"{name} a", b=f"{name} b") for name in names}
    return sets.compare_sets(by_set, lambda runs: read[runs[0].run_id], ["a", "b"], FEW)


def test_agreement_stays_and_fades_as_planted(planted):
    made = compare(planted, "named", "shown", "implied")
    assert [x.name for x in made.on] == ["named", "shown", "implied"]
    between = [x.agreement.whole[0, 1] for x in made.on]
    assert min(between[:2]) > 0.5 > 0.3 > abs(between[2])
    for x in made.across:
        assert x.sets == ("named", "shown", "implied")
        assert x.agreement.whole[0, 1] > 0.5 > 0.3 > abs(x.agreement.whole[0, 2])
        assert x.same[0, 1] > x.agreement.whole[0, 1]
        assert np.allclose(x.same, x.same.T) and np.allclose(np.diagonal(x.same), 1)


def test_one_set_alone_is_compared_with_nothing(planted):
    assert compare(planted, "shown") == sets.Sets()


def test_a_set_that_one_model_has_read_has_no_agreement_between_models(planted):
    by_set = {"named": selection(a="named a"), "shown": selection(a="shown a", b="shown b")}
    made = sets.compare_sets(by_set, lambda runs: planted[runs[0].run_id], ["a", "b"], FEW)
    assert [x.agreement is None for x in made.on] == [True, False]
    assert [x.model for x in made.across] == ["a"]


def test_sets_that_tell_other_situations_are_not_set_beside_each_other(planted, caplog):
    other = planted["shown a"]
    moved = tuple(f"x{s}" for s in other.activations.situations)
    planted["shown a"] = replace(other, activations=replace(other.activations, situations=moved))
    made = compare(planted, "named", "shown")
    assert [x.model for x in made.across] == ["b"]
    assert "sets read by a are not compared: items differ" in caplog.text
