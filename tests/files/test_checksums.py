"""Every file of a folder is in its list, and every change is found."""

import os
import shutil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emo.errors import DamagedFile
from emo.files.checksums import NAME, checksums_of, difference, sha256_of, write_checksums


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "made"
    (made / "figures").mkdir(parents=True)
    (made / "a.bin").write_bytes(bytes(range(256)))
    (made / "empty").write_bytes(b"")
    (made / "figures" / "b.txt").write_text("b")
    return made


def test_the_list_is_the_same_however_often_it_is_written(folder):
    digest = write_checksums(folder)
    assert sorted(checksums_of(folder)) == ["a.bin", "empty", "figures/b.txt"]
    before = (folder / NAME).stat()
    assert write_checksums(folder) == digest == sha256_of(folder / NAME)
    assert (folder / NAME).stat() == before
    assert difference(folder) is None


def test_files_written_within_one_tick_of_the_clock_are_told_apart(tmp_path):
    digests = set()
    for i in range(5):
        (tmp_path / "n.txt").write_text(str(i))
        os.utime(tmp_path / "n.txt", (1, 1))
        digests.add(write_checksums(tmp_path))
        assert difference(tmp_path) is None
    assert len(digests) == 5


def test_a_folder_without_files_has_no_list(tmp_path):
    assert write_checksums(tmp_path) is None
    assert difference(tmp_path) is None
    assert list(tmp_path.iterdir()) == []


@given(bit=st.integers(0, 256 * 8 - 1))
def test_one_bit_is_enough(bit, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bits")
    content = bytearray(range(256))
    (folder / "a.bin").write_bytes(content)
    write_checksums(folder)
    content[bit // 8] ^= 1 << bit % 8
    (folder / "a.bin").write_bytes(content)
    os.utime(folder / "a.bin", (bit, bit))  # a clock that stands still must not hide it
    assert difference(folder) == "a.bin is damaged"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: (f / "empty").unlink(), "empty is missing"),
        (lambda f: (f / "new").write_text(""), "new does not belong there"),
        (lambda f: (f / "figures" / "b.txt").write_text("bb"), "figures/b.txt is damaged"),
        (lambda f: shutil.rmtree(f / "figures"), "figures/b.txt is missing"),
    ],
)
def test_what_differs_is_named(folder, change, message):
    write_checksums(folder)
    change(folder)
    assert difference(folder) == message


@pytest.mark.parametrize("kind", ["link", "folder link", "pipe", "dangling"])
def test_what_is_no_file_is_neither_followed_nor_waited_for(folder, kind):
    odd = folder / "figures" / "odd"
    if kind == "pipe":
        os.mkfifo(odd)
    else:
        odd.symlink_to({"link": folder / "a.bin", "folder link": folder}.get(kind, "/nowhere"))
    with pytest.raises(ValueError, match="figures/odd is no file"):
        checksums_of(folder)


@pytest.mark.parametrize("content", ["", "[]", '{"a": 1}', '{"a": {"sha256": "x"}}', "[" * 10**5])
def test_a_list_that_is_none_is_damage(folder, content):
    (folder / NAME).write_text(content)
    with pytest.raises(DamagedFile, match=NAME):
        difference(folder)


def test_a_file_that_has_grown_out_of_bounds_is_not_read(folder, monkeypatch):
    write_checksums(folder)
    os.truncate(folder / "figures" / "b.txt", 1 << 40)  # a sparse file: it takes no room
    monkeypatch.setattr(
        "emo.files.checksums._sha256", lambda path: pytest.fail(f"{path.name} is read")
    )
    assert difference(folder) == "figures/b.txt is damaged"
