"""What holds for every page: nothing fetched, no overflow, light and dark, readable without scripts."""

import pytest

from tests.browser.conftest import NARROW, WIDE
from tests.browser.study import JOBS, PAGES
from tests.jobs.test_pages_of_jobs import COMMANDS

pytestmark = pytest.mark.slow


def test_the_page_of_every_job_is_opened_here():
    jobs = {word.removeprefix("job=") for words in JOBS.values() for word in words}
    assert {job.value for job in COMMANDS} - {"extract"} <= jobs
    assert {"comprehension", "generation"} <= set(JOBS)  # extract, by either method


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [WIDE, NARROW])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_its_window_fetches_nothing_and_has_no_fault(
    name, width, scheme, pages, opened
):
    seen = opened(pages[name], width, scheme)
    assert seen.fetched == []
    assert seen.errors == []
    assert seen.overflow <= 0
    bright = sum(seen.background) > 3 * 128
    assert bright == (scheme == "light")


@pytest.mark.parametrize("name", PAGES)
def test_headline_and_tables_need_no_script(name, pages, opened):
    plain, full = (opened(pages[name], script=script) for script in (False, True))
    for selector in ("h1", "#answer"):
        words = plain.text(selector)
        assert words and words == full.text(selector)
    assert plain.page.locator("table").count() > 0


@pytest.mark.parametrize("name", PAGES)
def test_pictures_and_drawings_say_what_they_show(name, pages, opened):
    """Every picture has a text instead, and so has every drawing that is not decoration."""
    page = opened(pages[name]).page
    silent = page.evaluate(
        """() => [...document.querySelectorAll('img, svg, canvas')].filter(e =>
            !(e.getAttribute('alt') || e.getAttribute('aria-label') || e.getAttribute('aria-labelledby')
              || e.getAttribute('aria-hidden') === 'true' || e.closest('[role=img][aria-label]')
              || e.closest('figure')?.querySelector('figcaption'))
        ).map(e => e.outerHTML.slice(0, 80))"""
    )
    assert silent == []


@pytest.mark.parametrize("name", PAGES)
def test_every_link_within_a_page_has_its_place(name, pages, opened):
    page = opened(pages[name]).page
    lost = page.evaluate(
        """() => [...document.querySelectorAll('a[href^="#"]')].map(a => a.getAttribute('href').slice(1))
            .filter(id => id && !id.includes('=') && !document.getElementById(id))"""
    )
    assert lost == []
