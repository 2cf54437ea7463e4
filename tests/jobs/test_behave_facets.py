"""job=behave with constraints and with a vector added: what it logs, finds again, reuses and refuses."""

import csv
import io
from pathlib import Path

import pytest

import emo
from emo.cli import run_job
from emo.errors import ConfigError
from emo.tracking import Tracker

FEW = (
    *("job=behave", "job.behave.facts=[mona_lisa]", "job.behave.gate=0"),
    *("job.behave.max_new_tokens=5", "job.behave.arms=[pressure]", "job.behave.task_tokens=8"),
)
TASKS = ("job.behave.facets=[procedural]", "job.behave.constraints=[no_the,bullets_only]")
STEERED = (
    "job.behave.steer.emotion=calm",
    "job.behave.steer.strength=1",
    "job.behave.steer.layers=1",
)


def table(outcome, name):
    return list(csv.DictReader(io.StringIO(Path(outcome.artifacts[name]).read_text())))


def test_constraints_alone_are_logged_and_found_again(tiny_config, tmp_path):
    config = tiny_config(*FEW, *TASKS)
    made = run_job(config)
    assert (made.status, made.error) == ("finished", None)
    assert "facts" not in made.table
    assert "Of 2 constraints it keeps" in made.answer
    rows = table(made, "task_answers.csv")
    assert len(rows) == 16
    kept = sum(row["passed"] == "True" for row in rows if row["constraint"] == "no_the")
    (no_the, bullets) = table(made, "constraints.csv")
    assert int(no_the["easy_passed"]) + int(no_the["conflict_passed"]) == kept
    assert bullets["words"] == "bullet points only"
    assert "answers.csv" not in made.artifacts
    again = run_job(config)
    assert (again.status, again.run_id, again.answer) == ("reused", made.run_id, made.answer)
    run = emo.load_run(made.run_id, root=tmp_path)
    assert [a.answer for a in run.task_answers] == [row["answer"] for row in rows]
    assert run.conversations == ()
    data = Tracker(config).get(made.run_id).data
    assert data.tags["facets"] == "procedural"
    assert data.metrics["constraints/easy_no_the"] == int(no_the["easy_passed"]) / 4
    page = Path(made.artifacts["run.html"]).read_text()
    assert page.count('data-constraint="no_the"') == 8
    assert "constraints.png" in "".join(made.artifacts.values())
    assert page.count("<img") == 1


@pytest.mark.slow
def test_a_facet_more_reuses_what_was_said(tiny_config):
    alone = run_job(tiny_config(*FEW, *TASKS))
    both = run_job(tiny_config(*FEW, *TASKS, "job.behave.facets=[epistemic,procedural]"))
    assert both.run_id != alone.run_id
    assert (both.passes_done, both.passes_reused) == (1, 16)
    assert {"answers.csv", "task_answers.csv"} <= set(both.artifacts)
    assert table(both, "task_answers.csv") == table(alone, "task_answers.csv")


@pytest.mark.slow
def test_in_fp32_the_batch_changes_no_answer(tiny_config, tmp_path):
    one = run_job(tiny_config(*FEW, *TASKS, "backend.decode_batch_size=1"))
    other = tiny_config(*FEW, *TASKS, f"paths.store={tmp_path / 'other'}", "force=true")
    assert table(run_job(other), "task_answers.csv") == table(one, "task_answers.csv")


@pytest.mark.slow
def test_a_vector_changes_what_is_said_and_is_in_name_tags_and_identity(tiny_config, tmp_path):
    config = tiny_config(*FEW, *TASKS, "job.behave.facets=[epistemic,procedural]")
    plain = run_job(config)
    steered = tiny_config(
        *(*FEW, *TASKS, "job.behave.facets=[epistemic,procedural]", *STEERED),
        "job.behave.steer.controls=[random,opposite]",
        "job.behave.steer.permuted=1",
    )
    made = run_job(steered)
    assert (made.status, made.error) == ("finished", None)
    assert made.run_id != plain.run_id
    assert (made.passes_done, made.passes_reused) == (4 * 17, 17)  # the unsteered ones are there
    dialogues = emo.load_run(made.run_id, root=tmp_path).dialogues
    others = {v.name: v for v in dialogues.steering.others}
    assert list(others) == ["unsteered", "random", "opposite", "permuted 1"]
    first = emo.load_run(plain.run_id, root=tmp_path).dialogues
    assert others["unsteered"].conversations == first.conversations
    assert others["unsteered"].answers == first.answers
    said = {tuple(a.answer for a in v.answers) for v in (dialogues.own, *others.values())}
    assert len(said) == 5
    assert [row["direction"] for row in table(made, "directions.csv")] == ["steered", *others]
    run = Tracker(steered).get(made.run_id)
    assert run.data.tags["behave_steer"] == "calm, 1 at 1"
    source = Tracker(steered).get(run.data.tags["vectors_run"])
    assert source.data.tags["job"] == "extract"
    assert "emotion=calm" in run.info.run_name
    assert "strength=1" in run.info.run_name
    assert "Everything here is said under the vector of calm, 1 residual norms at 1" in made.answer
    assert "With and without the vector" in Path(made.artifacts["run.html"]).read_text()
    again = run_job(steered)
    assert (again.status, again.run_id) == ("reused", made.run_id)
    stronger = run_job(tiny_config(*FEW, *STEERED, "job.behave.steer.strength=2"))
    assert stronger.run_id not in (made.run_id, plain.run_id)


@pytest.mark.slow
def test_hooked_transformer_is_steered_alike(tiny_config, tmp_path):
    words = (*FEW, *STEERED, "job.behave.arms=[pressure]")
    said = []
    for more in ((), ("backend=tl", "backend.implementation=hooked")):
        made = run_job(tiny_config(*words, *more))
        assert made.error is None
        run = emo.load_run(made.run_id, root=tmp_path)
        said.append([t.answer for c in run.conversations for t in c.turns])
    assert said[0] == said[1]


def test_a_vector_that_is_not_there_is_refused_in_one_line(tiny_config):
    for words, line in (
        (("job.behave.steer.emotion=nostalgic",), "job.behave.steer.emotion=nostalgic: allowed is"),
        (
            (*STEERED, "job.behave.steer.layers=99"),
            "job.behave.steer.layers=99: allowed is layers 0",
        ),
        ((*STEERED, "job.behave.steer.run=nothing"), "job.behave.steer.run=nothing"),
    ):
        outcome = run_job(tiny_config(*FEW, *words))
        assert outcome.status == "failed"
        assert line in outcome.error
        assert "\n" not in outcome.error
    with pytest.raises(ConfigError, match=r"^job\.behave\.steer\.strength=1e\+39: allowed is"):
        tiny_config(*FEW, *STEERED, "job.behave.steer.strength=1e39")
