"""A warning that names the rules of a model's generation config that are not followed here."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

if TYPE_CHECKING:
    from transformers import PreTrainedModel

log = logging.getLogger(__name__)

NEUTRAL_RULES: dict[str, object] = {
    "bad_words_ids": None,
    "begin_suppress_tokens": None,
    "encoder_no_repeat_ngram_size": 0,
    "encoder_repetition_penalty": 1.0,
    "exponential_decay_length_penalty": None,
    "forced_bos_token_id": None,
    "forced_eos_token_id": None,
    "guidance_scale": 1,
    "min_length": 0,
    "min_new_tokens": 0,
    "no_repeat_ngram_size": 0,
    "num_beams": 1,
    "penalty_alpha": 0,
    "remove_invalid_values": False,
    "sequence_bias": None,
    "stop_strings": None,
    "suppress_tokens": None,
    "watermarking_config": None,
}
"""Rules that can change a greedy text of ``generate``, each with the value that changes nothing."""


def unfollowed(config: Any) -> str:
    """The rules that a generation config sets and that are not followed here; "" if there are none."""
    rules = {name: getattr(config, name, None) for name in NEUTRAL_RULES}
    asked = [
        f"{name}={str(value)[:40]}"
        for name, value in rules.items()
        if value not in (None, [], NEUTRAL_RULES[name])
    ]
    return ", ".join(asked)


_warned: WeakSet[PreTrainedModel] = WeakSet()


def warn_of_unfollowed(model: PreTrainedModel) -> None:
    """Log one line per model about rules that ``generate`` of transformers would follow."""
    if (rules := unfollowed(model.generation_config)) and model not in _warned:
        _warned.add(model)
        log.warning("rules of the model's generation config that are not followed: %s", rules)
