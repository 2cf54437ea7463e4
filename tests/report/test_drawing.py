"""Texts in figures stand as they are written, and no figure is worth a run."""

import warnings

import matplotlib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib import font_manager
from matplotlib.text import Text

from emo.core.records import EmotionVectors
from emo.report import drawing
from emo.report.drawing import Failure, attempt, in_legend, make_readable, png, svg
from emo.report.runs.extract_figures import emotion_map, rdm_heatmap
from emo.report.style import LARGEST, blank

LABELS = (
    "a$_$b",
    r"$\frac{$",
    r"win \$5$",
    "$x$",
    r"a\$b",
    "$$",
    "back\\slash",
    "100 %",
    "^_{}~#&",
)


def vectors(labels):
    values = np.random.default_rng(3).normal(size=(2, len(labels), 6))
    return EmotionVectors(values, tuple(labels), (1,) * len(labels), "mean")


def drawn_texts(figure, monkeypatch):
    """What the renderer is given to draw, and whether as mathematics."""
    from matplotlib.backends.backend_agg import RendererAgg

    seen = []
    for name, ismath in (("draw_text", False), ("draw_mathtext", True)):
        real = getattr(RendererAgg, name)

        def record(self, gc, x, y, s, *rest, real=real, ismath=ismath, **more):
            seen.append((s, ismath or rest[2:3] == (True,)))
            return real(self, gc, x, y, s, *rest, **more)

        monkeypatch.setattr(RendererAgg, name, record)
    png(figure)
    return seen


@pytest.mark.parametrize("make", [rdm_heatmap, emotion_map])
def test_dollars_in_labels_and_titles_are_dollars(make, monkeypatch):
    figure = make(vectors(LABELS), 1, "run of $m_o$ in $\\bad{")
    seen = drawn_texts(figure, monkeypatch)
    words = [s for s, _ in seen]
    for label in LABELS:
        assert label in words
    assert "run of $m_o$ in $\\bad{" in words
    assert not [s for s, math in seen if math and any(label in s for label in LABELS)]


def test_powers_of_ten_on_axes_stay_formulas(monkeypatch):
    figure = blank(4, 3)
    axes = figure.add_subplot()
    axes.semilogy([1, 1e-6])
    axes.set_xticks([0, 1], ["$a$", "b"])
    seen = drawn_texts(figure, monkeypatch)
    assert [s for s, math in seen if math and "10^{" in s]
    assert ("$a$", False) in seen


@given(st.lists(st.text(st.sampled_from("$\\{}^_%ab"), max_size=6), min_size=3, max_size=3))
@settings(max_examples=15)
def test_no_label_breaks_a_figure(labels):
    figure = blank(3, 2)
    axes = figure.add_subplot()
    axes.set_xticks(range(3), labels)
    axes.set_title(labels[0])
    axes.plot([1, 2], label=in_legend(f"_{labels[1]}"))
    axes.legend()
    make_readable(figure)
    shown = {t.get_text() for t in figure.findobj(Text) if not t.get_parse_math()}
    assert {labels[0], f"\u200b_{labels[1]}"} <= shown
    figure.draw_without_rendering()


def test_legends_colour_bars_and_axis_labels_are_texts_of_users_too(monkeypatch):
    figure = blank(4, 3)
    axes = figure.add_subplot()
    image = axes.imshow([[0, 1]])
    axes.set_xlabel("$x$")
    figure.colorbar(image, ax=axes, label="$bar$")
    figure.suptitle("$top$")
    figure.supxlabel("$low$")
    axes.plot([0], label="$leg$")
    axes.legend()
    words = drawn_texts(figure, monkeypatch)
    for text in ("$x$", "$bar$", "$top$", "$low$", "$leg$"):
        assert (text, False) in words


# Private use: no font that is installed anywhere has these.
NOWHERE = ("\ue123\ue124", "\ue124\ue123", "\U00100001")


@pytest.mark.parametrize("make", [rdm_heatmap, emotion_map])
def test_characters_that_no_font_has_are_spelt_and_stay_apart(make, monkeypatch, recwarn):
    figure = make(vectors((*NOWHERE, "plain", "tab\there")), 0, "of \ue123")
    spelt = make_readable(figure)
    assert set(spelt) == {"\ue123", "\ue124", "\U00100001", "\t"}
    words = {s for s, _ in drawn_texts(figure, monkeypatch)}
    assert words >= {
        "<U+E123><U+E124>",
        "<U+E124><U+E123>",
        "<U+100001>",
        "plain",
        "tab<U+0009>here",
    }
    assert not recwarn.list
    assert make_readable(figure) == spelt


def test_another_installed_font_draws_what_the_usual_one_lacks(tmp_path, monkeypatch, recwarn):
    """A font made here stands for one that a user has installed."""
    fonttools = pytest.importorskip("fontTools.fontBuilder")
    pen = pytest.importorskip("fontTools.pens.ttGlyphPen")
    builder = fonttools.FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder([".notdef", "one"])
    builder.setupCharacterMap({0xE123: "one"})
    drawn = pen.TTGlyphPen(None)
    drawn.moveTo((0, 0))
    for point in ((0, 800), (600, 800), (600, 0)):
        drawn.lineTo(point)
    drawn.closePath()
    glyph = drawn.glyph()
    builder.setupGlyf({".notdef": glyph, "one": glyph})
    builder.setupHorizontalMetrics({".notdef": (650, 0), "one": (650, 0)})
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "Emo Test", "styleName": "Regular"})
    builder.setupOS2(sTypoAscender=800, usWeightClass=400)
    builder.setupPost()
    builder.save(tmp_path / "emo.ttf")
    manager = font_manager.fontManager
    monkeypatch.setattr(manager, "ttflist", list(manager.ttflist))
    manager.addfont(tmp_path / "emo.ttf")
    drawing._glyphs.cache_clear()
    try:
        for make in (rdm_heatmap, emotion_map):
            figure = make(vectors(("a", "\ue123", "c")), 0, "t")
            assert make_readable(figure) == ""
            assert png(figure) and svg(figure)
            marked = [t for t in figure.findobj(Text) if "\ue123" in t.get_text()]
            assert marked and all("Emo Test" in t.get_fontfamily() for t in marked)
        assert not recwarn.list
    finally:
        drawing._glyphs.cache_clear()


def test_readable_twice_is_readable_once():
    figure = rdm_heatmap(vectors(LABELS), 0, "$t$ \ue123")
    texts = []
    for _ in range(2):
        png(figure)
        texts.append([t.get_text() for t in figure.findobj(Text)])
        texts[-1] += [t.get_fontfamily() for t in figure.findobj(Text)]
    assert texts[0] == texts[1]


def test_long_labels_get_a_larger_figure_and_no_warning(recwarn):
    figure = rdm_heatmap(vectors(("a" * 100, "b" * 100, "c")), 0, "t")
    before = figure.get_size_inches()
    assert png(figure)
    assert (figure.get_size_inches() > before).all()
    assert max(figure.get_size_inches()) < 1.5 * LARGEST
    assert not recwarn.list


def test_hundreds_of_emotions_have_room():
    usual = rdm_heatmap(vectors([f"e{i}" for i in range(21)]), 0, "t").get_size_inches()
    many = rdm_heatmap(vectors([f"e{i}" for i in range(171)]), 0, "t")
    assert tuple(usual) == (8, 7)
    assert many.get_size_inches()[1] > 25


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ValueError("\n  two\nlines "), "ValueError: two lines"),
        (MemoryError(), "MemoryError"),
        (RuntimeError("x" * 1000), "RuntimeError: " + "x" * 200),
    ],
)
def test_what_cannot_be_drawn_is_one_line(error, reason):
    def draw():
        warnings.warn("a library's word on layouts", UserWarning, stacklevel=1)
        raise error

    assert attempt(draw) == Failure(reason)


def test_an_interrupt_is_no_failure():
    def draw():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        attempt(draw)


def test_drawing_leaves_the_users_own_style_alone():
    before = dict(matplotlib.rcParams)
    png(rdm_heatmap(vectors(LABELS), 0, "\ue123"))
    assert dict(matplotlib.rcParams) == before


def test_the_heatmap_says_that_an_rdm_holds_cosine_similarities():
    figure = rdm_heatmap(vectors("abc"), 1, "t")
    heatmap, bar = figure.axes
    assert heatmap.get_title() == "t\nRDM as cosine similarities, layer 1"
    assert "cosine similarity" in bar.get_ylabel()
