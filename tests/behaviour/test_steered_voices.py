"""Conversations under a vector: with the cache kept over turns as from the start, and not as without."""

import numpy as np
import pytest

from emo.activations.hf import decoder_layers
from emo.behaviour.formats import ChatFormat
from emo.behaviour.holding import converse
from emo.behaviour.voices import CachedVoice, WholeVoice, open_voice
from emo.config.enums import BackendName
from emo.config.schema import BackendConfig
from emo.steering.steerable import open_steerable
from tests.behaviour.test_voices import SAMPLING, same, scripts, settings, tiny

LAYER = 1


def vector(scale, width=64):
    return {LAYER: (scale * np.random.default_rng(0).standard_normal(width)).astype(np.float32)}


def voices(model, addition):
    steerable = open_steerable(model, BackendConfig(name=BackendName.hf))
    form = ChatFormat(model.tokenizer)
    return (kind(steerable, form, 9, addition) for kind in (CachedVoice, WholeVoice))


@pytest.mark.parametrize("sampling", [None, pytest.param(SAMPLING, marks=pytest.mark.slow)])
def test_a_cache_over_turns_gives_what_each_turn_gives_alone_under_a_vector(sampling):
    model, asked = tiny(), scripts(3)
    cached, whole = voices(model, vector(3.0))
    together = converse(cached, asked, settings(sampling))
    same(together, [converse(whole, [s], settings(sampling))[0] for s in asked])
    unsteered, _ = voices(model, {})
    without = converse(unsteered, asked, settings(sampling))
    assert [s.answer for c in without for s in c] != [s.answer for c in together for s in c]


def test_the_vector_is_added_to_every_token_that_is_read_or_written():
    """Oracle: the same vector added by a hook of the test's own."""
    model, asked = tiny(), scripts(1)
    added = vector(3.0)
    steered, _ = voices(model, added)
    got = converse(steered, asked, settings())
    unsteered, _ = voices(model, {})

    def add(_module, _inputs, output):
        import torch

        stream = output[0] if isinstance(output, tuple) else output
        moved = stream + torch.from_numpy(added[LAYER])
        return (moved, *output[1:]) if isinstance(output, tuple) else moved

    handle = decoder_layers(model.model)[LAYER].register_forward_hook(add)
    try:
        expected = converse(unsteered, asked, settings())
    finally:
        handle.remove()
    same(got, expected)


def test_an_answer_ends_where_its_logits_are_not_finite():
    model = tiny()
    steerable = open_steerable(model, BackendConfig(name=BackendName.hf))
    voice = open_voice(steerable, ChatFormat(model.tokenizer), 9, vector(np.inf))
    for spoken in converse(voice, scripts(2), settings()):
        assert {(s.answer, s.n_tokens, s.finish) for s in spoken} == {("", 0, "overflow")}
        assert np.isnan([s.right_first for s in spoken]).all()
