"""Any page: nothing is fetched, everything is escaped, data come back as they went in."""

import base64
import html
import json
import re

import numpy as np
import pytest

from emo.report.pages.page import Page, Section, as_json, fragment, packed, render, words

EVIL = """</script><script>alert(1)</script><img src=x onerror="a()">&amp; ' " \u2028"""


def data_of(page: str, name: str):
    (found,) = re.findall(rf'<script type="application/json" id="data-{name}">(.*?)</script>', page)
    return json.loads(found)


def test_texts_of_users_are_escaped_wherever_they_stand():
    page = render(Page(EVIL, EVIL, (Section(EVIL, "<p>fine</p>"),), EVIL), run_id=EVIL)
    assert "<script>alert" not in page
    assert "<img" not in page
    assert html.unescape(page).count(EVIL) >= 5  # title twice, run, answer, heading, text
    assert page.count("<p>fine</p>") == 1


def test_data_survive_a_text_that_would_end_the_script():
    section = Section("s", "", data={"texts": [EVIL], "nan": float("nan")}, script="geometry")
    page = render(Page("t", "", (section,)))
    assert data_of(page, "geometry") == {"texts": [EVIL], "nan": None}


def test_nothing_is_fetched():
    section = Section("s", "", data={}, script="geometry", figures=("rdm",))
    page = render(Page("t", "a", (section,), "text"), {"rdm": b"\x89PNG"})
    addresses = re.findall(r"""(?:src|href)\s*=\s*["']?([^"'\s>]*)""", page)
    assert addresses and all(a.startswith(("data:", "#")) for a in addresses)
    assert not re.findall(r"@import|url\(|fetch\(|XMLHttpRequest|import\(", page)
    assert "default-src 'none'" in page


def test_a_figure_that_is_not_there_is_refused():
    with pytest.raises(KeyError):
        render(Page("t", "", (Section("s", "", figures=("rdm",)),)))


def test_a_page_without_scripts_has_none():
    assert "<script" not in render(Page("t", "a", (Section("s", "<p>x</p>"),), "text"))


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.uint16])
def test_packed_numbers_come_back(kind, rng):
    values = rng.integers(np.iinfo(kind).min, np.iinfo(kind).max, (3, 7), kind, endpoint=True)
    read = np.frombuffer(base64.b64decode(packed(values)), np.dtype(kind).newbyteorder("<"))
    assert (read.reshape(3, 7) == values).all()


def test_json_takes_arrays_and_has_no_nan():
    assert json.loads(as_json({"a": np.array([1.5, np.nan]), "b": np.int64(3)})) == {
        "a": [1.5, None],
        "b": 3,
    }


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *[(None, "\u2013"), (float("nan"), "\u2013"), (True, "yes"), (0.12345, "0.123")],
        *[(-0.0, "0.000"), (1234.5, "1.23e+03"), (1e-6, "1.0e-06"), ("x", "x"), (7, "7")],
    ],
)
def test_cells_are_worded_for_a_reader(value, text):
    assert words(value) == text


def test_a_fragment_escapes_its_cells():
    made = fragment("table.html", columns=["<a>"], rows=[["<b>", 0.5]], caption="<c>")
    assert "&lt;a&gt;" in made and "&lt;b&gt;" in made and "&lt;c&gt;" in made
    assert "<b>" not in made and "<c>" not in made
