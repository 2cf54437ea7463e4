"""How quantised weights are read: in batches, or one text at a time where that is asked for."""

import csv
import logging

import numpy as np
import pytest

from emo.activations import hf
from emo.cli import run_job
from emo.runs import files
from emo.tracking import Tracker


def batch_sizes(monkeypatch):
    seen = []
    real = hf.HFBackend.resid_post

    def counting(self, batch):
        seen.append(len(batch.ids))
        return real(self, batch)

    monkeypatch.setattr(hf.HFBackend, "resid_post", counting)
    return seen


def test_int8_reads_one_text_at_a_time_where_asked_and_says_so_once(
    tiny_config, monkeypatch, caplog
):
    caplog.set_level(logging.INFO)
    seen = batch_sizes(monkeypatch)
    config = tiny_config("precision=int8", "precision.int8.batched=false", "backend.batch_size=8")
    outcome = run_job(config)
    assert outcome.error is None
    assert seen == [1] * (1 + 50)  # a trial, then passages and neutral sentences
    assert caplog.text.count("one text at a time instead of backend.batch_size=8") == 1
    run = Tracker(config).get(outcome.run_id)
    assert run.data.tags["precision"] == "int8_alone"
    assert (
        run.data.metrics["cost/weights_quantised_parameters"]
        == 4 * (2 * 128 + 2 * 64 + 6 * 128) * 128
    )
    assert run.data.metrics["cost/weights_bytes"] < 2 * run.data.metrics["cost/weights_parameters"]
    assert "bitsandbytes" in Tracker(config).artifact(outcome.run_id, "provenance.json").read_text()


@pytest.mark.slow
def test_int8_in_batches_alone_and_as_the_library_does_it_are_three_readings(
    tiny_config, monkeypatch, tmp_path
):
    seen = batch_sizes(monkeypatch)
    overrides = ("precision=int8", "precision.int8.threshold=1", "backend.batch_size=8")
    single = run_job(tiny_config(*overrides, "precision.int8.batched=false"))
    assert set(seen) == {1}
    outcomes, values = [single], []
    for setting, label in (("columns=own", "int8"), ("columns=shared", "int8_shared")):
        seen.clear()
        config = tiny_config(*overrides, f"precision.int8.{setting}")
        outcomes.append(run_job(config))
        assert seen == [8] * 6 + [2]
        assert Tracker(config).get(outcomes[-1].run_id).data.tags["precision"] == label
        assert f" {label}" in outcomes[-1].table
        again = run_job(tiny_config(*overrides, f"precision.int8.{setting}", "force=true"))
        assert (again.passes_done, again.metrics) == (0, outcomes[-1].metrics)
    assert len({o.fingerprint for o in outcomes}) == 3
    for outcome in outcomes:
        path = Tracker(config).artifact(outcome.run_id, "activations.safetensors")
        values.append(files.read_activations(path).values)
    alone, own, shared = values
    assert 3 * np.abs(own - alone).max() < np.abs(shared - alone).max()


@pytest.mark.slow
def test_int8_reads_a_passage_that_begins_another_alone(tiny_config, small_csv, tmp_path):
    """Inside the longer one its tokens would share outlier columns with what comes behind them."""
    with small_csv.open(newline="") as file:
        rows = list(csv.reader(file))
    name, text = rows[1][1:3]
    rows[-1][2] = f"{text} Then 99 others came."
    longer = tmp_path / "longer.csv"
    with longer.open("w", newline="") as file:
        csv.writer(file).writerows(rows)

    def first(*overrides):
        config = tiny_config(*overrides, "force=true")
        outcome = run_job(config)
        assert outcome.error is None
        path = Tracker(config).artifact(outcome.run_id, "activations.safetensors")
        activations = files.read_activations(path)
        at = activations.item_ids.index(name)
        return outcome.passes_done, activations.values[:, at]

    for precision, passes in (("fp32", 49), ("int8", 50)):
        common = (f"precision={precision}", "precision.int8.threshold=0.5")
        common += ("precision.int8.batched=false",)
        _, alone = first(*common, f"paths.store={tmp_path / precision / 'a'}")
        done, beside = first(
            *common, f"paths.store={tmp_path / precision / 'b'}", f"stimuli.path={longer}"
        )
        assert done == passes  # fp32 reads both in one pass: the one does begin the other
        assert np.allclose(alone, beside, rtol=0, atol=0 if precision == "int8" else 1e-5)


def test_int8_in_batches_shares_no_activation_with_another_set_of_texts(tiny_config, tmp_path):
    """Another batch may have other last bits, which INT8 amplifies: a run's numbers stay its own."""
    overrides = ("precision=int8",)
    run_job(tiny_config(*overrides))
    rows = (tmp_path / "small.csv").read_text().splitlines()
    fewer = tmp_path / "fewer.csv"
    fewer.write_text("\n".join(rows[:-5]))
    assert run_job(tiny_config(*overrides, f"stimuli.path={fewer}")).passes_done == 45


def test_quantised_without_bitsandbytes_is_refused_before_a_run_is_opened(tiny_config, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    config = tiny_config("precision=nf4")
    outcome = run_job(config)
    assert outcome.failed
    assert "precision=nf4: allowed is fp32, bf16, fp16 without bitsandbytes" in outcome.error
    assert Tracker(config).client.search_runs([Tracker(config).experiment_id]) == []
