"""Runs by the beginning of their ids, as git names commits."""

from types import SimpleNamespace

import pytest

import emo
from emo.cli import run_job
from emo.config.schema import RunConfig, TrackingConfig
from emo.tracking import Connection, NoSuchRun, Tracker

IDS = (
    "0123456789abcdef0123456789abcdef",
    "0123456789abcdee0123456789abcdef",
    "fedcba9876543210fedcba9876543210",
)


@pytest.fixture
def known(config, files, monkeypatch):
    """A store with runs of known ids, the last of another experiment."""
    made = iter(IDS)

    def make(experiment):
        tracking = TrackingConfig(experiment=experiment)
        tracker = Tracker(RunConfig(root=config.root, tracking=tracking))
        uuid = SimpleNamespace(uuid4=lambda: SimpleNamespace(hex=next(made)))
        with monkeypatch.context() as m:
            m.setattr("mlflow.store.tracking.sqlalchemy_store.uuid", uuid)
            run_id = tracker.client.create_run(tracker.experiment_id).info.run_id
        tracker.client.log_artifacts(run_id, str(files))

    for experiment in (None, None, "other"):
        make(experiment)
    return Connection(config)


@pytest.mark.parametrize("n", [4, 5, 8, 31, 32])
def test_a_run_is_known_by_the_beginning_of_its_id(known, n):
    assert known.get(IDS[2][:n]).info.run_id == IDS[2]
    assert known.get(f" {IDS[2][:n].upper()} ").info.run_id == IDS[2]
    loaded = emo.load_run(IDS[2][:n], root=known.spool.folder.parents[1])
    assert loaded.run_id == IDS[2]
    assert loaded.tracker.artifact(loaded.run_id, "a.txt").read_text() == "a"


def test_as_many_characters_as_tell_it_from_others_are_needed(known):
    assert known.get(IDS[0][:16]).info.run_id == IDS[0]
    with pytest.raises(NoSuchRun, match=f"run {IDS[0][:15]}: several runs begin so: ") as caught:
        known.get(IDS[0][:15])
    assert all((run_id in str(caught.value)) == (run_id != IDS[2]) for run_id in IDS)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("run_id", "words"),
    [
        ("fed", "32 characters 0-9 and a-f, or the first 4 or more"),
        ("nothing", "allowed is a run's id"),
        ("fedc_", "allowed is a run's id"),
        ("fe%c", "allowed is a run's id"),
        ("../../etc/passwd", "allowed is a run's id"),
        ("", "allowed is a run's id"),
        (IDS[2] + "0", "allowed is a run's id"),
        ("fedd", "the id of no run begins so"),
        ("f" * 32, "not in tracking.uri="),
    ],
)
def test_what_names_no_run_is_one_line(known, run_id, words):
    with pytest.raises(NoSuchRun, match=words) as caught:
        known.get(run_id)
    assert "\n" not in str(caught.value)


def test_a_run_deleted_in_the_ui_stands_in_nobodys_way(known, config):
    Tracker(config).client.delete_run(IDS[0])
    assert known.get("0123").info.run_id == IDS[1]


def test_jobs_take_the_beginning_of_an_id_and_name_their_parameter(tiny_config):
    made = run_job(tiny_config())
    exported = run_job(tiny_config("job=export", f"job.export.run='{made.run_id[:8]}'"))
    assert exported.run_id == made.run_id
    assert made.run_id[:8] in next(iter(exported.artifacts))
    for parameter in ("job.export.run", "job.steer.run"):
        job = parameter.split(".")[1]
        refused = run_job(tiny_config(f"job={job}", f"{parameter}='0'"))
        assert refused.error.startswith(f"{parameter}=0: not in tracking.uri=")


@pytest.mark.parametrize("run_id", [None, 7, "a\nb", "r" * 9000, 1e300, b"abcd", ["0" * 32]])
def test_what_is_no_id_is_refused_in_one_line(config, files, run_id):
    tracker = Tracker(config)
    with pytest.raises(NoSuchRun, match="allowed is a run's id") as caught:
        tracker.get(run_id)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 700
