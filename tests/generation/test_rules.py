"""Rules of a generation config that change a greedy text of transformers and are not followed here."""

import pytest
import torch
from transformers import GenerationConfig

from emo.config.enums import PrecisionName
from emo.generation.decoding import HFDecoder
from emo.generation.rules import NEUTRAL_RULES, unfollowed
from emo.generation.samples import Request
from emo.models.loading import LoadedModel
from emo.models.tiny import build
from emo.models.weights import Weights


def tiny(**rules):
    model, tokenizer = build("llama", 2, 64, 0)
    model.generation_config.eos_token_id = None
    for name, value in rules.items():
        setattr(model.generation_config, name, value)
    return LoadedModel(model, tokenizer, Weights(None, "t", ""), "cpu", PrecisionName.fp32)


def warnings(caplog):
    return [r.getMessage() for r in caplog.records if r.levelname == "WARNING"]


def test_a_config_without_rules_says_nothing(caplog):
    HFDecoder(tiny())
    assert unfollowed(GenerationConfig()) == ""
    assert warnings(caplog) == []


def test_neutral_values_and_sampling_defaults_say_nothing():
    config = GenerationConfig()
    for name, value in NEUTRAL_RULES.items():
        setattr(config, name, value)
    config.temperature, config.top_k, config.top_p, config.do_sample = 0.6, 20, 0.95, True
    config.repetition_penalty = 1.1  # followed
    assert unfollowed(config) == ""


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ({"no_repeat_ngram_size": 2}, "no_repeat_ngram_size=2"),
        ({"suppress_tokens": [3, 4]}, "suppress_tokens=[3, 4]"),
        ({"min_new_tokens": 4, "bad_words_ids": [[7]]}, "bad_words_ids=[[7]], min_new_tokens=4"),
        ({"forced_bos_token_id": 9}, "forced_bos_token_id=9"),
    ],
)
def test_rules_are_named_in_one_line_once_a_model(caplog, rules, words):
    loaded = tiny(**rules)
    for _ in range(2):
        HFDecoder(loaded)
    assert warnings(caplog) == [
        f"rules of the model's generation config that are not followed: {words}"
    ]


def test_a_long_rule_is_cut(caplog):
    HFDecoder(tiny(suppress_tokens=list(range(300))))
    (line,) = warnings(caplog)
    assert len(line) < 140


def test_such_a_rule_does_change_what_generate_writes():
    """Otherwise the warning would be about nothing: generate follows the rule, the decoder does not."""
    free, ruled = tiny(), tiny(no_repeat_ngram_size=1)
    prompt = (0, 5, 9)
    ids = torch.tensor([prompt])
    options = {"max_new_tokens": 12, "do_sample": False, "pad_token_id": 2}
    out = ruled.model.generate(ids, attention_mask=torch.ones_like(ids), **options)
    (text,) = HFDecoder(ruled).decode([Request(prompt)], 12, None)
    assert text == HFDecoder(free).decode([Request(prompt)], 12, None)[0]
    assert tuple(out[0, 3:].tolist()) != text.tokens
