"""Whoever ends a process: its runs are closed, it says so in one line, the exit code tells by what."""

import os
import signal
import subprocess
import sys
import time

import pytest

from emo.config.schema import RunConfig
from emo.process.stopping import Stopped, exit_code
from emo.tracking import Connection
from tests.conftest import ROOT, TINY


def run(script, *prefix):
    command = [*prefix, sys.executable, "-c", script]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=ROOT)


TELL = """
import os, signal, sys
from emo.process import stopping
signal.signal(signal.SIGINT, signal.default_int_handler)  # shells start jobs behind a & with it ignored
stopping.listen()
try:
    os.kill(os.getpid(), signal.{name})
    print("goes on")
except KeyboardInterrupt as error:
    print(f"{{error}}")
    sys.exit(stopping.exit_code(error))
"""


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [("SIGTERM", 143, "ended by SIGTERM"), ("SIGHUP", 129, "ended by SIGHUP"), ("SIGINT", 130, "")],
)
def test_a_signal_is_an_error_that_closes_what_is_open(name, code, words):
    done = run(TELL.format(name=name))
    assert (done.returncode, done.stdout.strip(), done.stderr) == (code, words, "")


def test_what_is_to_be_ignored_stays_ignored():
    ignoring = TELL.replace(
        "stopping.listen()", "signal.signal(signal.SIGHUP, signal.SIG_IGN)\nstopping.listen()"
    )
    assert run(ignoring.format(name="SIGHUP")).stdout == "goes on\n"


def test_a_launchers_own_handler_stays():
    handling = TELL.replace(
        "stopping.listen()",
        "signal.signal(signal.SIGTERM, lambda *_: print('own'))\nstopping.listen()",
    )
    assert run(handling.format(name="SIGTERM")).stdout == "own\ngoes on\n"


def test_other_threads_leave_signals_alone():
    thread = TELL.replace(
        "stopping.listen()",
        "import threading\none = threading.Thread(target=stopping.listen); one.start(); one.join()",
    )
    assert run(thread.format(name="SIGTERM")).returncode == -signal.SIGTERM


SWALLOWED = """
import os, signal
from emo.process import stopping
from emo.process.progress import track
stopping.listen()
def library():
    try:
        os.kill(os.getpid(), signal.SIGTERM)
    except BaseException:
        pass
seen = []
try:
    for i in track(range(5), "steps"):
        seen.append(i)
        if i == 2:
            library()
except KeyboardInterrupt as error:
    print(seen, error)
try:
    stopping.listen()
except KeyboardInterrupt as error:
    print("the next job of a sweep does not start")
"""


def test_a_signal_that_a_library_swallows_is_heard_at_the_next_step():
    done = run(SWALLOWED)
    assert done.stdout == (
        "[0, 1, 2] ended by SIGTERM\nthe next job of a sweep does not start\n"
    ), done.stderr


def test_exit_codes_are_those_of_shells():
    assert exit_code(KeyboardInterrupt()) == 130
    assert exit_code(Stopped(signal.SIGTERM)) == 143


SCRIPT = f"""
import sys, time
from pathlib import Path
from emo.activations import hf
from emo.cli import main
real = hf.HFBackend.resid_post
anchor, reading = sys.argv[1:3]
def slow(self, batch):
    if len(batch.spans) == len(batch.ids):  # a trial, before the run, reads every token of a text
        Path(reading).touch()
    time.sleep(0.2)
    return real(self, batch)
hf.HFBackend.resid_post = slow
sys.argv[:] = ["launch.py", *sys.argv[3:], *{TINY!r}, "backend.batch_size=2"]
main(anchor)
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
@pytest.mark.parametrize("sweep", [False, True])
def test_a_command_that_is_ended_goes_on_where_it_stopped(tmp_path, launch, small_csv, name, sweep):
    project = tmp_path / "project"
    words = ["-m", "seed=1,2"] if sweep else ["seed=1"]
    words.append(f"stimuli.path={small_csv}")
    reading = tmp_path / "reading"
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(project / "anchor.py"), str(reading), *words],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        deadline = time.monotonic() + 120
        while not reading.exists():
            assert process.poll() is None, process.stderr.read()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(getattr(signal, name))
        out, err = process.communicate(timeout=60)
    assert process.returncode == 128 + getattr(signal, name)
    message = "ended by SIGTERM" if name == "SIGTERM" else "interrupted"
    assert err.splitlines()[-1] == f"{message}; the same command goes on where this one stopped"
    assert "Traceback" not in err and out == ""
    connection = Connection(RunConfig(root=str(project)))
    runs = connection.client.search_runs([connection.experiment_id])
    assert {run.info.status for run in runs} == {"KILLED"}
    assert len(runs) == 1 + sweep
    done = launch(*words, *TINY, "backend.batch_size=2", "output=json", timeout=240)
    assert done.json["status"] == "finished"
    runs = connection.client.search_runs([connection.experiment_id])
    finished = [run for run in runs if run.info.status == "FINISHED"]
    assert len(finished) == (3 if sweep else 1)  # the sweep's own run is opened again
