"""A study of three sub-parameters; what is said of the files of every job."""

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


COMMON = {"stimuli.csv", "config.json", "provenance.json", "run.html"}
"""Files that every run of a plan has."""


def has_files(config, outcome, *names):
    """Whether an outcome lists these files and the common ones, each of them logged and not empty."""
    tracker = Tracker(config)
    folders = {"png": "figures/"}
    for name in (*names, *COMMON):
        path = folders.get(name.rpartition(".")[2], "") + name
        assert tracker.artifact(outcome.run_id, path).stat().st_size > 0
        assert outcome.artifacts[name].endswith(f"/{path}")
    return set(outcome.artifacts) == {*names, *COMMON}
