"""What holds for every page: nothing fetched, no overflow, light and dark, readable without scripts."""

from __future__ import annotations

from pathlib import Path

import pytest

from emo.cli import run_job
from emo.config.enums import JobName
from emo.config.resolve import compose
from emo.runs.reuse import open_tracker
from tests.browser.conftest import NARROW, WIDE
from tests.conftest import TINY, write_small_csv

pytestmark = pytest.mark.slow

STORY = ("method=generation", "subparams.max_new_tokens=12")
JOBS: dict[str, tuple[str, ...]] = {
    "comprehension": (),
    "generation": STORY,
    "precision": ("job=precision", "job.precision.precisions=[bf16]"),
    "equivalence": ("job=equivalence",),
    "steer": ("job=steer", "job.steer.strengths=[0.1]", "job.steer.max_new_tokens=6"),
    "summary": ("job=summarize", "job.summarize.permutations=50", "job.summarize.n_bootstrap=30"),
}
"""Overrides by name; the summary comes last, so that there is something to be summed up."""


@pytest.fixture(scope="package")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The page of one run per kind."""
    root = tmp_path_factory.mktemp("study")
    small = write_small_csv(root)
    made = {}
    for name, overrides in JOBS.items():
        config = compose(*TINY, f"stimuli.path={small}", *overrides, root=root)
        outcome = run_job(config)
        file = "summary.html" if config.job.name is JobName.summarize else "run.html"
        made[name] = open_tracker(config).artifact(outcome.run_id, file)
    return made


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [WIDE, NARROW])
@pytest.mark.parametrize("name", JOBS)
def test_a_page_fits_its_window_fetches_nothing_and_has_no_fault(
    name, width, scheme, pages, opened
):
    seen = opened(pages[name], width, scheme)
    assert seen.fetched == []
    assert seen.errors == []
    assert seen.overflow <= 0
    bright = sum(seen.background) > 3 * 128
    assert bright == (scheme == "light")


@pytest.mark.parametrize("name", JOBS)
def test_headline_and_tables_need_no_script(name, pages, opened):
    plain, full = (opened(pages[name], script=script) for script in (False, True))
    for selector in ("h1", "main p >> nth=0"):
        words = plain.page.locator(selector).first.inner_text()
        assert words and words == full.page.locator(selector).first.inner_text()
    assert plain.page.locator("table").count() > 0


@pytest.mark.parametrize("name", JOBS)
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


@pytest.mark.parametrize("name", JOBS)
def test_every_link_within_a_page_has_its_place(name, pages, opened):
    page = opened(pages[name]).page
    lost = page.evaluate(
        """() => [...document.querySelectorAll('a[href^="#"]')].map(a => a.getAttribute('href').slice(1))
            .filter(id => id && !id.includes('=') && !document.getElementById(id))"""
    )
    assert lost == []
