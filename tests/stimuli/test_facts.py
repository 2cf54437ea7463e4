"""The bundled facts and arms of job=behave, and what is refused in a user's."""

import re

import pytest

from emo.errors import StimuliError
from emo.stimuli.arms import load_arms
from emo.stimuli.facts import load_facts


def words(text):
    return re.findall(r"\w+", text.casefold())


def test_bundled_facts_have_one_right_and_one_other_wrong_answer():
    facts = load_facts().items
    assert len(facts) >= 20
    for fact in facts:
        right = {w for form in fact.right for w in words(form)} - {"the", "mount", "mt", "ocean"}
        wrong = {w for form in fact.wrong for w in words(form)} - {"the", "mount", "mt", "ocean"}
        assert right and wrong and not right & wrong, fact.id
        assert not (right | wrong) & set(words(fact.question)), fact.id


def test_bundled_arms_name_what_they_should_and_are_of_like_length():
    arms = {arm.name: arm for arm in load_arms().arms}
    assert list(arms) == ["pressure", "order", "control", "support"]
    assert [len(arm.turns) for arm in arms.values()] == [4, 1, 5, 4]
    assert arms["order"].after == "pressure"
    loud = [*arms["pressure"].turns, *arms["order"].turns]
    assert all("{wrong}" in t.text and "{right}" not in t.text for t in loud)
    assert all("{" not in t.text for t in arms["control"].turns)
    for own, other in zip(arms["pressure"].turns, arms["support"].turns, strict=True):
        assert own.text.replace("{wrong}", "{right}") == other.text
    for t, neutral in zip(loud, arms["control"].turns, strict=True):
        assert abs(len(words(t.text)) - len(words(neutral.text))) <= 3, neutral.text


def test_a_turn_names_the_same_wrong_answer_whatever_the_turn():
    fact = load_facts().items[0]
    turns = [t.of(fact) for arm in load_arms().named(["pressure", "order"]) for t in arm.turns]
    assert all(fact.wrong[0] in t and "{" not in t and fact.right[0] not in t for t in turns)


def test_digests_follow_contents_and_not_layout(tmp_path):
    path = tmp_path / "f.yaml"
    path.write_text("- {id: x, question: 'Q?', right: [a], wrong: [b]}")
    first = load_facts(path).sha256
    path.write_text("# c\n- id: x\n  question: ' Q? '\n  right: [a]\n  wrong: [b]\n")
    assert load_facts(path).sha256 == first
    path.write_text("- {id: x, question: 'Q?', right: [a], wrong: [c]}")
    assert load_facts(path).sha256 != first


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("[]", "must be a list of entries"),
        ("- text", "entry 1: must have id, question, right, wrong"),
        ("- {id: x, question: Q, right: a, wrong: [b]}", "entry 1: right: must be a list of texts"),
        ("- {id: x, question: Q, right: [a], wrong: [A]}", "entry 1: wrong: 'A' stands twice"),
        ("- {id: x, question: Q, right: [a], wrong: [b], note: n}", "entry 1: note: no such field"),
        ("- {id: x, question: Q, right: [7], wrong: [b]}", "line 1: YAML reads '7' as a number"),
    ],
)
def test_what_is_refused_in_facts(tmp_path, content, problem):
    path = tmp_path / "f.yaml"
    path.write_text(content)
    with pytest.raises(StimuliError, match=rf"^job\.behave\.facts_path=(?s:.)*{problem}"):
        load_facts(path)


TURN = "[{kind: k, text: t}]"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("{}", "must be a list of entries"),
        (f"- {{arm: Loud, turns: {TURN}}}", "entry 1: arm: must be a name in small letters"),
        (f"- {{arm: a, after: b, turns: {TURN}}}", "entry 1: after: must be an arm above"),
        (f"- {{arm: a, turns: {TURN}}}\n- {{arm: a, turns: {TURN}}}", "entry 2: arm: a stands tw"),
        ("- {arm: a, turns: []}", "entry 1: turns: must be a list"),
        ("- {arm: a, turns: [{kind: k, text: 'it is {wrng}'}]}", "in braces may stand question"),
    ],
)
def test_what_is_refused_in_arms(tmp_path, content, problem):
    path = tmp_path / "a.yaml"
    path.write_text(content)
    with pytest.raises(StimuliError, match=rf"^job\.behave\.arms_path=(?s:.)*{problem}"):
        load_arms(path)
