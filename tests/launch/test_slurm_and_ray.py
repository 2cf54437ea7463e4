"""The same sweep by every launcher: the table, the runs and the exit code must not differ."""

import importlib.util
import os
import subprocess
import sys

import pytest

from emo.config.resolve import compose
from emo.tracking import Tracker
from tests.conftest import ROOT, TINY


def needs(extra):
    """Skip where the launcher of an extra is not installed."""
    package = f"hydra_plugins.hydra_{extra}_launcher"
    try:
        missing = importlib.util.find_spec(package) is None
    except ModuleNotFoundError:
        missing = True
    return pytest.mark.skipif(
        missing, reason=f"pip install -c constraints.txt -e '.[{extra}]' brings this launcher"
    )


# Each worker of joblib and Ray imports torch anew: half a minute on two busy cores.
LAUNCHERS = [
    pytest.param("basic", marks=pytest.mark.slow),
    pytest.param("slurm_here", marks=[needs("submitit"), pytest.mark.slow]),
    pytest.param("joblib_cores", marks=[needs("joblib"), pytest.mark.slow]),
    pytest.param("ray_workers", marks=[needs("ray"), pytest.mark.slow]),
]


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_every_launcher_brings_back_what_became_of_each_point(launcher, tmp_path, small_csv):
    project = tmp_path / "project"
    project.mkdir()
    for name in ("conf", "emo", "hydra_plugins", "launch.py"):
        (project / name).symlink_to(ROOT / name)
    script = (
        "import sys; sys.argv[0] = 'launch.py'\n"
        f"from emo.cli import main; main({str(project / 'anchor.py')!r})"
    )
    flawed = small_csv.with_name("flawed.csv")
    flawed.write_text("emotion,passage_id,text\nhappy,1,\n")
    args = ["-m", *TINY, f"hydra/launcher={launcher}", 'method.suffix="say password=hunter2"']
    done = subprocess.run(
        [sys.executable, "-c", script, *args, "seed=1,2", f"stimuli.path={flawed},{small_csv}"],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 1, done.stderr
    table = done.stdout[done.stdout.index("sweep ") :].splitlines()
    assert table[0].endswith("4 points, 2 finished, 2 failed")
    for status, passages in (("failed", flawed), ("finished", small_csv)):
        rows = [line for line in table if line.startswith(f"  {status} ")]
        assert [f"stimuli.path={passages}" in row for row in rows] == [True, True]
    files = [p for p in (project / "multirun").rglob("*") if p.is_file()]
    assert not [p for p in files if b"hunter2" in p.read_bytes()]  # configs, logs, pickles
    tracker = Tracker(compose("model=tiny", root=project))
    logged = tracker.client.search_runs([tracker.experiment_id])
    (parent,) = (run for run in logged if run.data.tags["job"] == "sweep")
    children = [run for run in logged if run is not parent]
    assert {run.data.tags["mlflow.parentRunId"] for run in children} == {parent.info.run_id}
    assert sorted(run.info.status for run in children) == ["FAILED"] * 2 + ["FINISHED"] * 2


@pytest.mark.parametrize(
    ("launcher", "extra"),
    [
        ("joblib_cores", "joblib"),
        ("ray_workers", "ray"),
        ("slurm", "submitit"),
        ("slurm_here", "submitit"),
    ],
)
def test_a_launcher_that_is_not_installed_is_one_line(launch, launcher, extra):
    if not needs(extra).args[0]:
        pytest.skip("it is installed")
    done = launch("-m", "model=tiny", f"hydra/launcher={launcher}", "seed=1,2", check=False)
    errors = [line for line in done.err.splitlines() if line.startswith("error: ")]
    assert errors == [
        "error: hydra/launcher: its package is not installed, "
        f"pip install -c constraints.txt -e '.[{extra}]'"
    ]


@pytest.mark.parametrize("launcher", ["joblib_cores", "ray_workers", "slurm", "slurm_here"])
def test_every_option_says_when_to_use_it(launcher):
    text = (ROOT / "conf" / "hydra" / "launcher" / f"{launcher}.yaml").read_text()
    assert text.startswith("# ")
    assert "pip install -c constraints.txt -e '.[" in text
