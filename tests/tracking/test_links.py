"""Links to a run's page in MLflow open on the page of runs, here and on a server."""

import pytest

from emo.tracking import Tracker
from emo.tracking.links import run_link
from emo.tracking.store import NOWHERE


def test_the_link_names_the_experiment_and_the_run_that_the_store_has(tiny_config):
    tracker = Tracker(tiny_config())
    with tracker.run("a run", {}) as run_id:
        link = run_link(tracker, run_id)
    experiment = tracker.get(run_id).info.experiment_id
    assert link == (
        f"http://127.0.0.1:5000/#/experiments/{experiment}/runs/{run_id}"
        "?workflowType=machine_learning"
    )
    assert run_link(tracker, NOWHERE) == ""


@pytest.mark.parametrize("uri", ["https://me:hunter2@host:80/x/", "https://host:80/x"])
def test_on_a_server_the_link_is_the_servers_own_without_a_password(tiny_config, uri, monkeypatch):
    tracker = Tracker(tiny_config())
    monkeypatch.setattr(tracker, "uri", uri)
    monkeypatch.setattr(type(tracker.address), "server", True)
    assert run_link(tracker, "abc").startswith("https://host:80/x/#/experiments/")
