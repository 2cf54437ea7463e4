"""The report of a study as a browser prints it."""

import csv
import html

import pytest

from emo.core.geometry.cosines import cosine_matrix
from emo.report.table import text
from emo.runs.files import read_vectors
from tests.browser.conftest import NARROW, WIDE
from tests.browser.paper import printed, squeezed
from tests.report.summary.test_report_page import tables_on

pytestmark = pytest.mark.slow


@pytest.fixture
def paper(pages, opened):
    return squeezed(printed(opened(pages["summary"])))


def test_print_cuts_no_value_of_any_table(pages, paper):
    """Folded columns are printed, too: a table has at most as many columns as paper holds."""
    found = tables_on(pages["summary"].read_text("utf-8"))
    cells = {cell for table in found for row in table for cell in row}
    assert len(cells) > 200
    assert [cell for cell in cells if squeezed(cell) not in paper] == []


def test_print_has_the_key_columns_of_the_descriptors_with_their_numbers(pages, paper):
    with (pages["summary"].parent / "tables/descriptors.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2
    for row in rows:
        for name in ("anisotropy", "reliability", "RDM std"):
            assert squeezed(text(float(row[name]))) in paper
        assert squeezed(row["model"]) in paper


def test_what_is_folded_on_the_screen_is_printed(paper):
    for words in ("As alike as replicates: the whole interval", "Statistics: rho is Spearman"):
        assert squeezed(words) in paper
    assert squeezed(html.unescape("Mean activation per emotion, minus a centre")) in paper


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_the_report_of_two_models_never_scrolls_sideways(pages, opened, width):
    assert opened(pages["summary"], width).overflow <= 0


def test_a_reader_chooses_the_model_and_the_layer_of_the_geometry(pages, opened):
    """The tooltip of a field is the cosine of the logged vectors, for each model and layer."""
    artifacts = pages["summary"].parents[2]
    with (pages["summary"].parent / "tables/descriptors.csv").open() as file:
        runs = {row["model"]: row["run"] for row in csv.DictReader(file)}
    seen = opened(pages["summary"])
    page = seen.page
    for model, run in runs.items():
        page.locator("#model").select_option(model)
        page.wait_for_function("name => document.querySelector('#model').value === name", arg=model)
        (folder,) = artifacts.glob(f"{run[:8]}*")
        vectors = read_vectors(folder / "artifacts" / "vectors.safetensors")
        for layer in (0, 3):
            page.locator("#layer").fill(str(layer))
            cosines = cosine_matrix(vectors.values[layer])
            field = page.locator("#rdm rect[data-tip]").nth(4)
            names, value = field.get_attribute("data-tip").rsplit(": ", 1)
            i, j = (vectors.emotions.index(name) for name in names.split(" \u2013 "))
            assert float(value.replace("\u2212", "-")) == pytest.approx(cosines[i, j], abs=6e-4)
    assert page.locator("details.pictures img").first.is_hidden()


def test_the_report_prints_pictures_in_place_of_what_is_chosen(pages, opened):
    page = opened(pages["summary"]).page
    page.emulate_media(media="print")
    assert page.locator(".explorer").is_hidden()
