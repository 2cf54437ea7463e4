"""One run for several processes that start together."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from emo.cli import run_job
from emo.errors import EmoError
from emo.jobs import record
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
        with record.again(config, tracker, "study s", TAGS) as run_id:
            return run_id

    with ThreadPoolExecutor() as pool:
        found = set(pool.map(start, [Tracker(config) for _ in range(3)]))
    assert found == {run.info.run_id for run in runs(config, **TAGS)}
    assert len(found) == 1


def test_it_is_closed_as_it_ends(tiny_config):
    config = tiny_config()
    with (
        pytest.raises(EmoError, match="broke"),
        record.again(config, Tracker(config), "study s", TAGS),
    ):
        raise EmoError("broke")
    (run,) = runs(config)
    assert (run.info.status, run.data.tags["error"]) == ("FAILED", "broke")


def test_no_password_of_any_field_is_logged_by_any_job(tiny_config):
    config = tiny_config(
        "job.study.storage=postgresql://me:s3cret@db/study",
        "model.id=https://me:s3cret@models.example/x",
    )
    outcome = run_job(config)
    tracker = Tracker(config)
    run = tracker.get(outcome.run_id)
    for name in ("config.json", "provenance.json"):
        assert "s3cret" not in tracker.artifact(outcome.run_id, name).read_text()
    assert "s3cret" not in str(run.to_dictionary())
    assert not {"job.study.storage", "tracking.uri", "root"} & run.data.params.keys()
    assert run.data.params["model.id"] == "https://models.example/x"
    assert run_job(config).status == "reused"
