"""Run the numerical tests with the kernels of other processors: ``python -m tests.portable``.

numpy and torch choose their kernels by the processor, and kernels differ in the last bits of a sum.
A test that holds here and fails there would stop a user at the first command. OpenBLAS and torch
let an environment variable choose; what took effect is asked before a test is run.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
CORE = ("tests/core",)
TORCH = ("tests/activations", "tests/generation", "tests/steering")
PROBE = """
import numpy, scipy.linalg, threadpoolctl, torch
kernels = {m["architecture"] for m in threadpoolctl.threadpool_info() if m["user_api"] == "blas"}
print(",".join(sorted(kernels)), torch.backends.cpu.get_cpu_capability())
"""


@dataclass(frozen=True)
class Case:
    """Kernels to force, what they need of the processor, and the tests that run with them."""

    openblas: str
    capability: str
    flag: str
    tests: tuple[str, ...]

    @property
    def environment(self) -> dict[str, str]:
        """Variables that choose the kernels of OpenBLAS, of torch, and of the libraries torch calls."""
        plain = self.capability == "default"
        return {
            "OPENBLAS_CORETYPE": self.openblas,
            "ATEN_CPU_CAPABILITY": self.capability,
            "ONEDNN_MAX_CPU_ISA": "SSE41" if plain else "AVX2",
            "MKL_ENABLE_INSTRUCTIONS": "SSE4_2" if plain else "AVX2",
        }


# Distinct kernels of the OpenBLAS that numpy's wheels carry: others, Zen among them, take one of these.
CASES = (
    Case("Katmai", "default", "sse", (*CORE, *TORCH)),
    Case("Nehalem", "default", "sse4_2", CORE),
    Case("Sandybridge", "default", "avx", CORE),
    Case("Haswell", "avx2", "avx2", (*CORE, *TORCH)),
    Case("SkylakeX", "avx2", "avx512f", CORE),
)


def possible() -> list[Case]:
    """The cases whose instructions this processor has; none where it is no x86-64 of Linux."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    flags = next((line.split(":")[1].split() for line in lines if line.startswith("flags")), [])
    return [case for case in CASES if case.flag in flags]


def in_force(case: Case) -> str:
    """The kernels that numpy, scipy and torch take under a case: ``Haswell AVX2``."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE],
        env={**os.environ, **case.environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def run(case: Case, options: list[str]) -> tuple[bool, str]:
    """Whether the tests pass under a case, and pytest's last line."""
    command = [sys.executable, "-m", "pytest", "-m", "not slow", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, *options, *case.tests],
        env={**os.environ, "OMP_NUM_THREADS": "1", **case.environment},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    lines = done.stdout.strip().splitlines() or ["no output"]
    if done.returncode:
        print(done.stdout, flush=True)
    return done.returncode == 0, lines[-1]


def main(options: list[str]) -> int:
    """Run every case that is possible here; the number of those that fail."""
    cases = possible()
    if not cases:
        print("kernels can be chosen on x86-64 under Linux only: nothing was run")
        return 0
    failed = 0
    for case in cases:
        kernels = in_force(case)
        wanted = f"{case.openblas} {case.capability}"
        if not re.fullmatch(wanted, kernels, re.IGNORECASE):
            print(f"{wanted}: not taken, {kernels} is in force", flush=True)
            failed += 1
            continue
        start = time.monotonic()
        passed, line = run(case, options)
        failed += not passed
        print(f"{kernels:18} {line} ({time.monotonic() - start:.0f} s)", flush=True)
    print(f"{len(cases) - failed} of {len(cases)} kernels passed")
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
