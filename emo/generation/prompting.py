"""From the text of a prompt to the token ids that the model continues."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import TemplateError

from emo.activations.reading import n_appended
from emo.errors import ConfigError, ModelError

FIXED_DATE = "{% macro strftime_now(format) %}26 Jul 2024{% endmacro %}\n"
"""Put in front of a template, so that one that writes today's date (Llama 3's) writes the same date
every day, the one that Llama's falls back to. The template engine drops the line break."""
THINKING = ("enable_thinking", "thinking")
"""Names of the switch in templates: of Qwen3, SmolLM3 and GLM-4.5; of DeepSeek-V3.1 and Granite."""


@dataclass(frozen=True)
class Prompt:
    """Token ids of a prompt; ``templated`` tells whether a chat template was applied."""

    ids: tuple[int, ...]
    templated: bool


def prompt_ids(
    tokenizer: Any, text: str, chat_template: bool, thinking: bool | None = None
) -> Prompt:
    """The token ids of a prompt, as one user turn of the model's chat template, or bare.

    A model without a template gets the bare prompt, and ``templated`` is False. A template writes
    its own BOS, so the tokenizer adds none; for a bare prompt the tokenizer follows its own rule. A BOS
    is never doubled, even if the text starts with one. Special tokens that the tokenizer adds behind a
    bare prompt (an end of text) are left out, because the model continues the text. ``thinking`` turns
    the template's thinking on or off; None leaves it as it is.

    Raises
    ------
    ModelError
        If the model has several templates and no default, or its template fails or leaves out the
        prompt.
    ConfigError
        If ``thinking`` is set and the template has no such switch.
    """
    templated = chat_template and bool(tokenizer.chat_template)
    ids = _as_user_turn(tokenizer, text, thinking) if templated else _bare(tokenizer, text)
    while len(ids) > 1 and ids[0] == ids[1] == tokenizer.bos_token_id:
        ids = ids[1:]
    return Prompt(ids, templated)


def chat_ids(
    tokenizer: Any, turns: Sequence[tuple[str, str]], thinking: bool | None = None
) -> tuple[int, ...]:
    """The token ids of a whole chat, roles and contents, as the model's chat template writes it.

    Nothing is put behind the last turn. A BOS is never doubled.

    Raises
    ------
    ModelError
        If the model has no chat template, several and no default, or its template fails or leaves out
        a turn.
    ConfigError
        If ``thinking`` is set and the template has no such switch.
    """
    if not tokenizer.chat_template:
        raise ModelError("the model has no chat template, so that it reads texts and no chats")
    try:
        ids = _templated(tokenizer, turns, thinking, add_generation_prompt=False)
    except TEMPLATE_ERRORS as error:
        raise ModelError(
            f"the model's chat template cannot be applied ({_reason(error)})"
        ) from error
    while len(ids) > 1 and ids[0] == ids[1] == tokenizer.bos_token_id:
        ids = ids[1:]
    return ids


def chat_text(
    tokenizer: Any, turns: Sequence[tuple[str, str]], thinking: bool | None = None
) -> str:
    """A chat as the model's template writes it, up to where the model's next turn begins.

    Raises
    ------
    ModelError
        If the template fails or leaves out a turn.
    ConfigError
        If ``thinking`` is set and the template has no such switch.
    """
    try:
        options = _options(tokenizer, thinking, add_generation_prompt=True)
        messages = _messages(tokenizer, turns, options)
        return tokenizer.apply_chat_template(messages, tokenize=False, **options)
    except TEMPLATE_ERRORS as error:
        raise ModelError(
            f"the model's chat template cannot be applied ({_reason(error)})"
        ) from error


def untemplated_ids(tokenizer: Any, text: str) -> tuple[int, ...]:
    """The token ids of a text that a template has written, with no BOS but the template's."""
    return tuple(tokenizer(text, add_special_tokens=False)["input_ids"])


def _bare(tokenizer: Any, text: str) -> tuple[int, ...]:
    encoded = tokenizer(text, return_special_tokens_mask=True)
    ids = encoded["input_ids"]
    return tuple(ids[: len(ids) - n_appended(encoded["special_tokens_mask"])])


TEMPLATE_ERRORS = (TemplateError, ValueError, TypeError, LookupError, ArithmeticError)
"""A template is a program of the model's author, so it may raise Python's own errors."""


def _as_user_turn(tokenizer: Any, text: str, thinking: bool | None) -> tuple[int, ...]:
    try:
        return _templated(tokenizer, [("user", text)], thinking, add_generation_prompt=True)
    except TEMPLATE_ERRORS as error:
        raise ModelError(
            f"the model's chat template cannot be applied ({_reason(error)}); bare "
            "prompts: subparams.chat_template=false (job=steer: job.steer.chat_template=false)"
        ) from error


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())


def _templated(
    tokenizer: Any,
    turns: Sequence[tuple[str, str]],
    thinking: bool | None,
    add_generation_prompt: bool,
) -> tuple[int, ...]:
    options = _options(tokenizer, thinking, add_generation_prompt)
    messages = _messages(tokenizer, turns, options)
    encoded = tokenizer.apply_chat_template(messages, tokenize=True, return_dict=True, **options)
    return tuple(encoded["input_ids"])


def _options(tokenizer: Any, thinking: bool | None, add_generation_prompt: bool) -> dict[str, Any]:
    template = tokenizer.get_chat_template()
    return {
        "add_generation_prompt": add_generation_prompt,
        "chat_template": FIXED_DATE + template,
        **_switch(template, thinking),
    }


def _switch(template: str, thinking: bool | None) -> dict[str, bool]:
    if thinking is None:
        return {}
    for name in THINKING:
        if re.search(rf"\b{name}\b", template):
            return {name: thinking}
    raise ConfigError(
        "model.thinking",
        thinking,
        f"null: the model's chat template has no {' or '.join(THINKING)}",
    )


def _messages(
    tokenizer: Any, turns: Sequence[tuple[str, str]], options: dict[str, Any]
) -> list[dict[str, Any]]:
    """The turns in the first form that the template renders whole: strings, or lists of parts.

    Raises
    ------
    ValueError
        If the template renders neither whole; or the template's error about the strings.
    """
    reason: Exception | None = None
    for form in (lambda text: text, lambda text: [{"type": "text", "text": text}]):
        messages = [{"role": role, "content": form(content)} for role, content in turns]
        try:
            rendered = tokenizer.apply_chat_template(messages, tokenize=False, **options)
        except TEMPLATE_ERRORS as error:
            reason = reason or error
            continue
        if all(_squeezed(content) in _squeezed(rendered) for _, content in turns):
            return messages
    raise reason or ValueError("it leaves the prompt out")


def _squeezed(text: str) -> str:
    return "".join(text.split())
