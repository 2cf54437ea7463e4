"""job=axes on a tiny model: what it makes first, finds, says and refuses."""

import csv
import json
import logging

import numpy as np
import pytest

from emo.cli import run_job
from emo.config.resolve import compose
from emo.core.compare.axes_result import AxesResult
from emo.core.compare.axis_statistics import Measure
from emo.core.geometry.style import TOKEN
from emo.files.reading import record_of
from emo.runs.files import read_vectors
from emo.tracking import Tracker
from tests.conftest import TINY
from tests.jobs.conftest import has_files, runs

WORDS = {
    "afraid": (2.2, 5.1),
    "angry": (2.5, 6.2),
    "calm": (6.9, 1.7),
    "gloomy": (3.1, 3.3),
    "happy": (8.5, 6.0),
    "hopeful": (7.4, 4.8),
    "hostile": (2.3, 5.4),
    "proud": (7.0, 5.5),
    "sad": (2.1, 3.5),
}
RATED = {**WORDS, "quay": (5.0, 3.0), "field": (6.0, 2.0)}
SETTINGS = ("job.axes.permutations=99", "backend.device=cpu")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Passages of ten emotions, of which one has no norm, and norms of the others and of two nouns."""
    folder = tmp_path_factory.mktemp("axes")
    with (folder / "ten.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["emotion", "passage_id", "text", "situation"])
        for place in ("quay", "field", "quay tower", "field gate"):
            for i, emotion in enumerate((*WORDS, "wistful")):
                more = "field " * (i % 4) + "quay " * (i * i % 3)
                text = f"By the {place} {emotion[::-1]} stood. It was {more}{emotion[1:]}."
                writer.writerow([emotion, f"{place}_{emotion}", text, place])
    with (folder / "norms.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["word", "valence", "arousal"])
        writer.writerows([word, *values] for word, values in RATED.items())
    return folder


@pytest.fixture(scope="module")
def make(folder):
    where = (f"stimuli.path={folder / 'ten.csv'}", f"norms.path={folder / 'norms.csv'}")
    return lambda *words: compose(*TINY, "job=axes", *where, *SETTINGS, *words, root=folder)


@pytest.fixture(scope="module")
def finished(make):
    config = make()
    outcome = run_job(config)
    assert outcome.error is None
    path = Tracker(config).artifact(outcome.run_id, "axes.json")
    return config, outcome, record_of(AxesResult, path)


@pytest.mark.slow
def test_the_missing_extraction_is_made_first_and_named(finished):
    config, outcome, _ = finished
    (extraction,) = runs(config, job="extract")
    (axes,) = runs(config, job="axes")
    assert axes.info.run_id == outcome.run_id
    assert axes.data.tags["vectors_run"] == extraction.info.run_id
    assert axes.data.tags["norms"].endswith("norms.csv")


def test_a_record_a_table_and_figures_are_logged(finished):
    config, outcome, result = finished
    names = ("axes.json", "axes.csv", "layers.csv", "emotions.csv", "axes.png", "circumplex.png")
    assert has_files(config, outcome, *names)
    assert result.emotions == tuple(WORDS) and result.unrated == ("wistful",)
    assert [f.rating for f in result.findings] == ["valence"] * 4 + ["arousal"] * 4
    assert {f.held for f in result.findings} == {(), ("text length", "lexical valence")}
    for f in result.findings:
        assert 0.01 <= f.p <= 1 and len(f.curve) == 4
        assert f.value == pytest.approx(np.nanmax(f.curve))
    assert result.per_emotion["valence"].tolist() == [v for v, _ in WORDS.values()]
    assert 0 < result.words_rated < 0.5


def test_metrics_and_curves_have_the_names_of_the_findings(finished):
    config, outcome, result = finished
    component = result.finding("valence", Measure.component)
    assert outcome.metrics["valence_component"] == pytest.approx(component.value)
    assert outcome.metrics["valence_component_p"] == component.p
    assert outcome.metrics["arousal_rdm_fixed_line"] is not None
    assert outcome.metrics["emotions_rated"] == 9 and outcome.metrics["emotions_unrated"] == 1
    logged = Tracker(config).client.get_metric_history(
        outcome.run_id, "over layers/valence_component"
    )
    assert [m.value for m in logged] == pytest.approx(component.curve.tolist())


def test_every_row_of_the_tables_is_there(finished):
    config, outcome, _ = finished
    tracker = Tracker(config)

    def table(name):
        lines = tracker.artifact(outcome.run_id, name).read_text("utf-8").splitlines()
        return list(csv.DictReader(lines))

    rows = table("axes.csv")
    assert [row["source"] for row in rows[:8]] == ["this run"] * 8
    published = {(row["source"], row["value"]) for row in rows[8:]}
    assert ("Sofroniew et al. 2026, arXiv:2604.07729", "0.81") in published
    emotions = table("emotions.csv")
    assert [row["emotion"] for row in emotions] == list(WORDS)
    assert {"text_length", "lexical_valence", "plane_valence"} <= set(emotions[0])
    layers = table("layers.csv")
    assert len(layers) == 8 * 4


def test_the_text_says_what_was_compared_and_what_it_means(finished):
    _, outcome, result = finished
    table = outcome.table
    assert "norms.csv, 9 of 10 emotions" in table
    assert "without a norm, left out: wistful" in table
    assert "line of the search" in table and "on half of the texts" in table
    assert "text length and lexical valence held fixed" in table
    for f in result.findings:
        assert f.shown == (f.p <= 0.05)
    said = table.count("beyond what permuted norms give")
    assert said == sum(f.shown for f in result.findings)
    assert "0.81 Claude Sonnet 4.5 (component 1" in table


def test_the_same_command_finds_the_run_and_other_norms_do_not(finished, make, folder):
    _, outcome, _ = finished
    again = run_job(make())
    assert (again.status, again.run_id) == ("reused", outcome.run_id)
    assert again.metrics == outcome.metrics
    lines = (folder / "norms.csv").read_text().replace("8.5", "8.4")
    (folder / "other.csv").write_text(lines)
    other = run_job(make(f"norms.path={folder / 'other.csv'}"))
    assert other.status == "finished" and other.fingerprint != outcome.fingerprint


def test_missing_norms_are_named_in_the_log(make, caplog):
    with caplog.at_level(logging.WARNING):
        run_job(make())
    assert "no norm for 1 emotions, left out: wistful" in caplog.text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["happy", "sad"], "allowed is norms of at least 5 emotions of the passages; these know 2"),
        (["happy", "sad", "calm", "proud", "angry"], "arousal is 3 for all emotions"),
    ],
)
def test_norms_that_cannot_be_compared_with_are_refused_in_one_line(make, folder, words, message):
    lines = ["word,valence,arousal", *(f"{w},{i},3" for i, w in enumerate(words))]
    (folder / "few.csv").write_text("\n".join(lines))
    outcome = run_job(make(f"norms.path={folder / 'few.csv'}"))
    assert message in outcome.error and len(outcome.error.splitlines()) == 1
    assert outcome.error.startswith("norms.path=")


def test_without_norms_nothing_is_read(make):
    outcome = run_job(make("norms.path=null"))
    assert outcome.error.startswith("norms=none: allowed is warriner, or norms.path=")


@pytest.fixture(scope="module")
def written(make):
    """Axes of texts that the model writes, matched, and of the loose protocol."""
    words = ("method=generation", "subparams.max_new_tokens=8")
    return [run_job(make(*words, *more)) for more in ((), ("subparams=loose",))]


@pytest.mark.slow
@pytest.mark.parametrize("which", [0, 1])
def test_vectors_of_texts_that_the_model_writes_are_held_against_norms(make, written, which):
    outcome = written[which]
    assert outcome.error is None
    tracker = Tracker(make())
    result = record_of(AxesResult, tracker.artifact(outcome.run_id, "axes.json"))
    vectors_run = tracker.get(outcome.run_id).data.tags["vectors_run"]
    vectors = read_vectors(tracker.artifact(vectors_run, "vectors.safetensors"))
    ratings = np.array([WORDS[e][0] for e in WORDS])
    best = []
    for layer in vectors.values:
        rows = np.array([layer[vectors.emotions.index(e)] for e in WORDS])
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        scores = np.linalg.svd(rows - rows.mean(axis=0), full_matrices=False)[0][:, :3]
        best.append(max(abs(np.corrcoef(score, ratings)[0, 1]) for score in scores.T))
    found = result.finding("valence", Measure.component)
    assert found.curve == pytest.approx(np.array(best), abs=1e-4)


@pytest.mark.slow
def test_text_length_is_that_of_the_texts_that_were_written(make, written):
    tracker = Tracker(make())
    result = record_of(AxesResult, tracker.artifact(written[0].run_id, "axes.json"))
    vectors_run = tracker.get(written[0].run_id).data.tags["vectors_run"]
    lines = tracker.artifact(vectors_run, "texts.jsonl").read_text("utf-8").split("\n")
    rows = [json.loads(line) for line in lines if line]
    for emotion, length in zip(WORDS, result.per_emotion["text length"], strict=True):
        told = [r for r in rows if r["emotion"] == emotion]
        n = [len(TOKEN.findall(r["text"])) for r in told for _ in range(r["weight"])]
        assert length == pytest.approx(np.mean(n))


@pytest.mark.slow
def test_one_text_per_emotion_leaves_nothing_to_choose_on_and_no_interval(make, written):
    matched, loose = (
        record_of(AxesResult, Tracker(make()).artifact(outcome.run_id, "axes.json"))
        for outcome in written
    )
    assert all(f.other is not None and np.isfinite(f.low) for f in matched.findings)
    assert all(f.other is None and np.isnan(f.low) for f in loose.findings)


def test_few_emotions_leave_nothing_to_hold_fixed(tiny_config, folder):
    where = (f"norms.path={folder / 'norms.csv'}", *SETTINGS)
    outcome = run_job(tiny_config("job=axes", *where))
    assert outcome.error is None
    assert "nothing of the texts is held fixed" in outcome.table
    assert "valence_component_fixed" not in outcome.metrics
