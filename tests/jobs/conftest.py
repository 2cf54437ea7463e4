"""A study of three sub-parameters; what is said of the files of every job."""

from dataclasses import replace

import pytest

from emo.report.drawing import FORMATS
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
    """Whether an outcome lists these files and the common ones, each of them logged and not empty.

    A figure is named by its PNG and stands for all of its formats.
    """
    tracker = Tracker(config)
    folders = dict.fromkeys(FORMATS, "figures/")
    pictures = [name for name in names if name.endswith(".png")]
    names += tuple(
        f"{name[:-4]}.{suffix}" for name in pictures for suffix in FORMATS if suffix != "png"
    )
    for name in (*names, *COMMON):
        path = folders.get(name.rpartition(".")[2], "") + name
        assert tracker.artifact(outcome.run_id, path).stat().st_size > 0
        assert outcome.artifacts[name].endswith(f"/{path}")
    page = tracker.artifact(outcome.run_id, "run.html").read_text()
    assert outcome.run_id in page and 'id="answer"' in page and "page of this run could" not in page
    return set(outcome.artifacts) == {*names, *COMMON}
