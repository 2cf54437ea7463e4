"""How freed memory is kept by the process, where the C library can be told."""

from __future__ import annotations

import ctypes

M_TRIM_THRESHOLD = -1
M_MMAP_THRESHOLD = -3
"""Numbers of glibc's malloc.h."""
LARGEST = 32 << 20
"""Blocks of up to so many bytes come from the heap; glibc accepts no more."""
KEPT = 1 << 29
"""Bytes that are freed and kept for the next arrays instead of given back."""


def keep_freed_memory() -> bool:
    """Whether freed memory up to ``KEPT`` now stays with the process; False without glibc.

    Statistics on many arrays of a few MB otherwise ask the system for each of them again, which fills
    every page with zeros: a third of the time of a large summary (benchmarks.scaling). No number
    changes.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # macOS, musl; Windows has no library None
        return False
    return bool(mallopt(M_MMAP_THRESHOLD, LARGEST)) and bool(mallopt(M_TRIM_THRESHOLD, KEPT))
