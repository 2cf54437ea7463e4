"""Inputs moved by one unit in the last place: by how much, by which draws, whatever runs the model."""

import dataclasses

import numpy as np
import pytest
import torch

from emo.activations.backend import pad
from emo.activations.opening import open_backend
from emo.activations.reading import tokenise
from emo.config.enums import Attention, PrecisionName, Readout
from emo.config.resolve import compose
from emo.config.schema import PrecisionConfig
from emo.core.compare.readers import tolerance
from emo.errors import ConfigError
from emo.generation.decoding import HFDecoder
from emo.generation.samples import Request
from emo.models import nudging, session
from emo.models.loading import LoadedModel, load
from emo.models.nudging import neighbours, positions, set_nudge, signs
from emo.models.tiny import build
from emo.models.weights import Weights
from tests.activations.backends import CONFIGS, ROWS
from tests.activations.test_contract import TEXTS, apart

FORMATS = (torch.float32, torch.float16, torch.bfloat16)


def loaded(architecture="llama", dtype=torch.float32):
    model, tokenizer = build(architecture, 3, 64, 0)
    return LoadedModel(
        model.to(dtype), tokenizer, Weights(None, "t", ""), "cpu", PrecisionName.fp32
    )


def spans_of(model):
    return tokenise(model.tokenizer, TEXTS, Readout.last)


def embedded(model, batch):
    """What comes out of the input embedding in a pass over a batch."""
    seen = []
    handle = model.model.get_input_embeddings().register_forward_hook(
        lambda _module, _args, output: seen.append(output)
    )
    with torch.no_grad():
        ids, mask = torch.from_numpy(batch.ids), torch.from_numpy(batch.mask.astype(np.int64))
        model.model.base_model(input_ids=ids, attention_mask=mask)
    handle.remove()
    return seen[0]


@pytest.mark.parametrize("dtype", FORMATS, ids=str)
def test_a_neighbour_is_one_unit_away_and_nothing_lies_between(dtype):
    values = torch.randn(4000, generator=torch.Generator().manual_seed(0)).to(dtype)
    up = torch.arange(4000) % 2 == 0
    moved = neighbours(values, up)
    assert torch.equal(moved.abs() > values.abs(), up)
    assert torch.equal(neighbours(moved, ~up), values)  # no number between the two
    assert moved.dtype == dtype


@pytest.mark.parametrize("dtype", FORMATS, ids=str)
def test_zeros_and_the_ends_of_a_format_stay(dtype):
    largest = torch.finfo(dtype).max
    ends = torch.tensor([0.0, -0.0, torch.inf, -torch.inf, torch.nan, largest, -largest]).to(dtype)
    for up in (True, False):
        moved = neighbours(ends, torch.full_like(ends, up, dtype=torch.bool))
        assert torch.equal(moved[:4], ends[:4])
        assert moved[4].isnan()
        assert moved[5:].isfinite().all()


def test_draws_follow_seed_position_and_token_and_nothing_else():
    ids, places = np.array([[5, 7, 5], [7, 5, 5]]), np.array([[0, 1, 2], [1, 0, 2]])
    drawn = signs(0, ids, places, 64)
    assert drawn.shape == (2, 3, 64)
    assert np.array_equal(drawn[0, 0], drawn[1, 1])
    assert np.array_equal(drawn[0, 1], drawn[1, 0])
    assert not np.array_equal(drawn[0, 0], drawn[0, 2])
    assert not np.array_equal(drawn, signs(1, ids, places, 64))
    many = signs(0, np.arange(400)[None], np.arange(400)[None], 64)
    assert abs(many.mean() - 0.5) < 4 * 0.5 / np.sqrt(many.size)


def test_positions_count_from_the_first_token_of_each_text():
    mask = torch.tensor([[0, 0, 1, 1, 1], [1, 1, 1, 1, 1]])
    assert positions(mask, (2, 5)).tolist() == [[0, 0, 0, 1, 2], [0, 1, 2, 3, 4]]
    assert positions(mask, (2, 1)).tolist() == [[2], [4]]  # a step of decoding
    assert positions(None, (2, 3)).tolist() == [[0, 1, 2]] * 2


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "gemma3", "opt"])
def test_a_text_has_the_same_inputs_alone_and_in_any_batch(architecture):
    model = loaded(architecture, torch.float16)
    spans = spans_of(model)
    plain = embedded(model, pad(spans, 0))
    set_nudge(model.model, 0)
    together = embedded(model, pad(spans, 0))
    left = embedded(model, pad(spans, 0, side="left"))
    for row, span in enumerate(spans):
        n = len(span.ids)
        alone = embedded(model, pad([span], 0))[0]
        assert torch.equal(alone, together[row, :n])
        assert torch.equal(alone, left[row, -n:])
        moved = alone.double() - plain[row, :n].double()
        unit = (plain[row, :n].double().abs() * 2**-10).clamp(min=2**-24)  # the least of fp16
        assert (moved != 0).all()
        assert (moved.abs() <= unit).all()


def test_another_seed_moves_other_inputs_and_none_moves_nothing():
    model = loaded()
    batch = pad(spans_of(model), 0)
    plain = embedded(model, batch)
    read = []
    for seed in (0, 1, 0, None):
        set_nudge(model.model, seed)
        read.append(embedded(model, batch))
    zero, one, again, nothing = read
    assert torch.equal(zero, again)
    assert not torch.equal(zero, one)
    assert torch.equal(nothing, plain)
    hooks = [len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.model.modules()]
    set_nudge(model.model, 0)
    set_nudge(model.model, None)
    assert hooks == [
        len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.model.modules()
    ]


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "gemma3"])
def test_both_backends_read_the_moved_inputs_alike(architecture):
    """An exaggerated move, so that it is told from rounding."""
    read = {}
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(nudging, "neighbours", lambda values, up: values * (0.9 + 0.2 * up))
        for name in ("hf", "bridge"):
            model = loaded(architecture)
            backend = ROWS[name].open(model)
            batch = pad(spans_of(model), backend.pad_id)
            plain = backend.resid_post(batch)
            set_nudge(model.model, 3)
            read[name] = backend.resid_post(batch)
            assert apart(read[name], plain) > 0.01
            reopened = open_backend(model, CONFIGS[name])
            assert apart(reopened.resid_post(batch), read[name]) <= tolerance("fp32")
    assert apart(read["bridge"], read["hf"]) <= tolerance("fp32")


def test_texts_are_written_from_the_moved_inputs_alone_and_in_batches(monkeypatch):
    monkeypatch.setattr(nudging, "neighbours", lambda values, up: values * (0.5 + up))
    model = loaded()
    requests = [Request(span.ids, 0) for span in spans_of(model)]
    plain = HFDecoder(model).decode(requests, 8, None)
    set_nudge(model.model, 0)
    decoder = HFDecoder(model)
    written = decoder.decode(requests, 8, None)
    assert [t.tokens for t in written] != [t.tokens for t in plain]
    for request, text in zip(requests, written, strict=True):
        assert decoder.decode([request], 8, None)[0] == text


def test_the_hidden_copy_of_the_embedding_is_refused():
    moved = PrecisionConfig(nudge=1)
    nudging.check(moved, hooked=False)
    nudging.check(PrecisionConfig(), hooked=True)
    with pytest.raises(ConfigError) as refused:
        nudging.check(moved, hooked=True)
    assert str(refused.value) == (
        "precision.nudge=1: allowed is null with backend.implementation=hooked; take bridge, or "
        "backend=hf"
    )


def test_the_kept_model_serves_moved_inputs_and_plain_ones(tmp_path):
    config = compose("model=tiny")
    weights = Weights(None, "t", "")

    def held(nudge):
        precision = dataclasses.replace(config.precision, nudge=nudge)
        return session.get(config.model, weights, precision, Attention.eager, "cpu", tmp_path)

    try:
        model = held(None)
        batch = pad(spans_of(model), 0)
        plain = embedded(model, batch)
        assert held(0) is model
        assert not torch.equal(embedded(model, batch), plain)
        assert held(None) is model
        assert torch.equal(embedded(model, batch), plain)
    finally:
        session.release()


def test_a_model_that_is_loaded_for_one_use_has_moved_inputs(tmp_path):
    config, weights = compose("model=tiny", "precision=fp16").model, Weights(None, "t", "")
    plain, moved = (
        load(config, weights, precision, Attention.eager, "cpu", tmp_path)
        for precision in (PrecisionConfig(), PrecisionConfig(nudge=0))
    )
    batch = pad(spans_of(plain), 0)
    assert not torch.equal(embedded(plain, batch), embedded(moved, batch))
