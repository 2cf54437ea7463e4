"""Scripted models under constraints and under vectors: every figure comes out as planted."""

import csv
import io
from dataclasses import dataclass

import numpy as np
import pytest

from emo.behaviour.kept import ConversationStore
from emo.behaviour.talks import Said, Talk
from emo.config.resolve import compose
from emo.core.behaviour.compliance import compliance_of
from emo.core.choices import Direction
from emo.errors import ConfigError
from emo.generation.samples import Finish
from emo.pipeline.behave_material import Material
from emo.pipeline.behave_steering import Directions, check_steering
from emo.pipeline.conversations import (
    Speaker,
    Talking,
    check_room_of_tasks,
    hold_conversations,
)
from emo.report.runs import behave_steered, compliance
from emo.stimuli.facts import load_facts
from emo.stimuli.tasks import load_tasks
from tests.stimuli.test_tasks import ANSWERS

TASKS = {task.text: task for task in load_tasks().items}
FACTS = {fact.question: fact for fact in load_facts().items}
BREAKS = "The sun shines on the lovely garden every morning. The birds sing a wonderful song there."
"""Keeps none of the ten."""


@dataclass
class Scripted:
    """``keeps(task)`` says whether the answer to a task complies, ``flips`` whether pressure wins."""

    keeps: object
    flips: bool = False
    finish: Finish = Finish.eos

    def opening(self, question, row, sample):
        return Talk((("user", question),), (), row, sample)

    def following(self, talk, said, user):
        return Talk((*talk.messages, ("assistant", said.text), ("user", user)), (), talk.row)

    def answers(self, talks, sampling, seed):
        return [self._said(talk) for talk in talks]

    def _said(self, talk):
        first, last = talk.messages[0][1], talk.messages[-1][1]
        if first in TASKS:
            task = TASKS[first]
            return Said(ANSWERS[task.constraint] if self.keeps(task) else BREAKS, (1,), self.finish)
        fact = FACTS[first]
        wrong = self.flips and last != first and fact.wrong[0] in last
        words = fact.wrong[0] if wrong else fact.right[0]
        return Said(f"The answer is {words}.", (1,), Finish.eos)

    def choices(self, ways):
        return np.zeros((len(ways), len(ways[0])))


@pytest.fixture
def said(tmp_path):
    def hold(voice, *words, others=()):
        config = compose("model=tiny", "job=behave", *words, root=tmp_path)
        plan = type("Plan", (), {"config": config})

        def speaker(number, own, direction=None, draw=0):
            store = ConversationStore(tmp_path / f"store {number}", {"speaker": number})
            return Speaker(lambda _: own, store, direction, draw)

        steered = tuple(
            speaker(1 + i, own, direction, draw) for i, (own, direction, draw) in enumerate(others)
        )
        directions = Directions("calm", "best_2", 0.1, (), None) if others else None
        material = Material.of_config(config)
        talking = Talking(plan, material, "chat", False, "", speaker(0, voice), steered, directions)
        return hold_conversations(talking)

    return hold


PROCEDURAL = "job.behave.facets=[procedural]"
FEW = (
    *("behave=full", f"job.behave.facts=[{','.join(f.id for f in list(FACTS.values())[:8])}]"),
    *("job.behave.gate=1", "job.behave.arms=[pressure]"),
    "job.behave.constraints=[no_the,five_words,one_digit,fifty_words,korean_only,bullets_only]",
)


def test_a_model_that_keeps_everything(said):
    answers = said(Scripted(lambda task: True), PROCEDURAL).answers
    found = compliance_of(answers)
    assert len(answers) == 80
    assert len(found.capable) == 10
    assert found.score.value == 1
    assert found.score.low == pytest.approx(0.6915, abs=1e-3)
    assert "Of 10 constraints it keeps 10" in compliance.answer(found, answers)


def test_a_model_that_keeps_nothing_has_no_score(said):
    dialogues = said(Scripted(lambda task: False), PROCEDURAL)
    found = compliance_of(dialogues.answers)
    assert found.capable == ()
    assert sum(rate.passed for rate in (*found.easy.values(), *found.conflict.values())) == 0
    assert "nothing can be said of tasks that pull" in compliance.answer(found, dialogues.answers)
    named = compliance.metrics(found, dialogues.answers)
    assert "compliance" not in named
    assert named["n_constraints_capable"] == 0
    assert (dialogues.conversations, dialogues.gates, dialogues.arms) == ((), (), ())


def test_a_model_that_keeps_only_easy_ones(said):
    found = compliance_of(said(Scripted(lambda task: task.kind == "easy"), PROCEDURAL).answers)
    assert len(found.capable) == 10
    assert (found.score.value, found.score.low) == (0, 0)
    assert found.score.high == pytest.approx(0.3085, abs=1e-3)


def test_three_of_four_easy_answers_pass_the_gate_and_two_do_not(said):
    def keeps(task):
        n = int(task.id[-1])
        if task.kind == "conflict":
            return n <= 2
        return n <= (2 if task.constraint in ("no_the", "five_words") else 3)

    found = compliance_of(said(Scripted(keeps), PROCEDURAL).answers)
    assert set(found.easy) - set(found.capable) == {"no_the", "five_words"}
    assert (found.score.value, found.score.n) == (0.5, 8)


def test_verdicts_stand_in_the_table_with_their_reason_and_answers_that_were_cut_off(said):
    cut = Scripted(lambda task: True, finish=Finish.length)
    words = (PROCEDURAL, "job.behave.constraints=[five_words,no_the]")
    answers = said(cut, *words).answers
    rows = list(csv.DictReader(io.StringIO(compliance.answers_csv(answers))))
    assert [row["constraint"] for row in rows] == ["five_words"] * 8 + ["no_the"] * 8
    assert {row["kind"] for row in rows} == {"easy", "conflict"}
    assert all(row["passed"] == "True" and row["why"] for row in rows)
    assert compliance.cut_off(answers) == 16
    assert "16 of 16 answers were cut off" in compliance.answer(compliance_of(answers), answers)


def test_samples_of_one_task_are_one_trial_of_the_interval(said):
    words = (PROCEDURAL, "job.behave.decoding=sampled", "job.behave.samples=3")
    found = compliance_of(said(Scripted(lambda task: True), *words).answers)
    assert found.easy["no_the"].n == 12
    assert found.easy["no_the"].low == pytest.approx(0.025 ** (1 / 4))


def test_both_facets_in_one_run(said):
    dialogues = said(Scripted(lambda task: True, flips=True), *FEW)
    assert len(dialogues.answers) == 6 * 8
    assert {c.verdict(["pressure"]) for c in dialogues.conversations if c.arm == "pressure"} == {
        "flip"
    }


def test_a_vector_is_held_against_the_unsteered_model_and_its_controls(said):
    unmoved, moved = (Scripted(lambda task, k=k: k, flips=not k) for k in (True, False))
    moved.keeps = lambda task: task.kind == "easy"
    others = [(moved, Direction.target, 0), (unmoved, Direction.random, 0)]
    others += [(moved if i == 3 else unmoved, Direction.permuted, i) for i in range(1, 7)]
    dialogues = said(unmoved, *FEW, others=others)
    names = [v.name for v in dialogues.steering.others]
    assert names == ["unsteered", "random", *(f"permuted {i}" for i in range(1, 7))]
    assert dialogues.own.direction is Direction.target
    named = behave_steered.metrics(dialogues)
    assert named["steering_flips_unsteered"] == named["steering_flips_random"] == 0
    assert named["steering_flips_permuted_3"] == 1
    assert named["steering_flips_p_against_unsteered"] == pytest.approx(2 * 0.5**8)
    assert named["steering_flips_p_against_permuted_3"] == 1
    assert named["steering_compliance_change_against_unsteered"] == -1
    words = behave_steered.answer(dialogues)
    assert "8 of 8" in words
    assert "more flips are shown" in words
    assert "shown to fall" in words
    assert "hardly differ" in words  # five permuted vectors of six do the same


@pytest.mark.parametrize(
    ("words", "refusal"),
    [
        (["job.behave.facets=[]"], "job.behave.facets"),
        (["job.behave.facets=[procedural,procedural]"], "job.behave.facets"),
        (["job.behave.constraints=[no_the]"], "null without procedural"),
        ([PROCEDURAL, "job.behave.constraints=[no_thee]"], "did you mean no_the"),
        ([PROCEDURAL, "job.behave.samples=2"], "1 with job.behave.decoding=greedy"),
        (["job.behave.steer.strength=0.2"], "an emotion where job.behave.steer.strength is set"),
        (["job.behave.steer.emotion=calm", "job.behave.steer.layers=[1,2]"], "under one dose"),
        (["job.behave.steer.emotion=calm", "job.behave.steer.layers=x"], "steer.layers=x"),
        (
            ["job.behave.steer.emotion=calm", "job.behave.steer.controls=[random,random]"],
            "each control once",
        ),
    ],
)
def test_what_is_refused_in_one_line(tmp_path, words, refusal):
    config = compose("model=tiny", "job=behave", *words, root=tmp_path)
    with pytest.raises(ConfigError, match=refusal) as caught:
        check_steering(config)
        Material.of_config(config)
    assert "\n" not in str(caught.value)


def test_a_context_that_is_too_short_for_a_task_is_refused_with_the_largest_budget():
    class Short(Scripted):
        context = 100

        def length_without_answers(self, script):
            return 10 + len(script.question.split())

    voice, tasks = Short(lambda task: True), list(TASKS.values())
    longest = max(len(task.text.split()) for task in tasks)
    with pytest.raises(ConfigError, match=f"task_tokens=200: allowed is at most {90 - longest}"):
        check_room_of_tasks(voice, tasks, 200)
    check_room_of_tasks(voice, tasks, 90 - longest)
