"""Every logged file, damaged in every way, met by every job: one line, or the undamaged result."""

import csv
import hashlib
import io
import json
import shutil
from contextlib import contextmanager

import numpy as np
import pytest
import yaml

import emo
from emo.cli import run_job
from emo.config.resolve import compose
from emo.errors import EmoError
from emo.report.runs.ablation import Cost
from emo.tracking import Tracker
from emo.tracking.record import CHECKSUMS
from tests.conftest import TINY, write_small_csv

GENERATION = ("method=generation", "subparams=loose", "subparams.max_new_tokens=12")
STEER = (
    "job=steer",
    "job.steer.scenarios=[one]",
    "job.steer.strengths=[0.2]",
    "job.steer.controls=[]",
    "job.steer.max_new_tokens=4",
)
SCENARIO = {"id": "one", "mood": "calm", "emotion": "sad", "text": "The letter lay on the table"}
KINDS = {"comprehension": (), "generation": GENERATION, "steering": STEER}
SUMMARY = ("job=summarize", "job.summarize.permutations=20", "job.summarize.n_bootstrap=10")
JOBS = {
    "comprehension": ("rerun", "export", "steer", "job.steer.run", "summarize", "api"),
    "generation": ("rerun", "export", "summarize", "api"),
    "steering": ("rerun", "summarize"),
}
READ = (".safetensors", "descriptors.json", "generation.json", "steering.json", "texts.jsonl")
"""Ends of names of files that jobs other than a repetition read."""
TYPES = ("null", "[]", "{}", "[1, 2]", "NaN", '"text"', "[" * 100_000, '{"curves": 1}')


class Project:
    """Three runs, what the jobs make of them undamaged, and a way to have it all back."""

    def __init__(self, root):
        self.root = root
        write_small_csv(root)
        (root / "scenarios.yaml").write_text(yaml.safe_dump([SCENARIO]))
        self.tracker = Tracker(self.config())
        self.runs, self.metrics = {}, {}
        for kind, overrides in KINDS.items():
            outcome = run_job(self.config(*overrides))
            assert outcome.error is None
            self.runs[kind] = outcome.run_id
            self.metrics[kind] = outcome.metrics
        self.kept = set(self.runs.values())
        self.exports = {kind: self.export(kind)[1] for kind in ("comprehension", "generation")}
        self.summary = run_job(self.config(*SUMMARY))
        assert self.summary.error is None
        self.forget()

    def config(self, *overrides):
        return compose(
            *TINY,
            f"stimuli.path={self.root / 'small.csv'}",
            f"job.steer.scenarios_path={self.root / 'scenarios.yaml'}",
            *overrides,
            root=self.root,
        )

    def folder(self, kind):
        return self.tracker.artifact(self.runs[kind], "config.json").parent

    def files(self, kind):
        folder = self.folder(kind)
        return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())

    def forget(self):
        """Delete the runs that a job has made meanwhile."""
        for run in self.tracker.client.search_runs([self.tracker.experiment_id]):
            if run.info.run_id not in self.kept:
                self.tracker.client.delete_run(run.info.run_id)

    def export(self, kind):
        shutil.rmtree(self.root / "exports", ignore_errors=True)
        outcome = run_job(self.config("job=export", f"job.export.run={self.runs[kind]}"))
        folder = self.root / "exports"
        files = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.glob("*")}
        return outcome, files

    @contextmanager
    def damaged(self, kind, name, damage, unlisted=False):
        """One file damaged; ``unlisted`` takes the checksums away, as in runs of before."""
        path = self.folder(kind) / name
        run_id, content = self.runs[kind], path.read_bytes()
        tag = self.tracker.get(run_id).data.tags[CHECKSUMS]
        if unlisted:
            self.tracker.client.delete_tag(run_id, CHECKSUMS)
        path.unlink()
        if damage == "folder":
            path.mkdir()
        elif damage != "missing":
            path.write_bytes(damage if isinstance(damage, bytes) else damaging(content, damage))
        try:
            yield
        finally:
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
            path.write_bytes(content)
            self.tracker.client.set_tag(run_id, CHECKSUMS, tag)
            self.forget()


def damaging(content, damage):
    rng = np.random.default_rng(len(content))
    if damage == "flip":
        changed = bytearray(content)
        changed[rng.integers(len(content))] ^= 1 << int(rng.integers(8))
        return bytes(changed)
    return {
        "empty": b"",
        "cut": content[: len(content) // 2],
        "garbage": rng.bytes(len(content)),
        "huge header": b"\xff" * 7 + b"\x7f" + content[8:],
    }[damage]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return Project(tmp_path_factory.mktemp("project"))


def same(a, b):
    """Two headlines, numbers to their last digits but a few."""
    return a.keys() == b.keys() and all(
        a[k] == (pytest.approx(v, nan_ok=True, rel=1e-6) if isinstance(v, float) else v)
        for k, v in b.items()
    )


def check_refused(error, project, kind, name):
    assert "\n" not in error
    assert project.runs[kind] in error
    assert name in error or "checksums.json" in error, error
    assert "force=true repeats" in error


def check(project, kind, name, job, caplog):
    """One job over the damage: refused in one line with run, file and way out, or as undamaged."""
    project.forget()
    caplog.clear()
    run_id = project.runs[kind]
    if job == "rerun":
        outcome = run_job(project.config(*KINDS[kind]))
        assert outcome.error is None
        assert same(outcome.metrics, project.metrics[kind])
        (line,) = [m for m in caplog.messages if run_id in m and "this fingerprint" not in m] or [
            ""
        ]
        repeated = outcome.run_id != run_id
        assert repeated == (name in line or "checksums.json" in line)
    elif job == "export":
        outcome, files = project.export(kind)
        assert files == ({} if outcome.failed else project.exports[kind])
        if outcome.failed:
            check_refused(outcome.error, project, kind, name)
    elif job == "steer":  # its own extraction, which is made again
        outcome = run_job(project.config(*STEER, "force=true"))
        assert outcome.error is None
        assert same(outcome.metrics, project.metrics["steering"])
    elif job == "job.steer.run":
        outcome = run_job(project.config(*STEER, f"job.steer.run={run_id}", "force=true"))
        if outcome.failed:
            check_refused(outcome.error, project, kind, name)
        else:
            assert same(outcome.metrics, project.metrics["steering"])
    elif job == "summarize":
        check_summary(project, kind, name, caplog)
    elif job == "api":
        loaded = emo.load_run(run_id, root=project.root)
        parts = ("vectors", "activations", "descriptors" if kind == "comprehension" else "vectors")
        for part in parts:
            try:
                getattr(loaded, part)
            except EmoError as error:
                check_refused(str(error), project, kind, name)


def check_summary(project, kind, name, caplog):
    outcome = run_job(project.config(*SUMMARY))
    if outcome.failed:
        assert project.runs[kind][:8] in outcome.error or name in outcome.error
        assert "\n" not in outcome.error
    elif outcome.metrics["runs_used"] < project.summary.metrics["runs_used"]:
        path = project.tracker.artifact(outcome.run_id, "tables/left_out.csv")
        rows = csv.DictReader(io.StringIO(path.read_text()))
        (reason,) = {r["reason"] for r in rows if r["run"] == project.runs[kind][:8]}
        assert name in reason or "checksums.json" in reason
    else:
        assert same(outcome.metrics, project.summary.metrics)
        if name == "embedding.safetensors":
            named = any("embedding.safetensors" in m and "without" in m for m in caplog.messages)
            tags = project.tracker.get(project.runs[kind]).data.tags
            there = (project.folder(kind) / name).is_file()
            # A run without checksums and without the file is one of before the file was logged.
            assert named == (there or CHECKSUMS in tags)


@pytest.mark.slow
def test_an_undamaged_run_is_reused_and_its_files_are_listed(project):
    for kind in KINDS:
        listed = json.loads((project.folder(kind) / "checksums.json").read_text())
        assert sorted([*listed, "checksums.json"]) == project.files(kind)
        outcome = run_job(project.config(*KINDS[kind]))
        assert (outcome.status, outcome.run_id) == ("reused", project.runs[kind])


@pytest.mark.parametrize(
    ("kind", "name", "damage", "jobs"),
    [
        ("comprehension", "vectors.safetensors", "flip", ("rerun", "export", "api", "steer")),
        ("comprehension", "activations.safetensors", "cut", ("rerun", "api")),
        ("comprehension", "descriptors.json", b"[" * 100_000, ("rerun", "api", "job.steer.run")),
        ("comprehension", "embedding.safetensors", "missing", ("rerun", "summarize")),
        ("comprehension", "checksums.json", "flip", ("rerun", "export", "api")),
        ("generation", "texts.jsonl", "folder", ("rerun", "export")),
        ("generation", "figures/rdm.png", "garbage", ("rerun",)),
        ("steering", "steering.json", "empty", ("rerun",)),
    ],
)
@pytest.mark.slow
def test_damage_is_one_line_or_made_good(project, kind, name, damage, jobs, caplog):
    with project.damaged(kind, name, damage):
        for job in jobs:
            check(project, kind, name, job, caplog)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "damage", "job"),
    [
        ("vectors.safetensors", "cut", "rerun"),
        ("vectors.safetensors", "huge header", "export"),
        ("vectors.safetensors", "missing", "steer"),
        ("activations.safetensors", "garbage", "api"),
        ("descriptors.json", b"null", "job.steer.run"),
        ("descriptors.json", b'{"curves": []}', "api"),
    ],
)
def test_a_run_of_before_is_taken_with_what_can_be_checked(project, name, damage, job, caplog):
    with project.damaged("comprehension", name, damage, unlisted=True):
        check(project, "comprehension", name, job, caplog)


@pytest.mark.slow
def test_a_run_of_before_is_reused(project):
    client, run_id = project.tracker.client, project.runs["comprehension"]
    tag = project.tracker.get(run_id).data.tags[CHECKSUMS]
    client.delete_tag(run_id, CHECKSUMS)
    try:
        assert run_job(project.config()).run_id == run_id
        assert not run_job(project.config(*SUMMARY)).failed
    finally:
        client.set_tag(run_id, CHECKSUMS, tag)
        project.forget()


@pytest.mark.slow
def test_a_damaged_extraction_does_not_stop_steering_for_ever(project, caplog):
    """Each time the run that was made again is found, and nothing is made a third time."""
    name = "vectors.safetensors"
    with project.damaged("comprehension", name, "flip"):
        for _ in range(2):
            outcome = run_job(project.config(*STEER, "force=true"))
            assert outcome.error is None
        finished = project.tracker.all_finished(job="extract", method="comprehension")
        assert len(finished) == 2


def cases(kind, project):
    """Every file with its damages, and the jobs that are to meet them."""
    for name in project.files(kind):
        read = name.endswith(READ) or name == "checksums.json"
        types = TYPES if name.endswith((".json", ".jsonl")) and read else ()
        header = ("huge header",) if name.endswith(".safetensors") else ()
        for damage in ("empty", "cut", "flip", "garbage", "folder", "missing", *types, *header):
            named = damage.encode() if damage in types else damage
            yield name, named, JOBS[kind] if read else ("rerun",)


@pytest.mark.slow
@pytest.mark.parametrize("unlisted", [False, True])
@pytest.mark.parametrize("kind", list(KINDS))
def test_every_file_every_damage_every_job(project, kind, unlisted, caplog):
    n = 0
    for name, damage, jobs in cases(kind, project):
        if unlisted and (damage == "flip" or not name.endswith(READ)):
            continue  # nothing there says that a bit has changed
        for job in jobs:
            with project.damaged(kind, name, damage, unlisted):
                check(project, kind, name, job, caplog)
            n += 1
    print(f"{kind}: {n} cases")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "overrides"),
    [
        ("precision.json", ("job=precision", "job.precision.precisions=[bf16]")),
        ("equivalence.json", ("job=equivalence",)),
        ("ablation.json", ("job=ablate", "job.ablate.tokens=[12,6]", "job.ablate.samples=[2,1]")),
    ],
)
def test_records_of_other_jobs(tiny_config, name, overrides, caplog):
    """Each damage is met by the repetition that the damage before it has caused."""
    if name == "equivalence.json":
        pytest.importorskip("transformer_lens")
    config = tiny_config(*overrides)
    first = last = run_job(config)
    assert first.error is None
    for damage in ("flip", "folder", "missing", b"[" * 100_000):
        path = Tracker(config).artifact(last.run_id, name)
        content = path.read_bytes()
        path.unlink()
        if damage == "folder":
            path.mkdir()
        elif damage != "missing":
            path.write_bytes(damage if isinstance(damage, bytes) else damaging(content, damage))
        caplog.clear()
        again = run_job(config)
        assert (again.error, again.status) == (None, "finished")
        assert f"run {last.run_id} is finished but {name}" in caplog.text
        told = {
            k: v
            for k, v in first.metrics.items()
            if k not in Cost.__annotations__ and not k.startswith("seconds_")
        }
        assert same({k: again.metrics[k] for k in told}, told)
        last = again
    assert run_job(config).status == "reused"
