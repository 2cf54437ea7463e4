"""job=sensitivity on a planted function: children, resume, importances, files, what is refused."""

from itertools import product

import pytest
from mlflow.exceptions import MlflowException

from emo.cli import run_job
from emo.errors import ConfigError, EmoError
from emo.jobs import sensitivity
from emo.jobs.sensitivity import conduct
from emo.pipeline import trial_runs
from emo.process.owner import owner
from emo.study.space import PLACE
from emo.study.storage import open_study
from emo.tracking import Spooled, Tracker
from tests.jobs.conftest import SPACE, runs


def planted(point):
    a, b, c = (1 if point[n] == SPACE[n][1] else -1 for n in SPACE)
    return {"rho": 3 * a + 1 * b + 2 * b * c, "accuracy": 1 * c, "texts_reused": 4.0}


@pytest.fixture
def no_files(monkeypatch):
    """Importances and figures take most of a short study's time."""
    monkeypatch.setattr(sensitivity, "importances", lambda *_: [])


def test_each_trial_is_a_child_with_its_point_and_values(study_config):
    config = study_config(n=4)
    outcome = conduct(config, planted)
    children = runs(config, job="trial")
    assert len(children) == 4
    for child in children:
        assert child.data.tags["mlflow.parentRunId"] == outcome.run_id
        params = {**child.data.params, "samples": int(child.data.params["samples"])}
        assert child.data.metrics == planted(params)
        assert f" samples={params['samples']}" in str(child.info.run_name)
        assert child.info.status == "FINISHED"
    (parent,) = runs(config, job="sensitivity")
    assert parent.info.status == "FINISHED"
    assert "importance for rho, 4 trials" in parent.data.tags["mlflow.note.content"]


@pytest.mark.slow
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
            ("job.sensitivity.objectives=[rho,accuracy]",),
            ("job.sensitivity.sampler=random",),
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
        m.setattr(sensitivity, "log_trial", killed)
        conduct(study_config(n=3), planted)
    assert runs(study_config(), job="trial") == []
    monkeypatch.setattr(trial_runs, "alive", lambda _: False)  # that process is gone
    with monkeypatch.context() as m:
        m.setattr(trial_runs, "here", lambda _: False)  # or is it? it was on another host
        conduct(study_config(n=3), planted)
    assert len(runs(study_config(), job="trial")) == 2
    conduct(study_config(n=3), planted)
    conduct(study_config(n=3), planted)
    assert len(runs(study_config(), job="trial")) == 3


def test_a_trial_of_a_worker_killed_meanwhile_is_logged_by_the_survivor(study_config, no_files):
    config = study_config(n=3)
    told = []

    def while_another_is_killed(point):
        if not told:
            (journal,) = (config.path("mlruns") / "studies").iterdir()
            other = open_study(journal, journal.stem, ["rho"])
            told.append(other.ask())
            for name, value in {**owner(), "process_start": "5"}.items():
                told[0].set_user_attr(name, value)
            for name, values in SPACE.items():
                told[0].suggest_categorical(name, values)
            other.tell(told[0], 1.0)
        return planted(point)

    conduct(config, while_another_is_killed)
    trials = [run.data.tags["trial"] for run in runs(config, job="trial")]
    assert sorted(trials) == ["0", "1", "2"]


def test_trials_logged_under_another_parent_are_not_logged_again(
    study_config, monkeypatch, no_files
):
    first = conduct(study_config(n=3), planted).run_id
    Tracker(study_config()).client.set_tag(first, "study", "of old")
    monkeypatch.setattr(trial_runs, "alive", lambda _: False)
    assert conduct(study_config(n=3), planted).run_id != first
    assert len(runs(study_config(), job="trial")) == 3


def abandoned(config, host="gone-host"):
    """A trial that a process of another host left running."""
    name = conduct(config, planted).fingerprint
    journal = config.path("mlruns") / "studies" / f"{name}.journal"
    trial = open_study(journal, name, ["rho"]).ask()
    trial.set_user_attr("host", host)
    trial.set_user_attr(PLACE, 2)


@pytest.mark.slow
def test_a_study_that_lacks_trials_of_other_hosts_is_not_called_finished(study_config, no_files):
    abandoned(study_config(n=2))
    with pytest.raises(
        EmoError, match=r"3 of 4 trials .* on gone-host; .*take_over=true"
    ) as caught:
        conduct(study_config(n=4), planted)
    assert "\n" not in str(caught.value)
    (parent,) = runs(study_config(), job="sensitivity")
    assert parent.info.status == "FAILED"
    outcome = conduct(study_config("job.sensitivity.take_over=true", n=4), planted)
    assert outcome.metrics["trials"] == 4
    (parent,) = runs(study_config(), job="sensitivity")
    assert parent.info.status == "FINISHED"
    assert len([r for r in runs(study_config(), job="trial") if r.info.status == "FINISHED"]) == 4


@pytest.mark.slow
def test_a_trial_kept_in_the_spool_is_one_child_after_all(study_config, monkeypatch, no_files):
    def gone(*_args, **_kwargs):
        raise MlflowException("Connection refused")

    with monkeypatch.context() as m, pytest.raises(Spooled):
        m.setattr("emo.tracking.files.FilesHere.log_batch", gone)
        conduct(study_config(n=3), planted)
    (parent,) = runs(study_config(), job="sensitivity")
    assert parent.info.status == "FAILED"
    monkeypatch.setattr(trial_runs, "alive", lambda _: False)  # that process is gone
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
    config = study_config("job.sensitivity.storage='sqlite://me:secret@/x.db'", n=2)
    kept = config.path("study.journal")
    monkeypatch.setattr(sensitivity, "open_study", lambda _, *rest: open_study(kept, *rest))
    outcome = conduct(config, planted)
    assert "storage sqlite://me@/x.db" in outcome.table
    assert "secret" not in outcome.table + caplog.text


def test_a_database_of_a_study_lies_in_the_projects_root(
    study_config, monkeypatch, tmp_path, no_files
):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    config = study_config("job.sensitivity.storage=sqlite:///study.db", n=2)
    outcome = conduct(config, planted)
    assert f"storage sqlite:///{config.path('study.db')}" in outcome.table
    assert config.path("study.db").is_file()
    assert list(elsewhere.iterdir()) == []


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
        ("subparams.samples=2", r"allowed is 10 with job=sensitivity.*job\.sensitivity\.space"),
    ],
)
def test_what_all_points_would_ignore_is_refused(study_config, override, words):
    with pytest.raises(ConfigError, match=words):
        sensitivity.run(study_config(override))


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("job.sensitivity.objectives=[]", r"job\.sensitivity\.objectives=\[\]: allowed is names"),
        ("job.sensitivity.objectives=[rho,rho]", r"allowed is names of measured values, each once"),
        (
            "job.sensitivity.name='../../evil'",
            r"job\.sensitivity\.name='\.\./\.\./evil': allowed is at most 64",
        ),
        (
            "job.sensitivity.storage=sqlite://",
            r"job\.sensitivity\.storage=sqlite://: allowed is a file",
        ),
        ("job.sensitivity.storage='sqlite:///a\0b.db'", r"allowed is null"),
        (
            "job.sensitivity.storage=study.db",
            r"allowed is null \(a journal in mlruns/studies\), or the URL",
        ),
        ("job.sensitivity.storage=sqlite:///mlruns/mlflow.db", r"study\.db.*: not MLflow's own"),
        (
            "job.sensitivity.storage=sqlite:///./mlruns/x/../mlflow.db",
            r"study\.db.*: not MLflow's own",
        ),
    ],
)
def test_what_no_study_can_have_is_refused_before_anything_is_written(
    study_config, tmp_path, override, words
):
    config = study_config(override)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(EmoError, match=words) as caught:
        conduct(config, planted)
    assert "\n" not in str(caught.value)
    assert sorted(tmp_path.rglob("*")) == before


def test_the_database_that_runs_are_logged_to_is_never_a_studys(study_config):
    """Not there yet, it would be Optuna's and MLflow could not open it."""
    config = study_config(
        "tracking.uri=sqlite:///runs.db", "job.sensitivity.storage=sqlite:///runs.db", n=2
    )
    with pytest.raises(ConfigError, match="not MLflow's own"):
        conduct(config, planted)
    assert not config.path("runs.db").exists()


def test_points_are_checked_only_while_the_study_lacks_some(study_config, no_files):
    checks = []
    for n in (2, 2, 3):
        conduct(study_config(n=n), planted, lambda: checks.append(n))  # noqa: B023
    assert checks == [2, 3]

    def refuse():
        raise ConfigError("job.sensitivity.space.layer", 99, "0 to 3")

    config = study_config("job.sensitivity.sampler=random", n=2)
    with pytest.raises(ConfigError, match="layer=99"):
        conduct(config, planted, refuse)
    assert len(list((config.path("mlruns") / "studies").glob("*.journal"))) == 1  # the first one's


def test_a_study_whose_journal_is_moved_away_is_made_again_and_logged_once(study_config, no_files):
    first = conduct(study_config(n=3), planted)
    (journal,) = (study_config().path("mlruns") / "studies").iterdir()
    damaged = journal.read_text().splitlines(keepends=True)
    journal.write_text("".join(damaged[:5] + damaged[6:]))
    with pytest.raises(EmoError, match=r"line 6 does not follow.*; move the file away"):
        conduct(study_config(n=3), planted)
    journal.rename(journal.with_suffix(".old"))
    again = conduct(study_config(n=3), planted)
    assert again.run_id == first.run_id
    children = runs(study_config(), job="trial")
    assert sorted(r.data.tags["trial"] for r in children) == ["0", "1", "2"]


@pytest.mark.slow
def test_a_study_made_in_parts_is_logged_as_one_made_at_once(study_config):
    """Also where a trial was lost: its place is taken again, and it is called by its place."""
    whole = conduct(study_config("job.sensitivity.name=whole", n=6), planted)
    part = conduct(study_config("job.sensitivity.name=parts", n=3), planted)
    journal = study_config().path("mlruns") / "studies" / f"{part.fingerprint}.journal"
    lost = open_study(journal, part.fingerprint, ["rho"]).ask()
    for name, value in {**owner(), "process_start": "5", PLACE: 3}.items():
        lost.set_user_attr(name, value)
    parts = conduct(study_config("job.sensitivity.name=parts", n=6), planted)
    assert parts.metrics == whole.metrics
    tracker = Tracker(study_config())
    a, b = (tracker.artifact(o.run_id, "trials.csv").read_text() for o in (whole, parts))
    assert a == b
    children = runs(study_config(), job="trial", study=part.fingerprint)
    assert sorted(run.data.tags["trial"] for run in children) == [str(i) for i in range(6)]
    history = tracker.client.get_metric_history(part.run_id, "headline/trials")
    assert [(p.step, p.value) for p in history] == [(0, 3), (1, 6)]


def test_the_published_space_is_the_whole_factorial(tiny_config):
    space = tiny_config("job=sensitivity").job.sensitivity.space
    assert len(list(product(*space.values()))) == 2**8
