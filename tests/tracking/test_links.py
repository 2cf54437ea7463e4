"""Links to MLflow's pages, which open on the runs of models."""

from dataclasses import replace

from emo.config.jobs import JobConfig, UiConfig
from emo.tracking import Connection, Tracker
from emo.tracking.links import run_link, runs_link
from tests.tracking.spooling import log_one

RUN = 32 * "a"


class Server:
    uri = "https://me:s3cret@mlflow.example/"
    experiment_id = "3"

    class address:
        server = True


def test_a_run_of_this_machine_is_where_make_ui_shows_it(config, files):
    tracker = Tracker(config)
    run_id, there = log_one(tracker, files), tracker.experiment_id
    path = f"#/experiments/{there}/runs/{run_id}?workflowType=machine_learning"
    assert run_link(tracker, run_id) == f"http://127.0.0.1:5000/{path}"
    elsewhere = Connection(replace(config, job=JobConfig(ui=UiConfig(port=5001))))
    assert run_link(elsewhere, run_id) == f"http://127.0.0.1:5001/{path}"


def test_a_run_on_a_server_is_at_the_server_and_no_password_is_shown():
    link = run_link(Server(), RUN)
    assert link.endswith(f"mlflow.example/#/experiments/3/runs/{RUN}?workflowType=machine_learning")
    assert "s3cret" not in link


def test_a_run_that_waits_in_the_spool_has_no_link(config):
    assert run_link(Tracker(config), "spooled") == ""


def test_the_list_of_runs_opens_in_our_view(config):
    link = runs_link(Tracker(config))
    assert link.endswith("/runs?viewStateShareKey=emo-runs&workflowType=machine_learning")
