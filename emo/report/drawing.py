"""Figures as they are kept: every text as it is written, whatever it holds, and no figure at any cost.

Labels come from users: a dollar sign begins no formula, and a character without a glyph is drawn by
another installed font or spelt as its code point, never as a box that looks like any other.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar
from unicodedata import category

if TYPE_CHECKING:
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure
    from matplotlib.ticker import Formatter

T = TypeVar("T")

LARGEST = 40
"""Inches; a figure of more than has room in it gets smaller letters."""
LIKELY_FONTS = ("noto sans cjk", "source han sans", "noto sans", "pingfang", "microsoft yahei")
"""Looked at first for characters that the usual font has not."""
NO_TEXT_FONTS = ("last resort", "cm", "stixsize", "stixnonunicode")
"""Begin the names of fonts that show every character as a box, or other signs in its place."""


@dataclass(frozen=True)
class Failure:
    """Why there is no figure, in one line."""

    reason: str


def attempt(draw: Callable[[], T]) -> T | Failure:
    """What ``draw`` gives, or why it gives nothing: no figure is worth a run."""
    try:
        with _quiet():
            return draw()
    except Exception as error:
        words = " ".join(str(error).split())[:200]
        kind = type(error).__name__
        return Failure(f"{kind}: {words}" if words else kind)


def rehearsed(figure: Figure) -> Figure:
    """The figure, once drawn to nowhere: what cannot be drawn fails here."""
    make_readable(figure)
    figure.draw_without_rendering()
    return figure


def png(figure: Figure) -> bytes:
    """The figure as PNG."""
    return _saved(figure, format="png")


def svg(figure: Figure) -> bytes:
    """The figure as SVG; the same figure gives the same bytes."""
    import matplotlib

    with matplotlib.rc_context({"svg.hashsalt": "emo", "svg.fonttype": "path"}):
        return _saved(figure, format="svg", metadata={"Date": None})


def _saved(figure: Figure, **options: Any) -> bytes:
    """The figure with readable texts, enlarged where they leave its panels no room."""
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
    """A label that a legend shows: the library leaves out those that begin with an underscore."""
    return f"\u200b{label}" if label.startswith("_") else label


def make_readable(figure: Figure) -> str:
    """Show texts as they are written, and return the characters spelt for want of a glyph.

    Doing so twice changes nothing.
    """
    from matplotlib.category import StrCategoryFormatter
    from matplotlib.text import Text
    from matplotlib.ticker import FixedFormatter, FuncFormatter

    axes = [axis for a in figure.axes for axis in (a.xaxis, a.yaxis)]
    words = (FuncFormatter, FixedFormatter, StrCategoryFormatter)  # others make numbers
    named = [axis for axis in axes if isinstance(axis.get_major_formatter(), words)]
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
    return "".join(map(chr, spelling))


def _tick_texts(axis: Axis) -> Iterator[Any]:
    """Texts that a formatter sets, among them powers of ten, which are formulas."""
    yield axis.offsetText
    for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks()):
        yield from (tick.label1, tick.label2)


def _literal(formatter: Formatter, spelling: dict[int, str]) -> Formatter:
    """The formatter with its labels as they are written."""
    from matplotlib.ticker import FuncFormatter

    if getattr(formatter, "literal", False):
        return formatter
    table = spelling | {ord("$"): r"\$"}
    made = FuncFormatter(lambda x, pos: formatter(x, pos).translate(table))
    made.literal = True  # pyright: ignore[reportAttributeAccessIssue]
    return made


@cache
def _glyphs(characters: frozenset[str]) -> tuple[tuple[str, ...], dict[int, str]]:
    """Fonts to add for these characters, and how those are spelt that no installed font has."""
    from matplotlib.font_manager import FontProperties, findfont

    lacking = {ord(c) for c in characters if c != "\n"} - _has(findfont(FontProperties()))
    families: list[str] = []
    for name, path in _other_fonts() if lacking else ():
        if there := {c for c in lacking & _has(path) if category(chr(c)) != "Cc"}:
            families.append(name)
            lacking -= there
        if not lacking:
            break
    return tuple(families), {c: f"<U+{c:04X}>" for c in sorted(lacking)}


def _other_fonts() -> Iterable[tuple[str, str]]:
    """Name and file of upright fonts of normal weight, likely ones first."""
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
    """Characters that a font file has; none where it cannot be read."""
    from matplotlib.font_manager import get_font

    try:
        return frozenset(get_font(path).get_charmap())
    except (OSError, RuntimeError):
        return frozenset()


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what the library says of layouts off the terminal: no result depends on it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        yield
