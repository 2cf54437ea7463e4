"""The report as a browser shows and prints it."""

import csv
import html

import pytest

from emo.report.table import text
from tests.jobs.test_summarize import done, project  # noqa: F401
from tests.report.browser import needs_chromium, printed, squeezed, widths
from tests.report.summary.test_report_page import tables_on

pytestmark = [pytest.mark.slow, needs_chromium]


@pytest.fixture(scope="module")
def page(done):  # noqa: F811
    _, artifact, _ = done
    return artifact("summary.html")


def test_print_cuts_no_value_of_any_table(page, tmp_path):
    """Folded columns are printed, too: a table has at most as many columns as paper holds."""
    paper = printed(page, tmp_path)
    found = tables_on(page.read_text("utf-8"))
    cells = {cell for table in found for row in table for cell in row}
    assert len(cells) > 200
    assert [cell for cell in cells if squeezed(cell) not in paper] == []


def test_print_has_the_key_columns_of_the_descriptors_with_their_numbers(page, tmp_path):
    paper = printed(page, tmp_path)
    with (page.parent / "tables/descriptors.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2
    for row in rows:
        for name in ("anisotropy", "reliability", "RDM std"):
            assert squeezed(text(float(row[name]))) in paper
        assert squeezed(row["model"]) in paper


def test_what_is_folded_on_the_screen_is_printed(page, tmp_path):
    paper = printed(page, tmp_path)
    for words in ("As alike as replicates: the whole interval", "Statistics: rho is Spearman"):
        assert squeezed(words) in paper
    assert squeezed(html.unescape("Mean activation per emotion, minus a centre")) in paper


@pytest.mark.parametrize("width", [400, 1400])
def test_the_page_never_scrolls_sideways(page, tmp_path, width):
    content, room = widths(page, tmp_path, width)
    assert content <= room
