"""Journals that were cut, damaged, locked or are none: mended, or refused in one line."""

import errno
import json
import os
import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emo.errors import EmoError
from emo.study import journal
from emo.study import stale as left
from emo.study.storage import check_whole, open_study
from emo.study.trials import completed
from tests.study.lives import content
from tests.study.test_trials import SPACE, advance, opened

AFRESH = "move the file away to begin the study anew"


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The bytes of a journal of six trials, and what is in it."""
    folder = tmp_path_factory.mktemp("whole")
    study = opened(folder)
    advance(study, 6)
    return (folder / "study.journal").read_bytes(), content(study)


def placed(folder, data):
    path = folder / "study.journal"
    path.write_bytes(data)
    return path


def test_a_journal_cut_anywhere_goes_on_to_the_same_trials(
    whole, tmp_path_factory, caplog, monkeypatch
):
    monkeypatch.setattr(left, "alive", lambda _: False)  # whose last lines are gone
    data, trials = whole

    @settings(max_examples=25)
    @given(st.integers(1, len(data)), st.sampled_from([b"", b"\0\0\0", b'{"op_code', b"\r"]))
    def holds(cut, rest):
        caplog.clear()
        folder = tmp_path_factory.mktemp("cut")
        path = placed(folder, data[:-cut] + rest)
        study = opened(folder)
        advance(study, 6)
        assert content(study) == trials
        kept = folder / "study.journal.cut"
        unfinished = (data[:-cut] + rest).rpartition(b"\n")[2]
        assert kept.exists() == bool(unfinished)
        if unfinished:
            assert kept.read_bytes() == unfinished + b"\n"
            (message,) = [m for m in caplog.messages if "cut off" in m]
            assert f"{path}: its last line was not written to its end" in message
        for line in path.read_text().splitlines():
            json.loads(line)

    holds()


def test_a_process_mends_what_another_was_killed_at(tmp_path):
    """While it has the journal open: the half line is cut off before its own."""
    study = opened(tmp_path)
    advance(study, 2)
    with (tmp_path / "study.journal").open("ab") as file:
        file.write(b'{"op_code":5,"wor')
    advance(study, 4)
    assert len(completed(opened(tmp_path))) == 4


def test_a_line_that_is_lost_doubled_or_changed_is_named(whole, tmp_path_factory):
    lines = whole[0].splitlines(keepends=True)
    bits = st.tuples(st.integers(0, 60), st.integers(0, 7))

    @settings(max_examples=30)
    @given(st.integers(0, len(lines) - 2), st.one_of(st.sampled_from(["lost", "twice"]), bits))
    def holds(index, how):
        damaged = list(lines)
        if how == "lost":
            del damaged[index]
        elif how == "twice":
            damaged.insert(index, damaged[index])
        else:
            line = bytearray(damaged[index])
            line[how[0]] ^= 1 << how[1]
            damaged[index] = bytes(line)
        path = placed(tmp_path_factory.mktemp("damaged"), b"".join(damaged))
        with pytest.raises(EmoError) as caught:
            opened(path.parent)
        message = str(caught.value)
        assert "\n" not in message
        assert message.startswith(f"job.sensitivity.storage={path}: line ")
        assert AFRESH in message
        number = int(re.search("line ([0-9]+)", message)[1])
        assert number - 1 in (index, index + 1)
        assert path.read_bytes() == b"".join(damaged)

    holds()


@pytest.mark.parametrize("content", [b"\0", b"x", b"[" * 60, b"{}\n"])
def test_a_huge_file_that_is_no_journal_is_refused_at_once(tmp_path, content):
    path = tmp_path / "study.journal"
    with path.open("wb") as file:
        file.write(content)
        file.truncate(40 * 2**30)  # of a file with a hole in it, which takes no room
    start = time.monotonic()
    with pytest.raises(EmoError, match=f"is no entry of a study; {AFRESH}"):
        opened(tmp_path)
    assert time.monotonic() - start < 5
    assert path.stat().st_size == 40 * 2**30


def test_damage_while_a_study_runs_is_named(tmp_path):
    study = opened(tmp_path)
    advance(study, 2)
    path = tmp_path / "study.journal"
    with path.open("ab") as file:
        file.write(b"nonsense\n" + path.read_bytes().splitlines(keepends=True)[-1])
    with pytest.raises(EmoError, match=r"line [0-9]+ is no entry of a study; move the file away"):
        advance(study, 4)


def without_sums(path):
    """As the journals of earlier versions are."""
    path.write_text(re.sub(r',"sum":"[0-9a-f]{8}"', "", path.read_text()))


def test_a_journal_without_checksums_goes_on_and_is_checked_from_there(whole, tmp_path):
    path = placed(tmp_path, whole[0])
    without_sums(path)
    study = opened(tmp_path)
    assert content(study) == whole[1]
    advance(study, 8)
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([*lines[:-3], *lines[-2:]]))
    with pytest.raises(EmoError, match=f"line {len(lines) - 2} does not follow from those before"):
        opened(tmp_path)


@pytest.mark.parametrize("lost", ["samples", "values"])
def test_what_a_journal_without_checksums_lacks_is_named(whole, tmp_path, lost):
    path = placed(tmp_path, whole[0])
    without_sums(path)
    lines = path.read_text().splitlines(keepends=True)
    if lost == "samples":
        lines.remove(next(line for line in lines if '"param_name":"samples"' in line))
    else:
        lines = [line.replace('"values":[', '"values":[7,') for line in lines]
    path.write_text("".join(lines))
    with pytest.raises(EmoError, match=f"trial 0 of study s lacks (its )?{lost}; {AFRESH}"):
        check_whole(opened(tmp_path), path, SPACE, 1)


@pytest.mark.parametrize("made", ["study_name", "datetime_start"])
def test_a_line_that_made_a_study_or_a_trial_is_missed_without_checksums(whole, tmp_path, made):
    """Optuna passes over what is about none: all of the study would be computed again, unsaid."""
    path = placed(tmp_path, whole[0])
    without_sums(path)
    lines = path.read_text().splitlines(keepends=True)
    lines.remove(next(line for line in lines if f'"{made}":' in line))
    path.write_text("".join(lines))
    with pytest.raises(EmoError, match=r"line [0-9]+ does not follow from those before"):
        opened(tmp_path)


def test_a_full_disk_is_one_line_and_leaves_the_journal_whole(tmp_path, monkeypatch):
    study = opened(tmp_path)
    advance(study, 2)
    path = tmp_path / "study.journal"
    before = path.read_bytes()

    def full(file, content):
        file.write(content[: len(content) // 2])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(journal, "_write", full)
        with pytest.raises(EmoError) as caught:
            advance(study, 4)
    assert str(caught.value).startswith(
        f"job.sensitivity.storage={path}: cannot be written: No space left"
    )
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == before
    advance(opened(tmp_path), 4)
    advance(opened(tmp_path, "whole"), 4)
    assert content(opened(tmp_path)) == content(opened(tmp_path, "whole"))


@pytest.mark.parametrize("kind", ["symlink", "dangling", "file"])
def test_a_lock_that_optuna_left_behind_holds_nothing_up(tmp_path, kind, caplog):
    advance(opened(tmp_path), 2)
    lock = tmp_path / "study.journal.lock"
    if kind == "file":
        lock.write_text("")
    else:
        lock.symlink_to("gone" if kind == "dangling" else tmp_path / "study.journal")
    start = time.monotonic()
    advance(opened(tmp_path), 4)
    assert time.monotonic() - start < 5  # Optuna's own lock waits half a minute
    assert caplog.messages == []


def test_what_is_no_file_is_refused_at_once(tmp_path):
    path = tmp_path / "study.journal"
    for make in (path.mkdir, lambda: os.mkfifo(path)):
        make()
        with pytest.raises(
            EmoError, match=r"study\.journal: allowed is a file or a name that is free"
        ):
            opened(tmp_path)
        path.rmdir() if path.is_dir() else path.unlink()
    path.symlink_to(path)
    with pytest.raises(
        EmoError, match=r"job\.sensitivity\.storage=.*: cannot be opened: .*symbolic links"
    ):
        opened(tmp_path)


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(
        EmoError, match=r"job\.sensitivity\.storage=.*/file/s\.journal: cannot be opened"
    ):
        open_study(tmp_path / "file" / "s.journal", "s", ["rho"])


def test_dashboards_lines_are_taken_as_they_are(tmp_path):
    """optuna-dashboard writes through Optuna's own backend."""
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    study = opened(tmp_path)
    advance(study, 2)
    other = JournalStorage(JournalFileBackend(str(tmp_path / "study.journal")))
    other.set_study_user_attr(0, "dashboard:note", "seen")
    advance(study, 4)
    again = opened(tmp_path)
    assert again.user_attrs == {"dashboard:note": "seen"}
    assert len(completed(again)) == 4
