"""Sweeps: their parent, their order, what a failing job does, what kill -9 leaves behind."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from emo.config.resolve import compose, schema
from emo.core.stats.resampling import stream
from emo.errors import EmoError, run_of
from emo.launch.sweep_points import Point, composed, ordered, shared_and_varied, sweep_id
from emo.redact import reference_to
from emo.runs.outcome import Outcome
from emo.sweeping import _recorded, _results, repeat
from emo.tracking import RunRecord, Spooled, Tracker
from hydra_plugins.emo_sweeper import EmoSweeper
from tests.conftest import ROOT, TINY


def point(*overrides):
    return Point(overrides, compose("model=tiny", *overrides))


def test_points_that_share_a_model_follow_each_other():
    jobs = [
        point(f"method.readout={readout}", f"precision={precision}", f"backend.batch_size={size}")
        for readout in ("last", "mean")
        for precision in ("fp32", "bf16")
        for size in (1, 2)
    ]
    names = [p.config.precision.name.value for p in ordered(jobs)]
    assert names == ["fp32"] * 4 + ["bf16"] * 4
    assert [p for p in ordered(jobs) if p.loads == jobs[0].loads] == [
        p for p in jobs if p.loads == jobs[0].loads
    ]


@pytest.mark.parametrize(
    "other",
    [
        "model.tiny.seed=1",
        "model.revision=x",
        "precision=bf16",
        "precision=nf4",
        "backend=tl",
        "backend.attention=sdpa",
    ],
)
def test_what_needs_another_load_is_told_apart(other):
    assert point(other).loads != point().loads
    assert point("seed=1", "method.readout=mean", "backend.batch_size=3").loads == point().loads


def test_a_sweep_is_named_by_its_points_alone(tmp_path):
    one, two = point("seed=1"), point("seed=2")
    assert sweep_id([one, two]) == sweep_id([two, one])
    assert sweep_id([one]) != sweep_id([two]) != sweep_id([one, two])
    same = point("force=true", "seed=1", "output=json", f"tracking.uri=sqlite:///{tmp_path}/x.db")
    assert sweep_id([same]) == sweep_id([one])


def test_command_that_repeats_what_failed(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["x/launch.py", "-m", "seed=1,2", "stimuli.path=a b.csv"])
    good, bad = Outcome("finished"), Outcome("failed")
    pair = [point("seed=1"), point("seed=2")]
    assert repeat(pair, [good, bad]) == ["python launch.py -m seed=1,2 'stimuli.path=a b.csv'"]
    forced = [point("force=true", "seed=1"), point("force=true", "seed=2")]
    assert repeat(forced, [good, bad]) == ["python launch.py force=true seed=2"]


def test_outcome_survives_being_written():
    outcome = Outcome("finished", "f", "r", {"a": 1.5, "b": None}, {"x.csv": "u"}, 3, 4)
    assert Outcome.from_json(outcome.to_json()) == outcome


@pytest.fixture
def sweep(tmp_path, small_csv):
    """A sweep in a process of its own; ``prelude`` is Python run before it."""
    project = tmp_path / "project"
    project.mkdir()
    for name in ("conf", "emo"):
        (project / name).symlink_to(ROOT / name)

    def start(*args, prelude="", **env):
        script = (
            f"import sys; sys.argv[0] = 'launch.py'; {prelude}\n"
            f"from emo.cli import main; main({str(project / 'launch.py')!r})"
        )
        command = [sys.executable, "-c", script, "-m", *TINY, f"stimuli.path={small_csv}", *args]
        return subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=project,
            start_new_session=True,  # a group of its own, to be killed whole
            env={**os.environ, "PYTHONPATH": str(ROOT), **env},
        )

    start.project = project
    return start


def runs(project):
    tracker = Tracker(compose("model=tiny", root=project))
    return tracker.client.search_runs([tracker.experiment_id])


def parent_and_children(project):
    logged = runs(project)
    (parent,) = (run for run in logged if run.data.tags["job"] == "sweep")
    children = [run for run in logged if run is not parent]
    for child in children:
        assert child.data.tags["mlflow.parentRunId"] == parent.info.run_id
    return parent, children


@pytest.mark.slow
def test_a_failing_job_is_logged_and_the_others_go_on(sweep, small_csv):
    """One point whose passages are flawed, one that breaks with a bug, one that is fine."""
    flawed = small_csv.with_name("flawed.csv")
    flawed.write_text(
        small_csv.read_text().replace("On the quay number 0 someone", "", 1) + "sad,x,,\n"
    )
    prelude = (
        "from emo.jobs import extract; from emo import jobs; real = extract.run\n"
        "def run(config):\n"
        "    if config.seed == 1: raise RuntimeError('a bug nobody\\nforesaw')\n"
        "    return real(config)\n"
        "extract.run = run"
    )
    args = ("seed=1,2", f"stimuli.path={flawed},{small_csv}")
    done = sweep(*args, prelude=prelude)
    out, err = done.communicate(timeout=120)
    assert done.returncode == 1
    assert "Traceback" not in err
    parent, children = parent_and_children(sweep.project)
    assert parent.info.status == "FAILED"
    assert parent.data.tags["error"].startswith("3 of 4 points failed, the first: ")
    assert parent.data.metrics["headline/failed"] == 3
    assert sorted(run.info.status for run in children) == ["FAILED"] * 3 + ["FINISHED"]
    reasons = sorted(run.data.tags["error"] for run in children if run.info.status == "FAILED")
    assert reasons[0].startswith("RuntimeError: a bug nobody (traceback in ")
    assert reasons[2].startswith(f"stimuli.path={flawed}:\n  line 32: text is empty")
    (kept, _) = sweep.project.glob("multirun/*/*/traceback.txt")
    assert "RuntimeError: a bug nobody\nforesaw" in kept.read_text()
    table = out[out.index("\nsweep ") :]
    assert table.count("\n  failed  ") == 3
    assert len([line for line in table.splitlines() if "  finished  " in line]) == 1
    assert "python launch.py -m model=tiny" in table

    again = sweep(*reversed(args))  # in other words, without the bug
    out, _ = again.communicate(timeout=120)
    table = out[out.index("\nsweep ") :]
    assert again.returncode == 1
    for status in ("reused", "finished"):
        assert len([line for line in table.splitlines() if f"  {status}  " in line]) == 1
    assert parent_and_children(sweep.project)[0].info.run_id == parent.info.run_id

    mended = sweep("seed=1,2", f"stimuli.path={small_csv}", "output=json")
    out, _ = mended.communicate(timeout=120)
    last = json.loads(out.splitlines()[-1])
    assert mended.returncode == 0
    assert (last["status"], last["metrics"]["reused"], last["metrics"]["failed"]) == (
        "finished",
        2,
        0,
    )


@pytest.mark.slow
def test_traceback_is_printed_where_it_is_asked_for(sweep):
    prelude = "from emo.jobs import extract\ndef run(config): raise MemoryError\nextract.run = run"
    done = sweep("seed=1", prelude=prelude, HYDRA_FULL_ERROR="1")
    _, err = done.communicate(timeout=120)
    assert done.returncode == 1
    assert "Traceback" in err
    (run,) = parent_and_children(sweep.project)[1]
    assert run.data.tags["error"].startswith("MemoryError: no reason given")


@pytest.mark.slow
def test_a_run_that_was_opened_is_the_one_marked_failed(sweep):
    prelude = (
        "from emo.pipeline import comprehension\n"
        "def broken(*_): raise ValueError('in the middle')\n"
        "comprehension._describe = broken"
    )
    done = sweep("seed=1", prelude=prelude)
    done.communicate(timeout=120)
    _, children = parent_and_children(sweep.project)
    (run,) = children  # not a second one for the same failure
    assert run.info.status == "FAILED"
    assert run.data.tags["error"] == "in the middle"


@pytest.mark.slow
def test_the_parent_holds_the_table(sweep):
    sweep("seed=1,2").communicate(timeout=120)
    parent, children = parent_and_children(sweep.project)
    tracker = Tracker(compose("model=tiny", root=sweep.project))
    with tracker.artifact(parent.info.run_id, "sweep.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["seed"] for row in rows] == ["1", "2"]
    assert {row["run_id"] for row in rows} == {run.info.run_id for run in children}
    by_id = {run.info.run_id: run for run in children}
    for row in rows:
        metrics = by_id[row["run_id"]].data.metrics
        assert float(row["anisotropy"]) == pytest.approx(
            metrics["chosen on the same texts/anisotropy"]
        )


def whole_config(*words):
    """What Hydra would compose of a point's overrides."""
    import hydra
    from hydra.core.config_store import ConfigStore

    ConfigStore.instance().store(name="schema", node=schema())
    with hydra.initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        return hydra.compose("config", list(words))


def refusal(*jobs):
    with pytest.raises(EmoError) as caught:
        composed([["model=tiny", *job] for job in jobs], lambda job: whole_config(*job))
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("jobs", "line"),
    [
        (
            [["seed=1"], ["seed=-1"]],
            "1 of 2 points cannot run, so none is run: seed=-1: allowed is",
        ),
        ([["seed=-3"]], "seed=-3: allowed is a value of at least 0"),
        ([["subparams.top_p=0.5"], ["subparams.top_p=2"]], "at most 1 (at subparams.top_p=2)"),
        ([["seed=1"], ["seed=x"]], "seed=x: allowed is a whole number (at seed=x)"),
        ([["stimuli.path=no.csv", f"seed={i}"] for i in range(5)], "seed=2 and 2 more)"),
        ([[f"seed=-{i}"] for i in range(1, 9)], "; and 3 more reasons"),
        ([["job=sync"], ["job=extract"]], "job=sync: allowed is any other in a sweep"),
        ([["job=ui"], ["job=extract"]], "job=ui: allowed is any other in a sweep"),
        ([["job=export"]], "job.export.run=null: allowed is the id"),
        ([["job=steer", "job.steer.layers=3-1"]], "job.steer.layers=3-1: allowed is all, best"),
        ([["job=steer", "job.steer.layers=0-99999999999"]], "no model has 10000 layers"),
        ([["job=steer", "job.steer.scenarios=[none_such]"]], "job.steer.scenarios=['none_such']"),
        ([["job=summarize", "job.summarize.make=[E]"]], "job.summarize.make=E: allowed is A, B"),
        ([["job=ablate", "subparams.samples=3"]], "subparams.samples=3: allowed is 10 with"),
        (
            [["job=sensitivity", "job.sensitivity.objectives=[]"]],
            "job.sensitivity.objectives=[]: allowed is",
        ),
        ([["model=hub", "model.id=./none"]], "model.id=./none: no such folder"),
        ([["paths.store=/proc/x"]], "paths.store=/proc/x: "),
    ],
)
def test_what_is_wrong_with_points_is_known_before_any_is_run(jobs, line):
    assert line in refusal(*jobs)


@pytest.mark.slow
def test_a_refused_sweep_writes_nothing(sweep):
    for args in (
        ["seed=1,-1"],
        ["stimuli.path=a.csv,b.csv"],
        ["hydra/launcher=joblib_cores", "seed=x"],
    ):
        done = sweep(*args)
        out, err = done.communicate(timeout=120)
        assert done.returncode == 1
        assert out == ""
        assert [line[:7] for line in err.splitlines()] == ["error: "]
    assert {p.name for p in sweep.project.iterdir()} == {"conf", "emo"}


@pytest.mark.slow
def test_no_file_of_a_sweep_holds_a_password(sweep):
    """Given for a text that is read, so that the workers need the real one."""
    done = sweep('method.suffix="say password=hunter2"', "method.readout=suffix", "seed=1,2")
    out, err = done.communicate(timeout=240)
    assert done.returncode == 0, err
    assert "hunter2" not in out + err
    assert "method.suffix=say password=" in out
    files = [p for p in (sweep.project / "multirun").rglob("*") if p.is_file()]
    assert {p.name for p in files} == {"multirun.yaml", "outcome.json"}
    assert not [p for p in files if b"hunter2" in p.read_bytes()]
    _, children = parent_and_children(sweep.project)
    tracker = Tracker(compose("model=tiny", root=sweep.project))
    for child in children:
        config = json.loads(tracker.artifact(child.info.run_id, "config.json").read_text())
        assert config["method"]["suffix"].startswith("say password=")
    assert [line[9:] for line in err.splitlines() if "INFO    point" in line] == [
        "INFO    point 1 of 2: seed=1",
        "INFO    point 2 of 2: seed=2",
    ]


@pytest.mark.slow
def test_kill_at_random_moments_loses_and_doubles_nothing(sweep):
    args = ("seed=1,2", "precision=fp32,bf16", "method.readout=last,mean")
    rng = stream(int(os.environ.get("EMO_TEST_SEED", "0")), "kill")
    started = time.monotonic()
    killed = 0
    for moment in rng.uniform(3, 11, size=5):
        process = sweep(*args)
        try:
            process.communicate(timeout=moment)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            killed += 1
    assert killed >= 2, f"too fast to be killed ({time.monotonic() - started:.0f} s)"
    last = sweep(*args)
    _, err = last.communicate(timeout=240)
    assert last.returncode == 0, err
    parent, children = parent_and_children(sweep.project)
    assert parent.info.status == "FINISHED"
    assert "stale" not in parent.data.tags
    assert {run.info.status for run in children} <= {"FINISHED", "KILLED"}
    finished = [run for run in children if run.info.status == "FINISHED"]
    prints = [run.data.tags["fingerprint"] for run in finished]
    assert len(prints) == len(set(prints)) == 8
    _nothing_corrupt(sweep.project, finished)


def _nothing_corrupt(project, finished):
    from emo import load_run

    assert list(Path(project).rglob("*.damaged")) == []
    for run in finished:
        loaded = load_run(run.info.run_id, root=project)
        assert loaded.activations.values.shape[1] == 30
        assert loaded.vectors.values.shape[1] == 5
        assert loaded.descriptors.n_layers == 4


class Result:
    def __init__(self, value):
        self.value = value

    @property
    def return_value(self):
        if isinstance(self.value, Exception):
            raise self.value
        return self.value


def write_outcome(folder, number, **fields):
    (folder / str(number)).mkdir(parents=True)
    text = Outcome("finished", **fields).to_json()
    (folder / str(number) / "outcome.json").write_text(text)


def test_what_an_earlier_sweep_left_in_the_folder_is_not_this_ones_result(tmp_path):
    write_outcome(tmp_path, 0, run_id="old")

    def dies(_jobs, _first):
        write_outcome(tmp_path, 1, run_id="new")
        raise RuntimeError("a worker was killed")

    pair = [point("seed=1"), point("seed=2")]
    first, second = _results(pair, dies, None, tmp_path)
    assert (first.status, second.run_id) == ("failed", "new")
    assert first.error == "brought no result back (RuntimeError: a worker was killed)"


@pytest.mark.parametrize("kept", [True, False])
def test_a_point_in_the_spool_is_no_failure_of_its_own(tmp_path, kept):
    """The server was away while it ran and is back when the sweep ends."""
    parent = "0a" * 16
    away = ("tracking=server", "tracking.uri=http://127.0.0.1:9", f"tracking.parent={parent}")
    tracker = Tracker(compose("model=tiny", *away, root=tmp_path))
    with pytest.raises(Spooled if kept else RuntimeError) as caught, tracker.run("one", {}) as run:
        if not kept:
            raise RuntimeError("a bug")
        (tmp_path / "files").mkdir()
        tracker.log(run, RunRecord({}, {}, {}), tmp_path / "files")
    result = Outcome("failed", run_id=run_of(caught.value), error="said")
    back = Tracker(compose("model=tiny", root=tmp_path))
    _recorded(back, parent, point("model=tiny"), ["model=tiny"], result)
    assert len(back.client.search_runs([back.experiment_id])) == (0 if kept else 1)
    assert len(list(tracker.spool.entries())) == (1 if kept else 0)


def test_a_job_that_died_takes_no_other_with_it(tmp_path):
    ended = [Outcome("finished", run_id="a"), RuntimeError("killed"), RuntimeError("killed")]

    def launch(_jobs, _first):
        write_outcome(tmp_path, 2, run_id="c")
        return ended

    results = _results([point(f"seed={i}") for i in range(3)], launch, None, tmp_path)
    assert [r.run_id for r in results] == ["a", None, "c"]
    assert results[1].failed


def test_every_submitit_job_is_waited_for(monkeypatch):
    submitit = pytest.importorskip("submitit")
    waited = []

    class Job(submitit.Job):
        def __init__(self, end):
            self.end, self._cancel_at_deletion = end, False

    def results(job):
        waited.append(job.end)
        if isinstance(job.end, Exception):
            raise job.end
        return [job.end]

    def launch(_self, jobs, initial_job_idx):
        return [job.results()[0] for job in jobs]

    monkeypatch.setattr(submitit.Job, "results", results)
    launcher = type("L", (), {"launch": launch, "__module__": "hydra_submitit"})()
    sweeper = EmoSweeper.__new__(EmoSweeper)
    sweeper.launcher = launcher
    killed, failed = RuntimeError("killed"), ValueError("in the job")
    ends = [Result(1), killed, Result(failed), Result(4)]
    assert sweeper._launch([Job(end) for end in ends], 0) == [1, killed, failed, 4]
    assert waited == ends
    assert submitit.Job.results is results


def test_passwords_are_not_shown(monkeypatch):
    uri = "tracking.uri=postgresql://me:s3cret@db/x"
    pair = [point(uri, "seed=1"), point(uri, "seed=2"), point(uri.replace("s3", "s4"), "seed=3")]
    common, varied = shared_and_varied(pair[:2])
    monkeypatch.setattr(sys, "argv", ["launch.py", "-m", f"'{uri}'"])
    failed = [Outcome("failed")] * 3
    told = [common, varied, shared_and_varied(pair), repeat(pair, failed)]
    forced = [Point((*p.overrides, "force=true"), compose("force=true")) for p in pair]
    told.append(repeat(forced, failed))
    reference = reference_to("postgresql://me:s3cret@db/x")
    monkeypatch.setattr(sys, "argv", ["launch.py", "-m", f"tracking.uri={reference}"])
    told.append(repeat(pair, failed))
    assert "cret" not in str(told)
    assert str(told).count("tracking.uri=postgresql://me@db/x") > 5
    assert "EMO_HIDDEN" not in str(told)
