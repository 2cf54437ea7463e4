"""A disk without room: one line that names the place, no half file, and the same command goes on.

Needs the right to mount a small disk in memory; skipped without.
"""

import os
import shutil
import subprocess

import pytest

from emo.cli import run_job
from emo.files.whole import PARTIAL
from emo.tracking import Tracker

FULL = "No space left on device"
SLOW = pytest.mark.slow


@pytest.fixture
def disk():
    """Mounts a small disk on a folder and fills it but for some bytes; the ballast can be removed."""
    mounted = []

    def mount(folder, room, size=16 * 2**20):
        folder.mkdir(parents=True, exist_ok=True)
        command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
        if os.geteuid() != 0 or shutil.which("mount") is None:
            pytest.skip("only root mounts disks")
        if subprocess.run(command, capture_output=True).returncode != 0:
            pytest.skip("no disk can be mounted here")
        mounted.append(folder)
        return fill(folder, room)

    yield mount
    for folder in reversed(mounted):
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder, room):
    ballast = folder / "ballast"
    free = os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize
    ballast.write_bytes(bytes(max(0, free - room)))
    return ballast


def one_line(outcome, *words):
    assert outcome.failed
    assert "\n" not in outcome.error
    for word in words:
        assert word in outcome.error, outcome.error


@pytest.mark.parametrize(
    ("form", "room"),
    [
        pytest.param(form, room, marks=() if (form, room) == ("gguf", 8192) else SLOW)
        for form in ("safetensors", "gguf", "repeng")
        for room in (0, 8192, 12288)
    ],
)
def test_exports_are_all_there_or_none(tiny_config, disk, form, room):
    source = run_job(tiny_config())
    export = tiny_config(
        "job=export", f"job.export.run={source.run_id}", f"job.export.format={form}"
    )
    folder = export.path("exports")
    ballast = disk(folder, room)
    one_line(run_job(export), f"job.export.folder={folder}", FULL)
    assert [p.name for p in folder.iterdir()] == ["ballast"]
    ballast.unlink()
    done = run_job(export)
    assert done.error is None
    files = {p.name: p.read_bytes() for p in folder.iterdir()}
    assert sorted(files) == sorted(done.artifacts)
    fill(folder, room)
    one_line(run_job(export), f"job.export.folder={folder}", FULL)
    (folder / "ballast").unlink()
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == files


@SLOW
@pytest.mark.parametrize("room", [0, 65536])
def test_the_store(tiny_config, disk, room):
    config = tiny_config()
    ballast = disk(config.path(config.paths.store), room)
    one_line(run_job(config), "paths.store=", FULL)
    ballast.unlink()
    assert run_job(config).error is None
    assert not list(config.path(config.paths.store).rglob(f"{PARTIAL}*"))


@pytest.mark.parametrize("room", [pytest.param(0, marks=SLOW), 65536])
def test_results_that_cannot_be_written_down(tiny_config, disk, room):
    config = tiny_config()
    assert run_job(config).error is None  # the activations are there then
    folder = config.path(config.paths.store)
    kept = folder.rename(folder.with_name("kept"))
    disk(folder, 2**23)
    shutil.copytree(kept, folder, dirs_exist_ok=True)
    (folder / "ballast").unlink()
    fill(folder, room)
    again = tiny_config("force=true")
    one_line(run_job(again), f"paths.store={folder}: the files of the result", FULL)
    assert not list(folder.rglob(f"{PARTIAL}*"))
    tracker = Tracker(config)
    states = [r.info.status for r in tracker.client.search_runs([tracker.experiment_id])]
    assert sorted(states) == ["FAILED", "FINISHED"]
    (folder / "ballast").unlink()
    done = run_job(again)
    assert (done.error, done.passes_done) == (None, 0)


@SLOW
@pytest.mark.parametrize("room", [0, 65536])
def test_artifacts_that_find_no_room_wait_in_the_spool(tiny_config, disk, room):
    config = tiny_config()
    ballast = disk(config.path("mlruns") / "artifacts", room)
    one_line(run_job(config), FULL, "job=sync")
    assert run_job(tiny_config("job=sync")).metrics["stay"] == 1
    ballast.unlink()
    assert run_job(tiny_config("job=sync")).metrics["delivered"] == 1
    again = run_job(config)
    assert again.status == "reused"


@SLOW
@pytest.mark.parametrize("room", [0, 65536, 400_000])
def test_a_project_without_room_at_all(tiny_config, disk, room):
    config = tiny_config("seed=1")
    whole = config.path("mlruns")
    ballast = disk(whole, 2**23)
    first = run_job(tiny_config())
    ballast.unlink()
    fill(whole, room)
    one_line(run_job(config), "tracking.uri=sqlite:///")
    ballast.unlink()
    done = run_job(config)
    assert done.error is None
    assert run_job(tiny_config()).run_id == first.run_id
    tracker = Tracker(config)
    tracker.mark_stale()
    for run in tracker.client.search_runs([tracker.experiment_id]):
        if run.info.status == "FINISHED":
            tracker.check(run.info.run_id)


@SLOW
def test_no_temporary_folder_is_needed(tiny_config, disk, tmp_path, monkeypatch):
    full = tmp_path / "tmp"
    disk(full, 0)
    monkeypatch.setenv("TMPDIR", str(full))
    monkeypatch.setattr("tempfile.tempdir", str(full))
    done = run_job(tiny_config())
    assert done.error is None
    for job in ("job=summarize", "job=export"):
        overrides = (f"job.export.run={done.run_id}",) if job == "job=export" else ()
        assert run_job(tiny_config(job, *overrides, "job.summarize.permutations=20")).error is None
