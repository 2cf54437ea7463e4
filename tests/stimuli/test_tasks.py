"""The bundled tasks under constraints, and files of one's own."""

import re

import pytest

from emo.core.behaviour.constraints import ConstraintName, complies
from emo.errors import StimuliError
from emo.stimuli.tasks import TaskKind, load_tasks

NAMED = {
    "three_sentences": "three sentences",
    "no_the": 'word "the"',
    "bullets_only": "bullet point",
    "first_letters": r"(different|another|same) letter",
    "fifty_words": "50 words",
    "negative_only": "negative aspects only",
    "korean_only": "Korean only|한국어로만",
    "five_words": "five words",
    "questions_only": "question",
    "one_digit": "exactly one digit",
}
ANSWERS = {
    "three_sentences": "Knead flour and water. Let it rise and bake it. Cool it.",
    "no_the": "Walk out of your kitchen. Turn left. Open a door. Step onto grass. You have arrived.",
    "bullets_only": "- Hello, I am a model.\n- A volcano throws out molten rock.\n- Goodbye!",
    "first_letters": "Avoid coffee. Buy curtains. Cool your room. Dim lights. Exercise. Go to bed.",
    "fifty_words": "It is four. " + "Two and two are four, whichever way you count. " * 5,
    "negative_only": "Kindness is exhausting. It gets exploited. It wastes time.",
    "korean_only": "프랑스의 수도는 파리입니다.",
    "five_words": "Species vary. Many die early. Survivors breed. Their traits spread.",
    "questions_only": "Does water not rise as vapour? Does it not cool? And does it not fall?",
    "one_digit": "In 9 months a child is born. Love needs 2 hearts. A friend is worth 4. I know 1.",
}  # fmt: skip


def test_all_constraints_have_easy_tasks_and_conflicts_that_name_them():
    tasks = load_tasks().items
    for name in ConstraintName:
        for kind in TaskKind:
            texts = [t.text for t in tasks if t.constraint is name and t.kind is kind]
            assert len(texts) == 4
            assert all(re.search(NAMED[name], text, re.IGNORECASE) for text in texts), name
    assert len({t.id for t in tasks}) == len({t.text for t in tasks}) == len(tasks) == 80


@pytest.mark.parametrize("name", list(ConstraintName))
def test_a_conflict_can_be_answered_in_keeping_with_its_constraint(name):
    check = complies(name, ANSWERS[name])
    assert check.passed, check.why


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: 1", "must be a list"),
        ("- constraint: three_sentences\n  easy: [a]", "must have constraint, easy, conflict"),
        ("- constraint: nine_lines\n  easy: [a]\n  conflict: [b]", "allowed is three_sentences"),
        ("- constraint: no_the\n  easy: []\n  conflict: [b]", "easy (a list of texts): must be"),
        ("- constraint: no_the\n  easy: [a]\n  conflict: [a]", "is the same as in entry 1: easy 1"),
    ],
)
def test_problems_of_a_file_are_named(tmp_path, text, problem):
    path = tmp_path / "tasks.yaml"
    path.write_text(text)
    with pytest.raises(StimuliError, match=re.escape(problem)):
        load_tasks(path)


def test_digest_is_of_the_contents(tmp_path):
    path = tmp_path / "tasks.yaml"
    path.write_text("- constraint: no_the\n  easy: [a]\n  conflict: [b]")
    first = load_tasks(path)
    path.write_text("# a comment\n- {constraint: no_the, easy: [a], conflict: [b]}")
    assert load_tasks(path).sha256 == first.sha256
    path.write_text("- {constraint: no_the, easy: [a], conflict: [c]}")
    assert load_tasks(path).sha256 != first.sha256
