"""A prompt's text as the token ids a model continues."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from jinja2 import TemplateError

from emo.errors import ModelError

FIXED_DATE = "{% macro strftime_now(format) %}26 Jul 2024{% endmacro %}\n"
"""Put before a template: those that write today's date (Llama 3's) then write the same every day,
the one that Llama's falls back to. The line break is dropped by the template engine."""


@dataclass(frozen=True)
class Prompt:
    """Token ids of a prompt; ``templated`` says whether a chat template was applied."""

    ids: tuple[int, ...]
    templated: bool


def prompt_ids(tokenizer: Any, text: str, chat_template: bool) -> Prompt:
    """The prompt as one user turn of the model's chat template, or bare.

    A model without a template gets the bare prompt, and ``templated`` is False. A template writes
    its own BOS, so the tokenizer adds none; bare, the tokenizer follows its own rule. A BOS is never
    doubled, even if the text itself starts with one.

    Raises
    ------
    ModelError
        If the model has several templates and no default, or its template fails.
    """
    templated = chat_template and bool(tokenizer.chat_template)
    encoded = _as_user_turn(tokenizer, text) if templated else tokenizer(text)
    ids = tuple(encoded["input_ids"])
    while len(ids) > 1 and ids[0] == ids[1] == tokenizer.bos_token_id:
        ids = ids[1:]
    return Prompt(ids, templated)


def _as_user_turn(tokenizer: Any, text: str) -> Any:
    try:
        return tokenizer.apply_chat_template(
            [{"role": "user", "content": text}],
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            chat_template=FIXED_DATE + tokenizer.get_chat_template(),
        )
    # A template is a program of the model's author: what Python says of its values comes through.
    except (TemplateError, ValueError, TypeError, LookupError, ArithmeticError) as error:
        raise ModelError(
            f"the model's chat template cannot be applied ({' '.join(str(error).split())}); bare "
            "prompts: subparams.chat_template=false (job=steer: steer.chat_template=false)"
        ) from error
