"""Runs whose process is gone are closed; those that end, or change hands, in that moment are not."""

import os
import socket
import subprocess
import sys
import time

import psutil
import pytest

from emo.process import owner
from emo.tracking import Tracker, opening
from tests.conftest import ROOT
from tests.tracking.spooling import RECORD, TAGS

GONE = {"host": socket.gethostname(), "pid": "1", "process_start": "5"}


def leave_open(tracker, **tags):
    """A run of a process that is gone."""
    made = tracker.client.create_run(tracker.experiment_id, tags={**TAGS, **GONE, **tags})
    return made.info.run_id


def status(tracker, run_id):
    return tracker.get(run_id).info.status


def when_asked_whether_it_lives(monkeypatch, happens):
    """Let something happen between the listing of open runs and the first answer."""
    real, before = opening.alive, [happens]

    def asked(tags):
        if before:
            before.pop()()
        return real(tags)

    monkeypatch.setattr(opening, "alive", asked)


def test_a_run_that_is_finished_in_the_moment_it_is_looked_at_stays_finished(config, monkeypatch):
    tracker = Tracker(config)
    run_id = leave_open(tracker)
    end = lambda: tracker.client.set_terminated(run_id, "FINISHED")  # noqa: E731
    when_asked_whether_it_lives(monkeypatch, end)  # and its process ended at once
    assert Tracker(config).mark_stale() == []
    assert status(tracker, run_id) == "FINISHED"
    assert "stale" not in tracker.get(run_id).data.tags


def test_a_run_that_is_opened_again_in_that_moment_stays_open(config, files, monkeypatch):
    tracker, other = Tracker(config), Tracker(config)
    run_id = leave_open(tracker)
    opened = []

    def open_again():
        opened.append(other.again("sweep", TAGS))
        opened[0].__enter__()

    when_asked_whether_it_lives(monkeypatch, open_again)
    assert tracker.mark_stale() == []
    assert status(tracker, run_id) == "RUNNING"
    other.log(run_id, RECORD, files)
    opened[0].__exit__(None, None, None)
    assert status(tracker, run_id) == "FINISHED"
    assert "stale" not in tracker.get(run_id).data.tags


def test_nobody_opens_a_run_while_it_is_being_closed(config, monkeypatch):
    """Between the last look and the closing another process waits for the lock of mlruns."""
    from filelock import FileLock, Timeout

    tracker = Tracker(config)
    run_id = leave_open(tracker)
    real, held = tracker.client.set_terminated, []

    def closing(*args):
        with pytest.raises(Timeout):
            FileLock(tracker._lock).acquire(timeout=0)
        held.append(args)
        return real(*args)

    with monkeypatch.context() as m:
        m.setattr(tracker.client, "set_terminated", closing)
        assert tracker.mark_stale() == [run_id]
    assert len(held) == 1
    with tracker.again("sweep", TAGS) as again:
        assert again == run_id
        assert status(tracker, run_id) == "RUNNING"


def test_runs_that_cannot_be_seen_from_here_are_left_alone(config):
    tracker = Tracker(config)
    elsewhere = leave_open(tracker, host="another")
    contained = leave_open(tracker, pid_namespace="pid:[1]")  # a container with this host's name
    gone = leave_open(tracker)
    assert tracker.mark_stale() == [gone]
    assert [status(tracker, run_id) for run_id in (elsewhere, contained)] == ["RUNNING"] * 2


def test_a_process_lives_until_it_ends_even_unasked_for_by_its_parent():
    process = subprocess.Popen(["sleep", "600"])
    start = psutil.Process(process.pid).create_time()
    tags = {**owner.owner(), "pid": str(process.pid), "process_start": repr(start)}
    assert owner.alive(tags)
    assert owner.alive(
        {**tags, "process_start": repr(start + 1)}
    )  # read after a clock's correction
    assert not owner.alive(
        {**tags, "process_start": repr(start - 3600)}
    )  # its pid came round again
    process.kill()
    deadline = time.monotonic() + 20
    while psutil.Process(process.pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
    assert not owner.alive(tags)
    process.wait()
    assert not owner.alive(tags)


@pytest.mark.parametrize("tags", [{}, {"pid": "x", "process_start": "1"}, {"pid": "-4"}])
def test_tags_that_name_no_process_name_none_that_lives(tags):
    assert not owner.alive(tags)


def test_this_process_is_alive_and_here():
    assert owner.alive(owner.owner()) and owner.here(owner.owner())
    assert not owner.here({**owner.owner(), "host": "another"})


@pytest.mark.slow
def test_runs_that_finish_while_another_process_looks_for_left_ones_are_finished(config):
    """Processes that exit at once after finishing, a listing at every moment of it."""
    tracker, n = Tracker(config), 15
    writer = """
import os, sys
from emo.config.schema import RunConfig
from emo.tracking import Tracker
def one(name):
    with Tracker(RunConfig(root=sys.argv[1])).run(name, {"fingerprint": name}):
        pass
    os._exit(0)
for i in range(int(sys.argv[2])):
    child = os.fork()
    if child == 0:
        one(f"run {i}")
    os.waitpid(child, 0)
"""
    looked = 0
    with subprocess.Popen(
        [sys.executable, "-c", writer, config.root, str(n)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        while process.poll() is None:
            assert tracker.mark_stale() == []
            looked += 1
        assert process.returncode == 0, process.stderr.read()
    runs = tracker.client.search_runs([tracker.experiment_id])
    assert [run.info.status for run in runs] == ["FINISHED"] * n
    assert looked > n
