"""What is done in the forked child before, or instead of, the command."""

from __future__ import annotations

import os
import resource
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any, NoReturn

MEMORY = 6 << 30
"""Bytes a command may take beyond what the warm process holds."""
LARGEST_FILE = 1 << 30


def limit(cpu_s: int) -> None:
    """Bound time, memory and files, and answer ``y`` to whatever the command asks."""
    held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (held + MEMORY, held + MEMORY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_FILE, LARGEST_FILE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s + 2))
    signal.signal(signal.SIGXCPU, signal.SIG_DFL)
    descriptor, path = tempfile.mkstemp(dir=os.environ["FUZZ_ANSWERS"])
    os.write(descriptor, b"y\n" * 4096)
    os.lseek(descriptor, 0, os.SEEK_SET)
    os.dup2(descriptor, 0)
    Path(path).unlink()


def call(code: str) -> NoReturn:
    """Run lines of Python as a notebook would: an exception's message is the error line."""
    sys.path.insert(0, "")
    names: dict[str, Any] = {"root": Path.cwd()}
    try:
        exec(compile(code, "notebook", "exec"), names)
    except (Exception, SystemExit) as error:
        message = str(error) or type(error).__name__
        _end(1, err=f"error: {message}\n")
    _end(0, out=f"{names.get('result')!r}\n")


# Faults that the harness has to see: each is what a command with that fault would do.


def traceback() -> NoReturn:
    """Break as Python breaks."""
    text = "Traceback (most recent call last):\n  File \"x.py\", line 1, in f\nKeyError: 'a'\n"
    _end(1, err=text + "error: seed=x: allowed is a number\n")


def write(name: str) -> NoReturn:
    """Refuse, but write a file before."""
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_text("planted")
    _end(1, err="error: seed=x: allowed is a number\n")


def hang() -> NoReturn:
    """Never end, without using any time."""
    signal.pause()
    raise AssertionError


def spin() -> NoReturn:
    """Never end, using all the time there is."""
    while True:
        pass


def say(code: int, err: str) -> NoReturn:
    """End with an exit code and these words on stderr."""
    _end(code, err=err)


def ask() -> NoReturn:
    """Ask on the terminal whether code may run, and run it if so."""
    if input("run it? [y/N] ") == "y":
        Path(os.environ["FUZZ_CANARY"]).write_text("ran")
    _end(1, err="error: seed=x: allowed is a number\n")


def _end(code: int, out: str = "", err: str = "") -> NoReturn:
    os.write(1, out.encode("utf-8", "replace"))
    os.write(2, err.encode("utf-8", "replace"))
    os._exit(code)
