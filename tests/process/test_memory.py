"""Freed memory that stays with the process."""

import subprocess
import sys
from types import SimpleNamespace

from emo.process import memory

FAULTS = """
import resource, sys
import numpy as np
from emo.process.memory import keep_freed_memory
print(keep_freed_memory() if sys.argv[1] == "kept" else True)
a = np.ones(1 << 19)
b = a + 1
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(50):
    b = (a + 1) * 2
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(how: str) -> tuple[bool, int]:
    told, count = subprocess.run(
        [sys.executable, "-c", FAULTS, how], check=True, capture_output=True, text=True
    ).stdout.split()
    return told == "True", int(count)


def test_arrays_of_some_mb_ask_the_system_once_for_their_memory():
    told, kept = faults("kept")
    if told:  # not with another C library
        assert kept < 0.2 * max(faults("as it comes")[1], 10_000)


def test_without_glibc_nothing_is_said_and_nothing_breaks(monkeypatch):
    monkeypatch.setattr(memory.ctypes, "CDLL", lambda name: SimpleNamespace())
    assert memory.keep_freed_memory() is False
