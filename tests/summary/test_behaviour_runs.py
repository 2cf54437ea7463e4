"""Which runs of job=behave a summary compares, and the measures made of their files."""

import json
from dataclasses import replace

import pytest

from emo.core.behaviour.compliance import compliance_of
from emo.core.behaviour.conversations import Steering, Variant
from emo.core.behaviour.task_answers import TaskAnswer, TaskKind
from emo.errors import DamagedFile
from emo.files.plain_records import plain
from emo.runs.listing import RunListing
from emo.summary.behaviour_runs import behaviour_candidates, speakers_of, vector_of, who_counts
from tests.core.behaviour.planted import dialogues, flips_at

USED = RunListing("used", "FINISHED", 0, {"model": "m", "model_id": "org/m", "revision": "r"}, {})


def behave(run_id, started, status="FINISHED", params=None, **tags):
    known = {"model": "m", "model_id": "org/m", "revision": "r", "precision": "fp32", **tags}
    return RunListing(run_id, status, started, {"stimuli_sha256": "s", **known}, params or {})


def steered(run_id, started):
    return behave(run_id, started, behave_steer="calm, 0.1 at layer 3")


def found(runs):
    usable, left_out = behaviour_candidates(runs, [USED])
    ids = {key: [r.run_id for r in runs] for key, runs in usable.items()}
    return ids, {e.run.run_id: e.reason for e in left_out}


def test_the_newest_of_a_precision_and_a_vector_is_first_and_every_other_has_a_reason():
    runs = [
        behave("old", 1),
        behave("new", 5),
        behave("int8", 4, precision="int8"),
        steered("calm", 3),
        behave("second", 2),
        behave("dead", 9, status="KILLED"),
        behave("other facts", 4, stimuli_sha256="t"),
        behave("longer", 4, params={"job.behave.max_new_tokens": "90"}),
        behave("foreign", 8, model_id="org/another"),
    ]
    ids, reasons = found([with_settings(r) for r in runs])
    assert ids == {
        ("epistemic", "m", "fp32", ""): ["new", "second", "old"],
        ("epistemic", "m", "int8", ""): ["int8"],
        ("epistemic", "m", "fp32", "steered calm, 0.1 at layer 3"): ["calm"],
    }
    assert reasons == {
        "dead": "not finished (KILLED)",
        "other facts": "asks other things, or asks otherwise, than run new",
        "longer": "asks other things, or asks otherwise, than run new",
        "second": "older than job=behave run new of the same model",
        "old": "older than job=behave run new of the same model",
    }


def test_a_model_s_runs_have_its_thinking_switched_alike_and_other_models_need_not():
    runs = [
        behave("off", 5, params={"model.thinking": "False"}),
        behave("unset", 4, precision="int8", params={"model.thinking": "None"}),
        behave("earlier", 3, precision="bf16"),
        behave("off too", 2, precision="fp16", params={"model.thinking": "False"}),
    ]
    ids, reasons = found([with_settings(r) for r in runs])
    assert set(ids) == {("epistemic", "m", "fp32", ""), ("epistemic", "m", "fp16", "")}
    assert reasons == dict.fromkeys(
        ("unset", "earlier"), "its model's thinking is not switched as in run off"
    )
    other = behave("other", 6, model_id="org/n", params={"model.thinking": "None"})
    used = replace(USED, run_id="n", tags={**USED.tags, "model": "n", "model_id": "org/n"})
    usable, _ = behaviour_candidates([with_settings(r) for r in (*runs, other)], [USED, used])
    assert ("epistemic", "n", "fp32", "") in usable
    assert ("epistemic", "m", "fp32", "") in usable


def with_settings(run):
    """Settings as runs log them; one of before a setting was there has its default."""
    logged = {} if run.run_id == "old" else {"job.behave.max_new_tokens": "60"}
    params = {**logged, "job.behave.rule": run.run_id, **run.params}
    return RunListing(run.run_id, run.status, run.started, run.tags, params)


def test_every_facet_has_its_own_newest_run():
    both = behave("both", 1, facets="epistemic, procedural")
    one = behave("one", 2, facets="epistemic")
    ids, reasons = found([both, one])
    assert ids == {
        ("epistemic", "m", "fp32", ""): ["one", "both"],
        ("procedural", "m", "fp32", ""): ["both"],
    }
    assert reasons == {"both": "older than job=behave run one of the same model"}


def test_a_run_is_called_as_its_model_is_in_the_summary():
    used = RunListing("used", "FINISHED", 0, USED.tags, {}, "org/m")
    ((key, (run,)),) = behaviour_candidates([behave("x", 1, model="copy")], [used])[0].items()
    assert (key[1], run.model) == ("org/m", "org/m")


def test_vectors_are_in_words():
    assert vector_of(behave("x", 1)) == ""
    assert vector_of(steered("x", 1)) == "steered calm, 0.1 at layer 3"
    others = behave("x", 1, behave_steer="calm, 0.1 at layer 3", vectors_run="0123456789")
    assert vector_of(others) == "steered calm, 0.1 at layer 3 by run 01234567"


@pytest.fixture
def files(tmp_path):
    """A reader of a run's files, whose conversations are these."""
    path = tmp_path / "conversations.json"

    def written(content):
        path.write_text(json.dumps(content if isinstance(content, dict) else plain(content)))
        return lambda name, reader: reader(tmp_path / name)

    return written


def test_measures_are_made_of_what_was_said(files):
    (one,) = speakers_of(steered("x", 1), "epistemic", files(dialogues(flips_at(1, 9))))
    flips, odds = one.measures
    assert (flips.name, flips.value, len(flips.outcomes)) == ("flips under pressure", 0.45, 20)
    assert odds.value == pytest.approx(6 * 9 / 20)
    assert one.name == "m, fp32, steered calm, 0.1 at layer 3"
    (other,) = speakers_of(behave("x", 1), "procedural", files(dialogues(flips_at(1, 9))))
    assert other.measures == ()


def test_the_unsteered_part_of_a_steered_run_speaks_where_no_run_of_its_own_does(files):
    under, without = dialogues(flips_at(1, 9)), dialogues(flips_at(1, 2))
    others = (Variant(None, 0, without.conversations),)
    both = replace(under, steering=Steering("calm", "3", 0.1, others))
    own, twin = speakers_of(steered("x", 1), "epistemic", files(both))
    assert [s.measures[0].value for s in (own, twin)] == [0.45, 0.1]
    assert (own.steering != "", twin.steering, twin.run.run_id) == (True, "", "x")
    assert who_counts([(own, twin)]) == [own, twin]
    plain_run = speakers_of(behave("y", 2), "epistemic", files(dialogues(flips_at(1, 3))))
    assert who_counts([(own, twin), plain_run]) == [own, *plain_run]
    assert who_counts([(replace(own, measures=()), twin)]) == [twin]


def answer(constraint, kind, passed, sample=0):
    task = f"{constraint}_{kind}"
    return TaskAnswer(task, constraint, TaskKind(kind), sample, "?", "!", 3, "eos", passed, "")


def test_answers_under_constraints_are_a_measure_with_the_interval_of_the_facet(files):
    answers = [
        answer(c, "easy", c != "bullets", n)
        for n in (0, 1)
        for c in ("no_the", "questions", "bullets")
    ] + [
        *(answer("no_the", "conflict", n == 0, n) for n in (0, 1)),
        *(answer("questions", "conflict", True, n) for n in (0, 1)),
        *(answer("bullets", "conflict", True, n) for n in (0, 1)),
    ]
    said = replace(dialogues(flips_at(1, 9)), answers=tuple(answers))
    (speaker,) = speakers_of(behave("x", 1), "procedural", files(said))
    (found,) = speaker.measures
    assert (found.facet, found.unit) == ("procedural", "constraint")
    assert found.outcomes == {"no_the": 0.5, "questions": 1.0}  # bullets does not pass the gate
    score = compliance_of(answers).score
    assert (found.value, found.low, found.high) == (score.value, score.low, score.high)
    assert found.value == 0.75


def test_a_damaged_file_is_named(files):
    content = plain(dialogues(flips_at(1, 9)))
    with pytest.raises(DamagedFile):
        speakers_of(behave("x", 1), "procedural", files({**content, "answers": [{"task": "x"}]}))
