"""SQLite databases: made whole or not at all; what is wrong with one is said and not touched."""

import logging
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from types import SimpleNamespace

import pytest

from emo.config.schema import RunConfig
from emo.errors import TrackingError
from emo.tracking import Connection, Tracker, database
from tests.conftest import ROOT
from tests.tracking.spooling import log_one

CREATE = database.create_whole
"""Before the tests' own, that copies one, takes its place."""


@pytest.fixture
def made(config, files):
    """A database with a run: its path."""
    log_one(Tracker(config), files)
    path = Tracker(config).address.path
    database_of(path).close()
    return path


def database_of(path):
    return sqlite3.connect(path, isolation_level=None)


def execute(path, *commands):
    with closing(database_of(path)) as opened:
        for command in commands:
            opened.execute(command)


def truncate(path):
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


def drop(table):
    return lambda path: execute(path, "PRAGMA foreign_keys = OFF", f"DROP TABLE {table}")


DAMAGE = {
    "empty": (lambda path: path.write_bytes(b""), "is empty, .*: delete .*mlflow.db"),
    "text": (
        lambda path: path.write_text("a,b\n" * 2000),
        "cannot be opened: file is not a database",
    ),
    "truncated": (truncate, "malformed"),
    "no runs": (drop("runs"), "lacks tables and has no run.* delete"),
    "no tags": (drop("tags"), "is damaged: tags lacks .* put a copy in the place of"),
    "no experiments": (drop("experiments"), "is damaged: experiments lacks"),
    "no metrics, no params": (
        lambda path: [drop(name)(path) for name in ("metrics", "params")],
        "is damaged: metrics, params lacks",
    ),
    "a column less": (
        lambda path: execute(path, "ALTER TABLE inputs DROP COLUMN step"),
        "is damaged: inputs lacks",
    ),
    "no version": (lambda path: execute(path, "DELETE FROM alembic_version"), "is damaged"),
    "older": (
        lambda path: execute(path, "UPDATE alembic_version SET version_num = '451aebb31d03'"),
        "was made by another version of MLflow .tables 451aebb31d03, .*python -m mlflow db upgrade",
    ),
    "unknown": (
        lambda path: execute(path, "UPDATE alembic_version SET version_num = 'of the future'"),
        "was made by another version of MLflow .tables of the future",
    ),
    "half made": (
        lambda path: execute(
            path, "DELETE FROM runs", "DROP TABLE spans", "DELETE FROM alembic_version"
        ),
        "lacks tables and has no run, since its making was interrupted: delete .*mlflow.db",
    ),
    "another program's": (
        lambda path: (path.unlink(), execute(path, "CREATE TABLE trials (n INTEGER)")),
        "lacks tables",
    ),
}


@pytest.mark.parametrize("how", DAMAGE)
@pytest.mark.parametrize("opened", [Tracker, Connection])
def test_what_is_wrong_with_a_database_is_one_line_and_nothing_is_written(
    config, made, how, opened
):
    damage, words = DAMAGE[how]
    damage(made)
    os.utime(made, (time.time() - 60,) * 2)  # not being made at this moment
    before = made.read_bytes()
    names = {path.name for path in made.parent.iterdir()}
    with pytest.raises(TrackingError, match=words) as caught:
        opened(config)
    assert str(caught.value).startswith(f"tracking.uri=sqlite:///{made}: ")
    assert "\n" not in str(caught.value)
    assert made.read_bytes() == before
    assert {path.name for path in made.parent.iterdir()} == names


def test_a_database_that_is_being_made_is_waited_for(config, made):
    """As by an `mlflow ui` that somebody started by hand: tables come one after the other."""
    whole = shutil.copy(made, made.with_name("whole.db"))
    DAMAGE["half made"][0](made)

    def finish():
        time.sleep(1)
        shutil.copy(whole, made)

    thread = threading.Thread(target=finish)
    thread.start()
    assert Tracker(config).find_finished("f1") is not None
    thread.join()


@pytest.mark.parametrize("how", ["older", "no tags", "no version"])
def test_a_database_with_runs_is_not_waited_for(config, made, monkeypatch, how):
    DAMAGE[how][0](made)
    monkeypatch.setattr("time.sleep", lambda seconds: pytest.fail("waits"))
    with pytest.raises(TrackingError, match=DAMAGE[how][1]):
        Connection(config)


def test_a_database_that_is_being_made_is_not_waited_for_without_end(config, made, monkeypatch):
    DAMAGE["half made"][0](made)
    monkeypatch.setattr(database, "_fresh", lambda path: True)
    monkeypatch.setattr(database, "LONGEST_S", 0.5)
    with pytest.raises(TrackingError, match="its making was interrupted"):
        Connection(config)


@pytest.fixture
def really_made(monkeypatch):
    monkeypatch.setattr(database, "create_whole", CREATE)


@pytest.fixture
def quickly(made, monkeypatch):
    """MLflow's making of its tables, which takes seconds, copies a database; then `happens` does."""
    happens = []

    def copy(self, uri, *_args):
        shutil.copy(made, uri.removeprefix("sqlite:///"))
        self.engine = SimpleNamespace(dispose=lambda: None)
        for one in happens:
            one()

    monkeypatch.setattr(database.SqlAlchemyStore, "__init__", copy)
    return happens


@pytest.mark.parametrize("links", [True, False])
def test_what_another_program_has_made_meanwhile_stays(tmp_path, monkeypatch, quickly, links):
    if not links:
        monkeypatch.setattr(os, "link", not_permitted)
    path = tmp_path / "new" / "mlflow.db"
    path.parent.mkdir()
    quickly.append(lambda: execute(path, "CREATE TABLE theirs (n INTEGER)"))
    CREATE(path, tmp_path / "artifacts")
    with closing(database_of(path)) as opened:
        assert opened.execute("SELECT name FROM sqlite_master").fetchall() == [("theirs",)]
    assert [file.name for file in path.parent.iterdir()] == ["mlflow.db"]


def not_permitted(*_args):
    raise PermissionError(1, "Operation not permitted")


def test_a_file_system_without_hard_links_will_do(tmp_path, monkeypatch, quickly):
    monkeypatch.setattr(os, "link", not_permitted)
    path = tmp_path / "new" / "mlflow.db"
    path.parent.mkdir()
    CREATE(path, tmp_path / "artifacts")
    database.require_whole(path)
    assert [file.name for file in path.parent.iterdir()] == ["mlflow.db"]


def test_what_cannot_be_made_is_refused_at_once(tmp_path, monkeypatch, really_made):
    monkeypatch.setattr("time.sleep", lambda s: pytest.fail("MLflow tries again"))
    from emo.config.schema import TrackingConfig

    for uri, words in (
        ("sqlite:////proc/x.db", "cannot be opened: "),
        ("sqlite:////proc/self/nowhere/x.db", "the folder /proc/self/nowhere does not exist"),
        (f"sqlite:///{tmp_path}/typo/x.db", f"the folder {tmp_path}/typo does not exist"),
    ):
        with pytest.raises(TrackingError, match=words) as caught:
            Tracker(RunConfig(root=str(tmp_path), tracking=TrackingConfig(uri=uri)))
        assert "\n" not in str(caught.value)
    assert not (tmp_path / "typo").exists()


def test_reading_makes_nothing(tmp_path):
    with pytest.raises(TrackingError, match="no runs yet"):
        Connection(RunConfig(root=str(tmp_path)))
    assert list(tmp_path.iterdir()) == []


def hold(path, ready, release):
    with closing(database_of(path)) as opened:
        opened.execute("BEGIN EXCLUSIVE")
        ready.set()
        release.wait(60)
        opened.execute("COMMIT")


def test_a_database_that_another_program_writes_to_is_waited_for_and_then_said(
    config, made, monkeypatch, caplog, capfd
):
    """The wait is 20 seconds, here one."""
    ready, release = threading.Event(), threading.Event()
    tracker = Tracker(config)
    real = sqlite3.connect
    monkeypatch.setattr(database, "BUSY_S", 1)
    monkeypatch.setattr(sqlite3, "connect", lambda *a, **k: real(*a, **{**k, "timeout": 1}))
    thread = threading.Thread(target=hold, args=(made, ready, release))
    thread.start()
    ready.wait()
    try:
        began = time.monotonic()
        with caplog.at_level(logging.DEBUG), pytest.raises(TrackingError) as caught:
            Tracker(config)
        assert time.monotonic() - began < 20
    finally:
        release.set()
        thread.join()
    assert "database is locked (another program has been writing to it" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not [r for r in caplog.records if r.levelno >= logging.WARNING]
    assert "Traceback" not in "".join(capfd.readouterr())
    with tracker.run("afterwards", {}) as run_id:
        pass
    assert tracker.get(run_id).info.status == "FINISHED"


@pytest.mark.slow
def test_a_writer_that_holds_the_database_for_long_is_one_line(config, made, caplog):
    """MLflow's own wait, in the middle of a run, whose end is kept in the spool."""
    ready, release = threading.Event(), threading.Event()
    tracker = Tracker(config)
    thread = threading.Thread(target=hold, args=(made, ready, release))
    with (
        caplog.at_level(logging.WARNING),
        pytest.raises(TrackingError) as caught,
        tracker.run("one", {}) as run_id,
    ):
        thread.start()
        ready.wait()
        began = time.monotonic()
    release.set()
    thread.join()
    assert 15 < time.monotonic() - began < 30
    assert "logging failed: database is locked" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not [r for r in caplog.records if r.exc_info]
    (entry,) = tracker.spool.entries()
    assert entry.run_id == run_id


MAKER = """
import sys
from emo.config.schema import RunConfig
from emo.tracking import Tracker
Tracker(RunConfig(root=sys.argv[1]))
"""
BY_HAND = """
import sys
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
SqlAlchemyStore(f"sqlite:///{sys.argv[1]}/mlruns/mlflow.db", "artifacts")
"""


def start(script, root):
    return subprocess.Popen(
        [sys.executable, "-c", script, str(root)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
def test_a_kill_at_any_moment_leaves_a_whole_database_or_none(tmp_path):
    rng = random.Random(5)
    for i in range(5):
        root = tmp_path / str(i)
        root.mkdir()
        with start(MAKER, root) as process:
            while not list(root.glob("mlruns/.mlflow.db-*")) and process.poll() is None:
                time.sleep(0.01)
            time.sleep(rng.uniform(0, 4))
            process.send_signal(signal.SIGKILL)
        path = root / "mlruns" / "mlflow.db"
        if path.exists():
            database.require_whole(path)
        assert Tracker(RunConfig(root=str(root))).find(job="x") is None


@pytest.mark.slow
@pytest.mark.parametrize("wait", [0.0, 0.5, 2.0])
def test_a_page_started_by_hand_and_first_jobs_do_not_spoil_each_other(tmp_path, wait):
    (tmp_path / "mlruns").mkdir()
    with start(BY_HAND, tmp_path) as by_hand:
        time.sleep(wait)
        jobs = [start(MAKER, tmp_path) for _ in range(2)]
        errors = [job.communicate(timeout=240)[1] for job in jobs]
        by_hand.communicate(timeout=240)
    assert [job.returncode for job in jobs] == [0, 0], errors
    database.require_whole(tmp_path / "mlruns" / "mlflow.db")
    with closing(database_of(tmp_path / "mlruns" / "mlflow.db")) as opened:
        assert opened.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
