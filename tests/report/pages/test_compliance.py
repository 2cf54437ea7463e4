"""The sections of answers under constraints: every answer with its verdict, to be filtered."""

import re

from emo.core.behaviour.compliance import compliance_of
from emo.core.behaviour.task_answers import TaskAnswer, TaskKind
from emo.report.pages.compliance import answers_section, constraints_section
from emo.report.pages.passages import MOST_LETTERS


def answer(constraint, kind, passed, text="An answer.", finish="eos", sample=0):
    words = ("a task", text, 3, finish, passed, "2 sentences")
    return TaskAnswer("t1", constraint, TaskKind(kind), sample, *words)


ANSWERS = [
    *(answer("no_the", "easy", True) for _ in range(4)),
    *(answer("no_the", "conflict", n > 1) for n in range(4)),
    *(answer("five_words", "easy", False, finish="length") for _ in range(4)),
    *(answer("five_words", "conflict", True, sample=1) for _ in range(4)),
]


def test_every_row_can_be_filtered_by_constraint_task_and_verdict():
    html = answers_section(ANSWERS).html
    rows = re.findall(
        r'<tr data-row data-constraint="(\w+)" data-task="(\w+)" data-complies="([\w ]+)">', html
    )
    assert len(rows) == len(ANSWERS)
    assert rows.count(("no_the", "conflict", "breaks it")) == 2
    for key in ("constraint", "task", "complies", "said"):
        assert f'data-key="{key}"' in html
    offered = re.findall(r'data-key="(?:task|complies)">(.*?)</select>', html)
    for values in offered:
        assert set(re.findall(r"<option>([\w ]+)</option>", values)) <= {v for r in rows for v in r}
    assert html.count("cut off</span>") == 4
    assert html.count("sample 2") == 4


def test_texts_are_escaped_and_a_page_stays_small():
    html = answers_section([answer("no_the", "easy", True, "<b>bold</b>")]).html
    assert "&lt;b&gt;bold" in html
    long = [answer("no_the", "easy", True, "x" * (MOST_LETTERS // 2)) for _ in range(3)]
    assert "of 3 answers are shown" in answers_section(long).html


def test_the_table_says_which_constraints_count():
    section = constraints_section(compliance_of(ANSWERS), ("constraints",))
    assert section.figures == ("constraints",)
    html = section.html
    assert "Mean over the 1 that count: 0.50" in html
    assert re.findall(r"<td>(yes|no)</td>", html) == ["yes", "no"]
