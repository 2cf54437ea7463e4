"""The page of a run under a reader's hands: slider, keys, pointer, filters, links, paper."""

import re

import numpy as np
import pytest

from tests.browser.conftest import NARROW, WIDE
from tests.browser.paper import printed
from tests.report.pages.test_comprehension import made

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def run():
    """A planted run: its page, vectors, descriptors."""
    html, vectors, descriptors, _ = made(np.random.default_rng(3))
    return html, vectors, descriptors


def test_slider_keys_curves_and_link_change_the_layer(shown, run):
    html, _, d = run
    seen = shown(html, "#layer=3")
    page = seen.page

    def layer():
        return int(seen.text("#layer-number"))

    assert layer() == 3
    read = round(30 * d.curves["accuracy"][3])
    assert seen.text("#passage-count").startswith(f"{read} of 30 read as written")
    page.locator("#layer").fill("0")
    assert layer() == 0 and page.url.endswith("#layer=0")
    page.evaluate("document.activeElement.blur()")
    for key, then in (("ArrowRight", 1), ("ArrowRight", 2), ("ArrowLeft", 1)):
        page.keyboard.press(key)
        assert layer() == then
    page.locator("#choices button").first.click()
    assert layer() == d.best_layer
    curve = page.locator("#curves svg").first
    box = curve.bounding_box()
    curve.click(position={"x": box["width"] - 5, "y": box["height"] / 2})
    assert layer() == 3
    page.goto(page.url.replace("layer=3", "layer=1"))  # as if it was typed
    assert layer() == 1


def test_filters_show_what_they_say_and_stand_in_the_link(shown, run):
    seen = shown(run[0])
    assert seen.rows == 25
    seen.page.locator("#passage-emotion").select_option("sad")
    assert seen.rows == 6
    seen.page.locator("#passage-search").fill("SAD f")
    assert seen.rows == 1
    assert "emotion=sad" in seen.page.url and "text=SAD+f" in seen.page.url
    link = seen.page.url
    seen.page.locator("#rdm [data-emotion=calm]").click()
    assert seen.rows == 0
    assert "emotion=calm" in seen.page.url
    again = shown(run[0], link[link.index("#") :])
    assert again.rows == 1
    assert again.page.locator("#passage-emotion").input_value() == "sad"


def test_pointing_at_a_field_shows_its_cosine(shown, run):
    html, vectors, _ = run
    seen = shown(html, "#layer=1")
    seen.page.locator("#rdm rect[data-tip]").first.hover()
    tip = seen.tip.replace("\u2212", "-")
    first, second, value = re.fullmatch(r"(\w+) \u2013 (\w+): (-?[\d.]+)", tip).groups()
    i, j = (vectors.emotions.index(name) for name in (first, second))
    unit = vectors.values[1] / np.linalg.norm(vectors.values[1], axis=1, keepdims=True)
    assert float(value) == pytest.approx(unit[i] @ unit[j], abs=6e-4)


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_a_page_whose_texts_hold_markup_fits_its_window_and_has_no_fault(shown, run, width):
    seen = shown(run[0], width=width)
    assert (seen.overflow, seen.errors, seen.fetched) == (0, [], [])


def test_dark_and_light_have_their_own_paper(shown, run):
    light, dark = (shown(run[0], scheme=scheme) for scheme in ("light", "dark"))
    assert (light.background, dark.background) == ((255, 255, 255), (20, 23, 26))


def test_paper_has_the_answer_and_the_folded_numbers(shown, run):
    html, _, d = run
    words = printed(shown(html))
    assert "an answer" in words
    for layer in range(d.n_layers):
        assert f"{d.curves['accuracy'][layer]:.3f}" in words
