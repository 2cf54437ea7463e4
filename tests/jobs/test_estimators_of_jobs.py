"""Vectors of every estimator in every job that takes vectors: used as such, or refused in one line."""

import json

import numpy as np
import pytest
import yaml

import emo
from emo.cli import run_job
from emo.config.enums import EstimatorName
from emo.config.resolve import compose
from emo.core.compare.axes_result import AxesResult
from emo.core.geometry.cosines import rdm
from emo.errors import ConfigError
from emo.files.reading import record_of
from emo.runs.logged import logged_run
from emo.tracking import Tracker
from tests.conftest import TINY, write_small_csv
from tests.jobs.conftest import runs

OTHERS = [e.value for e in EstimatorName if e is not EstimatorName.mean_difference]
FEW = ("resampling.n_splits=2", "resampling.n_bootstrap=4", "resampling.n_permutations=2")
SCENARIOS = [
    {"id": "one", "mood": "calm", "emotion": "sad", "text": "The letter lay there and she"}
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("estimators")
    write_small_csv(folder)
    (folder / "scenarios.yaml").write_text(yaml.safe_dump(SCENARIOS))
    words = ("afraid", "calm", "happy", "proud", "sad")
    rows = [f"{word},{i + 1},{(i * 2) % 5 + 1}" for i, word in enumerate(words)]
    (folder / "norms.csv").write_text("\n".join(["word,valence,arousal", *rows]) + "\n")
    return folder


@pytest.fixture(scope="module")
def run(folder):
    """The outcome of a job on the tiny model and the small passages."""

    def made(*words):
        stimuli = f"stimuli.path={folder / 'small.csv'}"
        return run_job(compose(*TINY, *FEW, stimuli, "backend.device=cpu", *words, root=folder))

    return made


@pytest.fixture(scope="module")
def means(run):
    outcome = run()
    assert outcome.error is None
    return outcome


@pytest.fixture(scope="module", params=OTHERS)
def other(request, run, means):
    """Name of an estimator, and its extraction."""
    outcome = run(f"method.estimator={request.param}")
    assert outcome.error is None
    return request.param, outcome


def logged(outcome, folder):
    return logged_run(outcome.run_id, folder, None)


@pytest.mark.slow
def test_another_estimator_reads_no_text_again(other, means):
    assert other[1].passes_done == 0
    assert other[1].passes_reused == means.passes_done + means.passes_reused
    assert other[1].run_id != means.run_id


@pytest.mark.slow
def test_its_vectors_are_others_of_the_same_activations(other, means, folder):
    own, plain = (logged(outcome, folder) for outcome in (other[1], means))
    assert own.vectors.estimator == other[0]
    np.testing.assert_array_equal(own.activations.values, plain.activations.values)
    assert not np.allclose(own.vectors.values, plain.vectors.values)


@pytest.mark.slow
def test_runs_are_compared_by_their_own_vectors(other, means, folder):
    """A run compared with itself, and the RDM that the comparison has, are those of its vectors."""
    from emo.api.comparing import items_at

    own, plain = (emo.load_run(outcome.run_id, root=folder) for outcome in (other[1], means))
    again = items_at(own, 1).rdm(own.vectors.emotions)
    np.testing.assert_allclose(again, rdm(own.vectors, 1).cosines, atol=1e-6)
    assert emo.compare(own, own, layer=1, permutations=9, n_bootstrap=2).rho == pytest.approx(1)
    compared = emo.compare(own, plain, layer=1, permutations=9, n_bootstrap=2)
    assert compared.rho < 1 - 1e-9
    assert compared.same_items


@pytest.mark.slow
def test_its_vectors_are_exported(other, run, folder):
    outcome = run(
        "job=export", f"job.export.run={other[1].run_id}", "job.export.format=safetensors"
    )
    assert outcome.error is None
    path = next(
        p for p in (folder / "exports").rglob("*.safetensors") if other[1].run_id[:8] in str(p)
    )
    assert path.stat().st_size > 0


@pytest.mark.slow
def test_a_text_is_read_against_them(other, run):
    outcome = run(
        "job=read", "job.read.text='She looked at the field.'", f"job.read.run={other[1].run_id}"
    )
    assert outcome.error is None


@pytest.mark.slow
def test_they_are_held_against_norms(other, run, folder):
    words = ("job=axes", f"norms.path={folder / 'norms.csv'}", "job.axes.permutations=99")
    outcome = run(*words, f"method.estimator={other[0]}")
    assert outcome.error is None
    config = compose(*TINY, root=folder)
    path = Tracker(config).artifact(outcome.run_id, "axes.json")
    assert record_of(AxesResult, path).findings
    (found,) = [r for r in runs(config, job="axes") if r.info.run_id == outcome.run_id]
    assert found.data.tags["vectors_run"] == other[1].run_id


@pytest.mark.slow
def test_they_steer(other, run, folder):
    words = (
        *("job=steer", f"job.steer.scenarios_path={folder / 'scenarios.yaml'}"),
        *("job.steer.strengths=[0.2]", "job.steer.max_new_tokens=3", "job.steer.controls=[]"),
    )
    outcome = run(*words, f"method.estimator={other[0]}")
    assert outcome.error is None
    found = {r.info.run_id: r for r in runs(compose(*TINY, root=folder), job="steer")}
    tags = found[outcome.run_id].data.tags
    assert tags["vectors_run"] == other[1].run_id
    assert tags["vectors_estimator"] == other[0]


@pytest.mark.slow
def test_they_are_summarised_by_their_own_geometry(other, means, run, folder):
    outcome = run("job=summarize", f"method.estimator={other[0]}", "job.summarize.text_share=true")
    assert outcome.error is None
    file = Tracker(compose(*TINY, root=folder)).artifact(outcome.run_id, "provenance.json")
    used = json.loads(file.read_text())["runs"]
    assert other[1].run_id in used
    assert means.run_id not in used


@pytest.mark.parametrize("job", ["ablate", "sensitivity", "methods"])
def test_what_cannot_take_them_says_so_in_one_line(job):
    with pytest.raises(
        ConfigError, match=r"method\.estimator=lda: allowed is mean_difference"
    ) as told:
        compose(*TINY, f"job={job}", "method.estimator=lda")
    assert "\n" not in str(told.value)


@pytest.mark.slow
@pytest.mark.parametrize("name", OTHERS)
def test_precisions_and_backends_are_compared_by_them(run, name):
    few = ("job.precision.precisions=[fp32,bf16]", "job.precision.situations=2")
    outcome = run("job=precision", *few, f"method.estimator={name}")
    assert outcome.error is None


@pytest.mark.slow
@pytest.mark.parametrize("name", OTHERS)
def test_written_texts_have_them_too(run, name, folder):
    words = ("method=generation", "subparams.samples=2", "subparams.max_new_tokens=4")
    plain, own = run(*words), run(*words, f"method.estimator={name}")
    assert plain.error is None
    assert own.error is None
    assert own.run_id != plain.run_id
    assert logged(own, folder).vectors.estimator == name
    again = emo.load_run(own.run_id, root=folder)
    assert emo.compare(again, again, layer=1, permutations=9, n_bootstrap=2).rho == pytest.approx(1)
