"""Files are there whole or not at all; what kills left goes, what is being written stays."""

import errno
import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from emo.files.whole import DAY_S, HOUR_S, PARTIAL, new_folder, remove_leftovers, write_whole


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def age(path, seconds):
    os.utime(path, (time.time() - seconds,) * 2, follow_symlinks=False)


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o002, 0o664), (0o077, 0o600)])
def test_the_umask_says_who_may_read(tmp_path, umask, mode):
    before = os.umask(umask)
    try:
        write_whole(tmp_path / "file", b"x")
        with new_folder(tmp_path) as folder:
            assert stat.S_IMODE(folder.stat().st_mode) == 0o777 & ~umask
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == mode


def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    write_whole(tmp_path / "file", b"old")

    def full(_descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_whole(tmp_path / "file", b"new")
    assert names(tmp_path) == ["file"]
    assert (tmp_path / "file").read_bytes() == b"old"


def test_a_folder_is_gone_afterwards_unless_it_got_a_name(tmp_path):
    with new_folder(tmp_path / "place") as folder:
        (folder / "a").write_text("a")
    assert names(tmp_path / "place") == []
    with pytest.raises(ZeroDivisionError), new_folder(tmp_path / "place") as folder:
        raise ZeroDivisionError
    assert names(tmp_path / "place") == []
    with new_folder(tmp_path / "place") as folder:
        (folder / "a").write_text("a")
        folder.rename(tmp_path / "kept")
    assert names(tmp_path / "kept") == ["a"]


WRITER = """
import sys, time
from pathlib import Path
from emo.files.whole import new_folder
with new_folder(Path(sys.argv[1])) as folder:
    (folder / "half").write_text("half")
    print(folder, flush=True)
    time.sleep(60)
"""


def test_what_a_killed_process_left_goes_and_what_a_living_one_writes_stays(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    with process:
        folder = Path(process.stdout.readline().strip())
        age(folder, 9 * DAY_S)  # however long it takes
        remove_leftovers(tmp_path)
        assert names(folder) == ["half"]
        process.kill()
        process.wait()
        remove_leftovers(tmp_path)
    assert names(tmp_path) == []


def test_what_is_young_stays_whoever_wrote_it(tmp_path):
    """Another version of this program may hold nothing while it writes."""
    young, old = tmp_path / f"{PARTIAL}young", tmp_path / f"{PARTIAL}old"
    for path in (young, old):
        path.write_text("half")
    age(young, HOUR_S / 2)
    age(old, HOUR_S * 2)
    remove_leftovers(tmp_path)
    assert names(tmp_path) == [young.name]


def test_where_locks_say_nothing_age_decides(tmp_path, monkeypatch):
    monkeypatch.setattr("emo.files.whole.fcntl", None)
    with new_folder(tmp_path) as young, new_folder(tmp_path) as old:
        age(young, DAY_S / 2)
        age(old, DAY_S * 2)
        remove_leftovers(tmp_path)
        assert young.exists()
        assert not old.exists()


def test_nothing_else_is_touched(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("kept")
    place = tmp_path / "place"
    place.mkdir()
    (place / f"{PARTIAL}link").symlink_to(outside)
    os.mkfifo(place / f"{PARTIAL}pipe")
    (place / "partial").write_text("kept")
    for path in place.iterdir():
        age(path, 2 * DAY_S)
    remove_leftovers(place)
    assert names(place) == ["partial"]
    assert names(outside) == ["file"]
    remove_leftovers(tmp_path / "nowhere")
