"""Trials: resumed to a total, shared by processes, made up for when one is killed; planted truth."""

import os
import signal
import subprocess
import sys
import time

import pytest
from optuna.trial import TrialState

from emo.config.enums import SamplerName
from emo.errors import EmoError
from emo.process.owner import owner
from emo.study.claims import REASON
from emo.study.importance import importances
from emo.study.space import Space
from emo.study.stale import elsewhere, fail_stale, take_over
from emo.study.storage import open_study, study_name
from emo.study.trials import MOST_FAILURES, completed, run_trials, values_of
from tests.conftest import ROOT

CHOICES = {
    "prompts": ["stories", "paragraph"],
    "samples": [10, 1],
    "position": ["mid", "last"],
    "template": [True, False],
    "noise": [None, 0.5],
    "fixed": ["only"],
}
SPACE = Space(CHOICES)


def planted(point):
    """Variance shares: prompts 9, samples and position 4 by interaction and 1 alone, no others."""
    a, b, c = (1 if point[n] == CHOICES[n][1] else -1 for n in ("prompts", "samples", "position"))
    return {"rho": 3 * a + 2 * b * c + 1 * b, "twice": 6 * a + 4 * b * c + 2 * b}


def opened(folder, file="study", objectives=("rho",)):
    return open_study(folder / f"{file}.journal", "s", objectives)


def advance(study, total, evaluate=planted, sampler=SamplerName.qmc, objectives=("rho",)):
    return list(run_trials(study, SPACE, list(objectives), total, evaluate, sampler, 0))


@pytest.mark.parametrize("sampler", list(SamplerName))
def test_planted_importance_comes_out_in_order(tmp_path, sampler):
    study = opened(tmp_path)
    advance(study, 64, sampler=sampler)
    (importance,) = importances(study, ["rho"], seed=0)
    assert importance.n_trials == (32 if sampler is SamplerName.grid else 64)
    ranking = list(importance.impurity)
    assert ranking[0] == "prompts"
    assert set(ranking[:3]) == {"prompts", "samples", "position"}
    assert sum(importance.impurity.values()) == pytest.approx(1)
    assert max(importance.fanova, key=importance.fanova.get) == "prompts"


def test_importance_from_qmc_is_near_the_planted_shares(tmp_path):
    study = opened(tmp_path)
    advance(study, 128)
    (importance,) = importances(study, ["rho"], seed=0)
    # Of 14 parts of variance prompts has 9; the others share what is left.
    assert importance.impurity["prompts"] == pytest.approx(9 / 14, abs=0.1)
    for name in ("template", "noise"):
        assert importance.impurity[name] < 0.05


def test_several_objectives_and_one_that_never_varies(tmp_path):
    names = ("rho", "twice", "constant")
    study = opened(tmp_path, objectives=names)
    advance(study, 16, lambda p: {**planted(p), "constant": 1.0}, objectives=names)
    each = importances(study, list(names), seed=0)
    assert each[0].impurity == pytest.approx(each[1].impurity)
    assert each[2].impurity == each[2].fanova == {}


def test_fixed_parameters_reach_the_evaluation_and_values_are_kept(tmp_path):
    study = opened(tmp_path)
    seen = []
    advance(study, 3, lambda p: seen.append(p) or planted(p))
    assert {p["fixed"] for p in seen} == {"only"}
    assert all(set(p) == set(CHOICES) for p in seen)
    for trial, point in zip(completed(study), seen, strict=True):
        assert values_of(trial) == planted(point)


def test_a_failed_trial_is_made_up_for(tmp_path):
    calls = []

    def sometimes(point):
        calls.append(point)
        if len(calls) % 3 == 1:
            raise EmoError("no texts there")
        return {"rho": float("nan")} if len(calls) == 2 else planted(point)

    study = opened(tmp_path)
    told = advance(study, 6, sometimes)
    assert len(completed(study)) == 6
    failed = [t for t in told if t.state is TrialState.FAIL]
    assert [t.user_attrs[REASON] for t in failed][:2] == ["no texts there", "rho is nan there"]


def test_nothing_but_failures_ends_a_study(tmp_path):
    study = opened(tmp_path)
    with pytest.raises(
        EmoError, match=r"objective rho has no value at this point, there are other$"
    ):
        advance(study, 10, lambda _: {"other": 1.0})
    assert len(study.trials) == MOST_FAILURES


def test_a_bug_in_the_evaluation_is_not_swallowed(tmp_path):
    def bug(_):
        raise ZeroDivisionError

    study = opened(tmp_path)
    with pytest.raises(ZeroDivisionError):
        advance(study, 3, bug)
    advance(opened(tmp_path), 3)
    assert study.trials[0].state is TrialState.FAIL


def test_stale_trials_are_told_fail_and_live_ones_left_alone(tmp_path):
    study = opened(tmp_path)
    unclaimed, dead, elsewhere, ours = (study.ask() for _ in range(4))
    host = __import__("socket").gethostname()
    dead.set_user_attr("host", host)
    dead.set_user_attr("pid", "1")
    dead.set_user_attr("process_start", "5")
    elsewhere.set_user_attr("host", "another")
    for name, value in owner().items():
        ours.set_user_attr(name, value)
    assert fail_stale(study) == [unclaimed.number, dead.number]
    assert fail_stale(study) == []
    states = [t.state for t in study.trials]
    assert states == [TrialState.FAIL] * 2 + [TrialState.RUNNING] * 2


def test_trials_of_other_hosts_are_told_fail_only_when_asked(tmp_path):
    study = opened(tmp_path)
    there, also_there, ours = (study.ask() for _ in range(3))
    for trial in (there, also_there):
        trial.set_user_attr("host", "another")
    for name, value in owner().items():
        ours.set_user_attr(name, value)
    assert elsewhere(study) == {"another": 2}
    assert fail_stale(study) == []
    assert take_over(study) == [0, 1]
    assert elsewhere(study) == {}
    assert study.trials[ours.number].state is TrialState.RUNNING


@pytest.mark.parametrize("failing", [False, True])
def test_a_live_worker_whose_trial_another_has_failed_goes_on(tmp_path, failing, caplog):
    study = opened(tmp_path)
    lost = []

    def taken(point):
        if not lost:
            lost.append(study.trials[-1].number)
            study.tell(lost[0], state=TrialState.FAIL)
            if failing:
                raise EmoError("no texts there")
        return planted(point)

    told = advance(study, 3, taken)
    assert lost == [0]
    assert [t.number for t in told] == [1, 2, 3]
    assert len(completed(study)) == 3
    assert "trial 0 was marked as FAIL by another process: repeated" in caplog.text


def test_passwords_of_a_storage_are_not_said(tmp_path):
    with pytest.raises(EmoError) as caught:
        open_study("nonsense://me:secret@host/x", "s", ["rho"])
    assert "nonsense://me@host/x" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_trial_that_is_just_being_claimed_is_left_alone(tmp_path, monkeypatch):
    study = opened(tmp_path)
    trial = study.ask()

    def claim(_seconds):
        for name, value in owner().items():
            trial.set_user_attr(name, value)

    monkeypatch.setattr("emo.study.stale.time.sleep", claim)
    assert fail_stale(study) == []
    assert study.trials[0].state is TrialState.RUNNING


def test_a_trial_lost_before_it_was_claimed_is_made_up_for(tmp_path, monkeypatch):
    study = opened(tmp_path)
    real, lost = study.ask, []

    def ask():
        trial = real()
        if not lost:
            lost.append(trial.number)
            study.tell(trial.number, state=TrialState.FAIL)
        return trial

    monkeypatch.setattr(study, "ask", ask)
    advance(study, 3)
    assert len(completed(study)) == 3
    assert lost == [0]


def test_a_storage_that_cannot_be_opened_is_one_line(tmp_path):
    with pytest.raises(EmoError, match=r"job\.sensitivity\.storage=nonsense://x: cannot be opened"):
        open_study("nonsense://x", "s", ["rho"])


def test_names_tell_questions_apart():
    assert study_name("s", "a") == study_name("s", "a") != study_name("s", "b")
    assert study_name("s", "a").startswith("s-")


WORKER = """
import sys, time
from pathlib import Path
from emo.config.enums import SamplerName
from emo.study.stale import fail_stale
from emo.study.storage import open_study
from emo.study.trials import run_trials
from tests.study.test_trials import SPACE, planted
path, total, pause = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
def slow(point):
    time.sleep(pause)
    return planted(point)
where = path if path.suffix == ".journal" else f"sqlite:///{path}"
study = open_study(where, "s", ["rho"])
fail_stale(study)
print(len(list(run_trials(study, SPACE, ["rho"], total, slow, SamplerName.qmc, 0))))
"""


def worker(path, total, pause):
    return subprocess.Popen(
        [sys.executable, "-c", WORKER, str(path), str(total), str(pause)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def until(condition):
    deadline = time.monotonic() + 90
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.slow
def test_the_last_trial_of_another_process_is_waited_for_and_made_up_for_when_it_is_killed(
    tmp_path,
):
    path = tmp_path / "study.journal"
    study = opened(tmp_path)
    slow = worker(path, 2, 600)
    until(lambda: study.trials and study.trials[0].params)
    quick = worker(path, 2, 0)
    until(lambda: completed(study))
    with pytest.raises(subprocess.TimeoutExpired):
        quick.wait(timeout=2)
    slow.kill()  # and stays a zombie for now
    out, err = quick.communicate(timeout=90)
    slow.communicate()
    assert quick.returncode == 0, err
    assert int(out) == len(completed(study)) == 2
    assert study.trials[0].state is TrialState.FAIL


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["study.journal", pytest.param("study.db", marks=pytest.mark.slow)]
)
def test_processes_share_a_study_and_one_is_killed(tmp_path, name):
    """Three at once, one killed in the middle of a trial; the others make what one alone makes."""
    path, total = tmp_path / name, 24
    where = path if name.endswith("journal") else f"sqlite:///{path}"
    study = open_study(where, "s", ["rho"])
    running = [worker(path, total, 0.3) for _ in range(3)]
    until(lambda: len(completed(study)) >= 4)
    running[0].send_signal(signal.SIGKILL)
    shares = []
    for process in running:
        out, err = process.communicate(timeout=120)
        assert process.returncode in (0, -signal.SIGKILL), err
        shares.append(int(out or 0))
    assert min(shares[1:]) > 0  # they did share
    assert len(completed(study)) == total
    assert {t.state for t in study.trials} <= {TrialState.COMPLETE, TrialState.FAIL}
    alone = opened(tmp_path, "alone")
    advance(alone, total)
    assert [t.params for t in completed(study)] == [t.params for t in completed(alone)]
    assert importances(study, ["rho"], 0) == importances(alone, ["rho"], 0)
