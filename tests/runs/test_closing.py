"""The last lines of a command: its run, its page, its place in MLflow, and commands that work."""

import shlex

import pytest

from emo.config.enums import JobName, MethodName
from emo.config.resolve import compose
from emo.runs import closing
from emo.runs.outcome import Outcome

UI = "http://127.0.0.1:5000/#/experiments/1/runs/abc?workflowType=machine_learning"


@pytest.fixture(autouse=True)
def launched(monkeypatch):
    monkeypatch.setattr("sys.argv", ["/x/launch.py"])


def lines(outcome, *words):
    return closing.closing(outcome, commands(*words))


def commands(*words):
    config = compose(*words)
    return closing.next_commands(config.job.name, config.method.name, words)


def test_a_run_ends_with_its_page_its_link_and_what_can_be_done_next():
    outcome = Outcome(
        "finished", "f", "abc", {}, {"run.html": "/a b/run.html"}, link=UI, seconds=33.2
    )
    run, page, ui, *following = lines(outcome, "model=tiny", "force=true")
    assert run == "  run   abc (finished, 33 s)"
    assert page == "  page  file:///a%20b/run.html"
    assert ui == f"  UI    {UI}  (start it: make ui)"
    assert following[0].startswith("  next  python launch.py model=tiny job=steer ")
    assert all("force" not in line for line in following)


def test_a_server_needs_no_make_ui_and_a_failure_has_no_last_lines():
    link = "https://host/#/experiments/1/runs/abc"
    assert lines(Outcome("reused", run_id="abc", link=link))[1] == f"  UI    {link}"
    assert lines(Outcome("failed", run_id="abc", error="no", link=link)) == []


@pytest.mark.parametrize("job", list(JobName))
@pytest.mark.parametrize("written", [False, True])
def test_every_command_that_is_suggested_is_one(job, written, tmp_path):
    if written and job not in (JobName.extract, JobName.ablate):
        pytest.skip("refused")
    words = [f"job={job.value}", "model=tiny", "seed=3"]
    words += ["method=generation", "subparams=loose"] if written and job is JobName.extract else []
    words += ["text=a word"] if job is JobName.read else []
    for command, purpose in commands(*words):
        assert purpose
        program, script, *rest = shlex.split(command)
        assert (program, script) == ("python", "launch.py")
        config = compose(*rest, root=tmp_path)
        assert (config.seed, config.model.label) == (3, "tiny")
        if config.job.name is not JobName.extract:
            assert config.method.name is MethodName.comprehension


def test_passwords_do_not_come_back_in_commands():
    words = ["tracking.uri=postgresql://me:hunter2@host/db"]
    after = closing.after_a_sweep(words)
    assert after
    assert "hunter2" not in str(
        [after, closing.next_commands(JobName.extract, MethodName.comprehension, words)]
    )
