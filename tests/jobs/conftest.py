"""A study of three sub-parameters; what is said of the files of every job."""

from dataclasses import replace

import pytest

import emo
from emo.cli import run_job
from emo.config.resolve import compose
from emo.report.drawing import FORMATS
from emo.tracking import Tracker
from tests.conftest import TINY, write_small_csv

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


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A folder with a small set of passages, for all tests of a module."""
    folder = tmp_path_factory.mktemp("project")
    write_small_csv(folder)
    return folder


@pytest.fixture(scope="module")
def tiny(project):
    """Configs of the tiny model in the module's project."""

    def make(*overrides):
        path = project / "small.csv"
        return compose(*TINY, f"stimuli.path={path}", *overrides, root=project)

    return make


@pytest.fixture(scope="module")
def source(tiny, project):
    """The extraction of the tiny model in the module's project."""
    outcome = run_job(tiny())
    assert outcome.error is None
    return emo.load_run(outcome.run_id, root=project)


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
