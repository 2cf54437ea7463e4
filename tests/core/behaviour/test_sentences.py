"""Texts cut into sentences where full stops, quotes and scripts make it hard."""

import pytest

from emo.core.behaviour.sentences import sentences


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("One. Two. Three.", 3),
        ("Dr. Smith met Mrs. Jones at 5 p.m. in St. Louis.", 1),
        ("We met at 5 p.m. The rain had stopped.", 2),
        ("The U.S. Army moved out.", 1),
        ("She lives in the U.S. It is large.", 2),
        ("It costs 3.50 dollars. Version 2.0.1 is out.", 2),
        ("J. R. R. Tolkien wrote it.", 1),
        ("It was John and I. We left.", 2),
        ("Use tools, e.g. a saw, i.e. something sharp.", 1),
        ("Really?! Yes!!! Well...", 3),
        ("Yahoo! is a company.", 1),
        ("Wait... there is more.", 1),
        ('"Stop!" he said.', 1),
        ('"Stop!" He ran.', 2),
        ("She asked: “Why?” Then she left.", 2),
        ("It ended (at last!). We slept.", 2),
        ("1. First point\n2. Second point\n3. Third point", 3),
        ("1. First. 2. Second.", 2),
        ("- One line\n- Another line", 2),
        ("你好。你是谁？我很好！", 3),
        ("“你好。”他说。", 1),
        ("오늘은 맑습니다. 내일은 비가 옵니다. 정말요?", 3),
        ("No end mark", 1),
        ("Visit www.example.com. Then call.", 2),
        ("", 0),
        (" \n\n ", 0),
        ("...", 0),
        ("Great!Thanks!", 2),
        ("Apples etc. are here.", 1),
        ("We sell apples, pears, etc. The shop is open.", 2),
        ("No. 5 is alive.", 1),
        ("The answer is no. Thanks.", 2),
        ("Es kostet ca. 5 Euro. Das ist z.B. viel.", 2),
    ],
)
def test_counts(text, count):
    assert len(sentences(text)) == count, sentences(text)


def test_nothing_is_lost():
    text = 'Dr. No said "Wait!" and left. 3.5 miles later... he stopped? Yes.'
    assert "".join(sentences(text)).replace(" ", "") == text.replace(" ", "")
