"""MLflow's page, in a browser, shows the list of runs with the columns and filters that are shipped."""

import re
import shutil
import subprocess

import pytest

from emo.config.schema import RunConfig
from emo.runs.metric_names import CHOSEN
from emo.tracking import RunRecord, Tracker
from emo.tracking.views import VIEWS
from tests.tracking.test_ui import Page

CHROMIUM = shutil.which("chromium")
METRICS = {f"{CHOSEN}/reliability": 0.5, f"{CHOSEN}/accuracy": 0.25}
TAGS = {"condition": "A", "model": "tiny", "precision": "fp32", "readout": "last"}


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The page of a project with an extraction and a steering run."""
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


def shown(page, key, folder):
    """The page of a view as text, when it is drawn."""
    started, experiment = page
    path = f"#/experiments/{experiment}/runs?viewStateShareKey={key}"
    command = [str(CHROMIUM), "--headless=new", "--no-sandbox", "--disable-gpu", "--dump-dom"]
    command += [f"--user-data-dir={folder}", "--virtual-time-budget=60000", "--timeout=120000"]
    command += ["--window-size=2600,900"]
    address = f"{started.address}/{path}&workflowType=machine_learning"
    return subprocess.run([*command, address], capture_output=True, text=True, timeout=300).stdout


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
@pytest.mark.parametrize("view", [VIEWS[0], VIEWS[1]], ids=lambda view: view.key)
def test_a_view_opens_with_its_columns_and_its_runs(page, view, tmp_path):
    for _ in range(3):  # the first start of a browser may take longer than it waits
        text = shown(page, view.key, tmp_path / "browser")
        if "col-id" in text:
            break
    columns = re.findall(r'col-id="(?:tags|metrics)\.`([^`]*)`"', text)
    there = [name for name in view.metrics if name in METRICS]
    assert {*there, "condition", "model", "precision", "readout", "valence"} <= set(columns)
    assert "A tiny fp32" in text
    assert ("steer tiny fp32 default" in text) == (view is VIEWS[0])
