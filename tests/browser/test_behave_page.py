"""Answers under constraints under a reader's hands, beside conversations with filters of their own."""

import pytest

from emo.report.pages.behave import conversations_section
from emo.report.pages.compliance import answers_section
from emo.report.pages.page import Page, render
from tests.browser.conftest import NARROW, WIDE
from tests.core.behaviour.planted import agrees, dialogues
from tests.report.pages.test_compliance import ANSWERS

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def html():
    sections = (conversations_section(dialogues(agrees, n_items=2)), answers_section(ANSWERS))
    return render(Page("t", "a", sections, "text"))


def visible(seen, place):
    return seen.page.locator(f"#{place} [data-row]:not([hidden])").count()


def test_answers_are_filtered_by_constraint_task_and_verdict(shown, html):
    seen = shown(html)
    talks = visible(seen, "conversations")
    assert (visible(seen, "tasks"), talks) == (16, 6)
    seen.page.locator("[data-key=constraint]").select_option("no_the")
    assert visible(seen, "tasks") == 8
    seen.page.locator("[data-key=task]").select_option("conflict")
    assert visible(seen, "tasks") == 4
    seen.page.locator("[data-key=complies]").select_option("breaks it")
    assert visible(seen, "tasks") == 2
    seen.page.locator("[data-key=said]").fill("nowhere")
    assert visible(seen, "tasks") == 0
    assert visible(seen, "conversations") == talks


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_the_rows_fit_their_window(shown, html, width):
    seen = shown(html, width=width)
    assert (seen.overflow, seen.errors, seen.fetched) == (0, [], [])
