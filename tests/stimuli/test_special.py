"""Special tokens inside texts are named, by what the model's own tokenizer makes of them."""

import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit
from transformers import PreTrainedTokenizerFast

from emo.models.tiny import build
from emo.stimuli.special import special_tokens


@pytest.fixture(scope="module", params=["llama", "qwen2", "gpt2"])
def tokenizer(request):
    return build(request.param, 1, 32, 0)[1]


def test_texts_with_special_tokens_are_named_with_them(tokenizer):
    mark = tokenizer.eos_token
    texts = ["It rained.", f"It rained.{mark}", f"It {mark} rained {mark} on.", "A plain one."]
    line = special_tokens(tokenizer, texts, ["sad/1", "sad/2", "calm/1", "calm/2"])
    assert line is not None
    assert line.startswith("2 texts hold special tokens of this model")
    assert line.endswith(f": sad/2 ({mark}); calm/1 ({mark})")


def test_what_the_tokenizer_adds_itself_is_not(tokenizer):
    texts = ["It rained.", "1 < 2 > 0 | <b> </ s> <|no_such_token|>", "\u1234 unknown \U0001f9ff"]
    assert special_tokens(tokenizer, texts, ["a", "b", "c"]) is None


def test_the_token_for_unknown_characters_is_none_of_the_texts():
    words = Tokenizer(WordLevel({"<unk>": 0, "it": 1, "</s>": 2}, unk_token="<unk>"))
    words.pre_tokenizer = WhitespaceSplit()
    knows_little = PreTrainedTokenizerFast(
        tokenizer_object=words, unk_token="<unk>", eos_token="</s>", pad_token="<unk>"
    )
    texts = ["it rained", "it </s>", "it <unk>"]
    line = special_tokens(knows_little, texts, ["a", "b", "c"])
    assert line is not None and line.endswith(": b (</s>); c (<unk>)")


def test_many_texts_are_one_line(tokenizer):
    n = 25
    line = special_tokens(tokenizer, [f"x{tokenizer.eos_token}"] * n, [f"e/{i}" for i in range(n)])
    assert line is not None
    assert line.endswith("; and 15 more") and "\n" not in line
