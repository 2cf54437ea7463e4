"""One run for several processes that start together; locks and what is put together in the store."""

import errno
import os
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from emo.cli import run_job
from emo.errors import EmoError, StoreError
from emo.files.whole import DAY_S, PARTIAL
from emo.runs import reuse
from emo.tracking import Tracker
from tests.jobs.conftest import runs

TAGS = {"job": "sensitivity", "study": "s"}


def test_a_run_opened_again_by_several_at_once_is_one(tiny_config, monkeypatch):
    config = tiny_config()
    create = Tracker._create

    def slowly(*args):
        time.sleep(0.5)
        return create(*args)

    monkeypatch.setattr(Tracker, "_create", slowly)

    def start(tracker):
        with reuse.reopen(config, tracker, "study s", TAGS) as run_id:
            return run_id

    with ThreadPoolExecutor() as pool:
        run_ids = set(pool.map(start, [Tracker(config) for _ in range(3)]))
    assert run_ids == {run.info.run_id for run in runs(config, **TAGS)}
    assert len(run_ids) == 1


def test_it_is_closed_as_it_ends(tiny_config):
    config = tiny_config()
    with (
        pytest.raises(EmoError, match="broke"),
        reuse.reopen(config, Tracker(config), "study s", TAGS),
    ):
        raise EmoError("broke")
    (run,) = runs(config)
    assert (run.info.status, run.data.tags["error"]) == ("FAILED", "broke")


@pytest.mark.parametrize("name", ["../../evil", "/evil", "a/b", "..", "x" * 300, "a\nb", ""])
def test_no_name_leads_out_of_the_folder_of_locks(tiny_config, name):
    config = tiny_config()
    with reuse.locked(config, name):
        (lock,) = config.path(config.paths.store).rglob("*.lock")
    assert lock.parent == config.path(config.paths.store) / "locks"
    assert len(lock.name) == 64 + len(".lock")


@pytest.mark.parametrize("thing", ["folder", "nowhere"])
def test_a_lock_that_is_no_file_is_one_line(tiny_config, thing):
    config = tiny_config()
    lock = config.path(config.paths.store) / "locks" / "study.lock"
    lock.parent.mkdir(parents=True)
    lock.mkdir() if thing == "folder" else lock.symlink_to("/nowhere/at/all")
    with (
        pytest.raises(StoreError, match=r"paths\.store=\.cache/activations: no lock: "),
        reuse.locked(config, "study"),
    ):
        pass


def test_results_are_put_together_in_the_store_and_nothing_stays(tiny_config):
    config = tiny_config()
    store = config.path(config.paths.store)
    remaining = store / f"{PARTIAL}left"
    remaining.mkdir(parents=True)
    os.utime(remaining, (0, time.time() - 2 * DAY_S))
    with reuse.staged(config) as folder:
        (folder / "a").write_text("a")
        assert folder.parent == store
        assert not remaining.exists()
    assert list(store.iterdir()) == []


def test_results_that_find_no_room_are_one_line(tiny_config):
    config = tiny_config()
    with (
        pytest.raises(StoreError, match=r"paths\.store=.*No space left on device\); what was"),
        reuse.staged(config),
    ):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert list(config.path(config.paths.store).iterdir()) == []


def test_an_address_for_a_model_is_refused_without_its_password(tiny_config):
    outcome = run_job(tiny_config("model.id=https://me:s3cret@models.example/x"))
    assert outcome.error.startswith("model.id=https://models.example/x")
    assert "s3cret" not in str(outcome)


def test_no_password_of_any_field_is_logged_by_any_job(tiny_config):
    config = tiny_config(
        "job.sensitivity.storage=postgresql://me:s3cret@db/study",
    )
    outcome = run_job(config)
    tracker = Tracker(config)
    run = tracker.get(outcome.run_id)
    for name in ("config.json", "provenance.json"):
        assert "s3cret" not in tracker.artifact(outcome.run_id, name).read_text()
    assert "s3cret" not in str(run.to_dictionary())
    assert not {"job.sensitivity.storage", "tracking.uri", "root"} & run.data.params.keys()
    assert run_job(config).status == "reused"
