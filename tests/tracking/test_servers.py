"""Several processes on one store; a real MLflow server that is killed in mid-run."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from emo.config.schema import RunConfig, TrackingConfig
from emo.errors import TrackingError
from emo.tracking import Tracker
from emo.tracking.database import create_whole
from tests.conftest import ROOT, TINY

WRITER = """
import sys
from pathlib import Path
import numpy as np
from emo.config.schema import RunConfig, TrackingConfig
from emo.tracking import RunRecord, Tracker
root, uri, writer = sys.argv[1], sys.argv[2] or None, int(sys.argv[3])
config = RunConfig(root=root, tracking=TrackingConfig(uri=uri))
files = Path(root) / f"files{writer}"
files.mkdir(parents=True)
for i in range(int(sys.argv[4])):
    tracker = Tracker(config)
    (files / "n.txt").write_text(f"{writer} {i}")
    metrics = {f"m{k}": float(100 * writer + i + k) for k in range(50)}
    curve = {"curve": np.arange(20.0) + writer}
    with tracker.run(f"{writer}-{i}", {"fingerprint": f"{writer}-{i}"}) as run_id:
        tracker.log(run_id, RunRecord({}, {"seed": str(i)}, metrics, curve), files)
"""


def write_at_once(root, uri, processes, n):
    """Start all before any has made the database; wait for all."""
    running = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(root), uri or "", str(writer), str(n)],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stderr=subprocess.PIPE,
            text=True,
        )
        for writer in range(processes)
    ]
    for process in running:
        _, err = process.communicate(timeout=300)
        assert process.returncode == 0, err


def check_nothing_lost(root, uri, processes, n):
    tracker = Tracker(RunConfig(root=str(root), tracking=TrackingConfig(uri=uri)))
    runs = tracker.client.search_runs([tracker.experiment_id])
    by_name = {run.info.run_name: run for run in runs}
    assert len(runs) == len(by_name) == processes * n
    for writer in range(processes):
        for i in range(n):
            run = by_name[f"{writer}-{i}"]
            assert run.info.status == "FINISHED"
            assert run.data.metrics["m49"] == 100 * writer + i + 49
            assert len(run.data.metrics) == 51
            assert run.data.metrics["curve"] == 19 + writer
            artifact = tracker.artifact(run.info.run_id, "n.txt")
            assert artifact.read_text() == f"{writer} {i}"


@pytest.mark.slow
def test_four_processes_on_a_database_that_is_not_there_yet(tmp_path):
    write_at_once(tmp_path, None, 4, 3)
    check_nothing_lost(tmp_path, None, 4, 3)


class Server:
    """`mlflow server` on loopback, started again on the same database after a kill."""

    def __init__(self, folder: Path, backend: str | None = None) -> None:
        self.folder, self.process = folder, None
        self.backend = backend or f"sqlite:///{folder}/server.db"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.uri = f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Wait until it answers."""
        command = [
            sys.executable,
            "-m",
            "mlflow",
            "server",
            "--host",
            "127.0.0.1",
            "--workers",
            "1",
        ]
        command += ["--port", str(self.port), "--backend-store-uri", self.backend]
        command += ["--artifacts-destination", str(self.folder / "artifacts")]
        environment = {
            **os.environ,
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        }
        with (self.folder / "server.log").open("w") as log:
            self.process = subprocess.Popen(
                command, env=environment, stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                with urllib.request.urlopen(f"{self.uri}/health", timeout=2):
                    return
            except OSError:
                time.sleep(0.3)
        raise AssertionError((self.folder / "server.log").read_text())

    def kill(self) -> None:
        """At once, with its workers."""
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


@pytest.fixture
def server(tmp_path):
    folder = tmp_path / "server"
    folder.mkdir()
    server = Server(folder)
    server.start()
    yield server
    server.kill()


@pytest.mark.slow
def test_files_on_a_server_are_checked_and_downloaded_once(server, tmp_path, monkeypatch):
    """Into the project, not into the temporary folder; damage on the server is one line."""
    project, empty = tmp_path / "project", tmp_path / "tmp"
    empty.mkdir()
    write_at_once(project, server.uri, 1, 2)
    monkeypatch.setattr("tempfile.tempdir", str(empty))
    config = RunConfig(root=str(project), tracking=TrackingConfig(uri=server.uri))
    run, other = Tracker(config).all_finished()
    for _ in range(3):
        tracker = Tracker(config)
        assert tracker.read(run.info.run_id, "n.txt", Path.read_text) == "0 1"
        tracker.check(run.info.run_id)
    assert len(list((project / ".cache" / "artifacts").iterdir())) == 2  # with the checksums
    (stored,) = (server.folder / "artifacts").rglob(f"{other.info.run_id}/**/n.txt")
    stored.write_text("1 0")
    with pytest.raises(TrackingError, match=r"n\.txt is damaged .*; force=true repeats it"):
        tracker.read(other.info.run_id, "n.txt", Path.read_text)
    stored.unlink()
    with pytest.raises(TrackingError, match=r"n\.txt is missing in mlflow-artifacts:"):
        tracker.read(other.info.run_id, "n.txt", Path.read_text)
    assert list(empty.iterdir()) == []


@pytest.mark.slow
def test_four_processes_on_a_server(server, tmp_path):
    write_at_once(tmp_path / "project", server.uri, 4, 3)
    check_nothing_lost(tmp_path / "project", server.uri, 4, 3)


@pytest.mark.slow
@pytest.mark.skipif(
    "EMO_TEST_POSTGRES" not in os.environ,
    reason="EMO_TEST_POSTGRES=postgresql://... names an empty database to be written to",
)
def test_four_processes_on_a_server_over_postgresql(tmp_path):
    server = Server(tmp_path, os.environ["EMO_TEST_POSTGRES"])
    server.start()
    try:
        write_at_once(tmp_path / "project", server.uri, 4, 3)
        check_nothing_lost(tmp_path / "project", server.uri, 4, 3)
    finally:
        server.kill()


SCRIPT = f"""
import sys, time
from pathlib import Path
from emo.activations import hf
from emo.cli import main
real = hf.HFBackend.resid_post
anchor, reading, go_on = sys.argv[1:4]
def waiting(self, batch):
    if len(batch.spans) == len(batch.ids):  # a trial, before the run, reads every token of a text
        Path(reading).touch()
        while not Path(go_on).exists(): time.sleep(0.05)
    return real(self, batch)
hf.HFBackend.resid_post = waiting
sys.argv[:] = ["launch.py", *sys.argv[4:], *{TINY!r}]
main(anchor)
"""


@pytest.mark.slow
@pytest.mark.parametrize("sweep", [False, True])
def test_a_server_killed_in_mid_run_gets_the_results_later_once(
    server, tmp_path, small_csv, sweep, launch, monkeypatch
):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    project = tmp_path / "project"
    there = ["tracking=server", f"tracking.uri={server.uri}"]
    reading, go_on = tmp_path / "reading", tmp_path / "go_on"
    points = ["-m", "seed=1,2"] if sweep else ["seed=1"]
    arguments = [str(project / "anchor.py"), str(reading), str(go_on)]
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, *arguments, *points, f"stimuli.path={small_csv}", *there],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=project,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 120
    while not reading.exists():
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    server.kill()
    go_on.touch()
    _, err = process.communicate(timeout=240)
    assert process.returncode == 1
    assert "python launch.py job=sync" in err
    assert "Traceback" not in err
    n = 2 if sweep else 1
    entries = list((project / "mlruns" / "spool").glob("[!.]*/entry.json"))
    assert len(entries) == n + sweep  # the sweep's parent waits, too
    refused = launch("job=sync", check=False, timeout=240)
    assert "no MLflow server answers" in refused.err
    server.start()
    assert launch("job=sync", "output=json", timeout=240).json["metrics"]["delivered"] == n + sweep
    assert launch("job=sync", "output=json").json["metrics"]["delivered"] == 0
    tracker = Tracker(
        RunConfig(root=str(project), tracking=TrackingConfig(uri=server.uri, timeout_s=20))
    )
    runs = tracker.client.search_runs([tracker.experiment_id])
    finished = [run for run in runs if "fingerprint" in run.data.tags]
    assert [run.info.status for run in finished] == ["FINISHED"] * n
    parents = [run for run in runs if run not in finished]
    assert [run.info.status for run in parents] == ["FAILED"] * sweep
    errors = [run.data.tags["error"] for run in parents]
    assert [e.split(",")[0] for e in errors] == ["2 of 2 points failed"] * sweep
    assert len({run.data.tags["fingerprint"] for run in finished}) == n
    for run in finished:
        artifact = tracker.artifact(run.info.run_id, "descriptors.json")
        assert json.loads(artifact.read_text())["n_layers"] == 4
    again = launch(*TINY, f"stimuli.path={small_csv}", "seed=1", *there, "output=json", timeout=240)
    assert again.json["status"] == "reused"


@pytest.mark.slow
def test_a_kill_while_the_database_is_made_leaves_none(tmp_path, monkeypatch):
    """Found by killing sweeps at random: half the tables are worse than no table."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    class Killed(BaseException):
        pass

    def killed(self, uri, *_args):
        path = Path(uri.removeprefix("sqlite:///"))
        path.write_bytes(b"half a database")
        path.with_name(f"{path.name}-journal").write_bytes(b"of a transaction")
        raise Killed

    monkeypatch.setattr("emo.tracking.database.create_whole", create_whole)  # not the tests' own
    config = RunConfig(root=str(tmp_path))
    with monkeypatch.context() as m, pytest.raises(Killed):
        m.setattr(SqlAlchemyStore, "__init__", killed)
        Tracker(config)
    assert not (tmp_path / "mlruns" / "mlflow.db").exists()
    assert Tracker(config).find_finished("x") is None
    remaining = {path.name for path in (tmp_path / "mlruns").iterdir()}
    assert remaining == {"mlflow.db", ".create.lock", "artifacts"}
