"""The places that validations read: found in chat templates and in plain dialogues."""

import pytest

from emo.errors import ConfigError
from emo.models.tiny import build
from emo.pipeline.validations.by_logits import letter_ids, single
from emo.pipeline.validations.dialogue import Dialogue
from emo.pipeline.validations.setting import layer_of
from emo.stimuli.validation_data import validation_data
from tests.generation.test_prompting import TEMPLATE


@pytest.fixture(scope="module")
def tokenizer():
    return build("llama", 1, 16, 0)[1]


@pytest.fixture(params=["plain", "chat"])
def dialogue(request, tokenizer, tiny_config):
    tokenizer.chat_template = TEMPLATE if request.param == "chat" else None
    yield Dialogue(tokenizer, tiny_config("job=validate"))
    tokenizer.chat_template = None


def test_the_user_ends_where_the_text_ends_and_the_assistant_begins_behind(dialogue, tokenizer):
    for told in validation_data().first:
        turn = dialogue.turn(told.text)
        upto = tokenizer.decode(list(turn.ids[: turn.user + 1]))
        before = tokenizer.decode(list(turn.ids[: turn.user]))
        assert told.text in upto and told.text not in before
        assert turn.user < turn.at_colon.start == len(turn.ids) - 1


def test_a_plain_dialogue_ends_in_the_colon(tokenizer, tiny_config):
    found = Dialogue(tokenizer, tiny_config("job=validate"))
    assert found.form == "plain dialogue"
    assert tokenizer.decode([found.turn("It rained.").ids[-1]]).endswith(":")


def test_a_part_has_its_own_tokens(dialogue, tokenizer):
    span = dialogue.part("I am about to sing in a choir.", "sing in a choir")
    said = tokenizer.decode(list(span.ids[span.start : span.stop]))
    assert "sing in a choir" in said and "about" not in said
    assert len(said.strip()) <= len("to sing in a choir.")


def test_words_are_single_tokens_in_any_form(tokenizer):
    assert all(len(ids) for ids in (letter_ids(tokenizer, "A"), letter_ids(tokenizer, "B")))
    assert not set(letter_ids(tokenizer, "A")) & set(letter_ids(tokenizer, "B"))
    assert single(tokenizer, "a") and not single(tokenizer, "exasperated")


def test_layers_by_name():
    assert [layer_of(v, 30, 7) for v in ("two_thirds", "best", "29")] == [20, 7, 29]
    with pytest.raises(ConfigError, match="two_thirds, best, or a layer from 0 to 29"):
        layer_of("30", 30, 7)
