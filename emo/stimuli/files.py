"""The text of a stimulus file; a file that holds no text is refused with what it looks like."""

from __future__ import annotations

import re
import stat
from pathlib import Path

from emo.errors import StimuliError

PASSAGE_BYTES = 256 << 20
"""Largest passage file; it has some 500,000 passages, each of which is one forward pass."""
BREAK = re.compile(rb"\r\n|\n|\r")
"""A line break, as editors and the csv module define it."""
SAVE = "save it as CSV UTF-8"
LOOKS_LIKE = (
    (b"PK\x03\x04", f"an Excel workbook or another zip file; {SAVE}"),
    (b"\xd0\xcf\x11\xe0", f"an old Excel or Word file; {SAVE}"),
    (b"%PDF", "a PDF; its text is needed as CSV"),
    (b"{\\rtf", f"an RTF document; {SAVE}"),
    (b"\x1f\x8b", "a gzip file; unpack it (gunzip)"),
    (b"\xfd7zXZ", "an xz file; unpack it"),
    (b"\x28\xb5\x2f\xfd", "a zstd file; unpack it"),
    (b"SQLite format 3", "an SQLite database; export the table as CSV"),
    (b"PAR1", "a Parquet file; write it as CSV or JSONL"),
    (b"version https://git-lfs", "a git-lfs pointer; fetch the file itself (git lfs pull)"),
    (b"\xff\xfe", f"UTF-16; {SAVE}"),
    (b"\xfe\xff", f"UTF-16; {SAVE}"),
)
"""First bytes of other kinds of files, and what to do with each."""


def read_text(path: Path, most: int = PASSAGE_BYTES) -> str:
    """The text of a stimulus file in UTF-8, with or without BOM.

    Raises
    ------
    StimuliError
        If it is no regular file, has more than ``most`` bytes, cannot be read or holds no text.
    """
    raw = _bytes(path, most)
    for begins, words in LOOKS_LIKE:
        if raw.startswith(begins):
            raise StimuliError(path, [f"looks like {words}"])
    if re.match(rb"\s*<(!doctype|html|\?xml)", raw[:200], re.IGNORECASE):
        raise StimuliError(path, ["looks like a web page or XML; CSV, TSV or JSONL is needed"])
    if (nul := raw.find(b"\0")) >= 0:
        if 3 * raw[:400].count(b"\0") > len(raw[:400]):
            raise StimuliError(path, [f"looks like UTF-16 without a mark; {SAVE}"])
        problem = f"line {line_of(raw, nul)}: a NUL byte, which no text has; the file is damaged"
        raise StimuliError(path, [problem])
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        where, byte = line_of(raw, error.start), raw[error.start]
        problem = f"line {where}: not UTF-8 (byte {byte:#04x}); save it as UTF-8"
        raise StimuliError(path, [problem]) from error


def line_of(raw: bytes, offset: int) -> int:
    """The number of the line that a byte is in, as an editor counts."""
    return len(BREAK.findall(raw, 0, offset)) + 1


def _bytes(path: Path, most: int) -> bytes:
    try:
        known = path.stat()
        if not stat.S_ISREG(known.st_mode):  # a pipe would wait for a writer, a device never ends
            raise StimuliError(path, [f"cannot be read: it is {_kind(known.st_mode)}, not a file"])
        if known.st_size > most:
            size = f"it has {known.st_size:,} bytes; at most {most:,} are read"
            raise StimuliError(path, [f"is too large: {size}"])
        with path.open("rb") as file:
            return file.read(most)
    except OSError as error:
        raise StimuliError(path, [f"cannot be read: {error.strerror}"]) from error
    except ValueError as error:  # a path with a NUL byte
        raise StimuliError(path, [f"cannot be read: {error}"]) from error


def _kind(mode: int) -> str:
    if stat.S_ISDIR(mode):
        return "a folder"
    return "a pipe" if stat.S_ISFIFO(mode) else "a device or socket"
