"""job=read on a tiny model: values against the run's own activations, what is made and refused."""

import csv
import json
from collections import defaultdict

import numpy as np
import pytest

import emo
from emo.cli import run_job
from emo.config.resolve import compose
from emo.core.geometry.projections import project
from emo.core.token_readings import ReadingSummary
from emo.files.reading import record_of
from emo.pipeline import comprehension
from emo.tracking import Tracker
from tests.conftest import EMOTIONS, TINY, write_small_csv
from tests.jobs.conftest import has_files, runs

TEXT = "On the quay number 0 someone stood, yppah, and looked appyward."
"""The passage of happy at the quay: its activation is among those of the run."""
ITEM = "quay_happy"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("read")
    write_small_csv(folder)
    return folder


@pytest.fixture(scope="module")
def config(folder):
    return lambda *words: compose(
        *TINY, f"stimuli.path={folder / 'small.csv'}", *words, root=folder
    )


def read(config, *words, text=TEXT):
    outcome = run_job(config("job=read", f"text={text}", *words))
    assert outcome.error is None
    return outcome


@pytest.mark.slow
def test_the_name_of_a_run_says_once_what_was_done_and_to_which_text(config):
    words = config("job=read", f"text={TEXT}")
    run = Tracker(words).get(read(config).run_id)
    assert run.info.run_name.startswith("read tiny fp32 ")
    assert run.info.run_name.count(TEXT[:20]) == 1


def table(config, outcome, name):
    path = Tracker(config("job=read", "text=x")).artifact(outcome.run_id, name)
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def values(config, outcome, name, column, *keys):
    """The cells of a column by the cells of others."""
    return {
        tuple(row[key] for key in keys): float(row[column])
        for row in table(config, outcome, name)
        if row[column]
    }


def wanted(folder, run_id, projection="none"):
    """Cosines of the run's own item with its vectors, by the activations that the run has logged."""
    run = emo.load_run(run_id, folder)
    activations = project(run.activations, projection)
    x = activations.values[:, activations.item_ids.index(ITEM)].astype(float)
    labels = np.array(activations.emotions)
    means = np.stack([activations.values[:, labels == e].mean(axis=1) for e in EMOTIONS], axis=1)
    centre = means.mean(axis=1)
    out = {}
    for layer in range(len(x)):
        for e, emotion in enumerate(EMOTIONS):
            v, t = means[layer, e] - centre[layer], x[layer] - centre[layer]
            cosine = v @ t / np.linalg.norm(v) / np.linalg.norm(t)
            out[str(layer), emotion] = cosine
    return out


BACKENDS = {
    "hf": ("backend=hf",),
    "bridge": ("backend=tl",),
    "hooked": ("backend=tl", "backend.implementation=hooked"),
}


@pytest.mark.parametrize(
    ("backend", "readout"),
    [
        ("hf", "last"),
        ("hf", "mean"),
        ("hf", "suffix"),
        ("bridge", "last"),
        pytest.param("bridge", "mean", marks=pytest.mark.slow),
        pytest.param("hooked", "last", marks=pytest.mark.slow),
    ],
)
def test_a_passage_of_the_run_has_the_values_of_the_runs_own_activations(
    config, folder, backend, readout
):
    outcome = read(config, *BACKENDS[backend], f"method.readout={readout}")
    run_id = Tracker(config()).get(outcome.run_id).data.tags["vectors_run"]
    assert Tracker(config()).get(run_id).data.tags["backend"] == BACKENDS[backend][0][8:]
    want = wanted(folder, run_id)
    got = values(config, outcome, "texts.csv", "as_the_run_reads_it", "layer", "emotion")
    assert got.keys() == want.keys()
    assert max(abs(got[key] - want[key]) for key in want) < 1e-5
    if readout != "mean":  # the last token's own row has the same numbers
        rows = values(config, outcome, "tokens.csv", "value", "position", "layer", "emotion")
        last = str(max(int(position) for position, _, _ in rows))
        assert all(rows[last, *key] == pytest.approx(got[key], abs=1e-5) for key in want)


@pytest.mark.slow
@pytest.mark.parametrize("projection", ["all_but_the_top", "z_score", "neutral_pcs"])
def test_so_it_has_under_a_projection(config, folder, projection):
    outcome = read(config, f"vectors.projection={projection}")
    run_id = Tracker(config()).get(outcome.run_id).data.tags["vectors_run"]
    want = wanted(folder, run_id, projection)
    got = values(config, outcome, "texts.csv", "as_the_run_reads_it", "layer", "emotion")
    assert max(abs(got[key] - want[key]) for key in want) < 1e-4


def test_projections_of_tokens_have_the_projection_of_their_mean_as_mean(config):
    outcome = read(config, "method.readout=mean", "job.read.measure=projection")
    rows = table(config, outcome, "texts.csv")
    assert len(rows) == 4 * 5
    for row in rows:
        mean, whole = float(row["mean_over_tokens"]), float(row["as_the_run_reads_it"])
        assert mean == pytest.approx(whole, abs=1e-4)


@pytest.fixture(scope="module")
def finished(config):
    return read(config)


def test_the_run_has_tables_a_page_and_the_texts(config, finished):
    names = ("read.json", "tokens.csv", "texts.csv")
    assert has_files(config("job=read", "text=x"), finished, *names)
    (row,) = table(config, finished, "stimuli.csv")
    assert (row["passage_id"], row["text"]) == ("text 1", TEXT)
    tokens = table(config, finished, "tokens.csv")
    assert list(tokens[0]) == [
        *("text", "position", "token", "layer", "emotion", "value", "mark", "length")
    ]
    by_position = {row["position"]: row["token"] for row in tokens}
    assert "".join(by_position.values()) == f"<s>{TEXT}"
    assert {row["mark"] for row in tokens if row["position"] == "0"} == {"special"}
    assert len(tokens) == len(by_position) * 4 * 5
    tags = Tracker(config()).get(finished.run_id).data.tags
    assert tags["job"] == "read" and tags["vectors_readout"] == "last"


def test_what_is_said_is_in_the_tables(config, finished):
    path = Tracker(config()).artifact(finished.run_id, "read.json")
    summary = record_of(ReadingSummary, path)
    layer = str(summary.layer)
    means = values(config, finished, "texts.csv", "mean_over_tokens", "layer", "emotion")
    sums = defaultdict(list)
    for row in table(config, finished, "tokens.csv"):
        if not row["mark"]:
            sums[row["layer"], row["emotion"]].append(float(row["value"]))
    for key, mean in means.items():
        assert mean == pytest.approx(np.mean(sums[key]), abs=1e-6)
    emotion, value = summary.texts[0].means[0]
    assert value == pytest.approx(means[layer, emotion], abs=1e-6)
    assert value == max(v for _, v in summary.texts[0].means)
    _, _, emotion, value = summary.texts[0].strongest
    assert value == pytest.approx(max(max(sums[layer, e]) for e in EMOTIONS), abs=1e-6)
    assert f"mean over tokens  {summary.texts[0].means[0][0]}" in finished.table
    assert "random weights" in finished.table
    page = Tracker(config()).artifact(finished.run_id, "run.html").read_text("utf-8")
    assert "The weights are random" in page and "Token by token" in page


def test_the_missing_extraction_is_made_once_and_the_same_command_reads_nothing(
    config, finished, monkeypatch
):
    monkeypatch.setattr("emo.jobs.read.TokenReader", None)
    again = run_job(config("job=read", f"text={TEXT}"))
    assert (again.status, again.run_id) == ("reused", finished.run_id)
    assert again.metrics == finished.metrics
    mine = [
        r
        for r in runs(config("job=read", "text=x"), job="extract")
        if r.data.tags["readout"] == "last" and r.data.params["backend.name"] == "hf"
    ]
    plain = [r for r in mine if r.data.params["vectors.projection"] == "none"]
    assert len(plain) == 1


@pytest.mark.slow
def test_a_run_that_is_named_brings_its_model_and_settings(config, folder, finished):
    run_id = Tracker(config()).get(finished.run_id).data.tags["vectors_run"]
    elsewhere = compose("job=read", f"text={TEXT}", f"job.read.run={run_id[:8]}", root=folder)
    assert elsewhere.model.name != "tiny"
    outcome = run_job(elsewhere)
    assert (outcome.status, outcome.run_id) == ("reused", finished.run_id)
    other = run_job(config("method.readout=mean_all"))
    latest = compose("job=read", f"text={TEXT}", "job.read.run=latest", root=folder)
    outcome = run_job(latest)
    assert outcome.error is None
    assert Tracker(config()).get(outcome.run_id).data.tags["vectors_run"] == other.run_id


def test_no_activations_are_needed(config, folder, finished):
    run_id = Tracker(config()).get(finished.run_id).data.tags["vectors_run"]
    path = Tracker(config()).artifact(run_id, "activations.safetensors")
    content = path.read_bytes()
    path.unlink()
    try:
        outcome = read(config, f"job.read.run={run_id}", "job.read.layers=[2,1]", text="Quiet.")
    finally:
        path.write_bytes(content)
    assert {row["layer"] for row in table(config, outcome, "tokens.csv")} == {"1", "2"}


@pytest.mark.slow
def test_vectors_of_an_earlier_version_take_their_centre_from_activations(
    config, finished, monkeypatch
):
    monkeypatch.setattr(comprehension, "residual_frame", lambda *_: None)
    old = run_job(config("seed=5"))
    assert old.error is None
    path = Tracker(config()).artifact(old.run_id, "vectors.safetensors")
    assert b'"centre"' not in path.read_bytes()[:2000]
    outcome = read(config, f"job.read.run={old.run_id}")
    names = ("texts.csv", "as_the_run_reads_it", "layer", "emotion")
    want = values(config, finished, *names)
    got = values(config, outcome, *names)
    assert max(abs(got[key] - want[key]) for key in want) < 1e-6
    Tracker(config()).artifact(old.run_id, "activations.safetensors").unlink()
    refused = run_job(config("job=read", "text=Quiet.", f"job.read.run={old.run_id}"))
    assert refused.error.startswith(f"run {old.run_id}: its vectors have no centre beside them")
    assert refused.error.endswith("with force=true, makes it with a centre")


@pytest.mark.slow
def test_vectors_of_a_generation_run_are_read_against(config):
    words = ("method=generation", "subparams=loose", "subparams.max_new_tokens=6")
    outcome = read(config, *words, "subparams.position=last")
    tags = Tracker(config()).get(outcome.run_id).data.tags
    source = Tracker(config()).get(tags["vectors_run"])
    assert source.data.tags["method"] == "generation"
    assert "the run's own" in outcome.table
    assert outcome.metrics["tokens"] > 5


def test_a_file_of_texts_is_read_in_one_run(config, folder):
    texts = ["The quay.", "A kitchen & a </script><b>field</b>", "=1+1"]
    (folder / "texts.jsonl").write_text("\n".join(map(json.dumps, texts)))
    outcome = run_job(config("job=read", f"job.read.path={folder / 'texts.jsonl'}"))
    assert outcome.error is None and outcome.metrics["texts"] == 3
    alone = read(config, text=texts[0])
    names = ("tokens.csv", "value", "text", "position", "layer", "emotion")
    together, single = values(config, outcome, *names), values(config, alone, *names)
    for (_, *key), value in single.items():
        assert together["line 1", *key] == pytest.approx(value, abs=1e-5)
    page = Tracker(config()).artifact(outcome.run_id, "run.html").read_text("utf-8")
    assert "<b>field</b>" not in page and page.count("</script>") == page.count("<script")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["text=a", "job.read.layers=4"],
            "job.read.layers=4: allowed is all, best, a layer from 0",
        ),
        (["text=a", "job.read.layers=[]"], "job.read.layers=[]: allowed is all, best"),
        (["text=a", "job.read.layers=deep"], "job.read.layers=deep: allowed is all"),
        (["text=" + "word " * 2000], "job.read.text: text 1: it has"),
        (["text=a", "job.read.run=0123abcd"], "job.read.run=0123abcd: not in"),
        (["text=a", "job.read.run=zz"], "job.read.run=zz: not in"),
    ],
)
def test_what_cannot_be_read_is_one_line(config, finished, words, message):
    before = len(runs(config("job=read", "text=x")))
    outcome = run_job(config("job=read", *words))
    assert outcome.error.startswith(message) and len(outcome.error.splitlines()) == 1
    assert len(runs(config("job=read", "text=x"))) == before


def test_a_chat_needs_a_chat_template(config, folder, finished):
    path = folder / "chat.jsonl"
    path.write_text(json.dumps([{"role": "user", "content": "Hi"}]))
    outcome = run_job(config("job=read", f"job.read.path={path}"))
    assert outcome.error.endswith(
        "line 1: the model has no chat template, so that it reads texts and no chats"
    )


def test_in_an_empty_project_the_latest_run_is_refused_and_nothing_is_made(tmp_path):
    made = compose("model=tiny", "job=read", "text=a", "job.read.run=latest", root=tmp_path)
    outcome = run_job(made)
    assert "no runs yet" in outcome.error
    assert not (tmp_path / "mlruns").exists()
