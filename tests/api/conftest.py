"""One project for all tests of the Python interface: a run that read passages, one that wrote texts."""

import pytest
import yaml

import emo
from emo.cli import run_job
from emo.config.resolve import compose
from tests.conftest import TINY, write_small_csv

SCENARIOS = [
    {"id": "one", "mood": "calm", "emotion": "sad", "text": "The letter lay on the table and she"}
]


@pytest.fixture(scope="package")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("project")
    write_small_csv(folder)
    (folder / "scenarios.yaml").write_text(yaml.safe_dump(SCENARIOS))
    return folder


@pytest.fixture(scope="package")
def make(project):
    """A finished run of a tiny model on the small passages, with more settings."""

    def made(*overrides):
        words = (*TINY, f"stimuli.path={project / 'small.csv'}", *overrides)
        outcome = run_job(compose(*words, root=project))
        assert outcome.error is None
        return emo.load_run(outcome.run_id, root=project)

    return made


@pytest.fixture(scope="package")
def read(make):
    """The run that read the passages."""
    return make()


@pytest.fixture(scope="package")
def wrote(make):
    """The run that wrote its texts."""
    return make("method=generation", "subparams=loose", "subparams.max_new_tokens=12")


@pytest.fixture(scope="package")
def steered(make, project):
    """A run of job=steer with the vectors of ``read``."""
    return make(
        "job=steer",
        f"job.steer.scenarios_path={project / 'scenarios.yaml'}",
        "job.steer.strengths=[0.2,4]",
        "job.steer.max_new_tokens=6",
    )
