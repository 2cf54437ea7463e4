"""Views of the list of runs: shipped with every experiment, mended where they are missing."""

import base64
import json
import zlib

import pytest
from mlflow.exceptions import MlflowException

from emo.runs.metric_names import SECTIONS
from emo.tracking import Tracker
from emo.tracking.views import TAG, VIEWS, view_tags
from tests.tracking.spooling import log_one


def unpacked(tag):
    """The view as MLflow's page reads it."""
    envelope = json.loads(tag)
    assert isinstance(envelope["name"], str) and isinstance(envelope["createdAt"], int)
    kind, _, packed = envelope["state"].partition(";")
    assert kind == "deflate"
    return json.loads(zlib.decompress(base64.b64decode(packed)))


def tags_of(tracker):
    return tracker.client.get_experiment(tracker.experiment_id).tags


def test_a_new_experiment_has_all_views(config):
    tags = tags_of(Tracker(config))
    assert {name for name in tags if name.startswith(TAG)} == {f"{TAG}{v.key}" for v in VIEWS}
    assert all(len(value) <= 5000 for value in tags.values())


def test_an_experiment_of_before_gets_them_at_the_next_start_and_keeps_those_of_users(config):
    tracker = Tracker(config)
    tracker.client.set_experiment_tag(tracker.experiment_id, f"{TAG}mine", "kept")
    tracker.client.set_experiment_tag(tracker.experiment_id, f"{TAG}{VIEWS[0].key}", "older")
    tags = tags_of(Tracker(config))
    assert tags[f"{TAG}mine"] == "kept"
    assert tags[f"{TAG}{VIEWS[0].key}"] == view_tags()[f"{TAG}{VIEWS[0].key}"]


def test_nothing_is_sent_where_they_are_there(config, monkeypatch):
    Tracker(config)
    sent = []
    monkeypatch.setattr(
        "mlflow.tracking.MlflowClient.set_experiment_tag", lambda *a: sent.append(a)
    )
    Tracker(config)
    assert sent == []


def test_a_store_that_takes_no_views_takes_runs(config, files, monkeypatch):
    tracker = Tracker(config)
    tracker.client.set_experiment_tag(tracker.experiment_id, f"{TAG}{VIEWS[0].key}", "older")

    def refuse(*_):
        raise MlflowException("tags are not allowed here")

    monkeypatch.setattr("mlflow.tracking.MlflowClient.set_experiment_tag", refuse)
    assert Tracker(config).get(log_one(Tracker(config), files)).info.status == "FINISHED"


@pytest.mark.parametrize("view", VIEWS, ids=lambda v: v.key)
def test_the_filter_of_a_view_is_one_that_the_store_answers(config, view):
    tracker = Tracker(config)
    state = unpacked(view_tags()[f"{TAG}{view.key}"])
    tracker.client.search_runs([tracker.experiment_id], state["searchFilter"])
    columns = state["selectedColumns"]
    assert all(column.startswith(("tags.`", "metrics.`")) for column in columns)
    assert set(columns) < set(state["columnOrder"]) and set(columns) < set(state["columnWidths"])


def test_metrics_in_columns_are_named_as_runs_log_them():
    sections = {row.name for row in SECTIONS}
    names = [name for view in VIEWS for name in view.metrics]
    assert {name.partition("/")[0] for name in names} <= sections
