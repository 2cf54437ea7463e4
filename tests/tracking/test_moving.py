"""A moved or copied project reads and writes its own files, and leaves its former place alone."""

import logging
import os
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

import emo
from emo.cli import run_job
from emo.config.resolve import compose
from emo.config.schema import RunConfig, TrackingConfig
from emo.errors import TrackingError
from emo.jobs import sync
from emo.tracking import Connection, Spooled, Tracker
from tests.conftest import TINY
from tests.tracking.spooling import RECORD, cut, log_one


def project(root, **tracking):
    return RunConfig(root=str(root), tracking=TrackingConfig(**tracking))


def tree(folder):
    """Every file with its size and time: nothing was touched where two are equal."""
    stats = {p: p.stat() for p in folder.rglob("*") if p.is_file()}
    return {str(p.relative_to(folder)): (s.st_size, s.st_mtime_ns) for p, s in stats.items()}


def places(root, name="mlflow.db"):
    """All folders that a project's database names."""
    with closing(sqlite3.connect(root / "mlruns" / name)) as database:
        rows = database.execute(
            "SELECT artifact_location FROM experiments UNION SELECT artifact_uri FROM runs"
        )
        return {location for (location,) in rows.fetchall()}


def execute(root, command, *values):
    with closing(sqlite3.connect(root / "mlruns" / "mlflow.db")) as database, database:
        database.execute(command, values)


def check_own(root, run_id, files):
    """The project reads the old run's files, and writes a new one's, below its own mlruns."""
    tracker = Tracker(project(root))
    old = tracker.artifact(run_id, "figures/b.txt")
    assert old.read_text() == "b"
    assert old.is_relative_to((root / "mlruns").resolve())
    new = log_one(tracker, files, {"fingerprint": "f2"})
    kept = (root / "mlruns" / "artifacts" / new / "artifacts" / "a.txt").resolve()
    assert kept.read_text() == "a"
    here = str((root / "mlruns" / "artifacts").resolve())
    assert all(place.startswith(here) for place in places(root))


@pytest.fixture
def first(tmp_path, files):
    """A project with a run: its root, and the run's id."""
    root = tmp_path / "first"
    return root, log_one(Tracker(project(root)), files)


def test_a_copy_leaves_the_project_alone_that_it_was_made_of(tmp_path, first, files, caplog):
    root, run_id = first
    copy = tmp_path / "deeper" / "copy of it #1"
    shutil.copytree(root, copy)
    before = tree(root)
    with caplog.at_level(logging.WARNING):
        check_own(copy, run_id, files)
    assert tree(root) == before
    (line,) = caplog.messages
    assert str(root / "mlruns" / "artifacts") in line and str(copy / "mlruns") in line
    assert Tracker(project(root)).find(fingerprint="f2") is None


def test_a_moved_project_makes_nothing_in_its_former_place(tmp_path, first, files):
    root, run_id = first
    moved = root.rename(tmp_path / "moved")
    check_own(moved, run_id, files)
    assert not root.exists()
    again = moved.rename(tmp_path / "moved again")
    check_own(again, run_id, files)
    assert not moved.exists() and not root.exists()


def test_a_file_in_the_former_place_is_no_matter(tmp_path, first, files):
    root, run_id = first
    moved = root.rename(tmp_path / "moved")
    root.write_text("something else")
    check_own(moved, run_id, files)


def test_results_of_a_container_are_read_outside(tmp_path, first, files):
    """`-v out:/home/emo/app/mlruns`: the folder had another path there, which is nowhere here."""
    root, run_id = first
    for table, column in (("experiments", "artifact_location"), ("runs", "artifact_uri")):
        change = f"UPDATE {table} SET {column} = replace({column}, ?, '/home/emo/app')"
        execute(root, change, str(root))
    check_own(root, run_id, files)


def test_a_database_that_the_ui_has_made_is_settled_by_its_runs(tmp_path, first, files):
    """Its experiment 0 lies with the server and tells nothing of where the project was."""
    root, run_id = first
    set_zero = "UPDATE experiments SET artifact_location = ? WHERE experiment_id = 0"
    execute(root, set_zero, "mlflow-artifacts:/0")
    copy = tmp_path / "copy"
    shutil.copytree(root, copy)
    before = tree(root)
    tracker = Tracker(project(copy))
    assert tracker.artifact(run_id, "a.txt").is_relative_to(copy)
    log_one(tracker, files)
    assert tree(root) == before


def test_links_to_the_same_folder_are_no_move(tmp_path, first, files, caplog):
    root, run_id = first
    elsewhere = (root / "mlruns").rename(tmp_path / "big disk")
    (root / "mlruns").symlink_to(elsewhere)
    (tmp_path / "linked").symlink_to(root)
    for name in ("first", "linked"):
        tracker = Tracker(project(tmp_path / name))
        assert tracker.artifact(run_id, "a.txt").read_text() == "a"
        new = log_one(tracker, files)
        assert (elsewhere / "artifacts" / new / "artifacts" / "a.txt").is_file()
    assert caplog.messages == []
    moved = root.rename(tmp_path / "moved")  # the link goes on to point to the big disk
    check_own(moved, run_id, files)


def test_a_place_that_somebody_chose_stays(tmp_path, files, caplog):
    root, chosen = tmp_path / "first", tmp_path / "chosen" / "artifacts"
    chosen.mkdir(parents=True)
    tracker = Tracker(project(root))
    tracker.client.create_experiment("ours", str(chosen))
    ours = Tracker(project(root, experiment="ours"))
    run_id = log_one(ours, files)
    assert (chosen / run_id / "artifacts" / "a.txt").is_file()
    copy = tmp_path / "copy"
    shutil.copytree(root, copy)
    ours = Tracker(project(copy, experiment="ours"))
    assert ours.artifact(run_id, "a.txt").is_relative_to(chosen)
    new = log_one(ours, files, {"fingerprint": "f2"})
    assert (chosen / new / "artifacts" / "a.txt").is_file()
    assert len(caplog.messages) == 1  # the project's other experiments have moved


def test_a_chosen_place_that_is_gone_is_refused_before_anything_is_computed(tmp_path):
    chosen = tmp_path / "chosen"
    tracker = Tracker(project(tmp_path))
    tracker.client.create_experiment("ours", str(chosen))
    tracker.client.create_experiment("of the ui", "mlflow-artifacts:/7")
    with pytest.raises(TrackingError, match=f"tracking.experiment=ours: its files lie in {chosen}"):
        Tracker(project(tmp_path, experiment="ours"))
    with pytest.raises(TrackingError, match=r"experiment=of the ui: .* only a server writes to"):
        Tracker(project(tmp_path, experiment="of the ui"))
    assert not chosen.exists()


def test_other_databases_of_a_project_are_moved_with_it(tmp_path, files):
    for uri in ("sqlite:///mlruns/other.db", "sqlite:///results.db"):
        root = tmp_path / "first"
        run_id = log_one(Tracker(project(root, uri=uri)), files)
        copy = tmp_path / "copy"
        shutil.copytree(root, copy)
        shutil.rmtree(root)
        tracker = Tracker(project(copy, uri=uri))
        assert tracker.artifact(run_id, "a.txt").is_relative_to(copy)
        log_one(tracker, files)
        assert not root.exists()
        shutil.rmtree(copy)


def test_a_database_outside_keeps_the_place_of_its_first_project(tmp_path, files):
    shared = f"sqlite:///{tmp_path}/shared.db"
    one, two = (project(tmp_path / name, uri=shared) for name in ("one", "two"))
    first = log_one(Tracker(one), files)
    second = log_one(Tracker(two), files, {"fingerprint": "f2"})
    for run_id in (first, second):
        for config in (one, two):
            path = Tracker(config).artifact(run_id, "a.txt")
            assert path.is_relative_to(tmp_path / "one" / "mlruns" / "artifacts")


def test_a_kill_while_places_are_rewritten_leaves_all_or_none(tmp_path, first, monkeypatch):
    root, run_id = first
    moved = root.rename(tmp_path / "moved")
    before = places(moved)
    real = sqlite3.connect

    class Killed(BaseException):
        pass

    class Cut(sqlite3.Connection):
        def execute(self, command, *values):
            if command.startswith("UPDATE runs"):
                raise Killed
            return super().execute(command, *values)

    with monkeypatch.context() as m, pytest.raises(Killed):
        m.setattr(sqlite3, "connect", lambda *a, **k: real(*a, **k, factory=Cut))
        Tracker(project(moved))
    assert places(moved) == before
    assert Tracker(project(moved)).artifact(run_id, "a.txt").is_relative_to(moved)


def test_files_are_written_here_whatever_another_view_of_the_folder_wrote(first, files, tmp_path):
    """A container and its host use one mlruns by two paths, and each sets them as it sees them."""
    root, run_id = first
    other = tmp_path / "by another path"
    tracker = Tracker(project(root))
    with tracker.run("one", {}) as new:
        change = "UPDATE runs SET artifact_uri = ? || '/' || run_uuid || '/artifacts'"
        execute(root, change, str(other))
        tracker.log(new, RECORD, files)
    assert tracker.artifact(new, "a.txt").is_relative_to(root)
    assert tracker.artifact(run_id, "a.txt").is_relative_to(root)
    assert not other.exists()


def read_only(folder):
    """A folder that may not be written, for root as well: a mount of its own."""
    done = os.system(f"mount --bind '{folder}' '{folder}' && mount -o remount,bind,ro '{folder}'")
    if done != 0:
        pytest.skip("no read-only mount can be made here")


@pytest.fixture
def archive(tmp_path, small_csv):
    """A project of one extraction that lies in another place and may not be written."""
    config = compose(*TINY, f"stimuli.path={small_csv}", root=tmp_path / "first")
    run_id = run_job(config).run_id
    moved = (tmp_path / "first").rename(tmp_path / "archive")
    read_only(moved / "mlruns")
    yield replace(config, root=str(moved)), run_id
    os.system(f"umount -l '{moved}/mlruns'")  # at once: the database is still open


@pytest.mark.slow
def test_what_may_not_be_written_is_read(archive, small_csv):
    config, run_id = archive
    root = Path(config.root)
    loaded = emo.load_run(run_id[:9], root=root)
    assert loaded.vectors.values.shape[0] == 4
    job = lambda *o: run_job(compose(*TINY, f"stimuli.path={small_csv}", *o, root=root))  # noqa: E731
    exported = job("job=export", f"job.export.run={run_id[:6]}")
    assert (exported.status, exported.run_id) == ("finished", run_id)
    summary = job("job=summarize")
    assert (summary.status, summary.run_id) == ("finished", None)
    assert Path(summary.artifacts["summary.html"]).is_relative_to(root / "exports")
    assert Path(summary.artifacts["summary.html"]).is_file()
    refused = job("seed=1")
    assert "Read-only file system" in refused.error and "\n" not in refused.error


def test_spooled_results_of_a_moved_project_are_delivered_into_it(tmp_path, files, monkeypatch):
    root = tmp_path / "first"
    tracker = Tracker(project(root))
    for former in (False, True):
        with monkeypatch.context() as m, pytest.raises(Spooled):
            cut(tracker, m, "log_batch")
            if former:  # as entries were written: the address of the database where it was
                tracker._kept_as = tracker.uri
            log_one(tracker, files, {"fingerprint": f"f{former}"})
    copy = tmp_path / "copy"
    shutil.copytree(root, copy)
    before = tree(root)
    assert sync.run(project(copy)).metrics == {"delivered": 2, "already_there": 0, "stay": 0}
    assert tree(root) == before
    moved = root.rename(tmp_path / "moved")
    assert sync.run(project(moved)).metrics == {"delivered": 2, "already_there": 0, "stay": 0}
    assert not root.exists()
    for place in (copy, moved):
        for former in (False, True):
            run = Connection(project(place)).find_finished(f"f{former}")
            path = Connection(project(place)).artifact(run.info.run_id, "a.txt")
            assert path.is_relative_to(place)


def test_spooled_results_for_another_database_go_there(tmp_path, files, monkeypatch):
    other = project(tmp_path / "first", uri=f"sqlite:///{tmp_path}/other.db")
    with monkeypatch.context() as m, pytest.raises(Spooled):
        tracker = Tracker(other)
        cut(tracker, m, "log_batch")
        log_one(tracker, files)
    moved = (tmp_path / "first").rename(tmp_path / "moved")
    (tmp_path / "first" / "mlruns" / "artifacts").mkdir(parents=True)  # the experiment's place
    assert sync.run(project(moved)).metrics["delivered"] == 1
    assert Connection(other).find_finished("f1") is not None
