"""What waits in the spool, damaged in any way: it stays, is named in one line, and holds nothing up."""

import json
import os
import shutil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emo.cli import run_job
from emo.config.resolve import compose
from emo.config.schema import RunConfig
from emo.files import checksums
from emo.jobs import sync
from emo.tracking import RunRecord, Tracker
from emo.tracking.spool import ENTRY, FILES, Entry
from tests.tracking.spooling import RECORD, all_runs, cut

WORDS = st.text(st.characters(codec="ascii", categories=["L"]), min_size=1, max_size=4)
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-9, 9),
    st.floats(0.25, 0.75),
    st.just([]),
    st.just({}),
    st.just("\ud800"),
    st.lists(st.integers(0, 9), min_size=1, max_size=3),
    st.dictionaries(WORDS, st.lists(st.none(), max_size=2), min_size=1, max_size=2),
)
DEEP = "[" * 10**5
THINGS = {
    "no files": lambda f: shutil.rmtree(f / FILES),
    "files is a file": lambda f: (shutil.rmtree(f / FILES), (f / FILES).write_text("")),
    "files is a link": lambda f: (shutil.rmtree(f / FILES), (f / FILES).symlink_to("/etc")),
    "a link among files": lambda f: (f / FILES / "passwd").symlink_to("/etc/passwd"),
    "a pipe among files": lambda f: os.mkfifo(f / FILES / "pipe"),
    "no entry": lambda f: (f / ENTRY).unlink(),
    "entry is a folder": lambda f: ((f / ENTRY).unlink(), (f / ENTRY).mkdir()),
    "entry is a pipe": lambda f: ((f / ENTRY).unlink(), os.mkfifo(f / ENTRY)),
    "entry is a link": lambda f: (
        (f / ENTRY).rename(f.parent.parent / "moved"),
        (f / ENTRY).symlink_to(f.parent.parent / "moved"),
    ),
    "entry is nowhere": lambda f: ((f / ENTRY).unlink(), (f / ENTRY).symlink_to("/nowhere")),
    "deep": lambda f: (f / ENTRY).write_text(DEEP),
    "empty": lambda f: (f / ENTRY).write_text(""),
    "cut": lambda f: (f / ENTRY).write_text((f / ENTRY).read_text()[:200]),
    "no text": lambda f: (f / ENTRY).write_bytes(b"\xff\xfe\x00"),
    "list": lambda f: (f / ENTRY).write_text("[]"),
    "nothing": lambda f: [p.unlink() if p.is_file() else shutil.rmtree(p) for p in f.iterdir()],
    "another name": lambda f: f.rename(f.parent / "straydir"),
    "a file": lambda f: (shutil.rmtree(f), f.write_text("")),
    "a link": lambda f: (
        f.rename(f.parent.parent / "gone"),
        f.symlink_to(f.parent.parent / "gone"),
    ),
    "another entry's": lambda f: f.rename(f.with_name("0" * 32)),
}
LISTED = {
    "a bit": lambda f: flip(f / FILES / "a.txt"),
    "a file more": lambda f: (f / FILES / "more").write_text(""),
    "a file less": lambda f: (f / FILES / "figures" / "b.txt").unlink(),
    "a number": lambda f: (f / ENTRY).write_text((f / ENTRY).read_text().replace("0.5", "0.6")),
    "a bit, and the list is lost": lambda f: (
        (f / checksums.NAME).unlink(),
        flip(f / FILES / "a.txt"),
    ),
    "the list": lambda f: (f / checksums.NAME).write_text("{}"),
    "the list's list": lambda f: flip(f / FILES / checksums.NAME),
}


def flip(path):
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def waiting(config, files, opened, listed=True):
    """Two entries in the spool, the first of them to be damaged, the second good."""
    tracker = Tracker(config)
    folders = []
    for name in ("bad", "good"):
        run_id = None
        if opened and name == "bad":
            run = tracker.client.create_run(tracker.experiment_id, tags={"fingerprint": name})
            run_id = run.info.run_id
            tracker.client.set_terminated(run_id, "KILLED")  # as the next start marks it
        entry = Entry(
            tracker.uri, "emotion-geometry", run_id, name, {"fingerprint": name}, RECORD, 1, 2
        )
        folders.append(tracker.spool.add(entry, files))
    if not listed:
        for path in (folders[0] / checksums.NAME, folders[0] / FILES / checksums.NAME):
            path.unlink()
    return tracker, folders[0]


def check_stays(tracker, config, may_be_sent=False):
    """The good one is delivered, the bad one stays and is named, and no run is left half."""
    outcome = sync.run(config)
    runs = {run.data.tags["fingerprint"]: run for run in all_runs(tracker)}
    assert runs["good"].info.status == "FINISHED"
    assert tracker.artifact(runs["good"].info.run_id, "a.txt").read_text() == "a"
    sent = outcome.metrics["delivered"] == 2
    assert outcome.metrics["delivered"] + outcome.metrics["stay"] == 2
    if sent:
        assert may_be_sent
        assert tracker.artifact(runs["bad"].info.run_id, "a.txt").read_text() == "a"
        return
    lines = outcome.table.splitlines()
    assert len(lines) == 2
    assert "spool" in lines[1]
    assert outcome.failed and "\n" not in outcome.error
    assert "bad" not in runs or runs["bad"].info.status == "KILLED"
    again = sync.run(config)
    assert again.metrics == {"delivered": 0, "already_there": 0, "stay": 1}


@pytest.fixture
def place(tmp_path, files):
    def make(opened=False, listed=True):
        config = RunConfig(root=str(tmp_path / "project"))
        return (config, *waiting(config, files, opened, listed))

    return make


QUICK = ("no files", "entry is a pipe", "deep", "another name")


@pytest.mark.parametrize(
    "what", [w if w in QUICK else pytest.param(w, marks=pytest.mark.slow) for w in THINGS]
)
@pytest.mark.parametrize("listed", [True, False])
def test_an_entry_that_is_damaged_stays(place, what, listed):
    config, tracker, folder = place(opened=listed, listed=listed)
    THINGS[what](folder)
    check_stays(tracker, config)


@pytest.mark.parametrize("what", LISTED)
def test_a_change_that_leaves_an_entry_readable_is_noticed(place, what):
    config, tracker, folder = place()
    LISTED[what](folder)
    check_stays(tracker, config)


def places(value, place=()):
    yield place
    if isinstance(value, dict | list):
        for key, entry in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(entry, (*place, key))


def replaced(value, place, new):
    if not place:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[place[0]] = replaced(value[place[0]], place[1:], new)
    return copy


@pytest.mark.slow
@settings(max_examples=60)
@given(data=st.data())
def test_wrong_types_anywhere_in_an_entry_of_before(data, tmp_path_factory):
    """Those that are no damage (another number, no metrics) are delivered whole."""
    root = tmp_path_factory.mktemp("types")
    (root / "files").mkdir()
    (root / "files" / "a.txt").write_text("a")
    config = RunConfig(root=str(root / "project"))
    tracker, folder = waiting(config, root / "files", data.draw(st.booleans()), listed=False)
    content = json.loads((folder / ENTRY).read_text())
    spots = [place for place in places(content) if place[:1] not in [("tags",)] or len(place) < 2]
    place = data.draw(st.sampled_from(spots))
    changed = replaced(content, place, data.draw(VALUES))
    (folder / ENTRY).write_text(json.dumps(changed))
    check_stays(tracker, config, may_be_sent=True)


@pytest.mark.parametrize("opened", [True, False])
def test_what_the_store_refuses_leaves_no_open_run(place, opened, monkeypatch):
    """A name that MLflow does not take is told by MLflow alone, when the run is open."""
    config, tracker, folder = place(opened=opened, listed=False)
    content = json.loads((folder / ENTRY).read_text())
    content["record"]["params"] = {"a\nb!": "1"}
    (folder / ENTRY).write_text(json.dumps(content))
    check_stays(tracker, config)


def test_an_error_nobody_foresaw_holds_up_nothing(place, monkeypatch):
    config, _, _ = place()
    real = sync._Stores.of

    def broken(stores, entry):
        if entry.name == "bad":
            raise RuntimeError("no credentials\nanywhere")
        return real(stores, entry)

    monkeypatch.setattr(sync._Stores, "of", broken)
    outcome = sync.run(config)
    assert outcome.metrics == {"delivered": 1, "already_there": 0, "stay": 1}
    assert "cannot be sent: RuntimeError: no credentials;" in outcome.error


@pytest.mark.parametrize("thing", ["folder", "nowhere"])
def test_a_lock_that_cannot_be_held_is_one_line(config, thing, files):
    spool = Tracker(config).spool
    spool.folder.mkdir(parents=True)
    lock = spool.folder / ".sync.lock"
    lock.mkdir() if thing == "folder" else lock.symlink_to("/nowhere/at/all")
    outcome = run_job(compose("job=sync", root=config.root))
    assert outcome.failed
    assert "no lock" in outcome.error and "\n" not in outcome.error


def test_nothing_that_a_run_is_called_becomes_a_path(config, files, monkeypatch):
    tracker = Tracker(config)
    name = "../../../evil/\0<b>$x$"
    record = RunRecord({"emotions": name}, {"p": name}, {"m": 1.0})
    with monkeypatch.context() as m, pytest.raises(Exception, match="job=sync"):
        cut(tracker, m, "log_batch")
        with tracker.run(name.replace("\0", ""), {"fingerprint": name}) as run_id:
            tracker.log(run_id, record, files)
    (folder,) = [p for p in tracker.spool.folder.iterdir() if not p.name.startswith(".")]
    assert len(folder.name) == 32 and int(folder.name, 16)
