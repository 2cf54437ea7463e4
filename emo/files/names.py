"""Parts of file names made from labels: different labels give different names on any file system."""

from __future__ import annotations

import hashlib
import re

LONGEST = 60
"""Most characters of a part; most file systems allow names of 255 bytes."""


def name_part(label: str) -> str:
    """The label, if it has only lower-case letters, digits, ``-`` and ``_``; otherwise a likeness.

    A likeness consists of these characters of the label, ``~`` and 16 digits of its sha256. It therefore
    differs from every label and every other likeness, even on a file system that cannot tell ``a`` from
    ``A`` or one Unicode form from another.
    """
    if re.fullmatch(rf"[a-z0-9_-]{{1,{LONGEST}}}", label):
        return label
    likeness = re.sub(r"[^a-z0-9_-]+", "-", label.lower())[: LONGEST - 17]
    return f"{likeness}~{hashlib.sha256(label.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"
