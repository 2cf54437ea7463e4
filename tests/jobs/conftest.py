"""A study of three sub-parameters."""

from dataclasses import replace

import pytest

from emo.tracking import Tracker

SPACE = {"prompts": ["stories", "paragraph"], "samples": [10, 1], "layer": ["middle", "best"]}


@pytest.fixture
def study_config(tiny_config):
    """A study of three parameters in ``n`` trials."""

    def make(*overrides, n=8, space=SPACE):
        settings = ("job.sensitivity.objectives=[rho]", f"job.sensitivity.n_trials={n}")
        config = tiny_config("job=sensitivity", *settings, *overrides)
        study = replace(config.job.sensitivity, space=space)
        return replace(config, job=replace(config.job, sensitivity=study))

    return make


def runs(config, **tags):
    tracker = Tracker(config)
    found = tracker.client.search_runs([tracker.experiment_id])
    return [r for r in found if all(r.data.tags.get(k) == v for k, v in tags.items())]
