"""Pages in chromium: a script at the end acts as a reader does and writes down what it sees."""

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from emo.report.pages.page import Page, Section, render
from emo.report.pages.steering import scenarios_section
from emo.steering.heard import heard_words
from tests.report.pages.test_comprehension import made
from tests.report.runs.test_steering import planted

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason="there is no chromium here"),
]

READER = (Path(__file__).parent / "reader.js").read_text(encoding="utf-8")


NARROWEST = 500
"""Chromium has no narrower window; a narrower page is shown in a frame."""
FRAME = """<pre id="seen"></pre><iframe width="{}" height="900" frameborder="0" srcdoc="{}"
onload="document.getElementById('seen').textContent =
this.contentDocument.getElementById('seen').textContent"></iframe>"""


def seen(tmp_path, page, steps="[]", address="", width=1400, flags=()):
    """What the script writes down: at first, and after every step."""
    path = tmp_path / "page.html"
    reader = f'<pre id="seen"></pre><script>{READER.replace("STEPS", steps)}</script>'
    page = page.replace("</body>", f"{reader}</body>")
    path.write_text(page if width >= NARROWEST else FRAME.format(width, html.escape(page)))
    command = [
        *(str(BROWSER), "--headless=new", "--no-sandbox", "--disable-gpu", "--dump-dom"),
        *(
            f"--user-data-dir={tmp_path / 'profile'}",
            f"--window-size={max(width, NARROWEST)},900",
            *flags,
        ),
        f"file://{path}{address}",
    ]
    dumped = subprocess.run(command, capture_output=True, text=True, timeout=240).stdout
    (found,) = re.findall(r'<pre id="seen">(.*?)</pre>', dumped, re.S)
    return json.loads(html.unescape(found))


@pytest.fixture(scope="module")
def page():
    return made(np.random.default_rng(3))


def test_slider_keys_curves_and_link_change_the_layer(tmp_path, page):
    text, _, d, _ = page
    steps = """[
      () => say(document.getElementById("layer"), 0),
      () => key("ArrowRight"),
      () => key("ArrowRight"),
      () => key("ArrowLeft"),
      () => document.querySelector("#choices button").click(),
      () => document.querySelector("#curves svg").dispatchEvent(new MouseEvent("click", {bubbles: true,
        clientX: document.querySelector("#curves svg").getBoundingClientRect().right - 5})),
    ]"""
    states = seen(tmp_path, text, steps, "#layer=3")
    published = str(d.best_layer)
    assert [s["layer"] for s in states] == ["3", "0", "1", "2", "1", published, "3"]
    assert states[1]["hash"] == "#layer=0"
    share = d.curves["accuracy"][3]
    assert states[0]["count"].startswith(f"{round(30 * share)} of 30 read as written")


def test_filters_show_what_they_say_and_stand_in_the_link(tmp_path, page):
    text, *_ = page
    steps = """[
      () => say(document.getElementById("passage-emotion"), "sad"),
      () => say(document.getElementById("passage-search"), "SAD f"),
      () => document.querySelector("#rdm [data-emotion=calm]").dispatchEvent(new Event("click")),
    ]"""
    states = seen(tmp_path, text, steps)
    assert [s["rows"] for s in states] == [25, 6, 1, 0]
    assert "emotion=sad" in states[2]["hash"] and "text=SAD+f" in states[2]["hash"]
    assert "emotion=calm" in states[3]["hash"]


def test_pointing_at_a_field_shows_its_cosine(tmp_path, page):
    text, vectors, *_ = page
    step = """[() => document.querySelector("#rdm rect[data-tip]").dispatchEvent(
      new PointerEvent("pointermove", {bubbles: true, clientX: 40, clientY: 40}))]"""
    tip = seen(tmp_path, text, step, "#layer=1")[1]["tip"].replace("\u2212", "-")
    first, second, value = re.fullmatch(r"(\w+) \u2013 (\w+): (-?[\d.]+)", tip).groups()
    i, j = (vectors.emotions.index(name) for name in (first, second))
    unit = vectors.values[1] / np.linalg.norm(vectors.values[1], axis=1, keepdims=True)
    assert float(value) == pytest.approx(unit[i] @ unit[j], abs=6e-4)


@pytest.mark.parametrize("width", [1400, 400])
def test_nothing_is_wider_than_the_window_and_everything_has_an_alt_text(tmp_path, page, width):
    for text in (page[0], steering()):
        (state,) = seen(tmp_path, text, width=width)
        assert (state["overflow"], state["small"], state["images"]) == (0, 0, 0)
        assert width - 16 <= state["width"] <= width


def test_dark_and_light_have_their_own_paper(tmp_path, page):
    text, *_ = page
    (light,) = seen(tmp_path, text)
    (dark,) = seen(tmp_path, text, flags=("--blink-settings=preferredColorScheme=0",))
    assert {light["paper"], dark["paper"]} == {"rgb(255, 255, 255)", "rgb(20, 23, 26)"}


def test_steered_texts_are_filtered_by_what_they_are(tmp_path):
    steps = """[
      () => say(document.querySelector("[data-key=direction]"), "target"),
      () => say(document.querySelector("[data-key=strength]"), "0.1"),
      () => say(document.querySelector("[data-key=text]"), "fluent text 11"),
    ]"""
    assert [s["rows"] for s in seen(tmp_path, steering(), steps)] == [48, 24, 12, 1]


def test_paper_has_the_answer_and_the_folded_numbers(tmp_path, page):
    pypdf = pytest.importorskip("pypdf")
    path, pdf = tmp_path / "page.html", tmp_path / "page.pdf"
    path.write_text(page[0])
    command = [
        *(str(BROWSER), "--headless=new", "--no-sandbox", "--disable-gpu"),
        *(f"--user-data-dir={tmp_path / 'profile'}", f"--print-to-pdf={pdf}", f"file://{path}"),
    ]
    subprocess.run(command, capture_output=True, timeout=240, check=True)
    words = " ".join(p.extract_text() for p in pypdf.PdfReader(pdf).pages)
    d = page[2]
    assert "an answer" in words
    for layer in range(d.n_layers):
        assert f"{d.curves['accuracy'][layer]:.3f}" in words


def steering():
    section = scenarios_section(planted(), heard_words)
    return render(Page("t", "a", (Section("before", "<p>x</p>"), section), "text"))
