"""Generation runs of a tiny model from end to end, checked against plain loops over transformers."""

import json
import signal
import subprocess
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from emo.cli import run_job
from emo.generation.texts import TextStore
from emo.models import session
from emo.models.tiny import build
from emo.pipeline import generation as stories
from emo.runs import files
from emo.tracking import Tracker
from tests.conftest import EMOTIONS, ROOT, TINY
from tests.jobs.conftest import has_files

SHORT = ("method=generation", "subparams.max_new_tokens=24")


@pytest.fixture
def make(tiny_config):
    return lambda *overrides: tiny_config(*SHORT, *overrides)


@pytest.fixture
def run(make):
    def go(*overrides):
        outcome = run_job(make(*overrides))
        assert outcome.error is None
        return outcome

    return go


@pytest.fixture
def file(make):
    tracker = Tracker(make())
    return lambda outcome, name: tracker.artifact(outcome.run_id, name)


def rows_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def resid_post(model, ids, layer, position):
    seen = []
    handle = model.model.layers[layer].register_forward_hook(lambda _m, _a, out: seen.append(out))
    with torch.no_grad():
        model(torch.tensor([ids]))
    handle.remove()
    out = seen[0][0] if isinstance(seen[0], tuple) else seen[0]
    return out[0, position].numpy().astype(np.float64)


def test_vectors_of_the_matched_protocol_by_a_plain_loop(run, file):
    outcome = run()
    rows = rows_of(file(outcome, "texts.jsonl"))
    model, _ = build("llama", 4, 128, 0)
    means = {}
    for emotion in {r["emotion"] for r in rows}:
        total, n = 0, 0
        for r in (r for r in rows if r["emotion"] == emotion):
            ids = r["prompt_ids"] + r["token_ids"]
            at = len(r["prompt_ids"]) + len(r["token_ids"]) // 2
            total = total + r["weight"] * resid_post(model, ids, 2, at)
            n += r["weight"]
        assert n == 10
        means[emotion] = total / n
    vectors = files.read_vectors(file(outcome, "vectors.safetensors"))
    assert vectors.emotions == EMOTIONS
    assert (vectors.centring, vectors.unit_norm) == ("neutral", True)
    for i, emotion in enumerate(vectors.emotions):
        want = means[emotion] - means["neutral"]
        assert np.allclose(vectors.values[2, i], want / np.linalg.norm(want), atol=1e-5)


@pytest.mark.slow
def test_the_loose_protocol_by_a_plain_loop(run, file, make):
    outcome = run("subparams=loose", "subparams.max_new_tokens=24")
    rows = rows_of(file(outcome, "texts.jsonl"))
    assert [(r["emotion"], r["prompt_name"], r["weight"]) for r in rows] == [
        (e, "paragraph", 1) for e in EMOTIONS
    ]
    d = files.read_story_descriptors(file(outcome, "generation.json"))
    model, _ = build("llama", 4, 128, 0)
    last = np.stack(
        [resid_post(model, r["prompt_ids"] + r["token_ids"], d.layer, -1) for r in rows]
    )
    vectors = files.read_vectors(file(outcome, "vectors.safetensors"))
    assert np.allclose(vectors.values[d.layer], last - last.mean(axis=0), atol=1e-5)
    best = run_job(make("method=comprehension", "subparams=matched"))
    assert best.status == "reused"
    assert best.metrics["best_layer"] == d.layer
    assert best.run_id in d.layer_source


def test_files_are_there_and_read_back(run, make, file):
    outcome = run()
    names = ("vectors.safetensors", "activations.safetensors", "rdm.csv", "generation.json")
    names = (*names, "emotion_words.safetensors")
    figures = ("rdm.png", "layers.png", "map.png")
    assert has_files(make(), outcome, *names, "texts.jsonl", "texts.json", *figures)
    table = json.loads(file(outcome, "texts.json").read_text())
    assert len(table["data"]) == 5 * 5 + 10
    assert all(len(row) == len(table["columns"]) for row in table["data"])
    activations = files.read_activations(file(outcome, "activations.safetensors"))
    assert activations.values.shape == (4, 5 * 10 + 10, 128)
    words = files.read_activations(file(outcome, "emotion_words.safetensors"))
    assert set(words.emotions) == set(activations.emotions) - {"neutral"}
    assert words.values.shape == (1, 5, 128)
    repeats = [i for i, name in enumerate(activations.item_ids[:10]) if name == "story 1/1"]
    assert len(repeats) == 2
    assert np.array_equal(*activations.values[:, repeats].swapaxes(0, 1))
    assert file(outcome, "activations.safetensors").stat().st_size < 4 * 128 * 4 * (35 + 20) + 9000


@pytest.mark.slow
def test_tags_and_counts(run, make):
    tracker = Tracker(make())
    tags = tracker.get(run("subparams=loose").run_id).data.tags
    assert (tags["condition"], tags["method"], tags["teacher_forced"]) == (
        "none", "generation", "false"
    )  # fmt: skip
    assert "max_new_tokens" in tags["condition_note"]
    assert "readout" not in tags
    found = tracker.get(run().run_id)
    assert found.data.metrics["checks/n_nominal"] == 10
    assert found.data.metrics["checks/n_effective"] == 5
    assert found.data.metrics["cost/texts_written"] == 35
    assert found.data.tags["chat_template"] == "not applied"


def test_a_warning_where_effective_n_is_below_nominal(run, caplog):
    run()
    assert "effective n is 5.00 texts per emotion, nominal n 10" in caplog.text
    caplog.clear()
    run("subparams.samples=5")
    assert "effective n" not in caplog.text


@pytest.mark.slow
def test_neutral_stories_that_are_the_same_are_counted_and_said(run, monkeypatch, caplog):
    real = TextStore.get

    def repeated(self, *args):
        found = real(self, *args)
        return {key: replace(text, tokens=(5, 6, 7)) for key, text in found.items()}

    first = run()
    assert (first.metrics["n_neutral"], first.metrics["n_neutral_distinct"]) == (10, 10)
    assert "neutral        10 stories, 10 distinct\n" in first.table
    assert "neutral stories only" not in caplog.text
    alone = run("subparams.centring=global")
    assert (alone.metrics["n_neutral"], alone.metrics["n_neutral_distinct"]) == (None, None)
    monkeypatch.setattr(TextStore, "get", repeated)
    again = run("subparams.position=last")
    assert (again.metrics["n_neutral"], again.metrics["n_neutral_distinct"]) == (10, 1)
    assert "10 stories, 1 distinct SOME ARE THE SAME" in again.table
    assert "of 10 neutral stories only 1 differ" in caplog.text


def test_runs_logged_before_neutral_stories_were_counted_are_read(run, file, tmp_path):
    raw = json.loads(file(run(), "generation.json").read_text())
    del raw["n_neutral"], raw["n_neutral_distinct"]
    (tmp_path / "old.json").write_text(json.dumps(raw))
    assert files.read_story_descriptors(tmp_path / "old.json").n_neutral is None


def test_the_same_again_is_reused_without_a_model(run, monkeypatch):
    first = run()
    session.release()
    monkeypatch.setattr(session, "get", None)
    again = run()
    assert (again.status, again.run_id) == ("reused", first.run_id)
    assert again.metrics == first.metrics


@pytest.mark.slow
def test_what_texts_and_stores_share(run):
    """Position, layer, centring, budget, samples and half of the templates need no new text."""
    assert "texts 35 written" in run().table
    for override in (
        "position=last",
        "layer=1",
        "centring=global",
        "max_new_tokens=10",
        "samples=1",
        "templates=even",
    ):
        assert "texts 0 written" in run(f"subparams.{override}").table
    assert "readings reused" in run("subparams.layer=3").table
    outcome = run("subparams.unit_norm=false")
    assert outcome.passes_done == 0


@pytest.mark.slow
def test_where_batches_decide_no_sub_parameter_changes_texts_that_are_not_its_own(run, file):
    """The neutral stories and every prompt have batches of their own."""
    run = partial(
        run, "precision=bf16", "backend.decode_batch_size=4", "subparams.max_new_tokens=6"
    )
    alone = run("subparams.centring=global")
    both = run("subparams.centring=neutral")
    assert "texts 25 written" in alone.table
    assert "texts 10 written" in both.table
    rows = [rows_of(file(o, "texts.jsonl")) for o in (alone, both)]
    assert rows[0] == [r for r in rows[1] if r["emotion"] != "neutral"]
    for override in ("samples=3", "templates=even"):
        assert "texts 0 written" in run(f"subparams.{override}").table


@pytest.mark.slow
def test_derived_equals_written_afresh(run, file, tiny_config, tmp_path):
    """A budget cut from longer texts gives the vectors of texts written with that budget."""
    run()
    cut = run("subparams.max_new_tokens=9", "subparams.position=last")
    assert "texts 0 written" in cut.table
    store = f"paths.store={tmp_path / 'other'}"
    new = run("subparams.max_new_tokens=9", "subparams.position=last", store, "force=true")
    assert "texts 35 written" in new.table
    a, b = (files.read_vectors(file(o, "vectors.safetensors")) for o in (cut, new))
    assert np.allclose(a.values, b.values, atol=1e-6)


@pytest.mark.slow
def test_batch_size_changes_nothing_in_fp32(run, file, tmp_path):
    texts, vectors = [], []
    for size in (1, 4, 16):
        store = f"paths.store={tmp_path / str(size)}"
        outcome = run(f"backend.decode_batch_size={size}", store, "force=true", "subparams=loose")
        texts.append(rows_of(file(outcome, "texts.jsonl")))
        vectors.append(files.read_vectors(file(outcome, "vectors.safetensors")).values)
    assert texts[0] == texts[1] == texts[2]
    assert np.allclose(vectors[0], vectors[1], atol=1e-6)
    assert np.allclose(vectors[0], vectors[2], atol=1e-6)


def fingerprint(config):
    return stories.plan_of(config)[0].provenance.fingerprint


@pytest.mark.slow
def test_batch_size_enters_the_fingerprint_where_it_can_change_a_text(make):
    def changed(*overrides):
        return fingerprint(make(*overrides)) != fingerprint(
            make(*overrides, "backend.decode_batch_size=3")
        )

    assert not changed()
    assert changed("precision=bf16")
    assert changed("precision=int8")
    assert not changed("precision=int8", "precision.int8.batched=false")  # whatever its size is
    assert changed("precision=fp32", "subparams.texts_from=bf16")


def test_contents_of_the_prompts_enter_the_fingerprint(make, tmp_path):
    bundled = (ROOT / "emo/stimuli/data/prompts.yaml").read_text()
    for name, text in (
        ("same", "# mine\n" + bundled),
        ("other", bundled.replace("short story", "short tale")),
    ):
        (tmp_path / f"{name}.yaml").write_text(text)
    own = [
        fingerprint(make(f"subparams.prompts_path={tmp_path}/{n}.yaml")) for n in ("same", "other")
    ]
    assert own[0] == fingerprint(make())
    assert own[1] != own[0]


@pytest.mark.slow
def test_teacher_forced_reads_the_other_precisions_token_ids(run, file):
    free = run()
    forced = run("precision=bf16", "subparams.texts_from=fp32")
    own = run("precision=bf16")
    ids = [[r["token_ids"] for r in rows_of(file(o, "texts.jsonl"))] for o in (free, forced, own)]
    assert ids[0] == ids[1]
    assert "texts 0 written" in forced.table
    values = [files.read_vectors(file(o, "vectors.safetensors")).values for o in (free, forced)]
    assert not np.array_equal(*values)


@pytest.mark.slow
def test_moved_inputs_write_and_read_their_own_and_forced_ones_read_the_plain_texts(run, file):
    """The replicate has a store of its own; forced, it reads the ids that plain inputs wrote."""
    plain = run("precision=fp16")
    moved = run("precision=fp16", "precision.nudge=0")
    assert moved.passes_reused == 0
    assert "fp16_nudge0" in moved.table
    int8 = ("precision=int8", "subparams.texts_from=fp16")
    forced, nudged = run(*int8), run(*int8, "precision.nudge=0")
    assert nudged.passes_done == forced.passes_done > 0
    texts = [
        [(r["prompt_ids"], r["token_ids"]) for r in rows_of(file(o, "texts.jsonl"))]
        for o in (plain, forced, nudged)
    ]
    assert texts[0] == texts[1] == texts[2]
    a, b = (
        files.read_activations(file(o, "activations.safetensors")).values for o in (forced, nudged)
    )
    assert not np.array_equal(a, b)
    assert np.corrcoef(a.ravel(), b.ravel())[0, 1] > 0.99


def test_int8_reads_the_truncated_text(run, file):
    """LLM.int8 is not causal: what comes behind a position changes it, so it must not be there."""
    pytest.importorskip("bitsandbytes")
    quantised = ("precision=int8", "subparams.position=mid", "subparams.samples=1")
    outcome = run(*quantised)
    assert outcome.passes_done == 5 + 10 + 20 + 0
    short = run(*quantised, "subparams.max_new_tokens=12")
    assert "texts 0 written" in short.table
    assert short.passes_done == 35  # a batch is read anew where one of its texts is another


def test_what_cannot_be_done_is_refused_before_a_run_is_opened(make, one_template):
    for overrides, message in (
        (("subparams.layer=4",), "subparams.layer=4: allowed is middle, best, two_thirds, 0 to 3"),
        (("subparams.max_new_tokens=100000",), "subparams.max_new_tokens=100000"),
        (("subparams.prompts_path=nowhere.yaml",), "nowhere.yaml"),
        # Before layer=best makes a comprehension run.
        ((one_template, "subparams.templates=even", "subparams.layer=best"), "templates=even"),
    ):
        outcome = run_job(make(*overrides))
        assert outcome.failed
        assert message in outcome.error
        assert "\n" not in outcome.error.strip()
    tracker = Tracker(make())
    assert tracker.client.search_runs([tracker.experiment_id]) == []


def test_the_bridge_reads_what_transformers_wrote(run, file):
    pytest.importorskip("transformer_lens")
    values = []
    for backend in ("hf", "tl"):
        outcome = run(f"backend={backend}")
        values.append(files.read_vectors(file(outcome, "vectors.safetensors")).values)
    assert np.allclose(*values, atol=1e-5)


SCRIPT = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from emo.cli import run_job
from emo.config.resolve import compose
from emo.generation import decoding
if sys.argv[3] == "slow":
    import time
    real = decoding.HFDecoder.decode
    def slow(self, *args):
        time.sleep(0.3)
        return real(self, *args)
    decoding.HFDecoder.decode = slow
config = compose(
    *{TINY + SHORT!r}, "backend.decode_batch_size=4", "stimuli.path=" + sys.argv[2], root=sys.argv[1]
)
print(run_job(config).to_json())
"""


def process(root, csv, speed):
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(root), str(csv), speed],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


@pytest.mark.slow
def test_killed_in_mid_generation_it_goes_on_with_the_same_texts(tmp_path, small_csv):
    deadline = time.monotonic() + 60
    with process(tmp_path, small_csv, "slow") as first:
        while len(list(tmp_path.glob(".cache/activations/*/*.jsonl"))) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        first.send_signal(signal.SIGKILL)
    again = json.loads(process(tmp_path, small_csv, "fast").communicate(timeout=120)[0])
    undisturbed = json.loads(
        process(tmp_path / "other", small_csv, "fast").communicate(timeout=120)[0]
    )
    assert again["status"] == undisturbed["status"] == "finished"
    uris = [result["artifacts"]["texts.jsonl"] for result in (again, undisturbed)]
    texts = [rows_of(Path(uri.removeprefix("file://"))) for uri in uris]
    assert texts[0] == texts[1]
    assert again["metrics"] == undisturbed["metrics"]


def test_a_full_disk_is_one_line(run, make, monkeypatch):
    def full(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("emo.activations.shards.write_whole", full)
    outcome = run_job(make())
    assert outcome.failed
    assert "No space left on device" in outcome.error
