"""Labels as parts of file names: different labels give different names, on any file system."""

from __future__ import annotations

import hashlib
import re

LONGEST = 60
"""Characters of a part; most file systems take 255 bytes in all."""


def name_part(label: str) -> str:
    """The label, if lower-case letters, digits, ``-`` and ``_`` are all it has; else a likeness.

    A likeness is these characters of it, ``~`` and 16 digits of its sha256, and so differs from every
    label and every other likeness, whether or not the file system tells ``a`` from ``A`` or one Unicode
    form from another.
    """
    if re.fullmatch(rf"[a-z0-9_-]{{1,{LONGEST}}}", label):
        return label
    like = re.sub(r"[^a-z0-9_-]+", "-", label.lower())[: LONGEST - 17]
    return f"{like}~{hashlib.sha256(label.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"
