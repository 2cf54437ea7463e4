"""The whole chain on a tiny model: files, tracking, reuse, resume, what happens when it breaks."""

import json
import logging
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext

import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore

import emo
from emo.activations import hf
from emo.activations.reading import tokenise
from emo.cli import attempt, run_job
from emo.config.resolve import schema
from emo.core.records import LabelMismatch
from emo.errors import EmoError
from emo.models import session
from emo.pipeline import comprehension
from emo.pipeline.reader import Reader
from emo.runs import files, job, reuse
from emo.runs.plan import make_plan, say
from emo.tracking import Tracker
from tests.conftest import EMOTIONS, ROOT, TINY
from tests.jobs.conftest import has_files


@pytest.fixture
def finished(tiny_config):
    config = tiny_config()
    outcome = run_job(config)
    assert outcome.error is None
    return config, outcome


def test_run_holds_everything_needed_to_recompute(finished):
    config, outcome = finished
    tracker = Tracker(config)
    tensors = ("vectors.safetensors", "activations.safetensors", "embedding.safetensors")
    figures = ("rdm.png", "layers.png", "map.png")
    assert has_files(config, outcome, *tensors, "rdm.csv", "descriptors.json", *figures)
    vectors = files.read_vectors(tracker.artifact(outcome.run_id, "vectors.safetensors"))
    activations = files.read_activations(
        tracker.artifact(outcome.run_id, "activations.safetensors")
    )
    assert vectors.values.shape == (4, len(EMOTIONS), 128)
    assert activations.values.shape == (4, 30, 128)
    means = np.stack(
        [
            activations.values[:, [e == name for e in activations.emotions]].mean(axis=1)
            for name in vectors.emotions
        ],
        axis=1,
    )
    assert np.allclose(vectors.values, means - means.mean(axis=1, keepdims=True), atol=1e-5)
    read = files.read_descriptors(tracker.artifact(outcome.run_id, "descriptors.json"))
    assert files.plain(read.headline()) == outcome.metrics


def test_run_is_tagged_and_has_curves_over_layers(finished):
    config, outcome = finished
    tracker = Tracker(config)
    run = tracker.get(outcome.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.tags["fingerprint"] == outcome.fingerprint
    assert run.data.tags["model"] == "tiny"
    assert "random weights" in run.data.tags["weights_note"]
    assert run.data.params["resampling.n_splits"] == "8"
    assert run.data.metrics["layers/best_layer"] == outcome.metrics["best_layer"]
    history = tracker.client.get_metric_history(outcome.run_id, "over layers/anisotropy")
    assert [m.step for m in history] == [0, 1, 2, 3]
    assert run.inputs.dataset_inputs[0].dataset.name == "small"


def test_no_home_folder_or_uri_is_logged(finished, tmp_path):
    config, outcome = finished
    tracker = Tracker(config)
    text = tracker.artifact(outcome.run_id, "config.json").read_text()
    assert str(tmp_path) not in json.dumps(json.loads(text)["tracking"])
    assert json.loads(text)["root"] is None


def test_same_command_again_reuses_the_run(finished, monkeypatch):
    config, first = finished
    monkeypatch.setattr(comprehension, "Reader", None)  # loading anything would fail
    again = run_job(config)
    assert (again.status, again.run_id, again.passes_done) == ("reused", first.run_id, 0)
    assert again.passes_reused == 50
    assert again.metrics == first.metrics


def test_the_second_of_two_at_once_waits_and_reuses_the_first(tiny_config, caplog, monkeypatch):
    """Jobs that outlive a killed sweep, or the same command in two terminals."""
    caplog.set_level(logging.INFO)
    config = tiny_config()
    plan = make_plan(config)
    with ThreadPoolExecutor(1) as pool:
        with reuse.exclusive(plan):
            second = pool.submit(run_job, config)
            deadline = time.monotonic() + 30
            while "waiting for it" not in caplog.text:
                assert time.monotonic() < deadline
                assert not second.done(), second.result()
                time.sleep(0.01)
            monkeypatch.setattr(job, "exclusive", lambda _: nullcontext())
            first = run_job(config)
        again = second.result(30)
    assert (first.status, again.status, again.run_id) == ("finished", "reused", first.run_id)
    assert caplog.text.count("waiting for it") == 1


def test_a_job_lets_go_of_its_lock_when_it_fails(tiny_config, monkeypatch):
    with monkeypatch.context() as m:
        m.setattr(comprehension, "_prepare", lambda _: (_ for _ in ()).throw(EmoError("once")))
        assert run_job(tiny_config()).failed
    assert run_job(tiny_config()).status == "finished"


def test_force_repeats_from_the_store_with_the_same_numbers(finished, tiny_config):
    _, first = finished
    again = run_job(tiny_config("force=true"))
    assert again.status == "finished"
    assert again.run_id != first.run_id
    assert again.passes_done == 0
    assert again.metrics == first.metrics


@pytest.mark.slow
def test_other_numbers_from_the_same_activations_need_no_pass(finished, tiny_config):
    other = run_job(tiny_config("seed=1"))
    assert (other.status, other.passes_done) == ("finished", 0)
    assert other.fingerprint != finished[1].fingerprint


def test_unreadable_finished_run_is_repeated(finished, caplog):
    config, first = finished
    Tracker(config).artifact(first.run_id, "descriptors.json").write_text("{")
    again = run_job(config)
    assert again.status == "finished"
    assert "repeated" in caplog.text


@pytest.mark.slow
def test_api_loads_and_compares_two_runs(finished, tiny_config, tmp_path):
    _, first = finished
    second = run_job(tiny_config("method.readout=mean"))
    a, b = (emo.load_run(o.run_id, root=tmp_path) for o in (first, second))
    assert a.vectors.emotions == EMOTIONS
    assert a.rdm(2).cosines.shape == (10,)
    same = emo.compare(a, a)
    assert same.rho == pytest.approx(1)
    other = emo.compare(a, b, layer=1)
    assert (other.layer_a, other.layer_b) == (1, 1)
    assert -1 <= other.rho < 1


@pytest.mark.slow
def test_api_refuses_other_emotions(finished, tiny_config, tmp_path):
    path = tmp_path / "other.csv"
    rows = [f"{e},{i},Some text {e} {i}." for e in ("x", "y", "z") for i in range(2)]
    path.write_text("emotion,passage_id,text\n" + "\n".join(rows))
    other = run_job(tiny_config(f"stimuli.path={path}"))
    a, b = (emo.load_run(o.run_id, root=tmp_path) for o in (finished[1], other))
    with pytest.raises(LabelMismatch):
        emo.compare(a, b)


def test_one_passage_an_emotion_is_said_not_crashed(tiny_config, tmp_path):
    path = tmp_path / "one.csv"
    path.write_text("emotion,passage_id,text\na,1,One here.\nb,1,Two there.\nc,1,Three gone.\n")
    outcome = run_job(tiny_config(f"stimuli.path={path}"))
    assert outcome.status == "finished"
    assert outcome.metrics["reliability"] is None
    assert "not available: too few passages" in outcome.table


def test_passages_without_situations_are_marked_in_table_tag_and_log(tiny_config, tmp_path, caplog):
    path = tmp_path / "plain.csv"
    rows = [f"{e},{i},Words of {e} told {i} times." for e in "abc" for i in range(4)]
    path.write_text("emotion,passage_id,text\n" + "\n".join(rows))
    config = tiny_config(f"stimuli.path={path}")
    say.cache_clear()  # said once per process
    outcome = run_job(config)
    assert "SITUATIONS NOT DECLARED" in outcome.table
    tags = Tracker(config).get(outcome.run_id).data.tags
    assert tags["reliability"] == "situations not declared"
    assert comprehension.UNDECLARED in caplog.text


@pytest.mark.parametrize("readout", ["last", "mean", "suffix"])
def test_neutral_sentences_are_read_where_passages_are(tiny_config, readout):
    """Anisotropy is of the position that the readout reads."""
    plan = make_plan(tiny_config(f"method.readout={readout}"))
    reader = Reader(plan)
    tokenizer, method = reader._loaded.tokenizer, plan.config.method
    want = tokenise(tokenizer, plan.stimuli.neutral, method.readout, method.suffix)
    assert reader.neutral == want


def test_identical_texts_are_one_line(tiny_config, tmp_path):
    path = tmp_path / "same.csv"
    path.write_text("emotion,passage_id,text\na,1,Same.\nb,1,Same.\nc,1,Same.\n")
    outcome = run_job(tiny_config(f"stimuli.path={path}"))
    assert outcome.failed
    assert "has the same text in every row" in outcome.error


def test_a_suffix_that_leaves_no_room_is_named_and_not_every_passage(tiny_config):
    suffix = "And then, and then, " * 900
    outcome = run_job(tiny_config("method.readout=suffix", f"method.suffix='{suffix}'"))
    assert outcome.error.startswith("method.suffix=And then, ") and "\n" not in outcome.error
    assert "allowed is a text of fewer than 1024 tokens" in outcome.error


def test_attention_that_is_not_installed_is_named(tiny_config):
    outcome = run_job(tiny_config("backend.attention=flash_attention_2"))
    assert outcome.error.startswith("backend.attention=flash_attention_2: allowed is eager, sdpa")


def test_too_long_a_passage_is_refused_before_a_run_is_opened(tiny_config, tmp_path):
    path = tmp_path / "long.csv"
    path.write_text("emotion,passage_id,text\na,1,One.\nb,1,Two.\nc,9," + "word " * 2000)
    config = tiny_config(f"stimuli.path={path}")
    outcome = run_job(config)
    assert outcome.failed
    assert "passage 'c/9' has" in outcome.error
    assert not (tmp_path / "mlruns").exists()
    assert Tracker(config).client.search_runs([Tracker(config).experiment_id]) == []


def test_overflowing_layers_are_reported(tiny_config, monkeypatch):
    real = hf.HFBackend.resid_post

    def overflow(self, batch):
        values = real(self, batch)
        values[2:] = np.inf
        return values

    monkeypatch.setattr(hf.HFBackend, "resid_post", overflow)
    outcome = run_job(tiny_config())
    assert outcome.status == "finished"
    assert outcome.metrics["best_layer"] in (0, 1)
    assert "non-finite layers, left out: 2, 3" in outcome.table


def test_plain_precisions_have_no_quantised_parameters(finished):
    config, outcome = finished
    metrics = Tracker(config).get(outcome.run_id).data.metrics
    assert metrics["cost/weights_quantised_parameters"] == 0
    assert metrics["cost/weights_bytes"] == 4 * metrics["cost/weights_parameters"] > 0


@pytest.mark.slow
def test_jobs_of_one_process_load_a_model_once(tiny_config, caplog):
    session.release()
    caplog.set_level(logging.INFO)
    for overrides in ((), ("method.readout=mean",), ("precision=bf16",)):
        run_job(tiny_config("model.tiny.seed=9", *overrides))
    said = [r.message.split(" ")[0] for r in caplog.records if r.name == session.__name__]
    assert said == ["loading", "reusing", "loading"]


def broken_job(root, path, monkeypatch):
    """The body of the model of a job that ended with an error nobody foresaw."""
    read, real = [], hf.HFBackend.resid_post

    def unforeseen(self, batch):
        if len(batch.spans) == len(batch.ids):  # the trial reads every token of its text
            read.append(weakref.ref(self._body))
            raise ZeroDivisionError("nobody foresaw this")
        return real(self, batch)

    monkeypatch.setattr(hf.HFBackend, "resid_post", unforeseen)
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        node = compose("config", [*TINY, "model.tiny.seed=11", f"stimuli.path={path}"])
    outcome = attempt(node, root, None)
    assert "nobody foresaw this" in outcome.error
    (body,) = read
    return body


def test_a_job_that_broke_leaves_no_model_in_memory(tmp_path, small_csv, monkeypatch):
    session.release()
    ConfigStore.instance().store(name="schema", node=schema())
    body = broken_job(tmp_path, small_csv, monkeypatch)
    assert body() is None
    assert session._held == {}


@pytest.mark.slow
def test_weights_are_counted_once_however_often_a_model_is_bridged(tiny_config):
    """The bridge of this family copies its joint matrices; the last two jobs use one model."""
    pytest.importorskip("transformer_lens")
    session.release()
    counts = []
    for overrides in (["backend=hf"], ["backend=tl"], ["backend=tl", "method.readout=mean"]):
        config = tiny_config("model.tiny.architecture=gpt2", *overrides)
        metrics = Tracker(config).get(run_job(config).run_id).data.metrics
        counts.append((metrics["cost/weights_parameters"], metrics["cost/weights_bytes"]))
    assert len(set(counts)) == 1


@pytest.mark.slow
def test_reading_after_transformer_lens_is_what_it_is_alone(tiny_config):
    pytest.importorskip("transformer_lens")

    def values(*overrides):
        config = tiny_config("model.tiny.architecture=gpt2", "force=true", *overrides)
        path = Tracker(config).artifact(run_job(config).run_id, "activations.safetensors")
        return path.read_bytes()

    session.release()
    alone = values("backend=hf", "paths.store=a")
    values("backend=tl", "paths.store=b")
    assert values("backend=hf", "paths.store=c") == alone


def test_runs_through_transformer_lens_are_called_so(tiny_config):
    pytest.importorskip("transformer_lens")
    hooked = make_plan(tiny_config("backend=tl", "backend.implementation=hooked"))
    assert hooked.title == "tiny, fp32, hooked, comprehension, last token"
    assert hooked.run_name.startswith("A tiny fp32 hooked")
    plain = make_plan(tiny_config("backend=hf"))
    assert plain.title == "tiny, fp32, comprehension, last token"
    assert plain.run_name == hooked.run_name.replace(" hooked", "")


@pytest.mark.slow
def test_the_log_says_why_the_same_weights_are_loaded_again(tiny_config, caplog):
    pytest.importorskip("transformer_lens")
    session.release()
    caplog.set_level(logging.INFO)
    for backend in ("hf", "tl"):
        run_job(tiny_config(f"backend={backend}"))
    assert [r.message for r in caplog.records if r.name == session.__name__] == [
        "loading tiny in fp32 on cpu",
        "loading tiny in fp32 on cpu for backend.implementation=bridge",
    ]
