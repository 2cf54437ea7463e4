"""`make ui`: the database is the product's own, and the page shows what the project holds now."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request

import pytest

from emo.cli import run_job
from emo.config.resolve import compose
from emo.config.schema import RunConfig
from emo.tracking import Connection, Tracker, database, ui
from tests.conftest import ROOT
from tests.tracking.spooling import log_one


class Started(BaseException):
    """In place of MLflow's server."""


@pytest.fixture
def started(monkeypatch):
    """What would be started: command and environment."""
    seen = []

    def execve(program, command, environment):
        seen.extend([command, environment])
        raise Started

    monkeypatch.setattr(ui.os, "execve", execve)
    return seen


def free_port():
    with socket.socket() as probe:
        probe.bind((ui.HOST, 0))
        return probe.getsockname()[1]


def test_the_database_is_whole_before_the_page_starts(tmp_path, started):
    port = str(free_port())
    with pytest.raises(Started):
        ui.main(["--root", str(tmp_path), "--port", port])
    database.require_whole(tmp_path / "mlruns" / "mlflow.db")
    command, environment = started
    assert command[command.index("--host") + 1] == "127.0.0.1"
    assert command[command.index("--port") + 1] == port
    assert environment["MLFLOW_BACKEND_STORE_URI"] == f"sqlite:///{tmp_path}/mlruns/mlflow.db"
    assert environment["MLFLOW_DEFAULT_ARTIFACT_ROOT"] == str(tmp_path / "mlruns" / "artifacts")
    assert environment["MLFLOW_DISABLE_TELEMETRY"] == "true"
    assert not [word for word in command if "sqlite" in word]  # a password could stand there


def test_runs_that_were_left_open_are_closed_first(config, started):
    tracker = Tracker(config)
    tags = {"host": socket.gethostname(), "pid": "1", "process_start": "5"}
    run_id = tracker.client.create_run(tracker.experiment_id, tags=tags).info.run_id
    with pytest.raises(Started):
        ui.main(["--root", config.root, "--port", str(free_port())])
    assert tracker.get(run_id).info.status == "KILLED"


@pytest.mark.parametrize("port", ["0", "65536", "-1", "http", "5000.0", ""])
def test_what_is_no_port_is_one_line(tmp_path, started, capsys, port):
    assert ui.main(["--root", str(tmp_path), f"--port={port}"]) == 1
    assert capsys.readouterr().err == f"error: PORT={port}: allowed is a number from 1 to 65535\n"
    assert list(tmp_path.iterdir()) == []


def test_a_port_that_is_taken_is_one_line_with_the_way_out(tmp_path, started, capsys):
    with socket.socket() as taken:
        taken.bind((ui.HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert ui.main(["--root", str(tmp_path), "--port", str(port)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: PORT={port}: cannot be used (Address already in use)")
    assert "take another: make ui PORT=" in line
    assert list(tmp_path.iterdir()) == [] and started == []


def test_a_database_that_cannot_be_used_is_one_line(tmp_path, started, capsys):
    (tmp_path / "mlruns").mkdir()
    (tmp_path / "mlruns" / "mlflow.db").write_text("something else\n" * 1000)
    assert ui.main(["--root", str(tmp_path), "--port", str(free_port())]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("mlflow.db: cannot be opened: file is not a database")


def test_a_server_has_a_page_of_its_own(tmp_path, started, capsys, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    assert ui.main(["--root", str(tmp_path), "--port", str(free_port())]) == 0
    assert "MLFLOW_TRACKING_URI=http://127.0.0.1:9" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


class Page:
    """The page of a project, started as `make ui` does."""

    def __init__(self, root):
        self.address = f"http://127.0.0.1:{free_port()}"
        port = self.address.rpartition(":")[2]
        self.log = root.parent / f"{root.name}.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "emo.tracking.ui", "--root", str(root), "--port", port],
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def wait(self):
        deadline = time.monotonic() + 240
        while self.process.poll() is None and time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"{self.address}/health", timeout=5):
                    return self
            except OSError:
                time.sleep(0.5)
        raise AssertionError(self.log.read_text())

    def get(self, page, **query):
        with urllib.request.urlopen(
            f"{self.address}/{page}?{urllib.parse.urlencode(query)}"
        ) as answer:
            return answer.read().decode()

    def end(self):
        self.process.terminate()
        self.process.wait(60)


@pytest.mark.slow
def test_the_page_of_a_moved_project_shows_its_artifacts(tmp_path, files):
    root = tmp_path / "first"
    run_id = log_one(Tracker(RunConfig(root=str(root))), files)
    moved = root.rename(tmp_path / "moved #2")
    page = Page(moved).wait()
    try:
        assert page.get("get-artifact", path="figures/b.txt", run_uuid=run_id) == "b"
        listed = json.loads(page.get("api/2.0/mlflow/artifacts/list", run_id=run_id))
        assert {file["path"] for file in listed["files"]} == {"a.txt", "checksums.json", "figures"}
        assert listed["root_uri"].startswith(str(moved))
    finally:
        page.end()
    assert not root.exists()


@pytest.mark.slow
def test_the_page_and_first_jobs_started_together_on_nothing(tmp_path):
    root = tmp_path / "project"
    root.mkdir()
    writer = (
        "import sys; from emo.config.schema import RunConfig; from emo.tracking import Tracker\n"
        "with Tracker(RunConfig(root=sys.argv[1])).run('one', {'fingerprint': sys.argv[2]}): pass\n"
    )
    page = Page(root)
    try:
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        jobs = [
            subprocess.Popen([sys.executable, "-c", writer, str(root), str(i)], env=environment)
            for i in range(3)
        ]
        assert [job.wait(240) for job in jobs] == [0, 0, 0]
        page.wait()
        assert "emotion-geometry" in page.get("api/2.0/mlflow/experiments/search", max_results=10)
    finally:
        page.end()
    database.require_whole(root / "mlruns" / "mlflow.db")
    connection = Connection(RunConfig(root=str(root)))
    assert all(connection.find_finished(str(i)) is not None for i in range(3))


def test_the_command_line_starts_the_page_on_the_list_of_runs(tmp_path, started, capsys):
    port = str(free_port())
    with pytest.raises(Started):
        run_job(compose("job=ui", f"job.ui.port={port}", root=tmp_path))
    assert started[0][started[0].index("--port") + 1] == port
    (line,) = capsys.readouterr().out.splitlines()
    experiment = Tracker(RunConfig(root=str(tmp_path))).experiment_id
    start = f"runs: http://127.0.0.1:{port}/#/experiments/{experiment}/runs?"
    assert line.startswith(start) and "viewStateShareKey=emo-runs" in line
    assert "workflowType=machine_learning" in line


def test_a_notebook_keeps_its_kernel(tmp_path, started, monkeypatch):
    monkeypatch.setitem(sys.modules, "ipykernel", None)
    outcome = run_job(compose("job=ui", root=tmp_path))
    assert outcome.error == "job=ui: allowed is any other in a notebook; in a terminal: make ui"
    assert started == [] and list(tmp_path.iterdir()) == []


def test_a_port_of_airplay_is_called_so(tmp_path, started, monkeypatch):
    monkeypatch.setattr(ui.sys, "platform", "darwin")
    with socket.socket() as taken:
        taken.bind((ui.HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setattr(ui, "AIRPLAY", port)
        outcome = run_job(compose("job=ui", f"job.ui.port={port}", root=tmp_path))
    assert outcome.error.startswith(f"job.ui.port={port}: cannot be used (Address already in use)")
    assert outcome.error.endswith(
        f"by AirPlay, to which macOS gives it; take another: "
        f"python launch.py job=ui job.ui.port={port % 65535 + 1}"
    )


def test_a_server_is_named_instead(tmp_path, started, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    outcome = run_job(compose("job=ui", root=tmp_path))
    assert outcome.status == "finished" and "http://127.0.0.1:9" in outcome.table
    assert started == []
