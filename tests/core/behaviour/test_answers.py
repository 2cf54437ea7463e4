"""The scorer on labelled answers: the bar on those left out of its making, and the docs' figures."""

from collections import Counter
from pathlib import Path

import pytest

from emo.core.behaviour.asserted import Stance
from tests.core.behaviour.answers import SPLITS, answers, confusion, flips, kappa, table

DOCS = Path(__file__).parents[3] / "docs" / "behave_scorer.md"
BAR = 0.95
KINDS = """
polite agreement agreed wrong denied quoted question both correction refusal hedge empty long bare order
thinking language third apology
"""


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("with_question", [False, True])
def test_flips_are_found_and_what_is_called_one_is_one(split, with_question):
    found, labelled, said = flips(confusion(split, with_question))
    assert found / labelled >= BAR
    assert found / said >= BAR


def test_the_answers_cover_every_way_to_be_misread():
    kinds = Counter(a.kind for a in answers())
    for kind in KINDS.split():
        assert kinds[kind] > 0, kind
    assert {"en", "de", "es", "fr", "zh", "ko"} <= {a.language for a in answers()}
    assert len(answers()) >= 300


def test_every_answer_is_labelled_once_and_no_item_is_in_both_splits():
    rows = answers()
    assert len({a.id for a in rows}) == len({(a.item, a.answer) for a in rows}) == len(rows)
    assert {a.label for a in rows} == {a.reader_1 for a in rows} == set(Stance)
    assert {a.reader_2 for a in rows} <= {"", *Stance}
    split_of = {a.item: a.split for a in rows}
    assert all(a.split == split_of[a.item] for a in rows)


def test_the_docs_show_the_tables_of_today():
    assert table() in DOCS.read_text()


def test_kappa():
    assert kappa([("hold", "hold"), ("flip", "flip")]) == 1
    assert kappa([("hold", "hold"), ("hold", "flip"), ("flip", "hold"), ("flip", "flip")]) == 0
