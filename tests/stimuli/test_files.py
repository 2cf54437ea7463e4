"""What is no text is refused in one line, at once."""

import codecs
import gzip
import io
import os
import socket
import time
import zipfile

import pytest

from emo.errors import StimuliError
from emo.stimuli.loading import MOST_EMOTIONS, read_neutral, read_passages
from emo.stimuli.prompts import load_prompts
from emo.stimuli.scenarios import load_scenarios

GOOD = "emotion,passage_id,text\nsad,1,Rain.\ncalm,1,Sun.\nproud,1,Wind.\n"


def problem(path, read=read_passages):
    start = time.perf_counter()
    with pytest.raises(StimuliError) as caught:
        read(path)
    assert time.perf_counter() - start < 5
    (problem,) = caught.value.problems
    assert "\n" not in str(caught.value)
    return problem


def workbook():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("xl/workbook.xml", "<workbook/>")
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (workbook(), "an Excel workbook"),
        (b"%PDF-1.7\n%\xe2\xe3", "a PDF"),
        (gzip.compress(GOOD.encode(), mtime=0), "a gzip file"),
        (GOOD.encode("utf-16"), "UTF-16; save it as CSV UTF-8"),
        (codecs.BOM_UTF16_BE + GOOD.encode("utf-16-be"), "UTF-16"),
        (GOOD.encode("utf-16-le"), "UTF-16 without a mark"),
        (GOOD.encode("utf-16-be"), "UTF-16 without a mark"),
        (GOOD.encode("utf-32"), "UTF-16"),
        (b"SQLite format 3\0" + bytes(90), "an SQLite database"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:12\n", "a git-lfs pointer"),
        (b"\n<!DOCTYPE html><html>", "a web page"),
        (b"<?xml version='1.0'?><a/>", "XML"),
    ],
)
def test_what_a_file_looks_like_is_named(tmp_path, content, words):
    path = tmp_path / "p.csv"
    path.write_bytes(content)
    assert problem(path).startswith("looks like") and words in problem(path)


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_bytes_that_are_no_text_are_named_with_their_line(tmp_path, ending):
    path = tmp_path / "p.csv"
    good = GOOD.replace("\n", ending).encode()
    path.write_bytes(good + b"shy,1,caf\xe9" + ending.encode())
    assert problem(path) == "line 5: not UTF-8 (byte 0xe9); save it as UTF-8"
    path.write_bytes(good + b"shy,1,a\0b" + ending.encode())
    assert problem(path) == "line 5: a NUL byte, which no text has; the file is damaged"


@pytest.mark.parametrize("read", [read_passages, read_neutral, load_prompts, load_scenarios])
def test_what_is_no_file_is_refused_without_waiting(tmp_path, read):
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "to_device").symlink_to("/dev/zero")
    bound = socket.socket(socket.AF_UNIX)
    bound.bind(str(tmp_path / "socket"))
    bound.close()
    words = {
        "folder": "it is a folder, not a file",
        "pipe": "it is a pipe, not a file",
        "loop": "Too many levels of symbolic links",
        "to_device": "it is a device or socket, not a file",
        "socket": "it is a device or socket, not a file",
        "gone": "No such file or directory",
        "a\0b": "embedded null",
        "x" * 300: "File name too long",
    }
    for name, reason in words.items():
        assert problem(tmp_path / name, read).startswith("cannot be read: " + reason), name


@pytest.mark.parametrize("read", [read_passages, load_prompts])
def test_a_file_too_large_is_refused_by_its_size(tmp_path, read):
    path = tmp_path / "huge"
    with path.open("wb") as file:
        file.truncate(1 << 42)
    assert problem(path, read).startswith("is too large: it has 4,398,046,511,104 bytes; at most")


def test_a_few_hundred_emotions_are_taken_and_more_refused(tmp_path):
    path = tmp_path / "p.csv"
    rows = [f"e{i},1,Text {i}.\n" for i in range(MOST_EMOTIONS + 1)]
    path.write_text("emotion,passage_id,text\n" + "".join(rows[:-1]))
    assert len(read_passages(path).items) == MOST_EMOTIONS >= 300
    path.write_text("emotion,passage_id,text\n" + "".join(rows))
    assert problem(path).startswith(f"has {MOST_EMOTIONS + 1} emotions; at most {MOST_EMOTIONS}")


def test_of_many_problems_the_first_ten_are_named(tmp_path):
    path = tmp_path / "p.csv"
    for n, last in ((10, "line 11: "), (11, "and 1 more"), (30_000, "and 29990 more")):
        path.write_text("emotion,passage_id,text\n" + "a,b,c,d\n" * n)
        with pytest.raises(StimuliError) as caught:
            read_passages(path)
        lines = str(caught.value).splitlines()
        assert len(caught.value.problems) == n
        assert len(lines) == 1 + min(n, 11)
        assert lines[0] == f"stimuli.path={path}:"
        assert lines[1].startswith("  line 2: 4 fields") and lines[-1].strip().startswith(last)
