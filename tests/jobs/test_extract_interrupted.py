"""What a run that fails, is killed, or runs twice at once leaves behind."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from emo.activations import hf
from emo.activations.backend import OutOfMemory
from emo.cli import run_job
from emo.runs import files as run_files
from emo.runs.plan import make_plan
from emo.tracking import Tracker
from tests.conftest import ROOT, TINY


def test_a_failing_run_is_closed_as_failed_with_its_reason(tiny_config, monkeypatch):
    real = hf.HFBackend.resid_post

    def full(self, batch):
        if len(batch.spans) == len(batch.ids):  # the trial reads every token of its text
            raise OutOfMemory
        return real(self, batch)

    monkeypatch.setattr(hf.HFBackend, "resid_post", full)
    config = tiny_config()
    outcome = run_job(config)
    assert "out of memory on a single text" in outcome.error
    tracker = Tracker(config)
    (run,) = tracker.client.search_runs([tracker.experiment_id])
    assert run.info.status == "FAILED"
    assert "out of memory" in run.data.tags["error"]


def test_full_disk_while_writing_the_files_is_one_line(tiny_config, monkeypatch):
    def full(*_args):
        raise OSError(28, "No space left on device", "rdm.csv")

    monkeypatch.setattr(run_files, "rdm_csv", full)
    config = tiny_config()
    outcome = run_job(config)
    assert "cannot be written (No space left on device)" in outcome.error
    assert "what was computed before is kept" in outcome.error and "\n" not in outcome.error
    monkeypatch.undo()
    again = run_job(config)  # nothing half-written is taken for finished, nothing read again
    assert (again.status, again.passes_done) == ("finished", 0)


def test_server_that_does_not_answer(tiny_config):
    outcome = run_job(tiny_config("tracking=server", "tracking.uri=http://127.0.0.1:9"))
    assert outcome.failed
    assert "no MLflow server answers" in outcome.error
    assert "\n" not in outcome.error


def test_stale_run_is_closed_and_never_taken_for_finished(tiny_config):
    config = tiny_config()
    tracker = Tracker(config)
    plan = make_plan(config)
    tags = {"fingerprint": plan.provenance.fingerprint}
    dead = tracker.client.create_run(
        tracker.experiment_id,
        tags={**tags, "host": __import__("socket").gethostname(), "pid": "1", "process_start": "5"},
    ).info.run_id
    with tracker.run("alive", {}) as alive:
        assert tracker.mark_stale() == [dead]
        assert tracker.get(alive).info.status == "RUNNING"
    assert tracker.get(dead).info.status == "KILLED"
    assert tracker.find_finished(plan.provenance.fingerprint) is None


SCRIPT = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from emo.activations import hf, reading
from emo.cli import run_job
from emo.config.resolve import compose
reading.SHARD_BYTES = 4096
if sys.argv[3] == "slow":
    import time
    real = hf.HFBackend.resid_post
    def slow(self, batch):
        time.sleep(0.2)
        return real(self, batch)
    hf.HFBackend.resid_post = slow
config = compose(*{TINY!r}, "backend.batch_size=2", "stimuli.path=" + sys.argv[2], root=sys.argv[1])
print(run_job(config).to_json())
"""


def process(root, csv, speed):
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(root), str(csv), speed],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


@pytest.mark.slow
def test_two_processes_at_once_give_identical_files(tmp_path, small_csv):
    """Also the first start of a database by two processes at the same moment."""
    roots = [tmp_path / "shared", tmp_path / "shared", tmp_path / "alone"]
    running = [process(root, small_csv, "fast") for root in roots]
    results = [json.loads(p.communicate(timeout=120)[0].splitlines()[-1]) for p in running]
    assert {r["status"] for r in results} <= {"finished", "reused"}
    files = [r["artifacts"]["vectors.safetensors"].removeprefix("file://") for r in results]
    contents = {Path(f).read_bytes() for f in files}
    assert len(contents) == 1
    assert len({json.dumps(r["metrics"]) for r in results}) == 1


@pytest.mark.slow
def test_a_killed_run_resumes(tmp_path, small_csv):
    deadline = time.monotonic() + 60
    with process(tmp_path, small_csv, "slow") as first:
        while len(list(tmp_path.glob(".cache/activations/*/*.safetensors"))) < 3:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        first.send_signal(signal.SIGKILL)
    out = process(tmp_path, small_csv, "fast").communicate(timeout=120)[0]
    result = json.loads(out.splitlines()[-1])
    assert result["status"] == "finished"
    assert result["forward_passes"]["reused"] >= 6
    assert sum(result["forward_passes"].values()) == 50
    undisturbed = process(tmp_path / "other", small_csv, "fast").communicate(timeout=120)[0]
    assert json.loads(undisturbed.splitlines()[-1])["metrics"] == result["metrics"]
