"""MLflow's page shows the list of runs with the columns and filters that are shipped."""

import re

import pytest

from emo.config.schema import RunConfig
from emo.runs.metric_names import CHOSEN
from emo.tracking import RunRecord, Tracker
from emo.tracking.views import VIEWS
from tests.tracking.test_ui import Page

pytestmark = pytest.mark.slow
METRICS = {f"{CHOSEN}/reliability": 0.5, f"{CHOSEN}/accuracy": 0.25}
TAGS = {"condition": "A", "model": "tiny", "precision": "fp32", "readout": "last"}
ALL_COLUMNS = 2600
"""Pixels in which MLflow's list makes every column; it leaves out what would have to be scrolled to."""


@pytest.fixture(scope="module")
def server(chromium, tmp_path_factory):
    """The page of a project with an extraction and a steering run, and the project's experiment."""
    root = tmp_path_factory.mktemp("project")
    files = tmp_path_factory.mktemp("files")
    (files / "a.txt").write_text("a")
    tracker = Tracker(RunConfig(root=str(root)))
    for name, job in (("A tiny fp32", "extract"), ("steer tiny fp32 default", "steer")):
        tags = {**TAGS, "job": job, "method": "comprehension", "valence": "not shown"}
        with tracker.run(name, tags) as run_id:
            tracker.log(run_id, RunRecord({}, {}, METRICS), files)
    started = Page(root).wait()
    yield started, tracker.experiment_id
    started.end()


@pytest.mark.parametrize("view", [VIEWS[0], VIEWS[1]], ids=lambda view: view.key)
def test_a_view_opens_with_its_columns_and_its_runs(server, view, opened):
    started, experiment = server
    state = f"viewStateShareKey={view.key}&workflowType=machine_learning"
    address = f"{started.address}/#/experiments/{experiment}/runs?{state}"
    page = opened(address, ALL_COLUMNS).page
    page.get_by_text("A tiny fp32", exact=True).first.wait_for(timeout=120_000)
    page.locator('[col-id="tags.`condition`"]').first.wait_for(timeout=120_000)
    text = page.content()
    columns = re.findall(r'col-id="(?:tags|metrics)\.`([^`]*)`"', text)
    there = [name for name in view.metrics if name in METRICS]
    assert {*there, "condition", "model", "precision", "readout", "valence"} <= set(columns)
    assert ("steer tiny fp32 default" in text) == (view is VIEWS[0])
