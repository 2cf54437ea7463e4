"""job=sensitivity on a planted function: children, resume, importances, files, what is refused."""

import csv
import json
from dataclasses import replace
from itertools import product

import pytest

from emo.errors import ConfigError, EmoError
from emo.jobs import sensitivity
from emo.jobs.sensitivity import conduct
from emo.tracking import Tracker

SPACE = {"prompts": ["stories", "paragraph"], "samples": [10, 1], "layer": ["middle", "best"]}


def planted(point):
    a, b, c = (1 if point[n] == SPACE[n][1] else -1 for n in SPACE)
    return {"rho": 3 * a + 1 * b + 2 * b * c, "accuracy": 1 * c, "texts_reused": 4.0}


@pytest.fixture
def study_config(tiny_config):
    """A study of three parameters in ``n`` trials."""

    def make(*overrides, n=8, space=SPACE):
        settings = ("job.study.objectives=[rho]", f"job.study.n_trials={n}")
        config = tiny_config("job=sensitivity", *settings, *overrides)
        study = replace(config.job.study, space=space)
        return replace(config, job=replace(config.job, study=study))

    return make


def runs(config, **tags):
    tracker = Tracker(config)
    found = tracker.client.search_runs([tracker.experiment_id])
    return [r for r in found if all(r.data.tags.get(k) == v for k, v in tags.items())]


def test_a_grid_has_the_exact_shares_beside_its_importances(study_config):
    config = study_config("job.study.sampler=grid", n=100)
    outcome = conduct(config, planted)
    assert outcome.metrics["trials"] == 8
    tracker = Tracker(config)
    content = json.loads(tracker.artifact(outcome.run_id, "importance.json").read_text())
    (found,) = content["importances"]
    assert found["exact"] == pytest.approx({"prompts": 9 / 14, "samples": 5 / 14, "layer": 4 / 14})
    assert "exact" in outcome.table
    with tracker.artifact(outcome.run_id, "trials.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 8
    for row in rows:
        point = {**row, "samples": int(row["samples"])}
        assert float(row["rho"]) == planted(point)["rho"]
    for name in ("importance", "slices", "parallel"):
        path = tracker.artifact(outcome.run_id, f"figures/{name}_rho.png")
        assert path.stat().st_size > 5000


def test_each_trial_is_a_child_with_its_point_and_values(study_config):
    config = study_config(n=4)
    outcome = conduct(config, planted)
    children = runs(config, job="trial")
    assert len(children) == 4
    for child in children:
        assert child.data.tags["mlflow.parentRunId"] == outcome.run_id
        params = {**child.data.params, "samples": int(child.data.params["samples"])}
        assert child.data.metrics == planted(params)
        assert child.info.status == "FINISHED"
    (parent,) = runs(config, job="sensitivity")
    assert parent.info.status == "FINISHED"
    assert "importance for rho, 4 trials" in parent.data.tags["mlflow.note.content"]


def test_resumed_to_a_larger_total_under_the_same_parent(study_config):
    first = conduct(study_config(n=3), planted)
    second = conduct(study_config(n=6), planted)
    third = conduct(study_config(n=6), None)
    assert first.run_id == second.run_id == third.run_id
    assert [o.status for o in (first, second, third)] == ["finished", "finished", "reused"]
    trials = [run.data.tags["trial"] for run in runs(study_config(), job="trial")]
    assert sorted(map(int, trials)) == list(range(6))


def test_another_question_is_another_study(study_config):
    names = {
        conduct(study_config(*o, n=2), planted).fingerprint
        for o in (
            (),
            ("job.study.objectives=[rho,accuracy]",),
            ("job.study.sampler=random",),
            ("seed=1",),
            ("precision=bf16",),
        )
    }
    assert len(names) == 5


def test_a_trial_killed_before_it_was_logged_is_logged_by_the_next_start(study_config, monkeypatch):
    class Killed(BaseException):
        pass

    def killed(*_):
        raise Killed

    with monkeypatch.context() as m, pytest.raises(Killed):
        m.setattr(sensitivity, "_log_trial", killed)
        conduct(study_config(n=3), planted)
    assert runs(study_config(), job="trial") == []
    monkeypatch.setattr(sensitivity, "alive", lambda _: False)  # that process is gone
    conduct(study_config(n=3), planted)
    conduct(study_config(n=3), planted)
    assert len(runs(study_config(), job="trial")) == 3


def test_failed_trials_are_failed_children_and_are_made_up_for(study_config):
    calls = []

    def sometimes(point):
        calls.append(point)
        if len(calls) == 2:
            raise EmoError("the model wrote nothing")
        return planted(point)

    conduct(study_config(n=3), sometimes)
    children = runs(study_config(), job="trial")
    assert sorted(run.info.status for run in children) == ["FAILED", *["FINISHED"] * 3]
    (failed,) = (run for run in children if run.info.status == "FAILED")
    assert failed.data.tags["error"] == "the model wrote nothing"


@pytest.mark.parametrize(
    ("space", "words"),
    [
        ({"samples": [1, 1]}, "each value once"),
        ({"samples": [], "layer": ["middle", "best"]}, "each value once"),
        ({"samples": [1], "layer": ["middle"]}, "two values of one parameter"),
    ],
)
def test_a_space_with_nothing_to_vary_is_refused(study_config, space, words):
    with pytest.raises(ConfigError, match=words):
        conduct(study_config(space=space), planted)


def test_a_study_of_nothing_is_refused(study_config):
    with pytest.raises(ConfigError, match=r"job\.study\.objectives=\[\]"):
        conduct(study_config("job.study.objectives=[]"), planted)


def test_the_published_space_is_the_whole_factorial(tiny_config):
    space = tiny_config("job=sensitivity").job.study.space
    assert len(list(product(*space.values()))) == 2**8
