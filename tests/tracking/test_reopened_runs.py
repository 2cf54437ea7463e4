"""What a run that is opened again has of its metrics."""

from hypothesis import given, settings
from hypothesis import strategies as st

from emo.tracking import RunRecord, Tracker

NAN, INF = float("nan"), float("inf")


def history(tracker, run_id, name):
    points = tracker.client.get_metric_history(run_id, name)
    return [(p.step, p.value) for p in sorted(points, key=lambda p: p.step)]


def open_again(config, files, metrics):
    tracker = Tracker(config)
    with tracker.again("study s", {"study": "s"}) as run_id:
        tracker.log(run_id, RunRecord({}, {}, metrics), files)
    return tracker, run_id


def test_what_has_not_changed_is_there_once_and_what_has_is_a_next_step(config, files):
    same = {"trials": 6, "nothing": NAN, "endless": INF, "least": -INF, "missing": None}
    for share in (0.5, 0.5, 0.25, 0.25, 0.5):
        tracker, run_id = open_again(config, files, {**same, "share": share})
    assert history(tracker, run_id, "trials") == [(0, 6)]
    assert history(tracker, run_id, "share") == [(0, 0.5), (1, 0.25), (2, 0.5)]
    for name in ("nothing", "endless", "least"):
        assert len(history(tracker, run_id, name)) == 1
    latest = tracker.get(run_id).data.metrics
    assert (latest["share"], latest["trials"]) == (0.5, 6)
    assert "missing" not in latest


def test_no_step_of_any_metric_has_two_values(tmp_path_factory, copied_databases):
    from emo.config.schema import RunConfig

    @given(st.lists(st.dictionaries(st.sampled_from("ab"), st.sampled_from([0.0, 1.0, NAN]))))
    def holds(sendings):
        folder = tmp_path_factory.mktemp("project")
        config, files = RunConfig(root=str(folder / "root")), folder / "files"
        files.mkdir()
        last = {}
        for metrics in [{}, *sendings]:
            tracker, run_id = open_again(config, files, metrics)
            last |= metrics
        for name, value in last.items():
            points = history(tracker, run_id, name)
            assert [step for step, _ in points] == list(range(len(points)))
            assert repr(points[-1][1]) == repr(value)

    settings(max_examples=8)(holds)()
