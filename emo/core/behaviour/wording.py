"""Answers brought to one spelling: no thinking, no markup, one kind of quote, small letters."""

from __future__ import annotations

import re
import unicodedata

_THINKING = re.compile(
    r"<(think|thinking|thought|reasoning)>.*?(</\1>|\Z)", re.DOTALL | re.IGNORECASE
)
_THOUGHT_END = re.compile(r"\A.*</(?:think|thinking|thought|reasoning)>", re.DOTALL | re.IGNORECASE)
_QUOTES = {**dict.fromkeys("‘’‚‛′`´", "'"), **dict.fromkeys("“”„‟«»″「」『』《》", '"')}
_DASHES = {**dict.fromkeys("‐‑‒−", "-"), **dict.fromkeys("–—―", " — ")}
_SPELLINGS = str.maketrans(
    {**_QUOTES, **_DASHES, "…": "...", "\u00ad": "", "\u200b": "", "\ufeff": ""}
)
_MARKUP = (
    (re.compile(r"!?\[([^\]\n]*)\]\([^)\n]*\)"), r"\1"),  # links and pictures
    (re.compile(r"(?m)^\s{0,3}(?:#{1,6}|>+)\s*"), ""),  # headings, block quotes
    (re.compile(r"(?m)^\s*(?:[-*+•]|\(?\d{1,2}[.)])\s+"), "• "),  # items of lists
    (re.compile(r"</?[a-zA-Z][^>\n]*>"), " "),
    (re.compile(r"\\text\{([^}]*)\}"), r" \1 "),
    (re.compile(r"\\(?:boxed|mathrm|mathbf)\{([^}]*)\}"), r"\1"),
    (re.compile(r"\^\{?\\?circ\}?|\\degree"), "°"),
    (re.compile(r"[*_~$\\]+"), ""),
)
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")


def without_thinking(text: str) -> str:
    """The text after its thinking blocks; nothing where a block is never closed.

    Example
    -------
    >>> without_thinking("<think>Sydney? No.</think>Canberra.")
    'Canberra.'
    """
    return _THOUGHT_END.sub("", _THINKING.sub("", text))


def unmarked(text: str) -> str:
    """The text without thinking and markup, in one spelling of quotes and dashes; line breaks stay."""
    text = unicodedata.normalize("NFKC", without_thinking(text).translate(_SPELLINGS))
    for pattern, instead in _MARKUP:
        text = pattern.sub(instead, text)
    return text.translate(_SPELLINGS)


def plain(text: str) -> str:
    """The unmarked text in small letters, one blank between words, numbers without commas.

    Accents of Latin letters are dropped, since models drop them.

    Example
    -------
    >>> plain("**Brasília** — it’s 1,000 °C")
    "brasilia — it's 1000 °c"
    """
    folded = _without_accents(unmarked(text)).casefold()
    return " ".join(_THOUSANDS.sub("", folded).split())


def _without_accents(text: str) -> str:
    """Latin letters without their accents; signs that make a letter of another script stay."""
    kept: list[str] = []
    for char in unicodedata.normalize("NFD", text):
        if unicodedata.combining(char) and kept and kept[-1].isascii():
            continue
        kept.append(char)
    return unicodedata.normalize("NFC", "".join(kept))
