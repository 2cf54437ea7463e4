"""The sections of docs/benchmarks.md, and the description of the machine."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import tempfile
from pathlib import Path

import psutil

from emo.errors import EmoError

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
QUIET = 0.5
"""Load average above which times mean little: other programs use half a core."""


def write_section(name: str, text: str, page: Path = PAGE) -> None:
    """Replace the part of a page between a section's two markers, or add it at the end.

    Everything else on the page stays as it is, so each benchmark owns its own section. The page is
    written under a temporary name and renamed.

    Raises
    ------
    EmoError
        If the page does not hold both markers once, in order, or neither.
    """
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    old = page.read_text(encoding="utf-8") if page.exists() else "# Benchmarks\n"
    section = f"{begin}\n{text.strip()}\n{end}"
    start, stop = old.find(begin), old.find(end)
    if (old.count(begin), old.count(end)) == (1, 1) and start < stop:
        new = old[:start] + section + old[stop + len(end) :]
    elif start == stop == -1:
        new = f"{old.rstrip()}\n\n{section}\n"
    else:
        raise EmoError(
            f"{page.name}: section {name!r} needs one line '{begin}' and one '{end}' after it, "
            "or neither"
        )
    _replace(page, new)


def _replace(page: Path, text: str) -> None:
    page.parent.mkdir(parents=True, exist_ok=True)
    descriptor, partial = tempfile.mkstemp(dir=page.parent, prefix=f".{page.name}-")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        # mkstemp makes files that only their owner reads; a page is an ordinary file.
        Path(partial).chmod(page.stat().st_mode & 0o777 if page.exists() else 0o644)
        Path(partial).replace(page)
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise


def conditions() -> str:
    """The machine and the load of other programs, in words; call it before the benchmark makes load."""
    load = psutil.getloadavg()[0]
    text = f"Machine: {machine()}. Load average at the start: {load:.1f}."
    if load > QUIET:
        text += (
            " **Other programs were running: these times and ratios say little, repeat them on a "
            "quiet machine.**"
        )
    return text


def machine() -> str:
    """CPU, cores, memory and the versions that decide a time, without the name of the machine."""
    import torch

    cores = psutil.cpu_count(logical=False) or os.cpu_count()
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{_cpu()}, {cores} cores, {memory:.0f} GiB; Python {platform.python_version()}, "
        f"torch {torch.__version__} with {torch.get_num_threads()} threads, "
        f"transformers {importlib.metadata.version('transformers')}"
    )


def _cpu() -> str:
    try:
        model = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.M)
    except OSError:  # not Linux
        model = None
    return model[1] if model else platform.processor() or platform.machine()
