"""Figures as PNG, SVG and PDF, with every label exactly as the user wrote it.

Labels come from users. A dollar sign starts no formula. A character that the font lacks is drawn with
another installed font, or spelt as its code point; it never becomes a box that looks like every other.
A figure that cannot be drawn never stops a run.
"""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from textwrap import wrap
from typing import TYPE_CHECKING, Any, TypeVar
from unicodedata import category

from emo.report.style import LARGEST, LIKELY_FONTS, NO_TEXT_FONTS, PANEL, blank

if TYPE_CHECKING:
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure
    from matplotlib.ticker import Formatter

T = TypeVar("T")


@dataclass(frozen=True)
class Failure:
    """The reason, in one line, why there is no figure."""

    reason: str


def attempt(draw: Callable[[], T]) -> T | Failure:
    """The result of ``draw``, or the reason why it failed; no failure is raised."""
    try:
        with _quiet():
            return draw()
    except Exception as error:
        words = " ".join(str(error).split())[:200]
        kind = type(error).__name__
        return Failure(f"{kind}: {words}" if words else kind)


def instead(name: str, reason: str) -> Figure:
    """A picture that says which figure could not be drawn, and why."""
    figure = blank(8, 2)
    words = f"The figure '{name}' could not be drawn:\n" + "\n".join(wrap(reason, 90))
    figure.text(0.02, 0.5, words, va="center", fontsize=PANEL, parse_math=False)
    return figure


def rehearsed(figure: Figure) -> Figure:
    """The same figure after one trial drawing, so that a fault shows now and not when it is saved."""
    make_readable(figure)
    figure.draw_without_rendering()
    return figure


def png(figure: Figure) -> bytes:
    """The figure as PNG."""
    return _saved(figure, format="png")


def svg(figure: Figure) -> bytes:
    """The figure as SVG; one figure always gives the same bytes."""
    import matplotlib

    with matplotlib.rc_context({"svg.hashsalt": "emo", "svg.fonttype": "path"}):
        return _saved(figure, format="svg", metadata={"Date": None})


def pdf(figure: Figure) -> bytes:
    """The figure as PDF; one figure always gives the same bytes."""
    import matplotlib

    logging.getLogger("fontTools").setLevel(logging.WARNING)  # one line per table of a font
    with matplotlib.rc_context({"pdf.fonttype": 42}):
        return _saved(figure, format="pdf", metadata={"CreationDate": None})


FORMATS: dict[str, Callable[[Figure], bytes]] = {"png": png, "svg": svg, "pdf": pdf}
"""Suffix -> what makes such a file; every figure is written as each."""


def _saved(figure: Figure, **options: Any) -> bytes:
    """The bytes of the figure, enlarged where its texts leave the panels no room."""
    make_readable(figure)
    while True:
        out = io.BytesIO()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            figure.savefig(out, **options)
        narrow = any("constrained_layout" in str(w.message) for w in caught)
        width, height = figure.get_size_inches()
        if not narrow or max(width, height) > LARGEST:
            return out.getvalue()
        figure.set_size_inches(1.4 * width, 1.4 * height)


def in_legend(label: str) -> str:
    """A label that legends show: matplotlib hides labels that begin with an underscore."""
    return f"\u200b{label}" if label.startswith("_") else label


def make_readable(figure: Figure) -> str:
    """The characters that had to be spelt because no font has them.

    All texts of the figure are set to appear as written. A second call changes nothing and gives the
    same characters.
    """
    from matplotlib.category import StrCategoryFormatter
    from matplotlib.text import Text
    from matplotlib.ticker import FixedFormatter, FuncFormatter

    axes = [axis for a in figure.axes for axis in (a.xaxis, a.yaxis)]
    of_words = (FuncFormatter, FixedFormatter, StrCategoryFormatter)  # others make numbers
    named = [axis for axis in axes if isinstance(axis.get_major_formatter(), of_words)]
    ticks = {id(text) for axis in axes for text in _tick_texts(axis)}
    texts = [text for text in figure.findobj(Text) if id(text) not in ticks]
    written = {text.get_text() for text in texts}
    written |= {label.get_text() for axis in named for label in axis.get_ticklabels()}
    families, spelling = _glyphs(frozenset("".join(written)))
    for text in texts:
        text.set_parse_math(False)
        text.set_text(text.get_text().translate(spelling))
        text.set_fontfamily(list(dict.fromkeys([*text.get_fontfamily(), *families])))
    for axis in named:
        axis.set_major_formatter(_literal(axis.get_major_formatter(), spelling))
        if families and (labels := axis.get_ticklabels()):
            usual = labels[0].get_fontfamily()
            axis.set_tick_params(labelfontfamily=list(dict.fromkeys([*usual, *families])))
    spelt = getattr(figure, "spelt", "") + "".join(map(chr, spelling))
    figure.spelt = spelt  # pyright: ignore[reportAttributeAccessIssue]
    return spelt


def _tick_texts(axis: Axis) -> Iterator[Any]:
    """Texts that a formatter sets; some are powers of ten, which are formulas."""
    yield axis.offsetText
    for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks()):
        yield from (tick.label1, tick.label2)


def _literal(formatter: Formatter, spelling: dict[int, str]) -> Formatter:
    """A formatter whose labels appear as written."""
    from matplotlib.ticker import FuncFormatter

    if getattr(formatter, "literal", False):
        return formatter
    table = spelling | {ord("$"): r"\$"}
    as_written = FuncFormatter(lambda x, pos: formatter(x, pos).translate(table))
    as_written.literal = True  # pyright: ignore[reportAttributeAccessIssue]
    return as_written


@cache
def _glyphs(characters: frozenset[str]) -> tuple[tuple[str, ...], dict[int, str]]:
    """Fonts to add for these characters, and the spelling of characters that no font has."""
    from matplotlib.font_manager import FontProperties, findfont

    lacking = {ord(c) for c in characters if c != "\n"} - _has(findfont(FontProperties()))
    families: list[str] = []
    for name, path in _other_fonts() if lacking else ():
        if drawable := {c for c in lacking & _has(path) if category(chr(c)) != "Cc"}:
            families.append(name)
            lacking -= drawable
        if not lacking:
            break
    return tuple(families), {c: f"<U+{c:04X}>" for c in sorted(lacking)}


def _other_fonts() -> Iterable[tuple[str, str]]:
    """Name and file of every upright font of normal weight; likely fonts come first."""
    from matplotlib.font_manager import fontManager

    fonts = {
        f.name: f.fname
        for f in fontManager.ttflist
        if f.style == "normal"
        and f.weight in (400, "normal", "regular", "book")
        and not f.name.lower().startswith(NO_TEXT_FONTS)
    }

    def rank(name: str) -> tuple[int, str]:
        places = [i for i, likely in enumerate(LIKELY_FONTS) if likely in name.lower()]
        return min(places, default=len(LIKELY_FONTS)), name

    return [(name, fonts[name]) for name in sorted(fonts, key=rank)]


@cache
def _has(path: str) -> frozenset[int]:
    """The characters of a font file; none if the file cannot be read."""
    from matplotlib.font_manager import get_font

    try:
        return frozenset(get_font(path).get_charmap())
    except (OSError, RuntimeError):
        return frozenset()


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep matplotlib's warnings about layouts off the terminal; no result depends on them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        yield
