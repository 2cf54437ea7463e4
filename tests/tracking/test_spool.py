"""Results survive a tracking store that goes away, and are delivered once."""

import json
from dataclasses import replace

import pytest

from emo.cli import run_job
from emo.config.schema import TrackingConfig
from emo.errors import TrackingError
from emo.jobs import sync
from emo.tracking import Spooled, Tracker, connection, deliver
from emo.tracking.record import NOTHING
from emo.tracking.spool import Entry, Spool
from tests.tracking.spooling import RECORD, TAGS, all_runs, cut, gone, log_one


def check_delivered(tracker, run_id):
    """All of the record is in the run, nothing twice."""
    run = tracker.get(run_id)
    assert run.info.status == "FINISHED"
    assert run.data.tags["colour"] == "blue"
    assert run.data.tags["fingerprint"] == "f1"
    assert run.data.params == RECORD.params
    assert run.data.metrics["rho"] == 0.5
    assert run.data.metrics["best"] == 3
    assert len(tracker.client.get_metric_history(run_id, "rho")) == 1
    curve = tracker.client.get_metric_history(run_id, "curve")
    assert sorted(point.step for point in curve) == [0, 1, 2]
    assert run.inputs.dataset_inputs[0].dataset.name == "small"
    assert tracker.artifact(run_id, "a.txt").read_text() == "a"
    assert tracker.artifact(run_id, "figures/b.txt").read_text() == "b"


@pytest.mark.parametrize(
    "names", [["log_batch"], ["log_inputs"], ["log_artifacts"], ["log_artifacts", "set_terminated"]]
)
def test_whatever_is_cut_off_the_run_is_completed_later(config, files, monkeypatch, names):
    tracker = Tracker(config)
    with monkeypatch.context() as m, pytest.raises(Spooled, match="job=sync") as caught:
        cut(tracker, m, *names)
        log_one(tracker, files)
    assert "\n" not in str(caught.value)
    (opened,) = all_runs(tracker)
    assert opened.info.status == "RUNNING"
    (entry,) = tracker.spool.entries()
    assert deliver(Tracker(config), entry) == opened.info.run_id
    assert len(all_runs(tracker)) == 1
    check_delivered(tracker, opened.info.run_id)
    assert list(tracker.spool.entries()) == []


def test_a_store_that_goes_between_logging_and_closing(config, files, monkeypatch):
    tracker = Tracker(config)
    with monkeypatch.context() as m, pytest.raises(Spooled):
        cut(tracker, m, "set_terminated")
        log_one(tracker, files)
    (entry,) = tracker.spool.entries()
    run_id = deliver(tracker, entry)
    check_delivered(tracker, run_id)


def test_a_delivery_that_is_cut_off_is_repeated_without_doubling(config, files, monkeypatch):
    tracker = Tracker(config)
    with monkeypatch.context() as m, pytest.raises(Spooled):
        cut(tracker, m, "log_batch")
        log_one(tracker, files)
    (entry,) = tracker.spool.entries()
    for name in ("log_artifacts", "set_terminated"):
        with monkeypatch.context() as m, pytest.raises(TrackingError, match="stays in"):
            cut(tracker, m, name)
            deliver(tracker, entry)
    with monkeypatch.context() as m, pytest.raises(OSError, match="killed here"):
        m.setattr(Spool, "remove", lambda *_: (_ for _ in ()).throw(OSError("killed here")))
        deliver(tracker, entry)
    run_id = deliver(tracker, entry)
    assert len(all_runs(tracker)) == 1
    check_delivered(tracker, run_id)


def test_a_run_the_store_never_opened_is_made_once(config, files, monkeypatch):
    """In a sweep, which must go on; alone it is refused at once."""
    away = replace(config, tracking=TrackingConfig(uri="http://127.0.0.1:9", parent="p1"))
    with pytest.raises(TrackingError, match="no MLflow server answers"):
        Tracker(replace(away, tracking=replace(away.tracking, parent=None)))
    tracker = Tracker(away)
    assert tracker.find_finished("f1") is None
    assert tracker.mark_stale() == []
    with pytest.raises(Spooled):
        log_one(tracker, files)
    back = Tracker(config)
    (entry,) = back.spool.entries()
    with monkeypatch.context() as m, pytest.raises(TrackingError):
        cut(back, m, "set_terminated")
        deliver(back, entry)
    run_id = deliver(back, entry)
    assert len(all_runs(back)) == 1
    check_delivered(back, run_id)
    run = back.get(run_id)
    assert run.data.tags["mlflow.parentRunId"] == "p1"
    assert run.info.start_time == entry.start_ms


def test_a_lost_database_gets_the_run_anew(config, files, monkeypatch, tmp_path):
    tracker = Tracker(config)
    with monkeypatch.context() as m, pytest.raises(Spooled):
        cut(tracker, m, "log_batch")
        log_one(tracker, files)
    (entry,) = tracker.spool.entries()
    other = Tracker(replace(config, tracking=TrackingConfig(uri=f"sqlite:///{tmp_path}/new.db")))
    check_delivered(other, deliver(other, entry))


def test_a_point_that_was_repeated_meanwhile_stays_single(config, files, monkeypatch):
    tracker = Tracker(config)
    with monkeypatch.context() as m, pytest.raises(Spooled):
        cut(tracker, m, "log_batch")
        log_one(tracker, files)
    (waiting,) = all_runs(tracker)
    second = log_one(tracker, files)
    (entry,) = tracker.spool.entries()
    assert deliver(tracker, entry) is None
    assert tracker.get(waiting.info.run_id).info.status == "KILLED"
    assert tracker.find_finished("f1").info.run_id == second
    assert list(tracker.spool.entries()) == []


def test_a_forced_repetition_is_delivered_beside_the_first(config, files, monkeypatch):
    tracker = Tracker(config)
    log_one(tracker, files)
    forced = replace(RECORD, params={"seed": "1", "force": "True"})
    with monkeypatch.context() as m, pytest.raises(Spooled):
        cut(tracker, m, "log_artifacts")
        log_one(tracker, files, record=forced)
    (entry,) = tracker.spool.entries()
    assert deliver(tracker, entry) is not None
    assert [run.info.status for run in all_runs(tracker)] == ["FINISHED"] * 2


def test_a_stale_mark_is_taken_back_on_delivery(config, files, monkeypatch):
    tracker = Tracker(config)
    with monkeypatch.context() as m, pytest.raises(Spooled):
        cut(tracker, m, "log_artifacts")
        log_one(tracker, files)
    (run,) = all_runs(tracker)
    tracker.client.set_tag(run.info.run_id, "pid", "1")  # as if this process were gone
    assert Tracker(config).mark_stale() == [run.info.run_id]
    (entry,) = tracker.spool.entries()
    deliver(tracker, entry)
    assert "stale" not in tracker.get(run.info.run_id).data.tags


def test_a_full_disk_leaves_no_half_entry(config, files, monkeypatch):
    tracker = Tracker(config)

    def full(*_args, **_kwargs):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as m, pytest.raises(TrackingError, match="cannot be kept here"):
        cut(tracker, m, "log_batch")
        m.setattr("shutil.copytree", full)
        log_one(tracker, files)
    assert list(tracker.spool.entries()) == []
    assert list(tracker.spool.folder.iterdir()) == []
    (run,) = all_runs(tracker)
    assert run.info.status == "FAILED"


def test_passwords_are_not_written(tmp_path):
    spool = Spool(tmp_path)
    kept = spool.add(Entry("http://me:secret@host", "e", None, "n", {}, NOTHING, 1, 2), None)
    assert "secret" not in (kept / "entry.json").read_text()


def test_job_sync_delivers_what_an_extraction_left(tiny_config, monkeypatch):
    real = Tracker.__init__

    def cut_off(self, config):
        real(self, config)
        self.client.log_artifacts = gone

    with monkeypatch.context() as m:
        m.setattr(Tracker, "__init__", cut_off)
        failed = run_job(tiny_config())
    assert failed.failed
    assert "python launch.py job=sync" in failed.error
    synced = run_job(tiny_config("job=sync"))
    assert synced.metrics == {"delivered": 1, "already_there": 0, "stay": 0}
    again = run_job(tiny_config())
    assert again.status == "reused"
    assert json.dumps(again.metrics)
    assert run_job(tiny_config("job=sync")).metrics["delivered"] == 0


def test_a_run_that_failed_is_delivered_as_failed(config, files, monkeypatch):
    tracker = Tracker(config)
    with monkeypatch.context() as m, pytest.raises(Spooled):
        cut(tracker, m, "log_batch")
        with tracker.run("sweep", {"job": "sweep"}) as run_id:
            tracker.log(run_id, RECORD, files, "3 of 4 points failed")
    (entry,) = tracker.spool.entries()
    run = tracker.get(deliver(Tracker(config), entry))
    assert (run.info.status, run.data.tags["error"]) == ("FAILED", "3 of 4 points failed")
    assert run.data.metrics["rho"] == 0.5


def test_a_run_that_fails_while_the_store_is_away_is_closed_later(config, monkeypatch):
    tracker = Tracker(config)
    with monkeypatch.context() as m, pytest.raises(ZeroDivisionError):
        cut(tracker, m, "set_tag", "set_terminated")
        with tracker.run("one", TAGS):
            raise ZeroDivisionError("in the middle")
    (entry,) = tracker.spool.entries()
    run = tracker.get(deliver(Tracker(config), entry))
    assert (run.info.status, run.data.tags["error"]) == ("FAILED", "in the middle")


def test_a_child_that_is_kept_does_not_leave_its_parent_open(config, files, monkeypatch):
    parents = Tracker(config)
    with monkeypatch.context() as m, pytest.raises(Spooled), parents.run("parent", {}) as parent:
        child = Tracker(replace(config, tracking=TrackingConfig(parent=parent)))
        cut(child, m, "log_batch")
        log_one(child, files)
    assert parents.get(parent).info.status == "FAILED"


def test_job_sync_goes_on_behind_what_it_cannot_deliver(config, files, monkeypatch):
    tracker = Tracker(config)
    for i in range(3):
        with monkeypatch.context() as m, pytest.raises(Spooled):
            cut(tracker, m, "log_batch")
            log_one(tracker, files, {"fingerprint": f"f{i}"})
    spool = tracker.spool
    (spool.folder / "unreadable").mkdir()
    (spool.folder / "unreadable" / "entry.json").write_text("{")
    away = Entry("http://127.0.0.1:9", "e", None, "away", {}, NOTHING, 1, 2)  # the oldest
    for _ in range(2):
        spool.add(away, None)
    spool.add(replace(away, uri="mysql+none://me:secret@h/d", name="no driver"), None)
    asked = []
    real = connection.require_server
    monkeypatch.setattr(connection, "require_server", lambda *a: (asked.append(a), real(*a)))
    synced = sync.run(config)
    assert synced.metrics == {"delivered": 3, "already_there": 0, "stay": 4}
    assert synced.failed
    assert synced.error.startswith("4 results stay here: ")
    assert "unreadable cannot be sent: it is no entry of this folder (delete it" in synced.table
    assert synced.table.count("no MLflow server answers") == len(asked) == 1
    assert "tracking.uri=mysql+none://me@h/d: cannot be opened" in synced.table
    assert synced.table.count("give tracking.uri with it") == 1
    assert sorted(e.name for e in spool.entries()) == ["away", "away", "no driver"]
