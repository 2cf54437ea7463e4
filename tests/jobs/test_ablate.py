"""The factorial of a tiny model, checked against separate runs of single settings."""

import csv

import numpy as np
import pytest

from emo import serialise
from emo.cli import run_job
from emo.config import canonical
from emo.core.comparison import post_centred_rdm
from emo.core.correlation import spearman
from emo.core.decomposition import full_factorial
from emo.generation.protocols import LOOSE, MATCHED, SUBPARAMETERS, differing
from emo.jobs import ablate
from emo.tracking import Tracker
from tests.conftest import EMOTIONS

SMALL = ("job=ablate", "job.tokens=[24,12]", "job.samples=[4,1]")


@pytest.fixture
def make(tiny_config):
    return lambda *overrides: tiny_config(*SMALL, *overrides)


@pytest.fixture
def finished(make):
    outcome = run_job(make())
    assert outcome.error is None
    return outcome


def points_of(make, outcome):
    path = Tracker(make()).artifact(outcome.run_id, "points.csv")
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_settings_are_the_factorial(make):
    settings = ablate.points(make("job.tokens=[256,100]", "job.samples=[10,1]"))
    assert len(settings) == 256
    assert len(set(settings)) == 256
    assert differing(settings[0], MATCHED) == ()
    assert differing(settings[-1], LOOSE) == ()
    for row, sub in zip(full_factorial(8), settings, strict=True):
        loose = tuple(n for n, on in zip(SUBPARAMETERS, row, strict=True) if on)
        assert differing(sub, settings[0]) == loose


def separately(make, sub):
    """Vectors of one setting at its layer, from a run of its own."""
    fields = canonical(sub)
    overrides = [
        f"subparams.{name}={'null' if value is None else value}" for name, value in fields.items()
    ]
    config = make("job=extract", "job.tokens=[2,1]", "method=generation", *overrides)
    outcome = run_job(config)
    assert outcome.error is None
    tracker = Tracker(config)
    d = serialise.read_story_descriptors(tracker.artifact(outcome.run_id, "generation.json"))
    vectors = serialise.read_vectors(tracker.artifact(outcome.run_id, "vectors.safetensors"))
    return vectors, d.layer


@pytest.mark.parametrize("elsewhere", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_points_are_what_separate_runs_give(make, finished, tmp_path, elsewhere):
    """With the store of the ablation, and with texts and readings made afresh."""
    rows, settings = points_of(make, finished), ablate.points(make())

    def go(*overrides):
        own = [f"paths.store={tmp_path / 'own'}"] if elsewhere else []
        return make(*overrides, *own, "force=true")

    vectors, layer = separately(go, settings[0])
    reference = post_centred_rdm(vectors, layer, EMOTIONS)
    for i in (1, 4, 70, 130, 200, 255):
        vectors, layer = separately(go, settings[i])
        want = spearman(reference.cosines, post_centred_rdm(vectors, layer, EMOTIONS).cosines)
        assert float(rows[i]["rho"]) == pytest.approx(float(want), abs=1e-9)


def test_output(make, finished):
    rows = points_of(make, finished)
    assert len(rows) == 256
    assert float(rows[0]["rho"]) == pytest.approx(1)
    tracker = Tracker(make())
    for name in ablate.ARTIFACTS:
        assert tracker.artifact(finished.run_id, name).stat().st_size > 0
    metrics = finished.metrics
    shares = [metrics[f"shapley_{name}"] for name in SUBPARAMETERS]
    assert sum(shares) == pytest.approx(metrics["drop"])
    assert metrics["drop"] == pytest.approx(1 - metrics["rho_loose"])
    rho = np.array([float(r["rho"]) for r in rows])
    layer = np.array([int(r["layer"]) for r in rows])
    assert metrics["main_layer"] == pytest.approx(rho[layer == 1].mean() - rho[layer == 0].mean())
    # A tiny model has no chat template: this factor cannot do anything.
    assert metrics["main_chat_template"] == pytest.approx(0, abs=1e-12)


def test_only_distinct_texts_are_written_and_passed_once(finished):
    """Per emotion 4 stories and 1 paragraph greedy, 4 and 4 sampled; 10 neutral stories each way."""
    distinct = 5 * (4 + 1 + 4 + 4) + 2 * 10
    assert finished.metrics["texts_written"] == distinct
    # 35 texts of the comprehension run were passed before; nothing is passed for a derived point.
    assert finished.metrics["forward_passes"] == distinct
    assert finished.metrics["tokens_separate"] > 20 * finished.metrics["tokens_distinct"]
    greedy = finished.metrics["tokens_nominal"] - finished.metrics["tokens_separate"]
    assert greedy > 0  # ten samples of five templates repeat themselves


def test_the_same_again_is_reused(make, finished):
    again = run_job(make())
    assert (again.status, again.run_id) == ("reused", finished.run_id)
    assert again.metrics == finished.metrics
    assert finished.table.splitlines()[0] in again.table
    assert run_job(make("job.tokens=[24,10]")).status == "finished"


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("job.emotions=9", "job.emotions=9: allowed is 3 to 5, or null for all"),
        ("job.tokens=[100000,5]", "subparams.max_new_tokens=100000"),
        ("subparams.prompts_path=nowhere.yaml", "nowhere.yaml"),
    ],
)
def test_what_cannot_be_done_is_one_line(make, override, message):
    outcome = run_job(make(override))
    assert outcome.failed
    assert message in outcome.error
    tracker = Tracker(make())
    runs = tracker.client.search_runs([tracker.experiment_id])
    assert {r.data.tags["job"] for r in runs} <= {"extract"}


def test_fewer_emotions(make):
    outcome = run_job(make("job.emotions=3"))
    assert "256 settings, 3 emotions" in outcome.table
