"""job=methods on a tiny model: one table from stored activations, what it finds again and refuses."""

import csv
import io
import logging
from functools import partial

import numpy as np
import pytest
import yaml

from emo.cli import run_job
from emo.config.enums import EstimatorName
from emo.config.resolve import compose
from emo.core.compare.method_result import MethodsResult
from emo.core.compare.separation import Measure
from emo.errors import ConfigError
from emo.files.reading import record_of
from emo.runs.logged import logged_run
from emo.tracking import Tracker
from tests.conftest import TINY, write_small_csv
from tests.jobs.conftest import has_files, runs

FEW = ("resampling.n_splits=2", "resampling.n_bootstrap=4", "resampling.n_permutations=2")
TEXTS = ("subparams.samples=5", "subparams.max_new_tokens=4")
SMALL = (
    *("job.methods.readouts=[mean,last]", "job.methods.positions=[mean]"),
    "job.methods.estimators=[mean_difference,lda]",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("methods")
    write_small_csv(folder)
    return folder


@pytest.fixture(scope="module")
def make(folder):
    where = (f"stimuli.path={folder / 'small.csv'}", "backend.device=cpu")
    return lambda *words: compose(*TINY, *FEW, *TEXTS, *where, *words, root=folder)


@pytest.fixture(scope="module")
def finished(make):
    config = make("job=methods", *SMALL)
    outcome = run_job(config)
    assert outcome.error is None
    path = Tracker(config).artifact(outcome.run_id, "methods.json")
    return config, outcome, record_of(MethodsResult, path)


@pytest.mark.slow
def test_every_reading_has_every_estimator(finished):
    _, _, result = finished
    names = [(r.source, r.readout) for r in result.readings]
    assert names == [("comprehension", "mean"), ("comprehension", "last"), ("generation", "mean")]
    for reading in result.readings:
        assert [row.estimator for row in reading.rows] == ["mean_difference", "lda"]
        assert reading.layer == 2
        assert {c.measure for c in reading.curves} == set(Measure)
    assert result.emotions == ("afraid", "calm", "happy", "proud", "sad")
    assert result.algebraic == -1 / 4
    assert [r.unit for r in result.readings] == ["situation", "situation", "prompt"]
    assert result.equal_units == 5


@pytest.mark.slow
def test_an_estimator_reads_no_text(finished):
    """Of every reading there is one extraction, by difference of means, and no other."""
    config, outcome, result = finished
    extractions = runs(config, job="extract")
    assert {r.info.run_id for r in extractions} == {r.run for r in result.readings}
    assert {r.data.params["method.estimator"] for r in extractions} == {"mean_difference"}
    (own,) = runs(config, job="methods")
    assert own.info.run_id == outcome.run_id
    assert own.data.tags["vectors_runs"].split() == [r.run for r in result.readings]


@pytest.mark.slow
def test_the_numbers_are_those_of_the_stored_activations(finished, folder):
    """Accuracy and cosine of difference of means, from the files of the extraction alone."""
    from emo.core.geometry.cosines import mean_pairwise_cosine
    from emo.core.geometry.left_out import read_as
    from emo.core.geometry.vectors import emotion_vectors
    from emo.core.stats.resampling import index

    reading = finished[2].readings[0]
    activations = logged_run(reading.run, folder, None).activations
    hits = read_as(activations)[2] == index(activations.emotions)[1]
    row = reading.row()
    assert row.accuracy.value == pytest.approx(hits.mean())
    cosine = mean_pairwise_cosine(emotion_vectors(activations).values)[2]
    assert row.global_cosine.value == pytest.approx(cosine)
    assert reading.curve(Measure.mean_cosine).value[2] == pytest.approx(cosine)


@pytest.mark.slow
def test_tables_a_figure_and_a_page_are_logged(finished):
    config, outcome, result = finished
    tables = ("methods.csv", "sources.csv", "depth.csv")
    assert has_files(config, outcome, "methods.json", *tables, "methods.png")
    text = Tracker(config).artifact(outcome.run_id, "methods.csv").read_text()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == 6
    assert float(rows[1]["accuracy"]) == result.readings[0].rows[1].accuracy.value
    page = Tracker(config).artifact(outcome.run_id, "run.html").read_text()
    assert "Estimators and readouts" in page
    assert "Separation over depth" in page


@pytest.mark.slow
def test_it_is_found_again(finished):
    config, outcome, _ = finished
    again = run_job(config)
    assert (again.status, again.run_id) == ("reused", outcome.run_id)
    assert again.table == outcome.table


@pytest.mark.slow
def test_more_estimators_read_and_write_nothing_more(finished, make, caplog):
    before = len(runs(finished[0], job="extract"))
    words = ("job.methods.readouts=[mean,last]", "job.methods.positions=[mean]")
    with caplog.at_level(logging.INFO):
        outcome = run_job(make("job=methods", *words, "job.methods.estimators=[pca]"))
    assert outcome.error is None
    assert len(runs(finished[0], job="extract")) == before
    assert "reading texts" not in caplog.text


@pytest.mark.slow
def test_a_steering_run_of_such_vectors_stands_in_the_table(finished, make, folder):
    scenario = {"id": "one", "mood": "calm", "emotion": "sad", "text": "The letter lay and she"}
    (folder / "scenarios.yaml").write_text(yaml.safe_dump([scenario]))
    words = (
        *("job=steer", f"job.steer.scenarios_path={folder / 'scenarios.yaml'}"),
        *("job.steer.strengths=[0.2]", "job.steer.max_new_tokens=3", "method.readout=mean"),
    )
    steered = run_job(make(*words))
    assert steered.error is None
    config = make("job=methods", *SMALL)
    outcome = run_job(config)
    assert outcome.run_id != finished[1].run_id  # the newer table has one number more
    result = record_of(MethodsResult, Tracker(config).artifact(outcome.run_id, "methods.json"))
    steering = result.readings[0].rows[0].steering
    assert steering.run == steered.run_id
    assert steering.hits <= steering.judged
    assert result.readings[1].rows[0].steering is None
    assert result.readings[0].rows[1].steering is None


@pytest.mark.slow
def test_a_summary_has_the_tables_and_says_how_small_p_can_be(finished, make):
    outcome = run_job(make("job=summarize", "method.readout=mean"))
    assert outcome.error is None
    config = finished[0]
    read = partial(Tracker(config).artifact, outcome.run_id)
    names = Tracker(config).files_of(outcome.run_id)
    (table,) = [name for name in names if name.endswith("methods_over_models.csv")]
    rows = list(csv.DictReader(io.StringIO(read(table).read_text())))
    assert {row["models"] for row in rows} == {"1"}
    assert {float(row["least p"]) for row in rows} == {1.0}
    assert any(name.endswith("tables/methods.csv") for name in names)
    assert any("methods_" in name and name.endswith(".svg") for name in names)


@pytest.mark.parametrize(
    ("word", "parameter"),
    [
        ("job.methods.sources=[]", "job.methods.sources"),
        ("job.methods.readouts=[]", "job.methods.readouts"),
        ("job.methods.positions=[]", "job.methods.positions"),
        ("job.methods.estimators=[]", "job.methods.estimators"),
    ],
)
def test_empty_lists_are_refused_before_anything_is_read(make, folder, word, parameter):
    from emo.jobs import methods

    with pytest.raises(ConfigError, match=parameter) as told:
        methods.run(make("job=methods", word))
    assert "at least one" in str(told.value)


@pytest.mark.parametrize(
    "word", ["job.methods.depth=1.5", "job.methods.depth=-0.1", "method=generation"]
)
def test_values_that_cannot_be_meant_are_refused(make, word):
    with pytest.raises(ConfigError):
        make("job=methods", word)


def test_readings_are_each_asked_for_once(make):
    from emo.pipeline.methods import readings

    asked = readings(make("job=methods", "job.methods.readouts=[last,last]"))
    assert [a.name for a in asked] == [
        "comprehension, last",
        *(f"generation, {position}" for position in ("mean", "mid", "last")),
    ]
    assert {a.config.method.estimator for a in asked} == {EstimatorName.mean_difference}
    assert np.all([a.config.job.name == "extract" for a in asked])
