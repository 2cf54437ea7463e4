"""Scripted models through the gate, the conversations, both scorers and the counts: all as planted."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from emo.behaviour.kept import ConversationStore
from emo.behaviour.talks import Said, Talk
from emo.config.enums import FlipRule
from emo.config.resolve import compose
from emo.core.behaviour.facet_b import facet_b
from emo.errors import ConfigError
from emo.generation.samples import Finish
from emo.pipeline.behave_material import Material
from emo.pipeline.conversations import Speaker, Talking, check_room, hold_conversations
from emo.report.runs import behave as report
from emo.stimuli.facts import load_facts

FACTS = load_facts().items


@dataclass
class Scripted:
    """``behave(fact, turn, user)`` gives which answer is said (right, wrong, none) and the log-odds."""

    behave: object
    format: str = "chat"
    alone: bool = False
    answered: int = 0

    def opening(self, question, row, sample):
        return Talk((("user", question),), (), row, sample)

    def following(self, talk, said, user):
        messages = (*talk.messages, ("assistant", said.text), ("user", user))
        return replace(talk, messages=messages)

    def answers(self, talks, sampling, seed):
        self.answered += len(talks)
        return [self._said(talk) for talk in talks]

    def _said(self, talk):
        fact, turn = fact_of(talk), len(talk.messages) // 2
        which, _ = self.behave(fact, turn, talk.messages[-1][1])
        words = {"right": fact.right, "wrong": fact.wrong}.get(which, ["something else"])[0]
        return Said(f"I understand. The answer is {words}.", (1, 2, 3), Finish.eos)

    def choices(self, ways):
        return np.stack([self._odds(talks) for talks in ways])

    def _odds(self, talks):
        out = []
        for talk in talks:
            fact, turn = fact_of(talk), len(talk.messages) // 2 - 1
            _, odds = self.behave(fact, turn, talk.messages[-3][1])
            right_first = f"A) {fact.right[0]}" in talk.messages[-1][1]
            out.append(odds if right_first else -odds)
        return np.array(out)


def fact_of(talk):
    return next(f for f in FACTS if f.question == talk.messages[0][1])


def holds(fact, turn, user):
    return "right", -2.0


def flips_at(k):
    def behave(fact, turn, user):
        pressed = turn >= k and fact.wrong[0] in user and "must say" not in user
        return ("wrong", 2.0) if pressed else ("right", -2.0)

    return behave


def obeys(fact, turn, user):
    return ("wrong", 2.0) if "must say" in user else ("right", -2.0)


def agrees(fact, turn, user):
    if turn and fact.wrong[0] in user:
        return "wrong", 2.0
    return "right", -4.0 if turn and fact.right[0] in user else -1.0


def ignorant(fact, turn, user):
    """Of two facts."""
    return ("none", 0.5) if fact.id in ("mona_lisa", "red_planet") else ("right", -2.0)


@pytest.fixture
def held(tmp_path):
    def hold(behave, *words):
        config = compose("model=tiny", "job=behave", "behave=default", *words, root=tmp_path)
        material = Material.of_config(config)
        plan = type("Plan", (), {"config": config})
        voice = Scripted(behave)
        store = ConversationStore(tmp_path / behave.__name__, {})
        speaker = Speaker(lambda budget: voice, store)
        talking = Talking(plan, material, voice.format, voice.alone, "", speaker)
        dialogues = hold_conversations(talking)
        return dialogues, facet_b(dialogues), voice

    return hold


def flips(facet):
    return {arm.arm: arm.flips.k for arm in facet.arms}


@pytest.mark.parametrize(
    ("behave", "planted"),
    [
        (holds, {"pressure": 0, "order": 0, "control": 0, "support": 0}),
        (flips_at(2), {"pressure": 24, "order": 0, "control": 0, "support": 0}),
        (obeys, {"pressure": 0, "order": 24, "control": 0, "support": 0}),
        (agrees, {"pressure": 24, "order": 24, "control": 0, "support": 0}),
    ],
)
def test_flips_are_those_of_the_script(held, behave, planted):
    dialogues, facet, _ = held(behave)
    assert flips(facet) == planted
    assert facet.scorers.same == facet.scorers.n > 300
    assert facet.any_turn.k == max(planted["pressure"], planted["order"])
    words = report.answer(dialogues, facet, FlipRule.pressure)
    shown = "more flips than there are shown" in words
    assert shown == (planted["pressure"] > 0)


def test_the_turn_of_the_first_flip_is_that_of_the_script(held):
    _, facet, _ = held(flips_at(3))
    assert [t.standing.k for t in facet.arm("pressure").turns] == [24, 24, 0, 0]
    assert [round(t.shift.value) for t in facet.arm("pressure").turns] == [0, 0, 4, 4]


def test_items_that_fail_the_gate_are_not_talked_about(held):
    dialogues, facet, voice = held(ignorant)
    assert [g.item for g in dialogues.failed] == ["red_planet", "mona_lisa"]
    assert (facet.n_items, facet.n_gated) == (22, 24)
    assert voice.answered == 24 * 3 + 22 * (6 + 6 + 5)
    assert "2 of 24 items did not pass" in report.answer(dialogues, facet, FlipRule.pressure)
    dialogues, facet, _ = held(ignorant, "job.behave.gate=0", "seed=1")
    assert dialogues.failed == ()
    assert facet.n_uncounted == 2 * 3


def test_the_published_preset_counts_any_flip_and_says_what_its_last_turn_measures(held):
    dialogues, facet, _ = held(obeys, "behave=published")
    assert dialogues.arms == ("pressure", "order")
    words = report.answer(dialogues, facet, FlipRule.any)
    assert "a flip at any turn, it is 24 of 24" in words
    assert "Under 4 turns of pressure 0 of 24" in words
    assert "an order to say the wrong answer, which measures obedience" in words
    assert report.metrics(dialogues, facet, FlipRule.any)["flips"] == 1
    assert report.metrics(dialogues, facet, FlipRule.pressure)["flips"] == 0


def test_yes_saying_is_what_follows_the_user_either_way(held):
    _, facet, _ = held(agrees)
    assert facet.follows_user.value == pytest.approx((3 + 3) / 2)


@pytest.mark.parametrize(
    ("words", "refusal"),
    [
        (["job.behave.arms=[order]"], "pressure as well: order continues it"),
        (["job.behave.arms=[presure]"], "did you mean pressure"),
        (["job.behave.facts=[capital_of_france]"], "did you mean capital_france"),
        (["job.behave.samples=3"], "1 with job.behave.decoding=greedy"),
    ],
)
def test_what_is_refused_in_one_line(tmp_path, words, refusal):
    config = compose("model=tiny", "job=behave", *words, root=tmp_path)
    with pytest.raises(ConfigError, match=refusal) as caught:
        Material.of_config(config)
    assert "\n" not in str(caught.value)


def test_a_context_that_is_too_short_is_refused_with_the_largest_budget(tmp_path):
    material = Material.of_config(compose("model=tiny", "job=behave", root=tmp_path))

    class Short(Scripted):
        context = 500

        def length_without_answers(self, script):
            return 320 if len(script.turns) == 5 else 300

    with pytest.raises(ConfigError, match="max_new_tokens=60: allowed is at most 30: the longest"):
        check_room(Short(holds), material, 60)
    check_room(Short(holds), material, 30)
    Short.context = 320
    with pytest.raises(ConfigError, match=r"job\.behave\.arms=.*arms of fewer turns"):
        check_room(Short(holds), material, 1)
