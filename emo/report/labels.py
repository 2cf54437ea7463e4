"""The words emotion and situation exchanged, in what is reported of passages labelled by situation."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, assert_never

from emo.core.choices import Label

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WORDS = re.compile(
    r"(?<![\w=./-])(?P<article>an?\s+)?(?P<kind>emotion|situation)(?P<s>s?)\b(?!=|-geometry)", re.I
)
"""Either word with its article; settings, files and the name of the program are none."""


def in_words_of(label: Label, text: str, kept: Iterable[str] = ()) -> str:
    """A text about passages that are labelled by emotion, as one about passages labelled by ``label``.

    ``kept`` are titles and names that stay as they are.

    Example
    -------
    >>> in_words_of(Label.situation, "An emotion vector by situation: my emotion", ["my emotion"])
    'A situation vector by emotion: my emotion'
    """
    match label:
        case Label.emotion:
            return text
        case Label.situation:
            names = sorted({name for name in kept if WORDS.search(name)}, key=len, reverse=True)
            whole = [rf"(?<!\w){re.escape(name)}(?!\w)" for name in names]
            return re.sub("|".join([*whole, WORDS.pattern]), _exchanged, text, flags=re.I)
        case never:
            assert_never(never)


def figure_in_words_of(label: Label, figure: Figure, kept: Iterable[str] = ()) -> Figure:
    """A figure whose titles, axes and legends are so worded; names at ticks stay as they are."""
    if label is Label.situation:
        from matplotlib.text import Text

        names = tuple(kept)
        for text in figure.findobj(Text):
            if isinstance(text, Text) and WORDS.search(text.get_text()):
                text.set_text(in_words_of(label, text.get_text(), names))
    return figure


def _exchanged(found: re.Match[str]) -> str:
    kind, article = found["kind"], found["article"]
    if kind is None:  # a name that is kept
        return found[0]
    other = Label.situation if kind.lower() == Label.emotion else Label.emotion
    word = other.value.capitalize() if kind[0].isupper() else other.value
    if article:
        vowel = "an" if other is Label.emotion else "a"
        word = f"{vowel.capitalize() if article[0].isupper() else vowel} {word}"
    return word + found["s"]
