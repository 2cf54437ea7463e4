"""experiment=frontier on a tiny model, against plain loops over transformers."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

import emo
from emo.cli import run_job
from emo.config.resolve import compose
from emo.core.compare.axes_result import AxesResult
from emo.core.records import NEUTRAL
from emo.files.reading import record_of
from emo.generation import leaking
from emo.models.tiny import build
from emo.runs import files
from emo.tracking import Tracker
from tests.conftest import TINY, write_small_csv

EMOTIONS = ("calm", "at ease", "proud", "grief-stricken", "sad", "hostile")
START, TOKENS, TOPICS = 6, 14, 4
BOS = [0]
NAMED = "proud"
"""The emotion whose texts leak in these tests, where a word begins with a letter of STEMS."""
STEMS = ("a*", "e*", "s*")
NORMS = {
    "calm": 6.9,
    "at ease": 7.1,
    "proud": 7.0,
    "grief-stricken": 1.9,
    "sad": 2.1,
    "hostile": 2.3,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("frontier")
    write_small_csv(folder)
    (folder / "six.txt").write_text("\n".join(EMOTIONS))
    rows = [f"{word},{v},{5 + i % 3}" for i, (word, v) in enumerate(NORMS.items())]
    (folder / "norms.csv").write_text("\n".join(["word,valence,arousal", *rows]))
    return folder


@pytest.fixture(scope="module")
def make(folder):
    words = (
        "experiment=frontier",
        "job=extract",
        *TINY,
        f"stimuli.path={folder / 'small.csv'}",
        f"emotions.path={folder / 'six.txt'}",
        f"subparams.topics={TOPICS}",
        f"subparams.max_new_tokens={TOKENS}",
        f"subparams.start={START}",
    )
    return lambda *more: compose(*words, *more, root=folder)


@pytest.fixture(scope="module", autouse=True)
def leaks():
    """A tiny model's texts hold no emotion words: a few other stems stand for those of one emotion."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(leaking, "stems_of", lambda e: STEMS if e == NAMED else ("no such word",))
        yield


@pytest.fixture(scope="module")
def outcome(make):
    outcome = run_job(make())
    assert outcome.error is None
    return outcome


@pytest.fixture(scope="module")
def file(make, outcome):
    tracker = Tracker(make())
    return lambda name: tracker.artifact(outcome.run_id, name)


@pytest.fixture(scope="module")
def rows(file):
    return [json.loads(line) for line in file("texts.jsonl").read_text().splitlines()]


def read_alone(model, ids):
    """Per layer the mean residual stream of a text from token START on, behind nothing but the BOS."""
    seen = []
    hooks = [
        layer.register_forward_hook(lambda _m, _a, out: seen.append(out))
        for layer in model.model.layers
    ]
    with torch.no_grad():
        model(torch.tensor([[*BOS, *ids]]))
    for hook in hooks:
        hook.remove()
    streams = [out[0] if isinstance(out, tuple) else out for out in seen]
    start = len(BOS) + (START - 1 if len(ids) >= START else 0)
    rows = [s.reshape(len(BOS) + len(ids), -1) for s in streams]
    return np.stack([row[start:].mean(dim=0).numpy() for row in rows])


def without_components(values, neutral):
    """Values less the leading axes of the neutral texts that hold half of their variance."""
    _, sizes, axes = np.linalg.svd(neutral - neutral.mean(axis=0), full_matrices=False)
    share = np.cumsum(sizes**2) / (sizes**2).sum()
    axes = axes[: int(np.argmax(share >= 0.5)) + 1]
    return values - values @ axes.T @ axes


def test_the_texts_are_topics_by_emotions_and_neutral_ones(rows):
    told = [(r["emotion"], r["prompt_name"]) for r in rows]
    topics = list(dict.fromkeys(topic for _, topic in told))
    assert len(topics) == TOPICS
    assert sorted(told) == sorted((e, t) for e in (*EMOTIONS, NEUTRAL) for t in topics)
    assert all(f'"{r["emotion"]}"' in r["prompt"] for r in rows if r["emotion"] != NEUTRAL)


def test_the_vectors_by_a_plain_loop(file, rows):
    model, tokenizer = build("llama", 4, 128, 0)
    assert tokenizer("").input_ids == BOS
    kept = [r for r in rows if not r["left_out"]]
    assert 0 < len(kept) < len(rows)
    read = np.stack([read_alone(model, r["token_ids"]) for r in kept], axis=1).astype(np.float64)
    neutral = np.array([r["emotion"] == NEUTRAL for r in kept])
    vectors = files.read_vectors(file("vectors.safetensors"))
    for layer, values in enumerate(read):
        told = without_components(values[~neutral], values[neutral])
        labels = [r["emotion"] for r in kept if r["emotion"] != NEUTRAL]
        means = [told[[x == e for x in labels]].mean(axis=0) for e in vectors.emotions]
        wanted = np.array(means) - np.mean(means, axis=0)
        assert np.allclose(vectors.values[layer], wanted, atol=2e-5)
    assert not vectors.unit_norm


def test_leaks_are_left_out_counted_and_said(file, rows, outcome, make):
    named = [r for r in rows if r["left_out"]]
    told = [r for r in named if r["emotion"] == NAMED]
    assert told and {r["emotion"] for r in named} <= {NAMED, NEUTRAL}
    d = files.read_story_descriptors(file("generation.json"))
    assert d.leaks[NAMED] == len(told) and d.written[NAMED] == TOPICS
    activations = files.read_activations(file("activations.safetensors"))
    assert activations.emotions.count(NAMED) == TOPICS - len(told)
    assert NEUTRAL not in activations.emotions
    assert f"{len(told)} of {len(EMOTIONS) * TOPICS} texts name their emotion" in outcome.answer
    assert f"{NAMED} {len(told)} of {TOPICS}" in outcome.table
    page = file("run.html").read_text()
    assert "is left out: the word is named" in page and "left out: " in page
    assert f"its tokens from number {START} on" in page


def test_the_layer_topics_and_accuracy(file, outcome):
    d = files.read_story_descriptors(file("generation.json"))
    assert (d.layer, d.layer_source) == (2 * 4 // 3, "two thirds, 2 L // 3")
    assert d.split_unit == "prompt"
    assert np.isfinite(d.curves["accuracy"]).all() and "accuracy" in d.nulls
    assert outcome.metrics["accuracy"] == pytest.approx(d.curves["accuracy"][d.layer])


@pytest.mark.slow
def test_the_same_is_found_again_and_another_choice_reads_the_same_texts(make, outcome):
    assert run_job(make()).status == "reused"
    for other in ("subparams.position=mean", "vectors.projection=none", "subparams.leaks=kept"):
        again = run_job(make(other))
        assert (again.error, again.status) == (None, "finished")
        assert again.fingerprint != outcome.fingerprint
        tracker = Tracker(make())
        metrics = tracker.get(again.run_id).data.metrics
        assert metrics["cost/texts_written"] == 0
        vectors = files.read_vectors(tracker.artifact(again.run_id, "vectors.safetensors"))
        assert set(vectors.emotions) <= set(EMOTIONS)


@pytest.mark.slow
def test_other_jobs_take_its_vectors(make, outcome, folder):
    run = emo.load_run(outcome.run_id, root=folder)
    read = run.read("On the quay.", layers="all").readings
    assert read.emotions == run.vectors.emotions
    assert np.isfinite(emo.compare(run, run).rho)
    axes = run_job(
        make("job=axes", f"norms.path={folder / 'norms.csv'}", "job.axes.permutations=99")
    )
    assert axes.error is None
    result = record_of(AxesResult, Tracker(make()).artifact(axes.run_id, "axes.json"))
    assert set(result.emotions) == set(run.vectors.emotions)


@pytest.mark.slow
def test_norms_of_an_emotion_without_a_text_are_refused_in_one_line(make, folder, monkeypatch):
    monkeypatch.setattr(leaking, "leaked", lambda text, stems: ("x",) if stems == STEMS else ())
    config = make("job=axes", f"norms.path={folder / 'norms.csv'}", "subparams.seed=1")
    error = run_job(replace(config, force=True)).error
    assert error is not None and f"no vector of {NAMED}, because" in error
    assert len(error.splitlines()) == 1
