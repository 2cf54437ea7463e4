"""The page of read texts under a reader's hands."""

import numpy as np
import pytest

from tests.report.pages.test_tokens import EMOTIONS, page_of, readings

pytestmark = pytest.mark.slow


@pytest.fixture
def made(rng):
    return readings(rng, ((" one", " two", " three"),))


def shares(page):
    """How strong the colours of the tokens are, from 0 to 1."""
    tokens = page.locator(".token").all()
    return [float(t.evaluate("e => e.style.getPropertyValue('--v')")) for t in tokens]


def test_the_link_chooses_layer_emotion_and_token(shown, made):
    seen = shown(page_of(made), "#layer=6&emotion=sad&token=0.1")
    text = made.texts[0]
    assert shares(seen.page) == pytest.approx(np.abs(text.values[3, 2]) / made.largest(3), abs=1e-3)
    assert seen.text("#token-layer") == "6"
    assert seen.text("#token-title") == "“two”, token 1, layer 6"
    assert f"{text.values[3, 2, 1]:+.2f}" in seen.text("#token-levels")
    assert seen.page.locator("#token-levels button[data-emotion]").count() == 3
    pairs = sorted(zip(text.whole[3], EMOTIONS, strict=True), reverse=True)
    assert seen.text("[data-whole]") == ", ".join(f"{e} {v:+.2f}" for v, e in pairs)


def test_click_keys_and_pointer_show_the_token(shown, made):
    seen = shown(page_of(made), "#layer=6&emotion=sad")
    page, values = seen.page, made.texts[0].values[3]
    assert page.locator("#token-panel").is_hidden()
    page.locator(".token").nth(1).click()
    assert "token=0.1" in page.url
    page.keyboard.press("ArrowRight")
    assert seen.text("#token-title") == "“three”, token 2, layer 6"
    assert "token=0.2" in page.url
    page.locator("#token-levels button", has_text="calm").click()
    assert shares(page) == pytest.approx(np.abs(values[0]) / made.largest(3), abs=1e-3)
    page.locator(".token").first.hover()
    assert seen.tip.startswith(f"token 0: calm {values[0, 0]:+.2f} | largest: ")
