"""Where a generated text is read.

The generated length counts the generated ids as ``generate`` of transformers returns them: the
end-of-text token, where the model wrote one, is the last generated token and can be read; padding
behind it never was part of the text.
"""

from __future__ import annotations

from emo.activations.backend import TokenSpan
from emo.config.enums import Position
from emo.generation.samples import Generated

SHORT = 10
"""Texts of at most so many generated tokens are read at the prompt's last token by ``mid``
(Jeong 2026, arXiv:2604.11050)."""
SKIPPED = 49
"""``from_50`` starts at the 50th generated token (Anthropic 2026, Emotion Concepts)."""


def span(text: Generated, position: Position) -> TokenSpan:
    """The tokens of the whole sequence whose mean activation stands for the text.

    ``mid`` is the single token ``prompt_len + generated_len // 2``, ``last`` the last one, ``mean``
    all generated ones, ``from_50`` the generated ones from the 50th. Texts too short for ``mid`` or
    ``from_50`` (see :func:`is_short`) are read at the prompt's last token and as ``mean``.
    """
    prompt_len, end = len(text.prompt), len(text.ids)
    start, stop = {
        Position.mid: (mid := prompt_len + len(text.tokens) // 2, mid + 1),
        Position.last: (end - 1, end),
        Position.mean: (prompt_len, end),
        Position.from_50: (prompt_len + SKIPPED, end),
    }[position]
    if is_short(text, position):
        start, stop = (
            (prompt_len - 1, prompt_len) if position is Position.mid else (prompt_len, end)
        )
    return TokenSpan(text.ids, start, stop)


def is_short(text: Generated, position: Position) -> bool:
    """Whether the text is too short for the position, so that its substitute is read."""
    least = {Position.mid: SHORT + 1, Position.from_50: SKIPPED + 1}.get(position, 1)
    return len(text.tokens) < least
