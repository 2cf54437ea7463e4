"""Which runs of job=behave a summary compares, and the measures made of their files."""

import json

import pytest

from emo.errors import DamagedFile
from emo.files.plain_records import plain
from emo.runs.listing import RunListing
from emo.summary.behaviour_runs import behaviour_candidates, measures_of, speaker, vector_of
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


@pytest.fixture
def files(tmp_path):
    path = tmp_path / "conversations.json"

    def written(**more):
        content = plain(dialogues(flips_at(1, 9)))
        path.write_text(json.dumps({**content, **more}))
        return lambda name, reader: reader(tmp_path / name)

    return written


def test_measures_are_made_of_what_was_said(files):
    flips, odds = measures_of(files())
    assert (flips.name, flips.value, len(flips.outcomes)) == ("flips under pressure", 0.45, 20)
    assert odds.value == pytest.approx(6 * 9 / 20)
    one = speaker(steered("x", 1), "epistemic", files())
    assert [m.facet for m in one.measures] == ["epistemic"] * 2
    assert one.name == "m, fp32, steered calm, 0.1 at layer 3"
    assert speaker(behave("x", 1), "procedural", files()).measures == ()


def task(constraint, kind, passed):
    return {"constraint": constraint, "kind": kind, "passed": passed}


def test_answers_under_constraints_are_a_measure_where_they_are_logged(tmp_path):
    from emo.summary.behaviour_runs import _of_tasks

    answers = [task(c, "easy", c != "bullets") for c in ("no_the", "questions", "bullets")] * 4
    answers += [task("no_the", "conflict", True), task("no_the", "conflict", False)]
    answers += [task("questions", "conflict", True), task("bullets", "conflict", True)]
    path = tmp_path / "conversations.json"
    path.write_text(json.dumps({"answers": answers}))
    (found,) = _of_tasks(path)
    assert (found.facet, found.unit) == ("procedural", "constraint")
    assert found.outcomes == {"no_the": 0.5, "questions": 1.0}  # bullets does not pass the gate
    assert found.value == 0.75
    path.write_text(json.dumps({"answers": [{"constraint": "no_the"}]}))
    with pytest.raises(DamagedFile):
        _of_tasks(path)
