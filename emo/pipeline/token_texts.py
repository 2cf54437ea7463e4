"""Texts as the model's tokens: their ids, how each is shown, and what sets it apart from the text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emo.activations.backend import TokenSpan
from emo.activations.embedding import table_rows
from emo.activations.reading import tokenise
from emo.config.enums import MethodName, Readout
from emo.config.readouts import readout_row
from emo.config.schema import RunConfig
from emo.core.token_readings import Mark
from emo.errors import EmoError, ModelError
from emo.generation.positions import is_short, span
from emo.generation.prompting import chat_ids, prompt_ids
from emo.generation.samples import Finish, Generated
from emo.stimuli.free_texts import FreeText
from emo.stimuli.special import special_ids

if TYPE_CHECKING:
    from emo.models.loading import LoadedModel

BROKEN = "\ufffd"
"""What a tokenizer shows of a part of a character."""
MOST_PARTS = 8
"""Tokens over which one character is looked for."""


@dataclass(frozen=True)
class TokenText:
    """A text as the model reads it."""

    name: str
    text: str
    ids: tuple[int, ...]
    tokens: tuple[str, ...]
    marks: tuple[Mark, ...]
    whole: TokenSpan | None
    """What the run's readout reads of it; None for a chat, and where the text is too short."""


def token_texts(
    texts: Sequence[FreeText], loaded: LoadedModel, config: RunConfig, parameter: str
) -> list[TokenText]:
    """The tokens of every text, read as the run of a config reads its own texts.

    A plain text of a passage run has the suffix of ``method.readout=suffix`` behind it. A chat is
    written by the model's template.

    Raises
    ------
    EmoError
        Naming the ``parameter`` that the texts are from, and the first text that the model cannot read.
    """
    made = []
    for text in texts:
        try:
            made.append(_token_text(text, loaded, config))
            _check(made[-1].ids, loaded)
        except EmoError as error:
            raise ModelError(f"{parameter}: {text.name}: {error}") from error
    return made


def _token_text(text: FreeText, loaded: LoadedModel, config: RunConfig) -> TokenText:
    tokenizer = loaded.tokenizer
    n_own = None
    if text.chat:
        ids, whole = chat_ids(tokenizer, text.messages, config.model.thinking), None
    elif config.method.name is MethodName.generation:
        ids = prompt_ids(tokenizer, text.text, chat_template=False).ids
        whole = _generated_span(ids, config)
    else:
        readout, suffix = config.method.readout, config.method.suffix
        whole = tokenise(tokenizer, [text.text], readout, suffix)[0]
        ids = whole.ids
        if readout_row(readout).takes_suffix:
            n_own = len(tokenise(tokenizer, [text.text], Readout.last)[0].ids)
    shown = text.text if not text.chat else tokenizer.decode(ids, skip_special_tokens=False)
    marks = _marks(tokenizer, ids, n_own)
    return TokenText(text.name, shown, ids, shown_tokens(tokenizer, ids), marks, whole)


def _generated_span(ids: tuple[int, ...], config: RunConfig) -> TokenSpan | None:
    """Where a run of generated texts reads one: the text stands for all that was generated."""
    text = Generated((), ids, Finish.length)
    reading = config.subparams.position, config.subparams.start
    return None if is_short(text, *reading) else span(text, *reading)


def _check(ids: Sequence[int], loaded: LoadedModel) -> None:
    context, rows = loaded.context, table_rows(loaded.model)
    if not ids:
        raise ModelError("it has no tokens")
    if context is not None and len(ids) > context:
        raise ModelError(f"it has {len(ids)} tokens; the model reads at most {context}")
    if max(ids) >= rows:
        raise ModelError(
            f"it has token id {max(ids)}; the model has embeddings for ids below {rows}"
        )


def _marks(tokenizer: Any, ids: Sequence[int], n_own: int | None) -> tuple[Mark, ...]:
    """The mark of every token; the token for unknown characters is none of the tokenizer's own."""
    special = set(special_ids(tokenizer)) - {tokenizer.unk_token_id}
    marks = []
    for place, token_id in enumerate(ids):
        if token_id in special:
            marks.append(Mark.special)
        elif place == 0:
            marks.append(Mark.first)
        else:
            behind = n_own is not None and place >= n_own
            marks.append(Mark.suffix if behind else Mark.none)
    return tuple(marks)


def shown_tokens(tokenizer: Any, ids: Sequence[int]) -> tuple[str, ...]:
    """How every token is shown, with the blank in front of a word.

    A character of several tokens is shown whole at each of them, with the number of the part.
    """
    pieces = tokenizer.convert_ids_to_tokens(list(ids))
    shown = [_decoded(tokenizer, [i]) for i in ids]
    for place, piece in enumerate(pieces):  # SentencePiece leaves out the blank of a first word
        if str(piece).startswith("\u2581") and not shown[place].startswith(" "):
            shown[place] = f" {shown[place]}"
    place = 0
    while place < len(ids):
        if BROKEN not in shown[place]:
            place += 1
            continue
        for end in range(place + 2, min(len(ids), place + MOST_PARTS) + 1):
            joint = _decoded(tokenizer, ids[place:end])
            if BROKEN not in joint:
                parts = end - place
                shown[place:end] = [f"{joint} [{k + 1}/{parts}]" for k in range(parts)]
                place = end
                break
        else:
            shown[place] = str(pieces[place])
            place += 1
    return tuple(shown)


def _decoded(tokenizer: Any, ids: Sequence[int]) -> str:
    return tokenizer.decode(
        list(ids), skip_special_tokens=False, clean_up_tokenization_spaces=False
    )
