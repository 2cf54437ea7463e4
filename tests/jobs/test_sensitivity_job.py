"""job=sensitivity on a planted function: children, resume, importances, files, what is refused."""

import csv
import gc
import json
import weakref
from dataclasses import replace
from itertools import product

import pytest
from mlflow.exceptions import MlflowException

from emo.cli import run_job
from emo.errors import ConfigError, EmoError
from emo.jobs import sensitivity
from emo.jobs.sensitivity import conduct
from emo.jobs.subparam_point import evaluator, setting
from emo.study.trials import open_study
from emo.tracking import Spooled, Tracker

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


@pytest.fixture
def no_files(monkeypatch):
    """Importances and figures take most of a short study's time."""
    monkeypatch.setattr(sensitivity, "_write_files", lambda *_: None)
    monkeypatch.setattr(sensitivity, "importances", lambda *_: [])


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


@pytest.mark.slow
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


def test_a_trial_killed_before_it_was_logged_is_logged_by_the_next_start(
    study_config, monkeypatch, no_files
):
    class Killed(BaseException):
        pass

    def killed(*_):
        raise Killed

    with monkeypatch.context() as m, pytest.raises(Killed):
        m.setattr(sensitivity, "_log_trial", killed)
        conduct(study_config(n=3), planted)
    assert runs(study_config(), job="trial") == []
    monkeypatch.setattr(sensitivity, "alive", lambda _: False)  # that process is gone
    with monkeypatch.context() as m:
        m.setattr(sensitivity, "here", lambda _: False)  # or is it? it was on another host
        conduct(study_config(n=3), planted)
    assert len(runs(study_config(), job="trial")) == 2
    conduct(study_config(n=3), planted)
    conduct(study_config(n=3), planted)
    assert len(runs(study_config(), job="trial")) == 3


def abandoned(config, host="gone-host"):
    """A trial that a process of another host left running."""
    name = conduct(config, planted).fingerprint
    journal = config.path("mlruns") / "studies" / f"{name}.journal"
    trial = open_study(journal, name, ["rho"], config.job.study.sampler, 0).ask()
    trial.set_user_attr("host", host)


def test_a_study_that_lacks_trials_of_other_hosts_is_not_called_finished(study_config, no_files):
    abandoned(study_config(n=2))
    with pytest.raises(
        EmoError, match=r"3 of 4 trials .* on gone-host; .*take_over=true"
    ) as caught:
        conduct(study_config(n=4), planted)
    assert "\n" not in str(caught.value)
    (parent,) = runs(study_config(), job="sensitivity")
    assert parent.info.status == "FAILED"
    outcome = conduct(study_config("job.study.take_over=true", n=4), planted)
    assert outcome.metrics["trials"] == 4
    (parent,) = runs(study_config(), job="sensitivity")
    assert parent.info.status == "FINISHED"
    assert len([r for r in runs(study_config(), job="trial") if r.info.status == "FINISHED"]) == 4


def test_a_trial_kept_in_the_spool_is_one_child_after_all(study_config, monkeypatch, no_files):
    def gone(*_args, **_kwargs):
        raise MlflowException("Connection refused")

    with monkeypatch.context() as m, pytest.raises(Spooled):
        m.setattr("mlflow.tracking.MlflowClient.log_artifacts", gone)
        conduct(study_config(n=3), planted)
    (parent,) = runs(study_config(), job="sensitivity")
    assert parent.info.status == "FAILED"
    monkeypatch.setattr(sensitivity, "alive", lambda _: False)  # that process is gone
    conduct(study_config(n=3), planted)
    assert run_job(study_config("job=sync")).metrics["already_there"] == 1
    children = runs(study_config(), job="trial")
    finished = [r.data.tags["trial"] for r in children if r.info.status == "FINISHED"]
    assert sorted(finished) == ["0", "1", "2"]
    assert {r.info.status for r in children} == {"FINISHED", "KILLED"}
    (parent,) = runs(study_config(), job="sensitivity")
    assert parent.info.status == "FINISHED"


def test_no_password_of_a_storage_is_printed(study_config, monkeypatch, caplog, no_files):
    caplog.set_level("INFO")
    config = study_config("job.study.storage='sqlite://me:secret@/x.db'", n=2)
    kept = config.path("study.journal")
    monkeypatch.setattr(sensitivity, "open_study", lambda _, *rest: open_study(kept, *rest))
    outcome = conduct(config, planted)
    assert "storage sqlite://me@/x.db" in outcome.table
    assert "secret" not in outcome.table + caplog.text


def test_failed_trials_are_failed_children_and_are_made_up_for(study_config, no_files):
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


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("subparams.templates=odd", "subparams.templates=odd: allowed is all with job=sensitivity"),
        ("subparams.samples=2", r"allowed is 10 with job=sensitivity.*job\.study\.space"),
    ],
)
def test_what_all_points_would_ignore_is_refused(study_config, override, words):
    with pytest.raises(ConfigError, match=words):
        sensitivity.run(study_config(override))


def test_a_study_of_nothing_is_refused(study_config):
    with pytest.raises(ConfigError, match=r"job\.study\.objectives=\[\]"):
        conduct(study_config("job.study.objectives=[]"), planted)


def test_the_published_space_is_the_whole_factorial(tiny_config):
    space = tiny_config("job=sensitivity").job.study.space
    assert len(list(product(*space.values()))) == 2**8


SMALL = {
    "prompts": ["stories", "paragraph"],
    "samples": [4, 1],
    "max_new_tokens": [24, 12],
    "position": ["mid", "last"],
    "layer": ["middle", 1],
    "centring": ["neutral", "global"],
}


def test_a_budget_without_room_is_said_of_the_space(study_config):
    space = {**SMALL, "max_new_tokens": [100000, 12]}
    config = study_config("job.study.objectives=[rho_matched]", space=space)
    with pytest.raises(
        ConfigError, match=r"job\.study\.space\.max_new_tokens=\[100000, 12\]: allowed is each a"
    ):
        evaluator(config)({})


def test_points_of_a_model_are_those_of_the_ablation(study_config, tiny_config):
    """The same points through job=ablate's own levels, and most of them without a new text."""
    from emo.cli import run_job
    from emo.core.decomposition import full_factorial
    from tests.jobs.test_ablate import points_of

    config = study_config("job.study.objectives=[rho_matched]", space=SMALL)
    at = evaluator(config)
    make = lambda *o: tiny_config("job=ablate", "job.tokens=[24,12]", "job.samples=[4,1]", *o)  # noqa: E731
    rows = points_of(make, run_job(make()))
    names = ["prompts", "samples", "max_new_tokens", "position", "centring"]
    for levels in full_factorial(len(names))[::5]:
        loose = {n: bool(x) for n, x in zip(names, levels, strict=True)}
        point = {n: SMALL[n][loose.get(n, False)] for n in SMALL}
        values = at(point)
        (row,) = (
            r
            for r in rows
            if all(
                r[n] == str(int(loose.get(n, False)))
                for n in (*names, "decoding", "layer", "chat_template")
            )
        )
        assert values["rho_matched"] == pytest.approx(float(row["rho"]))
        assert values["tokens_written"] == 0
    values = at({**point, "samples": 1, "prompts": "paragraph"})
    assert not {"reliability", "accuracy"} & set(values)


@pytest.mark.parametrize(
    ("space", "words"),
    [
        ({"temperature": [0.1, 0.2]}, "job.study.space=temperature: allowed is prompts, samples"),
        ({"position": ["mid", "end"]}, "job.study.space.position=end: allowed is mid, last"),
        ({"samples": [10, 0]}, "job.study.space.samples=0"),
        ({"chat_template": [True, "no"]}, "job.study.space.chat_template=no"),
        ({"precision": ["fp32", "fp64"]}, "job.study.space.precision=fp64: allowed is fp32, bf16"),
    ],
)
def test_a_value_no_sub_parameter_has_is_refused_before_anything_is_loaded(
    study_config, space, words
):
    with pytest.raises(ConfigError, match=words):
        sensitivity.run(study_config(space=space))


@pytest.mark.parametrize("objective", ["reliability", "accuracy"])
@pytest.mark.parametrize(
    ("space", "words"),
    [
        ({"samples": [4, 1]}, r"samples=1: allowed is 2 or more"),
        (
            {"prompts": ["stories", "paragraph"]},
            r"decoding=greedy: allowed is sampled where prompts=paragraph",
        ),
    ],
)
def test_points_that_cannot_have_an_objective_are_refused_before_anything_is_loaded(
    study_config, objective, space, words
):
    space = {"position": ["mid", "last"], **space}
    config = study_config(f"job.study.objectives=[rho_matched,{objective}]", space=space)
    with pytest.raises(ConfigError, match=words) as caught:
        sensitivity.run(config)
    assert f"the objective {objective} needs two texts an emotion" in str(caught.value)
    assert not config.path("mlruns").exists()


def test_half_of_a_single_template_is_refused_before_anything_is_loaded(study_config, one_template):
    space = {"position": ["mid", "last"], "templates": ["all", "even"]}
    config = study_config(one_template, space=space)
    with pytest.raises(ConfigError, match="templates=even: allowed is all, odd"):
        sensitivity.run(config)
    assert not config.path("mlruns").exists()


@pytest.mark.parametrize(
    "space",
    [
        {"samples": [10, 2]},
        {"prompts": ["stories", "paragraph"], "decoding": ["sampled"]},
        {"prompts": ["stories"], "decoding": ["greedy", "sampled"]},
    ],
)
def test_points_that_can_have_them_are_taken(study_config, space):
    space = {"position": ["mid", "last"], **space}
    evaluator(study_config("job.study.objectives=[accuracy,reliability]", space=space))


def test_an_unknown_objective_is_refused_before_anything_is_loaded(study_config):
    config = study_config("job.study.objectives=[rho_mached]", space=SMALL)
    with pytest.raises(ConfigError, match="objectives=rho_mached: allowed is rho_matched, rel"):
        sensitivity.run(config)
    assert not config.path("mlruns").exists()


def test_accuracy_of_a_point_by_a_plain_loop(study_config):
    """Each text against the nearest mean of the texts of other prompts."""
    from emo.jobs.plan import make_plan
    from emo.jobs.stories import read_prompts
    from emo.jobs.story_source import StorySource

    space = {"samples": [5, 2], "max_new_tokens": [12], "position": ["last"]}
    config = study_config("job.study.objectives=[accuracy]", space=space)
    point = {"samples": 5, "max_new_tokens": 12, "position": "last"}
    sub = setting(config, point)
    plan = make_plan(config)
    source = StorySource(plan, read_prompts(config), plan.stimuli.emotions)
    (read,), _, _ = source.read([(source.write(sub).texts, sub)])
    values = read.values[source.n_layers() // 2].astype(float)
    kept = [i for i, e in enumerate(read.emotions) if e != "neutral"]
    right = 0
    for i in kept:
        others = [j for j in kept if read.situations[j] != read.situations[i]]
        means = {
            e: values[[j for j in others if read.emotions[j] == e]].mean(axis=0)
            for e in dict.fromkeys(read.emotions[j] for j in others)
        }
        nearest = min(means, key=lambda e: ((values[i] - means[e]) ** 2).sum())
        right += nearest == read.emotions[i]
    assert evaluator(config)(point)["accuracy"] == pytest.approx(right / len(kept))


def test_precision_may_be_varied_and_one_model_is_held(study_config):
    """The points of another precision are those of a study in that precision."""
    from emo.models import session

    space = {"samples": [2], "max_new_tokens": [6], "position": ["mid", "last"]}
    varied = {**space, "precision": ["fp32", "nf4"]}
    wanted = "job.study.objectives=[rho_matched]"
    point = {"samples": 2, "max_new_tokens": 6, "position": "last"}
    at = evaluator(study_config(wanted, space=varied))
    assert at({**point, "position": "mid", "precision": "fp32"})["rho_matched"] == 1
    (held,) = session._held.values()
    first = weakref.ref(held.model)
    del held
    values = [at({**point, "precision": p}) for p in ("nf4", "fp32", "nf4")]
    gc.collect()
    assert first() is None
    assert values[0]["tokens_written"] > values[2]["tokens_written"] == 0
    assert values[0]["rho_matched"] == values[2]["rho_matched"] != values[1]["rho_matched"]
    for p, value in zip(("nf4", "fp32"), values[:2], strict=True):
        alone = evaluator(study_config(wanted, f"precision={p}", space=space))(point)
        assert alone["reliability"] == value["reliability"]
        assert alone["tokens_written"] == 0


def test_the_whole_job_on_a_tiny_model(study_config):
    config = study_config("job.study.objectives=[rho_matched]", n=6, space=SMALL)
    outcome = sensitivity.run(config)
    assert outcome.metrics["trials"] == 6
    children = runs(config, job="trial")
    written = [r.data.metrics["tokens_written"] for r in children]
    assert min(written) == 0  # points share their texts
    assert all(r.data.metrics["tokens_reused"] > 0 for r in children)
    assert sensitivity.run(config).status == "reused"
