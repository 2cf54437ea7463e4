"""job=equivalence on tiny models: the table, the files, reuse, a fault that must be found."""

import csv
import json
import weakref
from dataclasses import replace

import numpy as np
import pytest

from emo.activations import hf, tl
from emo.cli import run_job
from emo.config import resolve as composing
from emo.config.resolve import compose
from emo.core.compare.readers import CURVES
from emo.jobs import equivalence
from emo.models import session
from emo.runs import files
from emo.tracking import Tracker
from tests.conftest import TINY
from tests.jobs.conftest import has_files


@pytest.fixture(scope="module")
def make(tmp_path_factory):
    """Configs of one project, so that its database is made once."""
    root = tmp_path_factory.mktemp("project")
    path = root / "texts.csv"
    rows = [f"{e},{i},The {e} one stood at gate {i}." for e in ("a", "b", "c", "d") for i in "123"]
    path.write_text("emotion,passage_id,text\n" + "\n".join(rows))

    def config(*overrides):
        return compose(*TINY, f"stimuli.path={path}", *overrides, root=root)

    return config


@pytest.fixture(scope="module")
def run(make):
    return lambda *overrides: run_job(make("job=equivalence", *overrides))


@pytest.fixture(scope="module")
def finished(run):
    outcome = run()
    assert outcome.error is None
    assert outcome.passes_done == 96  # 12 passages and 20 sentences, three readers
    return outcome


@pytest.fixture
def afresh(run, tmp_path):
    """Repeated without what the store holds, for faults that are planted."""
    return lambda: run("force=true", f"paths.store={tmp_path}")


def read_report(make, outcome):
    path = Tracker(make()).artifact(outcome.run_id, "equivalence.json")
    return files.read_equivalence(path)


def test_a_right_implementation_agrees_in_every_layer(finished):
    assert finished.status == "finished"
    assert finished.metrics["bridge_agrees"] == finished.metrics["hooked_agrees"] == 1
    assert finished.metrics["bridge_max_abs"] == 0
    assert 0 < finished.metrics["hooked_relative"] < 1.5e-5
    assert finished.metrics["hooked_rdm_rho"] > 0.9999
    assert "exact: not one bit differs in any of the 4 layers" in finished.table
    assert "agrees: 4 within" in finished.table
    assert "Llama-3.2-3B-Instruct, layer 11 of 28 (Jeong 2026" in finished.table


def test_published_figures_stand_in_the_table_as_published(finished):
    line = finished.table.splitlines()[-2].split()
    assert line == ["11", "2.0e-06", "3.0e-06", "1.0e-05", "1.1e-04"]


def test_files_and_curves_hold_every_layer(finished, make):
    names = ("equivalence.csv", "equivalence.json", "table.txt", "differences.png")
    assert has_files(make(), finished, *names)
    tracker = Tracker(make())
    report = read_report(make, finished)
    with tracker.artifact(finished.run_id, "equivalence.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(r["reader"], int(r["layer"])) for r in rows] == [
        (name, layer) for name in report.compared for layer in range(4)
    ]
    for row in rows:
        e = report.compared[row["reader"]]
        for name in CURVES:
            assert float(row[name]) == getattr(e, name)[int(row["layer"])]
    history = tracker.client.get_metric_history(
        finished.run_id, "over layers/hooked_by_layer_relative"
    )
    assert [m.step for m in history] == [0, 1, 2, 3]
    assert [m.value for m in history] == report.compared["hooked"].relative.tolist()
    run = tracker.get(finished.run_id)
    assert run.data.tags["job"] == "equivalence"
    provenance = json.loads(tracker.artifact(finished.run_id, "provenance.json").read_text())
    assert provenance["backend"] == "hf, bridge, hooked"
    assert "transformer-lens" in provenance["package_versions"]


@pytest.mark.parametrize(
    "reader", [["backend=hf"], ["backend=tl"], ["backend=tl", "backend.implementation=hooked"]]
)
def test_the_same_command_reuses_the_run_whatever_backend_it_names(
    finished, run, monkeypatch, reader
):
    monkeypatch.setattr(equivalence, "load_model", None)  # loading anything would fail
    again = run(*reader)
    assert (again.status, again.run_id, again.passes_done) == ("reused", finished.run_id, 0)
    assert again.metrics == finished.metrics
    assert again.table.replace("(reused)", "").splitlines()[:-2] == finished.table.splitlines()[:-2]


@pytest.mark.slow
@pytest.mark.parametrize(
    "reader", [["backend=hf"], ["backend=tl", "backend.implementation=hooked"]]
)
def test_readings_are_shared_with_extract(finished, make, reader):
    assert run_job(make(*reader)).passes_done == 0


def test_readings_that_are_there_are_not_repeated(finished, run):
    assert run("force=true").passes_done == 0


def test_a_family_without_hooked_says_so_and_is_no_error(run, make):
    outcome = run("model.tiny.architecture=falcon")
    assert outcome.status == "finished"
    assert outcome.metrics["hooked_agrees"] is None
    assert outcome.metrics["bridge_agrees"] == 1
    assert (
        "not available: model of type falcon: not mapped to HookedTransformer here" in outcome.table
    )
    again = run("model.tiny.architecture=falcon")
    assert again.metrics == outcome.metrics


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_low_precisions_have_their_own_tolerance(run, precision):
    outcome = run(f"precision={precision}")
    assert outcome.metrics["hooked_agrees"] == 1
    assert outcome.metrics["hooked_relative"] > 1e-5  # more than fp32 would be allowed


def test_wrong_mathematics_is_found(afresh, monkeypatch, make):
    """A norm with another epsilon: too small a fault for any cosine of the table to show."""
    real = tl.hooked_transformer

    def faulty(model):
        hooked = real(model)
        hooked.blocks[2].ln1.eps *= 10
        return hooked

    monkeypatch.setattr(tl, "hooked_transformer", faulty)
    outcome = afresh()
    assert outcome.status == "finished"
    assert outcome.metrics["hooked_agrees"] == 0
    assert "DOES NOT AGREE: 2 outside, 2 within" in outcome.table
    assert read_report(make, outcome).compared["hooked"].verdicts[:2] == ("within",) * 2


def test_a_wrong_mask_is_found(afresh, monkeypatch):
    real = tl.TLBackend.resid_post

    def unmasked(self, batch):
        return real(self, replace(batch, mask=np.ones_like(batch.mask), spans=batch.spans - 1))

    monkeypatch.setattr(tl.TLBackend, "resid_post", unmasked)
    assert afresh().metrics["bridge_agrees"] == 0


@pytest.mark.slow
def test_no_memory_for_a_reader_is_a_failed_run_that_is_made_anew(make, run, tmp_path, monkeypatch):
    def full(_model):
        raise MemoryError

    seed = "model.tiny.seed=11"
    with monkeypatch.context() as patch:
        patch.setattr(tl, "hooked_transformer", full)
        outcome = run(seed)
    assert outcome.failed
    assert outcome.error == (
        "job=equivalence: no memory on cpu for hooked beside the model; free some, or take a smaller "
        "precision"
    )
    assert Tracker(make()).get(outcome.run_id).info.status == "FAILED"
    again = run(seed)
    assert again.status == "finished"
    assert again.metrics["hooked_agrees"] == 1


@pytest.fixture
def freed(finished, monkeypatch):
    """Whether the model was gone at each release: what is left then stays on the device.

    Not in the first run of a process: pytest keeps the traceback that bitsandbytes logs on import.
    """
    models, gone = [], []
    load, release = equivalence.load_model, session.release

    def loading(plan):
        loaded = load(plan)
        models.append(weakref.ref(loaded.model))
        return loaded

    def releasing():
        release()
        gone.extend(model() is None for model in models)

    monkeypatch.setattr(equivalence, "load_model", loading)
    monkeypatch.setattr(session, "release", releasing)
    return gone


def test_the_model_is_gone_when_its_memory_is_given_back(afresh, freed):
    assert afresh().status == "finished"
    assert freed == [True]


def test_the_model_is_gone_after_an_error_too(afresh, freed, monkeypatch):
    def full(_model):
        raise MemoryError

    monkeypatch.setattr(tl, "hooked_transformer", full)
    assert afresh().failed
    assert freed == [True]


def test_a_reused_run_does_not_release_what_other_jobs_hold(run, freed):
    assert run().status == "reused"
    assert freed == []


def test_a_bridge_with_other_numbers_is_measured_and_not_refused(afresh, monkeypatch):
    monkeypatch.setattr(tl, "_fault", lambda *_: "computes something else")
    assert afresh().metrics["bridge_agrees"] == 1


def test_overflow_in_all_readers_is_reported_as_such(afresh, monkeypatch):
    for module in (hf, tl):
        monkeypatch.setattr(module, "pool", lambda stream, _spans: stream[:, 0].float() / 0)
    outcome = afresh()
    assert outcome.metrics["hooked_agrees"] == 0
    assert outcome.metrics["hooked_relative"] is None
    assert "DOES NOT AGREE: 4 not finite" in outcome.table


def test_what_cannot_be_compared_is_refused(run):
    outcome = run("backend.attention=sdpa", "backend=hf")
    assert outcome.failed
    assert outcome.error == "backend.attention=sdpa: allowed is eager with job=equivalence"


def test_without_transformer_lens_it_is_one_line(run, monkeypatch):
    monkeypatch.setattr(equivalence, "tl_installed", lambda: False)
    outcome = run()
    assert outcome.failed
    assert "TransformerLens is missing, pip install" in outcome.error
    assert composing.INSTALL_TL in outcome.error


@pytest.mark.slow
def test_from_the_command_line(launch, small_csv):
    done = launch(*TINY, "job=equivalence", f"stimuli.path={small_csv}", "output=json")
    assert done.json["metrics"]["hooked_agrees"] == 1
    assert done.json["artifacts"]["equivalence.csv"].endswith("equivalence.csv")
    assert "hooked (an independent forward pass)" in done.err
