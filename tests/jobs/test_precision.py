"""job=precision on a tiny model: what is read, what is compared, what is logged."""

import csv
import dataclasses
import json
import logging

import numpy as np
import pytest

from emo.activations import hf
from emo.cli import run_job
from emo.config.enums import PrecisionName
from emo.config.resolve import compose
from emo.core.compare.precision import deviation
from emo.core.records import Activations
from emo.errors import EmoError
from emo.jobs import precision
from emo.models import session
from emo.pipeline import precisions
from emo.runs import files
from emo.tracking import Tracker
from tests.conftest import TINY, write_small_csv
from tests.jobs.conftest import has_files

LABELS = ["fp32", "bf16", "fp16", "int8", "int8_alone", "int8_shared", "nf4", "fp4"]


# A threshold of 1: random weights have no activation of 6, hence no outlier columns.
JOB = ("job=precision", "job.precision.situations=3", "precision.int8.threshold=1")


@pytest.fixture
def job_config(tiny_config):
    return lambda *overrides: tiny_config(*JOB, *overrides)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the one run lives that several tests look at."""
    return tmp_path_factory.mktemp("precision")


@pytest.fixture(scope="module")
def shared_config(folder):
    path = write_small_csv(folder)
    return lambda *overrides: compose(*TINY, f"stimuli.path={path}", *overrides, root=folder)


@pytest.fixture(scope="module")
def finished(shared_config):
    config = shared_config(*JOB)
    outcome = run_job(config)
    assert outcome.error is None
    path = Tracker(config).artifact(outcome.run_id, "precision.json")
    return config, outcome, {row.name: row for row in files.read_precisions(path)}


@pytest.mark.slow
def test_one_row_a_precision_and_the_batch_effect_beside_them(finished):
    _, outcome, rows = finished
    assert list(rows) == [*LABELS, "int8_alone_vs_int8", "int8_shared_vs_int8"]
    assert outcome.passes_done == (8 + 5) * (15 + 20)  # five replicates
    fp32 = rows["fp32"]
    assert fp32.at["50%"].cosine_min == pytest.approx(1)
    assert [fp32.at[w].layer for w in ("25%", "50%", "75%")] == [1, 2, 3]
    assert fp32.at["best"].layer == fp32.best_layer
    assert fp32.weights_bytes == 4 * fp32.parameters
    assert rows["bf16"].weights_bytes == rows["fp16"].weights_bytes == 2 * fp32.parameters
    assert {row.parameters for row in rows.values()} == {fp32.parameters}
    assert rows["nf4"].weights_bytes < rows["int8"].weights_bytes < rows["fp16"].weights_bytes
    assert fp32.quantised_parameters == 0 < rows["int8"].quantised_parameters
    for name, row in rows.items():
        assert row.non_finite_layers == ()
        assert row.seconds_per_text > 0
        if name not in ("fp32", "int8_alone_vs_int8"):
            assert row.at["50%"].cosine_min < row.at["50%"].cosine_mean < 1
    batch, floor = rows["int8_alone_vs_int8"].at["50%"], rows["int8"].at["50%"]
    assert batch.cosine_mean >= floor.own_cosine_mean  # a batch moves no more than a last bit does
    cosine = {name: row.at["50%"].cosine_mean for name, row in rows.items()}
    assert cosine["fp16"] > cosine["bf16"] > cosine["int8"] > cosine["nf4"] > cosine["fp4"] > 0.9
    assert "| best" in outcome.table
    assert all(name in outcome.table for name in rows)


def test_each_precision_stands_beside_its_own_rounding(finished):
    """INT8's replicate serves its variants, fp32 has none: it is what the others are compared with."""
    config, outcome, rows = finished
    assert rows["fp32"].layers_beyond is rows["fp32"].at["50%"].own_rho is None
    for name, row in rows.items():
        if name == "fp32":
            continue
        x = row.at["50%"]
        assert x.own_cosine_min < x.own_cosine_mean < 1
        assert set(x.beyond) == set(row.layers_beyond) == {"items", "vectors", "rdm"}
        assert all(0 <= n <= row.n_layers == 4 for n in row.layers_beyond.values())
        assert outcome.metrics[f"own_rho_{name}_50"] == x.own_rho
        assert outcome.metrics[f"layers_beyond_rdm_{name}"] == row.layers_beyond["rdm"]
    own = {name: row.at["50%"].own_cosine_mean for name, row in rows.items()}
    assert own["int8_shared"] == own["int8_shared_vs_int8"] == own["int8"] < own["fp16"]
    assert rows["nf4"].at["50%"].beyond["items"]  # 4-bit weights are no matter of rounding
    tracker = Tracker(config)
    with tracker.artifact(outcome.run_id, "layers.csv").open() as file:
        entry = next(
            r for r in csv.DictReader(file) if (r["precision"], r["layer"]) == ("nf4", "2")
        )
    assert float(entry["own_rho"]) == pytest.approx(rows["nf4"].at["50%"].own_rho)
    assert float(entry["excess_items_low"]) > 0
    first = outcome.table.splitlines()[3]  # behind the answer, the title and the note
    assert first.startswith("  bf16: activations ")
    assert ", rounding alone gives " in first


@pytest.mark.slow
def test_without_a_seed_there_are_no_replicates(job_config):
    config = job_config("job.precision.nudge=null", "job.precision.precisions=[bf16,int8]")
    found = [v.precision.label for v in precisions.variants(config)]
    assert found == ["fp32", "bf16", "int8", "int8_alone", "int8_shared"]
    outcome = run_job(config)
    assert "rounding" not in outcome.table
    assert not any(
        name.startswith(("own_", "excess_", "layers_beyond")) for name in outcome.metrics
    )


@pytest.mark.slow
def test_moved_inputs_have_activations_of_their_own_by_seed(job_config):
    """Same passages, same precision: each seed is read anew, and once."""
    base = ("job=extract", "precision=fp16")
    outcomes = [
        run_job(job_config(*base, *more))
        for more in ((), ("precision.nudge=0",), ("precision.nudge=1",), ("precision.nudge=0",))
    ]
    assert [o.status for o in outcomes] == ["finished"] * 3 + ["reused"]
    assert all(o.passes_done for o in outcomes[:3])
    assert len({o.fingerprint for o in outcomes}) == 3
    assert "fp16_nudge1" in outcomes[2].table


def test_moved_inputs_are_refused_where_they_cannot_be_had(job_config):
    for overrides, words in (
        (
            ("backend=tl", "backend.implementation=hooked", "job.precision.precisions=[bf16]"),
            "job.precision.nudge=0: allowed is null with backend.implementation=hooked",
        ),
        (
            ("precision.nudge=0",),
            "precision.nudge=0: allowed is null with job=precision; job=extract",
        ),
        (("job.precision.nudge=-1",), "job.precision.nudge=-1: allowed is"),
    ):
        with pytest.raises(EmoError) as refused:
            precision.plan_of(job_config(*overrides))
        assert words in str(refused.value)


def test_numbers_are_those_of_the_stored_activations(finished, shared_config, folder):
    """The same readings through job=extract: no pass is needed, and the comparison is the same."""
    _, _, rows = finished
    fewer = folder / "fewer.csv"
    fewer.write_text("\n".join((folder / "small.csv").read_text().splitlines()[: 1 + 15]))
    read = {}
    for name in ("fp32", "nf4", "int8"):
        config = shared_config(
            f"precision={name}", "precision.int8.threshold=1", f"stimuli.path={fewer}"
        )
        outcome = run_job(config)
        assert (outcome.status, outcome.passes_done) == ("finished", 0)
        path = Tracker(config).artifact(outcome.run_id, "activations.safetensors")
        read[name] = files.read_activations(path)
    for name in ("nf4", "int8"):
        change = deviation(read[name], read["fp32"])
        at = rows[name].at["75%"]
        assert at.cosine_mean == pytest.approx(change.cosine_mean[3])
        assert at.vector_cosine == pytest.approx(change.vector_cosine[3])
        assert at.rho == pytest.approx(change.rho[3])


def test_curves_files_and_tags_are_logged(finished):
    config, outcome, rows = finished
    tracker = Tracker(config)
    names = ("precision.json", "precision.csv", "layers.csv", "precision.png")
    assert has_files(config, outcome, *names)
    run = tracker.get(outcome.run_id)
    assert run.data.tags["job"] == "precision"
    assert run.data.tags["precision"] == " ".join(LABELS)
    assert run.data.metrics["chosen on the same texts/rho_nf4_best"] == rows["nf4"].at["best"].rho
    history = tracker.client.get_metric_history(outcome.run_id, "over layers/cosine_mean_nf4")
    assert [m.step for m in history] == [0, 1, 2, 3]
    with tracker.artifact(outcome.run_id, "layers.csv").open() as file:
        table = list(csv.DictReader(file))
    assert len(table) == 4 * len(rows)
    (entry,) = [r for r in table if (r["precision"], r["layer"]) == ("nf4", "2")]
    assert float(entry["cosine_mean"]) == pytest.approx(rows["nf4"].at["50%"].cosine_mean)
    with tracker.artifact(outcome.run_id, "precision.csv").open() as file:
        by_row = {(r["precision"], r["against"]): r for r in csv.DictReader(file)}
    assert list(by_row)[-1] == ("int8_shared", "int8")
    assert float(by_row["int8", "fp32"]["best rho"]) == rows["int8"].at["best"].rho
    assert int(by_row["fp4", "fp32"]["weights_bytes"]) == rows["fp4"].weights_bytes


@pytest.mark.slow
def test_the_same_command_reuses_the_run_and_another_the_activations(finished, shared_config):
    config, first, _ = finished
    again = run_job(config)
    assert (again.status, again.run_id, again.passes_done) == ("reused", first.run_id, 0)
    assert again.passes_reused == first.passes_done
    other = run_job(shared_config(*JOB, "seed=1"))
    assert (other.status, other.passes_done) == ("finished", 0)
    assert other.metrics["seconds_per_text_int8"] is None  # nothing was timed
    assert other.metrics["cosine_mean_int8_50"] == first.metrics["cosine_mean_int8_50"]


@pytest.mark.slow
def test_each_model_is_loaded_once_and_int8_serves_its_variants(job_config, caplog):
    session.release()
    caplog.set_level(logging.INFO)
    run_job(job_config("job.precision.precisions=[bf16,int8]", "model.tiny.seed=5"))
    said = [r.message for r in caplog.records if r.name == session.__name__]
    assert [m.split(" on ")[0] for m in said if m.startswith("loading")] == [
        "loading tiny in fp32",
        "loading tiny in bf16",
        "loading tiny in int8",
    ]
    assert said[-1].startswith("reusing tiny in int8")


def test_fp32_is_read_first_whether_named_or_not(job_config):
    for names in ("[nf4]", "[nf4,fp32]"):
        found = precisions.variants(job_config(f"job.precision.precisions={names}"))
        assert [v.precision.label for v in found] == ["fp32", "nf4", "nf4_nudge0"]


@pytest.mark.parametrize(
    "overrides",
    [
        ("job.precision.situations=2",),
        ("job.precision.precisions=[bf16]",),
        ("precision.int8.threshold=2",),
        ("job.precision.nudge=1",),
        ("job.precision.nudge=null",),
    ],
)
def test_fingerprint_follows_what_is_compared(job_config, overrides):
    plans = [precision.plan_of(job_config(*o)) for o in ((), overrides)]
    assert len({p.provenance.fingerprint for p in plans}) == 2


def overflowing(monkeypatch, first):
    """fp16 overflows from a layer on, as Gemma does."""
    real = hf.HFBackend.resid_post

    def read(self, batch):
        values = real(self, batch)
        if next(self._body.parameters()).dtype.itemsize == 2:
            values[first:] = np.inf
        return values

    monkeypatch.setattr(hf.HFBackend, "resid_post", read)


def test_overflowing_layers_appear_as_such(job_config, monkeypatch):
    overflowing(monkeypatch, 2)
    config = job_config("job.precision.precisions=[fp16]")
    outcome = run_job(config)
    assert outcome.status == "finished"
    path = Tracker(config).artifact(outcome.run_id, "precision.json")
    fp32, fp16 = files.read_precisions(path)
    assert fp32.non_finite_layers == ()
    assert fp16.non_finite_layers == (2, 3)
    assert fp16.best_layer in (0, 1)
    assert fp16.at["25%"].rho > 0.9
    at = dataclasses.asdict(fp16.at["75%"])
    assert {k: v for k, v in at.items() if v is not None} == {"layer": 3}
    assert "fp16: not finite at layers 2-3" in outcome.table
    assert outcome.metrics["non_finite_layers_fp16"] == 2
    assert json.loads(outcome.to_json())["metrics"]["rho_fp16_75"] is None


def test_a_precision_without_any_finite_layer_is_a_row_without_numbers(job_config, monkeypatch):
    overflowing(monkeypatch, 0)
    outcome = run_job(job_config("job.precision.precisions=[fp16]"))
    assert outcome.status == "finished"
    assert outcome.metrics["best_layer_fp16"] is None
    assert outcome.metrics["non_finite_layers_fp16"] == 4
    assert "fp16: not finite at layers 0-3" in outcome.table


def test_bad_values_are_one_line_and_open_no_run(job_config, monkeypatch, tmp_path):
    for overrides, words in (
        (
            ("job.precision.precisions=[fp16,fp16]",),
            "job.precision.precisions=['fp16', 'fp16']: allowed is each",
        ),
        (
            ("job.precision.precisions=[]",),
            "job.precision.precisions=[]: allowed is at least one besides fp32",
        ),
        (
            ("job.precision.precisions=[fp32]",),
            "job.precision.precisions=['fp32']: allowed is at least one besides",
        ),
        (("stimuli.path=none.csv",), "cannot be read"),
    ):
        outcome = run_job(job_config(*overrides))
        assert outcome.failed
        assert words in outcome.error
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert "precision=int8" in run_job(job_config()).error
    assert not (tmp_path / "mlruns").exists()


def planted(values):
    n = values.shape[1]
    return Activations(
        values=values.astype(np.float32),
        item_ids=tuple(f"i{k}" for k in range(n)),
        emotions=tuple("abc"[k % 3] for k in range(n)),
        situations=tuple(f"s{k // 3}" for k in range(n)),
        neutral=values[:, :2].astype(np.float32),
        position="last",
    )


def test_a_variant_of_int8_is_compared_with_int8_and_not_only_with_fp32(rng):
    """Planted: the batch effect is three times the precision effect, at right angles to it."""
    base = rng.standard_normal((2, 12, 8))
    noise, more = 0.1 * rng.standard_normal((2, 2, 12, 8))
    from emo.activations.reading import Passes
    from emo.core.geometry.comprehension import describe
    from emo.core.stats.resampling import Resampling
    from emo.models.quantised import WeightCount

    def measured(label, values):
        a = planted(values)
        d = describe(a, Resampling(4, 4, 2))[1]
        return precisions.Measured(label, a, d, WeightCount(1, 0, 4), Passes(12, 0), 6.0)

    rows, curves = precisions.compare(
        [
            measured("fp32", base),
            measured("int8", base + noise),
            measured("int8_shared", base + noise + 3 * more),
        ],
        "none",
    )
    away = {r.name: 1 - r.at["50%"].cosine_mean for r in rows}
    assert list(away) == ["fp32", "int8", "int8_shared", "int8_shared_vs_int8"]
    assert away["int8_shared"] > away["int8_shared_vs_int8"] > 3 * away["int8"] > 0
    assert rows[0].seconds_per_text == 0.5
    assert curves["int8_shared_vs_int8"]["cosine_mean"][1] == 1 - away["int8_shared_vs_int8"]


def test_precision_names_and_default_list_agree(tiny_config):
    assert tiny_config("job=precision").job.precision.precisions == list(PrecisionName)
