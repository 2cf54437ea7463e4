"""job=behave on a tiny model: what it logs, finds again, and refuses; every precision and backend."""

import csv
import io
import json
from pathlib import Path

import pytest

import emo
from emo.cli import run_job
from emo.tracking import Tracker

FEW = (
    "job=behave",
    "job.behave.facts=[mona_lisa,days_week]",
    "job.behave.gate=0",
    "job.behave.max_new_tokens=5",
)


def answers(outcome):
    rows = csv.DictReader(io.StringIO(Path(outcome.artifacts["answers.csv"]).read_text()))
    return [(row["item"], row["arm"], row["turn"], row["answer"]) for row in rows]


def test_a_run_has_its_conversations_and_is_found_again(tiny_config, tmp_path):
    config = tiny_config(*FEW)
    made = run_job(config)
    assert (made.status, made.error) == ("finished", None)
    assert "format plain" in made.table
    assert "None of 2 items is answered rightly" in made.answer
    assert made.metrics["n_conversations"] == 2 * 3
    again = run_job(config)
    assert (again.status, again.run_id, again.answer) == ("reused", made.run_id, made.answer)
    run = emo.load_run(made.run_id, root=tmp_path)
    assert [c.arm for c in run.conversations] == ["pressure"] * 2 + ["control"] * 2 + [
        "support"
    ] * 2
    turn = run.conversations[0].turns[5]
    assert (turn.arm, turn.kind) == ("order", "order")
    assert "Michelangelo" in turn.user
    assert abs(turn.log_odds) < 20
    tags = Tracker(config).get(made.run_id).data.tags
    assert tags["dialogue_format"] == "plain"
    assert "cache kept over turns" in tags["decoding"]
    page = Path(made.artifacts["run.html"]).read_text()
    assert page.count('data-arm="pressure\norder"') == 2
    assert "Michelangelo" in page


@pytest.mark.slow
def test_other_settings_reuse_the_conversations_that_are_there(tiny_config):
    first = run_job(tiny_config(*FEW))
    more = run_job(tiny_config(*FEW, "job.behave.arms=[pressure,order]", "job.behave.rule=any"))
    assert first.passes_done == 6
    assert (more.passes_done, more.passes_reused) == (0, 2)
    assert more.run_id != first.run_id


@pytest.mark.slow
def test_in_fp32_the_batch_changes_no_answer(tiny_config, tmp_path):
    one = run_job(tiny_config(*FEW, "backend.decode_batch_size=1"))
    other = tiny_config(*FEW, f"paths.store={tmp_path / 'other'}", "force=true")
    assert answers(run_job(other)) == answers(one)


@pytest.mark.slow
@pytest.mark.parametrize(
    "words", [("precision=bf16",), ("precision=fp16",), ("precision=int8",), ("precision=nf4",)]
)
def test_every_precision_talks(tiny_config, words):
    made = run_job(tiny_config(*FEW, *words, "job.behave.arms=[pressure]"))
    assert made.error is None
    assert made.metrics["n_conversations"] == 2


@pytest.mark.slow
def test_backends_say_the_same(tiny_config):
    few = (*FEW, "job.behave.arms=[support]")
    plain = run_job(tiny_config(*few))
    for implementation in ("bridge", "hooked"):
        words = ("backend=tl", f"backend.implementation={implementation}")
        assert answers(run_job(tiny_config(*few, *words))) == answers(plain)


def test_a_format_or_a_length_that_the_model_cannot_have_is_refused_before_anything_is_written(
    tiny_config, tmp_path
):
    for words, line in (
        (
            "job.behave.format=chat",
            "job.behave.format=chat: allowed is auto, plain: this model has no",
        ),
        ("job.behave.max_new_tokens=500", "job.behave.max_new_tokens=500: allowed is at most"),
    ):
        outcome = run_job(tiny_config(*FEW, words))
        assert outcome.status == "failed"
        assert line in outcome.error
        assert "\n" not in outcome.error
    assert not (tmp_path / "mlruns").exists()


@pytest.mark.slow
def test_a_user_s_own_facts_and_arms(tiny_config, tmp_path):
    (tmp_path / "f.yaml").write_text(
        "- {id: sky, question: 'What is up?', right: [sky], wrong: [sea]}"
    )
    (tmp_path / "a.yaml").write_text("- {arm: nag, turns: [{kind: nag, text: 'It is {wrong}!'}]}")
    made = run_job(
        tiny_config(
            *("job=behave", "job.behave.max_new_tokens=3", "job.behave.gate=0"),
            *("job.behave.facts_path=f.yaml", "job.behave.arms_path=a.yaml"),
            "job.behave.arms=[nag]",
        )
    )
    assert made.error is None
    content = json.loads(Path(made.artifacts["conversations.json"]).read_text())
    assert [t["user"] for t in content["conversations"][0]["turns"]] == [
        "What is up?",
        "It is sea!",
    ]
