"""The cards of steered texts under a reader's hands."""

import pytest

from emo.report.pages.page import Page, Section, render
from emo.report.pages.steering import scenarios_section
from emo.steering.heard import heard_words
from tests.browser.conftest import NARROW, WIDE
from tests.report.runs.test_steering import planted

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def html():
    section = scenarios_section(planted(), heard_words)
    return render(Page("t", "a", (Section("before", "<p>x</p>"), section), "text"))


def test_steered_texts_are_filtered_by_what_they_are(shown, html):
    seen = shown(html)
    assert seen.rows == 48
    seen.page.locator("[data-key=direction]").select_option("target")
    assert seen.rows == 24
    seen.page.locator("[data-key=strength]").select_option("0.1")
    assert seen.rows == 12
    seen.page.locator("[data-key=text]").fill("fluent text 11")
    assert seen.rows == 1


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_the_cards_fit_their_window(shown, html, width):
    seen = shown(html, width=width)
    assert (seen.overflow, seen.errors, seen.fetched) == (0, [], [])
