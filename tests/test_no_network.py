"""Nothing phones home: a job, its launchers and its tracking connect to this machine only."""

import importlib.util
import os
import subprocess
import sys

import pytest

from tests.conftest import ROOT, TINY
from tests.launch.test_slurm_and_ray import needs

# Python imports a module of this name at its start, in every process below this one.
GUARD = """
import os, socket
def local(host):
    host = host.decode() if isinstance(host, bytes) else host
    if host in (None, "", "localhost", socket.gethostname()):
        return True
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:  # only an address of this machine can be bound; Ray's processes use such a one
        socket.inet_pton(family, host)
        with socket.socket(family) as probe:
            probe.bind((host, 0))
    except OSError:
        return False
    return True
def refused(what):
    with open(os.environ["ATTEMPTS"], "a") as file:
        file.write(f"{what}\\n")
    raise OSError("network refused")
def guarded(name):
    real = getattr(socket.socket, name)
    def call(self, *args):
        address = args[-1]
        if self.family in (socket.AF_INET, socket.AF_INET6) and not local(address[0]):
            refused(address)
        return real(self, *args)
    return call
for name in ("connect", "connect_ex", "sendto"):
    setattr(socket.socket, name, guarded(name))
for name in ("getaddrinfo", "gethostbyname"):
    real = getattr(socket, name)
    def look_up(host, *args, real=real, **kwargs):
        return real(host, *args, **kwargs) if local(host) else refused(host)
    setattr(socket, name, look_up)
"""
# What the other tests set, and what launch.py must do without; and what MLflow takes for a test or a
# CI machine, where it reports nothing of itself.
OURS = (
    *("HF_HUB_OFFLINE", "MLFLOW_DISABLE_TELEMETRY", "DO_NOT_TRACK", "RAY_USAGE_STATS_ENABLED"),
    *("PYTEST_CURRENT_TEST", "PYTEST_VERSION", "CI", "GITHUB_ACTIONS", "GITLAB_CI", "JENKINS_URL"),
    *("CIRCLECI", "TRAVIS", "TF_BUILD", "BITBUCKET_BUILD_NUMBER", "CODEBUILD_BUILD_ARN"),
    *("BUILDKITE", "TEAMCITY_VERSION", "CLOUD_RUN_EXECUTION", "RUNBOT_HOST_URL"),
    *("RUNBOT_BUILD_NAME", "RUNBOT_WORKER_ID"),
)

# Ray's head process asks, once and unasked, on which cloud it runs (usage_lib.py, no switch for it);
# with RAY_USAGE_STATS_ENABLED=0 it reports the answer to nobody. docs/sweeps.md says so.
CLOUD_PROBES = {"169.254.169.254", "metadata.google.internal"}


@pytest.fixture
def guarded(tmp_path):
    """Run Python under the guard; returns its process and the attempts it wrote down."""
    folder = tmp_path / "guard"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(GUARD)
    attempts = tmp_path / "attempts"
    environment = {k: v for k, v in os.environ.items() if k not in OURS}
    environment |= {"PYTHONPATH": f"{folder}{os.pathsep}{ROOT}", "ATTEMPTS": str(attempts)}
    project = tmp_path / "project"
    project.mkdir()
    for name in ("conf", "emo", "hydra_plugins"):
        (project / name).symlink_to(ROOT / name)

    def run(script, *args):
        done = subprocess.run(
            [sys.executable, "-c", script, *args],
            capture_output=True,
            text=True,
            timeout=300,
            cwd=project,
            env=environment,
        )
        return done, attempts.read_text() if attempts.exists() else ""

    return run


def test_the_guard_sees_attempts(guarded):
    script = "import urllib.request as r; r.urlopen('http://example.org', timeout=1)"
    done, attempts = guarded(script)
    assert done.returncode == 1
    assert "example.org" in attempts
    done, attempts = guarded("import socket; socket.create_connection(('192.0.2.1', 80), 1)")
    assert "192.0.2.1" in attempts


TL = importlib.util.find_spec("transformer_lens") is None


@pytest.mark.parametrize(
    "args",
    [
        pytest.param(("seed=1",), marks=pytest.mark.slow),
        pytest.param(("-m", "seed=1,2"), marks=pytest.mark.slow),
        pytest.param(
            ("backend=tl",),
            marks=[
                pytest.mark.skipif(TL, reason="TransformerLens is not installed"),
                pytest.mark.slow,
            ],
        ),
        pytest.param(
            ("-m", "hydra/launcher=joblib_cores", "seed=1,2"),
            marks=[needs("joblib"), pytest.mark.slow],
        ),
        pytest.param(
            ("-m", "hydra/launcher=ray_workers", "seed=1,2"), marks=[needs("ray"), pytest.mark.slow]
        ),
    ],
    ids=" ".join,
)
def test_a_job_talks_to_this_machine_only(guarded, small_csv, args):
    script = "import sys; sys.argv[0] = 'launch.py'\nfrom emo.cli import main; main('anchor.py')"
    done, attempts = guarded(script, *args, *TINY, f"stimuli.path={small_csv}")
    allowed = CLOUD_PROBES if "hydra/launcher=ray_workers" in args else set()
    assert set(attempts.split()) <= allowed
    assert done.returncode == 0, done.stderr
