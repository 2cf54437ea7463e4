"""Where a generated text is read.

The generated length counts the ids that ``generate`` of transformers returns: an end-of-text token
counts as the last generated token and can be read, padding behind it does not count.
"""

from __future__ import annotations

from typing import assert_never

from emo.activations.backend import TokenSpan
from emo.config.enums import Position
from emo.generation.samples import Generated

SHORT = 10
"""Largest number of generated tokens at which ``mid`` reads the prompt's last token instead
(Jeong 2026, arXiv:2604.11050)."""
FIRST = 50
"""The generated token, counted from 1, at which ``from_50`` begins (Anthropic 2026, Emotion
Concepts)."""


def span(text: Generated, position: Position, start: int = FIRST) -> TokenSpan:
    """The tokens of the whole sequence whose mean activation represents the text.

    ``mid`` is the single token ``prompt_len + generated_len // 2``, ``last`` the last token, ``mean``
    all generated tokens, ``from_50`` the generated tokens from the 50th, ``from_start`` those from
    number ``start``. If the text is too short for the position (see :func:`is_short`), ``mid`` is
    the prompt's last token, ``from_50`` and ``from_start`` are ``mean``.
    """
    prompt_len, end = len(text.prompt), len(text.ids)
    short = is_short(text, position, start)
    match position:
        case Position.mid:
            middle = prompt_len - 1 if short else prompt_len + len(text.tokens) // 2
            return TokenSpan(text.ids, middle, middle + 1)
        case Position.last:
            return TokenSpan(text.ids, end - 1, end)
        case Position.mean:
            return TokenSpan(text.ids, prompt_len, end)
        case Position.from_50:
            return TokenSpan(text.ids, prompt_len + (0 if short else FIRST - 1), end)
        case Position.from_start:
            return TokenSpan(text.ids, prompt_len + (0 if short else start - 1), end)
        case _:
            assert_never(position)


def is_short(text: Generated, position: Position, start: int = FIRST) -> bool:
    """Whether the text is too short for the position, so that its substitute is read."""
    n_tokens = len(text.tokens)
    match position:
        case Position.mid:
            return n_tokens <= SHORT
        case Position.from_50:
            return n_tokens < FIRST
        case Position.from_start:
            return n_tokens < start
        case Position.last | Position.mean:
            return n_tokens < 1
        case _:
            assert_never(position)
