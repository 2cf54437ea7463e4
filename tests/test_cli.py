"""launch.py as a user calls it."""

import json
import logging
import sys

import pytest

from emo import cli
from emo.runs.outcome import Outcome
from tests.conftest import ROOT, TINY, Result


@pytest.fixture
def command(tmp_path, monkeypatch, capfd):
    """launch.py in this process, up to its job, which is not run but kept in ``command.jobs``."""
    project = tmp_path / "project"
    project.mkdir()
    (project / "conf").symlink_to(ROOT / "conf")
    for name in ("HYDRA_FULL_ERROR", "EMO_TRACEBACK", *cli.QUIET):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.chdir(project)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level

    def run(*args):
        def kept(config):
            run.jobs.append(config)
            return Outcome("finished")

        with monkeypatch.context() as patch:
            patch.setattr(cli, "run_job", kept)
            patch.delenv("HYDRA_FULL_ERROR", raising=False)  # set by main itself
            patch.setattr(sys, "argv", ["launch.py", *args])
            with pytest.raises(SystemExit) as caught:
                cli.main(str(project / "launch.py"))
        out, err = capfd.readouterr()
        return Result(caught.value.code or 0, out, err)

    run.jobs = []
    run.project = project
    yield run
    root.handlers[:] = handlers
    root.setLevel(level)


def left_in(project):
    """What a command wrote."""
    return sorted(p.name for p in project.iterdir() if p.name != "conf")


def test_help_lists_groups_options_and_where_results_go(launch):
    out = launch("--help").out
    for word in ("model: ", "smollm2_135m", "precision: bf16, fp16, fp32", "mlruns/", "make ui"):
        assert word in out


def test_config_is_shown_without_running(launch, tmp_path):
    out = launch("--cfg", "job", "model=mistral7b").out
    assert "id: mistralai/Mistral-7B-Instruct-v0.3" in out
    assert not (tmp_path / "project" / "mlruns").exists()


@pytest.mark.slow
def test_json_is_the_last_line_of_standard_output(launch, small_csv):
    done = launch(*TINY, f"stimuli.path={small_csv}", "output=json")
    assert done.json["status"] == "finished"
    assert done.json["forward_passes"] == {"done": 50, "reused": 0}
    assert set(done.json["metrics"]) >= {"best_layer", "anisotropy", "rdm_std", "reliability"}
    assert done.json["artifacts"]["rdm.csv"].endswith("rdm.csv")
    again = launch(*TINY, f"stimuli.path={small_csv}", "output=json")
    assert again.json["status"] == "reused"
    assert again.json["run_id"] == done.json["run_id"]


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["model=nope"], "model=nope: allowed is"),
        (["model=tiny", "seed=-1"], "seed=-1"),
        (["model=tiny", "stimuli.path=none.csv"], "cannot be read"),
    ],
)
def test_failures_are_json_too(launch, args, words):
    done = launch(*args, "output=json", check=False)
    assert done.json["status"] == "failed"
    assert words in done.json["error"]
    assert words in done.err


@pytest.mark.slow
def test_table_has_what_a_reader_looks_for(launch, small_csv):
    out = launch(*TINY, f"stimuli.path={small_csv}").out
    for word in (
        "best layer",
        "anisotropy",
        "RDM std",
        "reliability",
        "nearest pair",
        "farthest pair",
        "run ",
        "make ui",
    ):
        assert word in out


@pytest.mark.slow
def test_a_sweep_goes_on_after_a_failure_and_says_so_in_its_exit_code(launch, small_csv):
    flawed = small_csv.with_name("flawed.csv")
    flawed.write_text("emotion,passage_id,text\nhappy,1,\n")
    done = launch("-m", *TINY, f"stimuli.path={flawed},{small_csv}", "output=json", check=False)
    jobs = [json.loads(line) for line in done.out.splitlines()]
    assert [job["status"] for job in jobs] == ["failed", "finished", "failed"]  # the sweep last
    assert jobs[-1]["metrics"] == {"points": 2, "finished": 1, "reused": 0, "failed": 1}
    assert f"error: stimuli.path={flawed}: " in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["model=nope"], "model=nope: allowed is gemma2_2b"),
        (["precision=fp12"], "precision=fp12: allowed is bf16, fp16, fp32"),
        (["nope=1"], "nope: no such parameter; in this group there are"),
        (["seed=abc"], "seed=abc: allowed is a whole number"),
        (
            ["job.precision.precisions=[fp64]"],
            "job.precision.precisions=[fp64]: allowed is a list [a,b] of: fp32",
        ),
        (["precision.four_bit.type=nf3"], "precision.four_bit.type: no such parameter"),
        (["backend.batch_size=0", "model=tiny"], "backend.batch_size=0"),
        (["stimuli.path=none.csv", "model=tiny"], "none.csv: cannot be read"),
        (["model=hub", "model.id=./nowhere"], "no such folder"),
        (["model="], "model="),
        (["a=b=c["], "a: no such parameter"),
        (["seed=1,2"], "seed=1,2: several values; with -m they make a sweep"),
        (["stimuli.path=a,b.csv"], "'stimuli.path=\"a,b.csv\"' is one text"),
        (["model=tiny", "hydra.run.dir=conf/config.yaml/x"], "hydra.run.dir="),
        (["model=tiny", "hydra.run.dir=${none}"], "hydra.run.dir=${none}: allowed is a reference"),
        (["model=tiny", "hydra.mode=${none}"], "hydra.mode=${none}: allowed is RUN, MULTIRUN"),
        (["--foo"], "--foo: no such option"),
        (["-q"], "-q: no such option; there are --help"),
        (["--multi-run", "seed=1,2"], "(did you mean --multirun?)"),
        (["--cfg"], "--cfg/-c: expected one argument"),
        (["--cfg", "everything"], "--cfg/-c: invalid choice: 'everything'"),
        (["--cfg", "job", "-m"], "--multirun and --cfg: allowed is one of --run, --multirun"),
        (["--cfg", "job", "-p", "modle"], "modle: no such parameter (did you mean model?)"),
        (["--cfg", "job", "seed=x"], "seed=x: allowed is a whole number"),
        (["-p", "model"], "--package: allowed is with --cfg job"),
        (["--resolve"], "--resolve: allowed is with --cfg job"),
        (["--info", "sources"], "--info/-i: invalid choice: 'sources'"),
        (["--config-dir", "nowhere"], "--config-dir=nowhere: no such folder"),
        (["--config-name", "other"], "--config-name=other: allowed is --config-dir=FOLDER"),
        (["--config-path=elsewhere"], "--config-path=elsewhere: allowed is --config-dir=FOLDER"),
        (
            ["--experimental-rerun", "x.pickle"],
            "--experimental-rerun=x.pickle: allowed is the same",
        ),
        (["-sc"], "--shell-completion: allowed is one of install=SHELL"),
        (["-sc", "install=powershell"], "--shell-completion: allowed is one of install=SHELL"),
        (["--help", "model=nope"], "model=nope: allowed is"),
        (["-m", "seed=range(5,5)"], "seed=range(5,5): allowed is a range"),
        (["-m", "seed=range(0,200)", "subparams.seed=range(0,200)"], "a sweep of 40000 points"),
        (["-m", "hydra/launcher=nope", "seed=1,2"], "hydra/launcher=nope: allowed is basic"),
        (["-m", "hydra.launcher.n_jobs=2", "seed=1"], "hydra.launcher.n_jobs: no such parameter"),
        (["-m", "hydra.sweeper.max_batch_size=-1", "seed=1"], "max_batch_size=-1: allowed is"),
        (["-m", "hydra.sweep.dir=conf/config.yaml", "seed=1"], "hydra.sweep.dir="),
        (["-m", "hydra/launcher=basic,joblib", "seed=1"], "hydra/launcher"),
    ],
)
def test_wrong_input_is_one_line_and_writes_nothing(command, args, words):
    done = command(*args)
    assert done.code == 1
    (line,) = done.err.splitlines()
    assert line.startswith("error: ")
    assert words in line
    assert done.out == ""
    assert command.jobs == []
    assert left_in(command.project) == []


def test_a_refusal_is_json_where_json_is_asked_for(command):
    for args in (["--foo", "output=json"], ["output=json", "seed=1,2"], ["output=json", "~seed"]):
        done = command(*args)
        assert done.json["status"] == "failed"
        assert f"error: {done.json['error']}\n" == done.err


@pytest.mark.parametrize(
    "args",
    [
        ["model=tiny", "-m", "seed=1,-2"],
        ["model=tiny", "seed=1,-2", "--multirun"],
        ["-m", "model=tiny", "seed=1,-2"],
    ],
)
def test_options_may_stand_anywhere(command, args):
    assert "1 of 2 points cannot run, so none is run: seed=-2: " in command(*args).err


def test_a_command_runs_the_job_of_its_config(command):
    done = command("model=tiny", "seed=3", "method.readout=mean", "+force=true")
    assert done.code == 0
    (line,) = done.err.splitlines()  # before the imports of the job, which take seconds
    assert line.endswith("job=extract model=tiny in fp32")
    (config,) = command.jobs
    assert (config.seed, config.method.readout.value, config.force) == (3, "mean", True)
    assert left_in(command.project) == []


def test_options_of_a_folder_of_ones_own_are_taken(command, tmp_path):
    (tmp_path / "mine" / "model").mkdir(parents=True)
    option = (
        (ROOT / "conf" / "model" / "tiny.yaml").read_text().replace("name: tiny", "name: small")
    )
    (tmp_path / "mine" / "model" / "small.yaml").write_text(option)
    done = command("--config-dir", str(tmp_path / "mine"), "model=small")
    assert done.code == 0
    assert command.jobs[0].model.name == "small"
    assert "(did you mean small" in command(f"--config-dir={tmp_path / 'mine'}", "model=smal").err


def test_a_folder_hydra_cannot_make_is_named(command):
    (command.project / "file").touch()
    assert "error: hydra.run.dir=" in command("model=tiny", "hydra.run.dir=file/x").err


def test_a_password_is_in_no_config_that_is_shown(command):
    done = command("tracking.uri=postgresql://me:hunter2@db/x", "--cfg", "job", "-p", "tracking")
    assert "uri: postgresql://me@db/x" in done.out
    assert "hunter2" not in done.out + done.err


def test_an_error_that_nobody_foresaw_is_one_line_with_the_way_to_see_more(command, monkeypatch):
    def broken(*_):
        raise RuntimeError("a bug\nin two lines of postgresql://me:hunter2@db")

    monkeypatch.setattr(cli.arguments, "checked", broken)
    done = command("seed=1")
    assert done.err == "error: RuntimeError: a bug (HYDRA_FULL_ERROR=1 prints where)\n"
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    monkeypatch.setattr(sys, "argv", ["launch.py"])
    with pytest.raises(RuntimeError):
        cli.main(str(command.project / "launch.py"))


@pytest.mark.slow
def test_real_processes_refuse_as_this_one_does(launch, tmp_path):
    for args in (["stimuli.path="], ["seed=1,2"], ["a", "-m"], ["--resolve"], ["model=null"]):
        done = launch(*args, check=False)
        assert done.code == 1
        assert [line[:7] for line in done.err.splitlines()] == ["error: "]
    assert {p.name for p in (tmp_path / "project").iterdir()} == {"launch.py", "conf", "emo"}
