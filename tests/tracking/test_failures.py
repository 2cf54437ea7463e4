"""Whatever a store raises is one line, and the result is kept; what passes by itself is tried again."""

import errno
import logging
import os
import random
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from mlflow.exceptions import MlflowException
from sqlalchemy import event
from sqlalchemy.engine import Engine
from sqlalchemy.exc import IntegrityError, OperationalError

from emo.config.schema import RunConfig
from emo.errors import TrackingError
from emo.tracking import Spooled, Tracker, deliver, failures
from tests.conftest import ROOT
from tests.tracking.spooling import RECORD, all_runs, log_one


class NoCredentialsError(Exception):
    """As botocore's: of no type that is known here."""


def of_mlflow(cause):
    error = MlflowException(message=str(cause))
    error.__cause__ = cause
    return error


UNIQUE = of_mlflow(
    IntegrityError("INSERT", {}, sqlite3.IntegrityError("UNIQUE constraint failed: datasets.name"))
)
LOCKED = of_mlflow(
    OperationalError(
        "(raised as a result of Query-invoked autoflush; consider using a session.no_autoflush)",
        {},
        sqlite3.OperationalError("database is locked"),
    )
)
ERRORS = [
    (
        NoCredentialsError("Unable to locate credentials"),
        "NoCredentialsError: Unable to locate cred",
    ),
    (ModuleNotFoundError("No module named 'boto3'"), "No module named 'boto3'"),
    (OSError(errno.ENOSPC, "No space left on device", "a.txt"), "No space left on device .a.txt."),
    (MlflowException("Connection refused\nand more"), "Connection refused"),
    (LOCKED, "database is locked .another program has been writing"),
    (
        of_mlflow(OperationalError("x", {}, sqlite3.OperationalError("database or disk is full"))),
        "database or disk is full",
    ),
    (RuntimeError(), "RuntimeError"),
    (
        PermissionError(13, "Permission denied", "http://me:secret@host/x"),
        "Permission denied .http://host/x",
    ),
]


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(failures.time, "sleep", lambda seconds: None)


@pytest.mark.parametrize(("error", "words"), ERRORS)
@pytest.mark.parametrize("name", ["log_batch", "log_artifacts", "set_terminated"])
def test_whatever_a_store_raises_is_one_line_and_the_result_is_kept(
    config, files, monkeypatch, error, words, name
):
    def raising(*_args, **_kwargs):
        raise error

    tracker = Tracker(config)
    with monkeypatch.context() as m, pytest.raises(Spooled, match=f"failed: {words}") as caught:
        m.setattr(tracker.client, name, raising)
        log_one(tracker, files)
    assert "\n" not in str(caught.value) and "secret" not in str(caught.value)
    (entry,) = tracker.spool.entries()
    with monkeypatch.context() as m, pytest.raises(Exception, match=words) as caught:
        m.setattr(tracker.client, name, raising)
        deliver(tracker, entry)
    assert "\n" not in str(caught.value) and "stays in" in str(caught.value)
    assert deliver(Tracker(config), entry) == entry.run_id
    assert [run.info.status for run in all_runs(tracker)] == ["FINISHED"]


@pytest.mark.parametrize("error", [UNIQUE, LOCKED, MlflowException("deadlock detected")])
@pytest.mark.parametrize("name", ["log_batch", "log_inputs", "set_terminated", "create_run"])
def test_what_two_writers_get_in_each_others_way_with_is_tried_again(
    config, files, monkeypatch, error, name
):
    tracker = Tracker(config)
    real, times = getattr(tracker.client, name), iter([error, error])

    def at_last(*args, **kwargs):
        if (now := next(times, None)) is not None:
            raise now
        return real(*args, **kwargs)

    monkeypatch.setattr(tracker.client, name, at_last)
    run_id = log_one(tracker, files)
    run = tracker.get(run_id)
    assert run.info.status == "FINISHED"
    assert len(run.inputs.dataset_inputs) == 1
    assert len(tracker.client.get_metric_history(run_id, "rho")) == 1
    assert len(all_runs(tracker)) == 1


def test_trying_again_ends(monkeypatch):
    calls = []

    def never():
        calls.append(1)
        raise LOCKED

    with pytest.raises(MlflowException):
        failures.retried(never)
    assert len(calls) == failures.TRIES
    calls.clear()
    now = iter([0.0, 20.0])  # MLflow has waited for its lock
    monkeypatch.setattr(failures.time, "monotonic", lambda: next(now))
    with pytest.raises(MlflowException):
        failures.retried(never)
    assert len(calls) == 1


def test_what_will_not_pass_is_not_tried_again():
    calls = []

    def wrong():
        calls.append(1)
        raise MlflowException("Changing param values is not allowed")

    with pytest.raises(failures.StoreFailure, match=r"^here: Changing param values"):
        failures.ask("here", wrong)
    assert len(calls) == 1


def test_a_database_on_a_full_disk_is_one_line_without_sqlalchemys(config, files, caplog, capfd):
    """SQLite is told that there is no page more; what is kept in the spool is delivered later."""
    tracker = Tracker(config)

    def full(connection, _record):
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")

    engine = tracker.client._tracking_client.store.engine
    engine.dispose()
    event.listen(engine, "connect", full)
    big = RECORD.__class__(RECORD.tags, {f"p{i}": "x" * 5000 for i in range(200)}, RECORD.metrics)
    try:
        with caplog.at_level(logging.WARNING), pytest.raises(Spooled) as caught:
            log_one(tracker, files, record=big)
    finally:
        event.remove(engine, "connect", full)
        engine.dispose()
    assert "logging failed: database or disk is full; the result is kept" in str(caught.value)
    assert not [r for r in caplog.records if r.exc_info or "SQLAlchemy" in r.getMessage()]
    assert "Traceback" not in capfd.readouterr().err
    (entry,) = tracker.spool.entries()
    assert deliver(tracker, entry) == entry.run_id
    assert tracker.get(entry.run_id).data.params["p199"] == "x" * 5000


def test_files_for_which_there_is_no_room_leave_none_behind(config, files, monkeypatch):
    tracker, real = Tracker(config), shutil.copytree

    def cut_off(source, target, *rest, **kwargs):
        real(source, target, *rest, **kwargs)
        if full is None or Path(target).parents[1] == full:
            words = "[Errno 28] No space left on device"
            raise shutil.Error([(f, f"{target}/{f}", f"{words}: '{f}' -> 'x'") for f in "ab"])
        return target

    full = tracker.client.folder
    with monkeypatch.context() as m, pytest.raises(Spooled) as caught:
        m.setattr(shutil, "copytree", cut_off)
        log_one(tracker, files)
    assert "logging failed: No space left on device; the result is kept in" in str(caught.value)
    full = None  # and none in the spool
    with monkeypatch.context() as m, pytest.raises(TrackingError) as caught:
        m.setattr(shutil, "copytree", cut_off)
        log_one(tracker, files)
    words = "failed: No space left on device, and the result cannot be kept here: No space left on"
    assert words in str(caught.value)
    assert [run.info.status for run in all_runs(tracker)] == ["FAILED", "RUNNING"]
    here = tracker.client.folder
    assert [path for path in here.rglob("*") if path.is_file()] == []
    assert list(here.rglob(".partial-*")) == []


def test_an_engine_of_ours_is_what_mlflow_uses(config):
    """The two tests of full and locked databases reach into MLflow; this holds that they reach it."""
    assert isinstance(Tracker(config).client._tracking_client.store.engine, Engine)


WRITER = """
import sys
from pathlib import Path
from emo.config.schema import RunConfig
from emo.errors import TrackingError
from emo.tracking import RunRecord, Tracker
root, mine, n = sys.argv[1], sys.argv[2], int(sys.argv[3])
tracker = Tracker(RunConfig(root=root))
files = Path(root) / f"files{mine}"
files.mkdir()
print("ready", flush=True)
sys.stdin.readline()
for i in range(n):
    record = RunRecord({}, {"i": str(i)}, {"m": 1.0}, {}, (f"data {i}", "abc", "x.csv"))
    with tracker.run(f"{mine}-{i}", {"fingerprint": f"{mine}-{i}"}) as run_id:
        tracker.log(run_id, record, files)
"""


@pytest.mark.slow
def test_first_runs_of_the_same_passages_at_once_lose_nothing(tmp_path):
    """Each step of the processes logs a data set that none has logged before."""
    processes, n = 4, 15
    started = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), str(i), str(n)],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for i in range(processes)
    ]
    for process in started:
        assert process.stdout.readline() == "ready\n"
    for process in random.Random(1).sample(started, processes):
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in started:
        _, err = process.communicate(timeout=300)
        assert process.returncode == 0, err
    tracker = Tracker(RunConfig(root=str(tmp_path)))
    runs = all_runs(tracker)
    assert len(runs) == processes * n
    assert {run.info.status for run in runs} == {"FINISHED"}
    assert all(len(run.inputs.dataset_inputs) == 1 for run in runs)
    assert list(tracker.spool.entries()) == []
