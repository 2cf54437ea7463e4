"""An estimator is part of what a run is, whether the model reads passages or writes texts."""

import pytest

from emo.conditions import recognise
from emo.config.enums import EstimatorName
from emo.config.resolve import compose
from emo.models.weights import Weights
from emo.runs.identity import fingerprint, run_identity, story_identity

READER = (Weights("org/model", "abc", ""), "cpu", "s" * 64)


def _fingerprint(method, name):
    config = compose("model=tiny", f"method={method}", f"method.estimator={name}")
    if method == "generation":
        return fingerprint(story_identity(config, *READER, "p" * 64))
    return fingerprint(run_identity(config, *READER))


@pytest.mark.parametrize("method", ["comprehension", "generation"])
def test_every_estimator_has_runs_of_its_own(method):
    assert len({_fingerprint(method, e.value) for e in EstimatorName}) == len(EstimatorName)


@pytest.mark.parametrize("method", ["comprehension", "generation"])
def test_only_difference_of_means_is_a_published_condition(method):
    named = {
        e: recognise(compose("model=tiny", f"method={method}", f"method.estimator={e.value}"))
        for e in EstimatorName
    }
    published = named.pop(EstimatorName.mean_difference)
    assert published.name == {"comprehension": "A", "generation": "C"}[method]
    for estimator, recognised in named.items():
        assert recognised.name == "none"
        assert estimator.value in recognised.note
