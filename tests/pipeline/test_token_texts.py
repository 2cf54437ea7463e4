"""Tokens as they are shown and marked, for tokenizers with and without a BOS, texts and chats."""

from dataclasses import replace

import pytest
from tokenizers import processors

from emo.core.token_readings import Mark
from emo.errors import ModelError
from emo.models.loading import LoadedModel
from emo.models.tiny import build
from emo.models.weights import Weights
from emo.pipeline.token_texts import shown_tokens, token_texts
from emo.stimuli.free_texts import texts_of
from tests.generation.test_prompting import TEMPLATE

CHAT = [{"role": "user", "content": "Hi there"}, {"role": "assistant", "content": "Hello"}]


@pytest.fixture
def loaded():
    from emo.config.enums import PrecisionName

    model, tokenizer = build("llama", 1, 16, 0)
    return LoadedModel(model, tokenizer, Weights(None, "r", "o"), "cpu", PrecisionName.fp32)


def tokens_of(texts, loaded, config):
    return token_texts(texts_of(texts), loaded, config, "job.read.text")


def test_the_shown_tokens_are_the_text(loaded, tiny_config):
    config = tiny_config("job=read", "text=x")
    (one,) = tokens_of("The harbour was quiet.", loaded, config)
    assert one.tokens[0] == "<s>" and "".join(one.tokens[1:]) == "The harbour was quiet."
    assert one.marks == (Mark.special, *[Mark.none] * (len(one.tokens) - 1))
    assert (one.whole.start, one.whole.stop) == (len(one.ids) - 1, len(one.ids))


def test_a_character_of_several_tokens_is_shown_whole_with_its_parts(loaded):
    ids = loaded.tokenizer("a😀é", add_special_tokens=False)["input_ids"]
    shown = shown_tokens(loaded.tokenizer, ids)
    assert shown[0] == "a" and shown[-2:] == ("é [1/2]", "é [2/2]")
    assert shown[1:-2] == tuple(f"😀 [{k}/{len(ids) - 3}]" for k in range(1, len(ids) - 2))


def test_a_part_without_the_rest_is_shown_as_the_vocabulary_has_it(loaded):
    ids = loaded.tokenizer("😀", add_special_tokens=False)["input_ids"][:1]
    assert shown_tokens(loaded.tokenizer, ids) == tuple(loaded.tokenizer.convert_ids_to_tokens(ids))


def test_without_a_bos_position_0_is_marked(loaded, tiny_config):
    backend = loaded.tokenizer.backend_tokenizer
    backend.post_processor = processors.TemplateProcessing(single="$A", special_tokens=[])
    (one,) = tokens_of("The harbour </s> was", loaded, tiny_config("job=read", "text=x"))
    assert one.marks[0] is Mark.first
    assert [t for t, m in zip(one.tokens, one.marks, strict=True) if m is Mark.special] == ["</s>"]


def test_the_suffix_of_the_readout_is_read_and_marked(loaded, tiny_config):
    config = tiny_config("job=read", "text=x", "method.readout=suffix", "method.suffix=I feel")
    (one,) = tokens_of("The harbour.", loaded, config)
    suffix = "".join(t for t, m in zip(one.tokens, one.marks, strict=True) if m is Mark.suffix)
    assert suffix == " I feel"
    assert one.whole.stop == len(one.ids)


@pytest.mark.parametrize(
    ("position", "words", "start"),
    [("last", 3, -1), ("mean", 3, 0), ("mid", 3, None), ("from_50", 3, None)],
)
def test_a_text_for_a_generation_run_is_read_at_its_position(
    loaded, tiny_config, position, words, start
):
    config = tiny_config(
        "job=read", "text=x", "method=generation", f"subparams.position={position}"
    )
    (one,) = tokens_of("a b c", loaded, config)
    if start is None:
        assert one.whole is None  # too short for it
    else:
        assert one.whole.start == (start % len(one.ids))


def test_a_chat_is_as_the_template_writes_it(loaded, tiny_config):
    config = tiny_config("job=read", "text=x")
    loaded.tokenizer.chat_template = TEMPLATE
    (one,) = tokens_of(CHAT, loaded, config)
    assert one.text.strip() == "[user] Hi there [assistant] Hello"
    assert "".join(one.tokens) == one.text and one.whole is None
    assert one.marks[0] is Mark.first


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["a", CHAT], "job.read.text: text 2: the model has no chat template"),
        ("word " * 2000, "text 1: it has"),
    ],
)
def test_what_the_model_cannot_read_is_refused_with_its_name(loaded, tiny_config, texts, message):
    with pytest.raises(ModelError, match=r"job\.read\.text") as caught:
        tokens_of(texts, loaded, tiny_config("job=read", "text=x"))
    assert message in str(caught.value)


def test_a_token_without_an_embedding_is_refused(loaded, tiny_config):
    loaded.tokenizer.add_tokens(["zzz"])
    with pytest.raises(ModelError, match="embeddings for ids below"):
        tokens_of("a zzz", replace(loaded), tiny_config("job=read", "text=x"))
