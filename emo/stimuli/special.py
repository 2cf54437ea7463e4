"""Special tokens inside passages, as in pasted model output or chat markup."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from emo.errors import first_of
from emo.stimuli.texts import texts_at_a_time


def special_ids(tokenizer: Any) -> dict[int, str]:
    """The special tokens that a tokenizer knows, by id; the one for unknown characters may be one."""
    marks = dict(zip(tokenizer.all_special_ids, tokenizer.all_special_tokens, strict=True))
    added = tokenizer.added_tokens_decoder.items()
    return marks | {i: str(token) for i, token in added if token.special}


def _ids(tokenizer: Any, texts: Sequence[str]) -> Iterator[Sequence[int]]:
    for some in texts_at_a_time(texts):
        yield from tokenizer(some, add_special_tokens=False)["input_ids"]


def special_tokens(tokenizer: Any, texts: Sequence[str], names: Sequence[str]) -> str | None:
    """A line that names the texts in which the tokenizer finds special tokens; None if there are none.

    Tokens that the tokenizer adds around a text do not count, nor does the token for unknown
    characters.
    """
    marks = special_ids(tokenizer)
    named = []
    for ids, text, name in zip(_ids(tokenizer, texts), texts, names, strict=True):
        inside = dict.fromkeys(marks[i] for i in ids if i in marks and marks[i] in text)
        if inside:
            named.append(f"{name} ({', '.join(inside)})")
    if not named:
        return None
    one = len(named) == 1
    return (
        f"{len(named)} text{'' if one else 's'} hold{'s' if one else ''} special tokens of this "
        f"model, which are read as such and not as words: {first_of(named, '; ')}"
    )
