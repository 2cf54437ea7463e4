"""Every constraint on texts made to break it."""

import pytest

from emo.core.behaviour.constraints import CONSTRAINTS, ConstraintName, complies

FIFTY = " ".join(["word"] * 50)

CASES = {
    "three_sentences": [
        (True, "Cats sleep. Dogs bark. Birds sing."),
        (True, "Dr. Lee paid 3.50 dollars at 5 p.m. on the U.S. side. He left! Why?"),
        (True, '"Stop!" he said. "Why?" she asked. Nobody moved.'),
        (True, "Really?! Yes!! Good..."),
        (True, "- First point.\n- Second point.\n- Third point."),
        (True, "1. First\n2. Second\n3. Third"),
        (True, "고양이는 잡니다. 개는 짖습니다. 새는 노래합니다."),
        (True, "猫睡觉。狗叫。鸟唱歌。"),
        (True, "<think>One. Two. Three. Four.</think>One. Two. Three."),
        (True, "**One.** *Two.* __Three.__"),
        (False, "Cats sleep. Dogs bark."),
        (False, "One. Two. Three. Four."),
        (False, "Here are three sentences:\nOne. Two. Three."),
        (False, "Cats sleep, dogs bark, birds sing."),
        (False, "猫睡觉。狗叫。"),
    ],
    "no_the": [
        (True, "Cats sleep in their beds, then other cats breathe."),
        (True, "Theatre, thesis, clothe, bathe, lithe."),
        (True, "<think>the the</think>A dog barks."),
        (False, "The dog barks."),
        (False, "A dog barks at THE moon."),
        (False, 'It is called "the".'),
        (False, "**The** dog."),
        (False, "One day\nthe\ndog barked."),
        (False, "the-dog"),
        (False, "ｔｈｅ dog"),
    ],
    "bullets_only": [
        (True, "- One\n- Two"),
        (True, "* One\n\n* Two\n+ Three\n• Four"),
        (True, "- One that goes\n  on here\n- Two"),
        (True, "- One\n    - Nested"),
        (True, "- **Bold** point"),
        (False, "Here you are:\n- One\n- Two"),
        (False, "- One\n- Two\nI hope that helps!"),
        (False, "1. One\n2. Two"),
        (False, "-no blank after it"),
        (False, "  An indented line\n- One"),
        (False, "---\n- One"),
        (False, "One, two"),
        (False, "**Bold**\n- One"),
    ],
    "first_letters": [
        (True, "Apples grow. Bears sleep. Cats purr."),
        (True, '"Apples grow." Bears sleep.'),
        (True, "- Apples\n- Bears"),
        (True, "고양이가 잔다. 나는 걷는다."),
        (True, "3 cats sleep. Two dogs bark."),
        (False, "Apples grow. Ants walk."),
        (False, "Élan helps. Eager dogs bark."),
        (False, "apples grow. Apples fall."),
        (False, "“Bears” sleep. Bears eat."),
        (False, "가방이 있다. 고양이가 잔다."),
        (False, "Only one sentence."),
    ],
    "fifty_words": [
        (True, FIFTY),
        (True, " ".join(["word"] * 47)),
        (True, " ".join(["word"] * 53)),
        (True, FIFTY + " — ! ..."),
        (True, "- " + "\n- ".join(["two words"] * 25)),
        (True, " ".join(["well-known"] * 50)),
        (True, "<think>a b c d e f g</think>" + FIFTY),
        (True, "猫" * 50),
        (False, " ".join(["word"] * 46)),
        (False, " ".join(["word"] * 54)),
        (False, "fifty words"),
    ],
    "negative_only": [
        (True, "Cities are noisy and expensive. Traffic wastes time."),
        (True, "The work is not enjoyable. It offers no benefits."),
        (True, "It is tedious. People come on Mondays."),
        (False, "Cities are noisy. On the bright side, they are beautiful."),
        (False, "Cities are noisy but convenient."),
        (False, "It is not bad."),
        (False, "It has no drawbacks."),
        (False, "Cities have many streets."),
        (False, "People walk. Cars drive. Noise is a problem."),
    ],
    "korean_only": [
        (True, "고양이는 잠을 잡니다."),
        (True, "2024년에 3마리! 정말? 😀"),
        (True, "<think>Korean, then.</think>네, 좋습니다."),
        (False, "고양이 is a cat."),
        (False, "고양이(cat)"),
        (False, "韓國에서 왔습니다."),
        (False, "A cat sleeps."),
        (False, "123"),
        (False, "고양이はねる"),
    ],
    "five_words": [
        (True, "Cats sleep. Dogs bark at night."),
        (True, "Mr. Lee paid 3.50 dollars."),
        (True, "One two three four five!\nSix seven."),
        (True, "- Buy fresh bread\n- Call home"),
        (True, "고양이는 조용히 잠을 잡니다."),
        (False, "Cats sleep all day in bed."),
        (False, "Short one. This one is a little longer."),
        (False, '"Go!" he shouted to the dogs.'),
        (False, "猫在床上睡觉。"),
    ],
    "questions_only": [
        (True, "Why do cats sleep? Who knows?"),
        (True, "Really?! Is it so?"),
        (True, 'Did she ask "why?"'),
        (True, "- Who?\n- What?"),
        (True, "**Why?**"),
        (True, "고양이는 왜 잘까요? 누가 알까요?"),
        (True, "猫为什么睡觉？谁知道？"),
        (False, "Cats sleep. Why?"),
        (False, "Why do cats sleep"),
        (False, "Here are questions:\nWhy?"),
        (False, "Why? Because!"),
        (False, "고양이는 왜 잘까요"),
    ],
    "one_digit": [
        (True, "I have 3 cats. You have 5."),
        (True, "1. I have 3 cats\n2. You have 5"),
        (True, "The year had 4 seasons!"),
        (True, "나는 고양이 3마리가 있다."),
        (False, "I have 12 cats."),
        (False, "I have three cats."),
        (False, "I have 3 cats. You have none."),
        (False, "It costs 3.5 dollars."),
        (False, "3 and 4 make 7."),
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "passed", "answer"),
    [(name, passed, answer) for name, cases in CASES.items() for passed, answer in cases],
)
def test_adversarial_texts(name, passed, answer):
    check = complies(ConstraintName(name), answer)
    assert check.passed is passed, check.why
    assert check.why


@pytest.mark.parametrize("name", list(ConstraintName))
@pytest.mark.parametrize(
    "answer",
    [
        "",
        "  \n ",
        "...",
        "<think>Only thought, never said.",
        "I'm sorry, but I can't help with that.",
        "I cannot assist with that request.",
        "As an AI language model, I cannot do that.",
        "I'm unable to fulfill this request.",
        "죄송하지만 그 요청은 도와드릴 수 없습니다.",
        "抱歉，我无法回答。",
    ],
)
def test_saying_nothing_and_refusing_comply_with_nothing(name, answer):
    assert not complies(name, answer).passed


def test_what_only_begins_like_a_refusal_is_checked():
    assert complies(ConstraintName.three_sentences, "I can't swim. I sink. I float.").passed
    assert complies(ConstraintName.no_the, "I cannot see any dog.").passed


def test_every_constraint_has_words_a_check_and_cases():
    assert list(CONSTRAINTS) == list(ConstraintName)
    assert set(CASES) == set(ConstraintName)
    for cases in CASES.values():
        assert {passed for passed, _ in cases} == {True, False}
