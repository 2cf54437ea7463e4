"""job=steer on a tiny model: files, reuse, resume, backends, what is refused and when."""

import csv
import json
import re

import pytest
import yaml

from emo import serialise
from emo.cli import run_job
from emo.core.dose_response import cells
from emo.generation.decoding import HFDecoder
from emo.jobs import steer
from emo.models import session
from emo.report import steering as report
from emo.tracking import Tracker

SCENARIOS = [
    {"id": "one", "mood": "calm", "emotion": "sad", "text": "The letter lay on the table and she"},
    {
        "id": "two",
        "mood": "flat",
        "emotion": "proud",
        "text": "When the bell rang he looked up and",
    },
    {"id": "three", "mood": "flat", "emotion": "calm", "text": "Nobody had come to the quay, so"},
]


@pytest.fixture
def steer_config(tiny_config, tmp_path):
    path = tmp_path / "scenarios.yaml"
    path.write_text(yaml.safe_dump(SCENARIOS))

    def make(*overrides):
        return tiny_config(
            "job=steer",
            f"steer.scenarios_path={path}",
            "steer.strengths=[0.2,3]",
            "steer.max_new_tokens=6",
            *overrides,
        )

    return make


@pytest.fixture
def finished(steer_config):
    config = steer_config()
    outcome = run_job(config)
    assert outcome.error is None
    return config, outcome


def texts(config, outcome):
    path = Tracker(config).artifact(outcome.run_id, "steering.json")
    return serialise.read_steering(path)


def test_run_holds_every_text_and_file(finished):
    config, outcome = finished
    tracker = Tracker(config)
    for name in steer.ARTIFACTS:
        assert tracker.artifact(outcome.run_id, name).stat().st_size > 0
    swept = texts(config, outcome)
    # 3 scenarios x 4 directions x 2 strengths; besides 3 unsteered and 6 sampled ones.
    assert len(swept.steered) == 24
    assert set(swept.unsteered) == set(swept.sampled) == {"one", "two", "three"}
    assert all(len(t) == 2 for t in swept.sampled.values())
    assert outcome.passes_done == swept.done == 24 + 3 + 6
    assert {t.emotion for t in swept.steered if t.scenario == "one"} == {"sad"}
    run = tracker.get(outcome.run_id)
    assert run.data.tags["job"] == "steer"
    assert run.data.tags["steer"] == "default"
    assert tracker.get(run.data.tags["vectors_run"]).data.tags["job"] == "extract"
    assert run.data.params["steer.strengths"] == "[0.2, 3.0]"
    assert run.data.metrics["cells"] == 2
    steps = tracker._client.get_metric_history(
        outcome.run_id, next(k for k in run.data.metrics if k.startswith("dose_repetition_target"))
    )
    assert [m.step for m in steps] == [0, 1]


def test_steering_steers(finished):
    """At three times the residual norm no text is what it was, and directions differ."""
    swept = texts(*finished)
    strong = {t.direction: t.text for t in swept.steered if t.strength == 3 and t.scenario == "one"}
    assert len({*strong.values(), swept.unsteered["one"]}) == 5


def test_tables_and_page_agree_with_the_record(finished):
    config, outcome = finished
    tracker, swept = Tracker(config), texts(config, outcome)
    table = json.loads(tracker.artifact(outcome.run_id, "texts.json").read_text())
    assert len(table["data"]) == 3 + 24
    assert {len(row) for row in table["data"]} == {len(table["columns"])}
    column = table["columns"].index("text")
    assert [row[column] for row in table["data"][3:]] == [t.text for t in swept.steered]
    page = tracker.artifact(outcome.run_id, "texts.html").read_text()
    assert page.count("<tr class=") == 27
    assert "http" not in page
    rows = list(csv.DictReader(tracker.artifact(outcome.run_id, "cells.csv").open()))
    found = cells(swept.steered, swept.limits)
    assert [float(r["repetition"]) for r in rows] == [c.repetition.value for c in found]
    assert [r["robust"] for r in rows] == [c.robust.name for c in found]


def test_same_command_again_reuses_the_run(finished, monkeypatch):
    config, first = finished
    monkeypatch.setattr(steer, "load_model", None)
    again = run_job(config)
    assert (again.status, again.run_id, again.passes_done) == ("reused", first.run_id, 0)
    assert again.passes_reused == first.passes_done
    assert again.metrics == first.metrics


def test_force_writes_nothing_again_and_finds_the_same(finished, steer_config):
    config, first = finished
    again = run_job(steer_config("force=true"))
    assert (again.status, again.passes_done) == ("finished", 0)
    both = [serialise.plain(texts(config, outcome).steered) for outcome in (first, again)]
    assert both[0] == both[1]  # as JSON values, where NaN equals itself


def test_a_killed_run_goes_on_where_it_was(steer_config, monkeypatch):
    real, calls = HFDecoder.decode, []

    def dies(self, *args):
        calls.append(args)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(self, *args)

    monkeypatch.setattr(HFDecoder, "decode", dies)
    config = steer_config("backend.batch_size=4")
    with pytest.raises(KeyboardInterrupt):
        run_job(config)
    monkeypatch.undo()
    outcome = run_job(config)
    assert outcome.status == "finished"
    assert (outcome.passes_done, outcome.passes_reused) == (33 - 8, 8)


def words(swept):
    return {(t.scenario, t.direction, t.site, t.strength): t.text for t in swept.steered}


def test_backends_write_the_same_texts(finished, steer_config):
    expected = words(texts(*finished))
    for implementation in ("bridge", "hooked"):
        config = steer_config("backend=tl", f"backend.implementation={implementation}")
        outcome = run_job(config)
        assert outcome.error is None
        assert words(texts(config, outcome)) == expected
    session.release()


def test_texts_do_not_depend_on_the_batch(finished, steer_config):
    config = steer_config("backend.batch_size=1", "force=true", "paths.store=other")
    outcome = run_job(config)
    assert outcome.passes_done == 33
    assert words(texts(config, outcome)) == words(texts(*finished))


def test_strength_zero_is_the_unsteered_text(steer_config):
    config = steer_config("steer.strengths=[0]")
    swept = texts(config, run_job(config))
    for t in swept.steered:
        assert t.text == swept.unsteered[t.scenario]
        assert t.log_perplexity_ratio == 0
        assert not t.success


def test_everything_that_changes_a_text_is_in_the_fingerprint(finished, steer_config):
    seen = {finished[1].fingerprint}
    for override in (
        "seed=1",
        "steer.layers=all",
        "steer.layers=0-1",
        "steer.vector=best",
        "steer.criterion=mean_cosine",
        "steer.positions=generated",
        "steer.strengths=[0.2]",
        "steer.max_new_tokens=5",
        "steer.scenarios=[one,two]",
        "steer.emotions=[calm]",
        "steer.controls=[random]",
        "steer.control_samples=1",
        "steer.chat_template=true",
        "method.readout=mean",
        "precision=bf16",
    ):
        outcome = run_job(steer_config(override, "tracking.experiment=other"))
        assert outcome.error is None, override
        seen.add(outcome.fingerprint)
    assert len(seen) == 16


def test_published_preset_and_logged_vectors(finished, tiny_config, tmp_path):
    vectors = Tracker(finished[0]).get(finished[1].run_id).data.tags["vectors_run"]
    config = tiny_config(
        "job=steer",
        "steer=published",
        f"steer.scenarios_path={tmp_path / 'scenarios.yaml'}",
        "steer.scenarios=[one,three]",
        f"steer.run={vectors}",
        "steer.max_new_tokens=4",
    )
    outcome = run_job(config)
    assert outcome.error is None
    swept = texts(config, outcome)
    assert {t.strength for t in swept.steered} == {0.005, 0.01, 0.02, 0.03, 0.05}
    assert {t.site for t in swept.steered} == {"all"}
    run = Tracker(config).get(outcome.run_id)
    assert run.data.tags["vectors_run"] == vectors
    assert "37 of 40" in outcome.table


def test_emotions_are_crossed_with_scenarios(steer_config):
    config = steer_config("steer.emotions=[calm,happy]", "steer.controls=[]")
    swept = texts(config, run_job(config))
    assert len(swept.steered) == 3 * 2 * 2
    assert report.summary(swept, "t").count("target") == 2


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("steer.layers=best-2", "steer.layers=best-2: allowed is all, best"),
        ("steer.layers=[0,9]", "steer.layers=.*: allowed is layers 0 to 3 of this model"),
        ("steer.strengths=[-0.1]", "steer.strengths=.*: allowed is different numbers"),
        ("steer.strengths=[]", "steer.strengths="),
        ("steer.strengths=[0.1,0.1]", "steer.strengths="),
        ("steer.scenarios=[one,four]", "steer.scenarios=.*: allowed is each once, of one, two"),
        ("steer.emotions=[calm,smug]", "steer.emotions=smug: allowed is afraid, calm, happy"),
        ("steer.max_new_tokens=2000", "steer.max_new_tokens=2000: allowed is at most"),
        ("steer.judge=hf", "steer.judge_model=None: allowed is a folder"),
        ("steer.controls=[random,random]", "steer.controls="),
        ("steer.run=nothing", "run nothing: not in"),
    ],
)
def test_what_is_refused_opens_no_run(steer_config, override, message):
    outcome = run_job(config := steer_config(override))
    assert outcome.failed
    assert re.search(message, outcome.error), outcome.error
    assert "\n" not in outcome.error
    tracker = Tracker(config)
    runs = tracker._client.search_runs([tracker._experiment])
    assert [r.data.tags["job"] for r in runs if r.data.tags["job"] == "steer"] == []


def test_vectors_of_another_model_are_refused(finished, steer_config):
    vectors = Tracker(finished[0]).get(finished[1].run_id).data.tags["vectors_run"]
    other = run_job(steer_config(f"steer.run={vectors}", "model.tiny.hidden=64"))
    assert "vectors with this model's layers and width" in other.error
    itself = run_job(steer_config(f"steer.run={finished[1].run_id}"))
    assert "the id of a job=extract run" in itself.error


def test_a_local_classifier_can_judge(steer_config, tmp_path):
    from transformers import LlamaConfig, LlamaForSequenceClassification

    from emo.models.tiny import train_tokenizer

    tokenizer = train_tokenizer()
    shape = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=32, pad_token_id=tokenizer.pad_token_id,
        id2label={0: "sadness", 1: "calm"}, label2id={"sadness": 0, "calm": 1},
    )  # fmt: skip
    LlamaForSequenceClassification(shape).save_pretrained(tmp_path / "judge")
    tokenizer.save_pretrained(tmp_path / "judge")
    config = steer_config("steer.judge=hf", f"steer.judge_model={tmp_path / 'judge'}")
    outcome = run_job(config)
    assert outcome.error is None
    for t in texts(config, outcome).steered:
        assert t.judged == (t.emotion != "proud")
