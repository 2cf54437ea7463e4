"""What waits in the spool is delivered unless a newer result took its place; what kills left goes."""

import os
import time
from dataclasses import replace

import psutil
import pytest

from emo.jobs import sync
from emo.runs.ids import EXPERIMENT, RUN
from emo.tracking import DESCRIPTION, Spooled, Tracker, deliver, spool_of
from tests.tracking.spooling import RECORD, cut

PARENT = {"job": "sweep", "sweep": "s1"}


def spooled_parent(config, files, monkeypatch):
    """A sweep whose parent run could not be logged, and ended as failed."""
    tracker = Tracker(config)
    with monkeypatch.context() as m, pytest.raises(Spooled):
        cut(tracker, m, "log_batch")
        with tracker.again("sweep", PARENT) as run_id:
            tracker.log(run_id, RECORD, files, "3 of 4 points failed")
    (entry,) = tracker.spool.entries()
    return tracker, entry


def test_an_old_parent_does_not_overwrite_its_newer_result(config, files, monkeypatch):
    tracker, entry = spooled_parent(config, files, monkeypatch)
    with tracker.again("sweep", PARENT) as run_id:
        tracker.log(run_id, replace(RECORD, tags={"colour": "red"}), files)
    assert run_id == entry.run_id
    assert deliver(Tracker(config), entry) is None
    run = tracker.get(run_id)
    assert (run.info.status, run.data.tags["colour"]) == ("FINISHED", "red")
    assert "error" not in run.data.tags
    assert list(tracker.spool.entries()) == []


def test_an_old_parent_waits_for_nobody_who_is_at_work_on_it(config, files, monkeypatch):
    tracker, entry = spooled_parent(config, files, monkeypatch)
    later = replace(entry, end_ms=int(psutil.Process().create_time() * 1000) - 1000)
    assert deliver(tracker, later) is None  # as if this living process had started after it
    assert tracker.get(entry.run_id).info.status == "RUNNING"
    assert list(tracker.spool.entries()) == []


def test_a_parent_marked_stale_meanwhile_is_delivered(config, files, monkeypatch):
    tracker, entry = spooled_parent(config, files, monkeypatch)
    tracker.client.set_tag(entry.run_id, "pid", "1")  # as if this process were gone
    assert Tracker(config).mark_stale() == [entry.run_id]
    assert deliver(Tracker(config), entry) == entry.run_id
    assert tracker.get(entry.run_id).info.status == "FAILED"


def test_a_result_that_waited_is_described_with_the_ids_it_got(config, files, monkeypatch):
    """Pictures and links of a description name the run, which has no id while it waits."""
    tracker = Tracker(config)
    described = replace(RECORD, tags={DESCRIPTION: f"![rdm](x&run_uuid={RUN}) #/{EXPERIMENT}/"})
    with monkeypatch.context() as m, pytest.raises(Spooled):
        cut(tracker, m, "log_batch")
        with tracker.run("one", {"fingerprint": "f1"}) as run_id:
            tracker.log(run_id, described, files)
    (entry,) = tracker.spool.entries()
    tracker.client.delete_run(run_id)
    made = deliver(Tracker(config), replace(entry, run_id=None))
    note = tracker.get(made).data.tags[DESCRIPTION]
    assert made != run_id
    assert note == f"![rdm](x&run_uuid={made}) #/{tracker.experiment_id}/"


def test_job_sync_removes_what_kills_left_and_nobody_writes(config):
    folder = spool_of(config).folder
    for name, age in ((".partial-old", 2 * 86400), (".partial-new", 0), (".delivered-x", 0)):
        (folder / name / "files").mkdir(parents=True)
        os.utime(folder / name, (time.time() - age,) * 2)
    assert sync.run(config).status == "finished"
    assert [path.name for path in folder.glob(".[!s]*")] == [".partial-new"]
