"""Packed linear layers: the numbers of torch's product, whatever happens to their weights."""

import logging
from unittest.mock import patch

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from emo.activations.hf import HFBackend
from emo.activations.reading import tokenise
from emo.config.enums import Attention, Readout
from emo.config.resolve import compose
from emo.models import packing
from emo.models.loading import load
from emo.models.packing import LEAST, Packed, pack
from emo.models.placement import Room
from emo.models.weights import locate
from tests.activations.test_contract import TEXTS

pytestmark = pytest.mark.skipif(
    not torch.backends.mkldnn.is_available(), reason="this torch has no oneDNN"
)
IN, OUT = 320, 400
assert IN * OUT >= LEAST


def layer(bias=True, seed=0, **changes):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Linear(IN, OUT, bias=bias, **changes).eval()


def packed(module):
    return [m for m in module.modules() if isinstance(m.__dict__.get("forward"), Packed)]


def usual(one, x):
    return nn.functional.linear(x, one.weight, one.bias)


@given(
    st.lists(st.integers(1, 6), min_size=1, max_size=3), st.booleans(), st.booleans(), st.integers(0, 9)
)  # fmt: skip
def test_a_product_is_that_of_the_usual_layer(rows, bias, turned, seed):
    one = layer(bias)
    pack(one)
    x = torch.randn(*rows, IN, generator=torch.Generator().manual_seed(seed))
    if turned and x.ndim > 2:
        x = x.transpose(0, 1)
    with torch.inference_mode(), patch.object(nn.functional, "linear", side_effect=AssertionError):
        out = one(x)
    torch.testing.assert_close(out, usual(one, x), rtol=1e-5, atol=1e-5)


def test_bytes_of_the_copies_are_told_and_hooks_see_the_output():
    one = nn.Sequential(layer(), nn.ReLU(), nn.Linear(OUT, 8))
    assert pack(one) == 4 * IN * OUT
    assert packed(one) == [one[0]]  # the small layer stays
    seen = []
    one[0].register_forward_hook(lambda _m, _a, output: seen.append(output))
    with torch.inference_mode():
        one(torch.ones(2, IN))
    assert seen[0].shape == (2, OUT)


@pytest.mark.parametrize("change", ["written into", "another", "a part", "other data"])
def test_weights_that_change_afterwards_count(change):
    one = layer()
    pack(one)
    x = torch.ones(3, IN)
    with torch.inference_mode():
        before = one(x)
    with torch.no_grad():
        match change:
            case "written into":
                one.weight.mul_(2)
            case "another":
                one.weight = nn.Parameter(torch.zeros(OUT, IN))
            case "other data":
                one.weight.data = one.weight.data * 2
            case "a part":
                one.weight[0] = 7
        out = one(x)
    torch.testing.assert_close(out, usual(one, x))
    assert (out - before).abs().max() > 0.01


def test_an_adapter_beside_packed_weights_is_that_merged_before():
    peft = pytest.importorskip("peft")
    whole = nn.Sequential(layer())
    pack(whole)
    options = {"target_modules": ["0"], "r": 4, "init_lora_weights": False}
    with torch.random.fork_rng():
        torch.manual_seed(1)
        tuned = peft.get_peft_model(whole, peft.LoraConfig(**options)).eval()
    x = torch.randn(3, IN, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        plain, live = layer()(x), tuned(x)
    merged = tuned.merge_and_unload()[0]
    assert (live - plain).abs().max() > 0.01
    torch.testing.assert_close(live, usual(merged, x), rtol=1e-4, atol=1e-4)


def test_gradients_flow():
    one = layer()
    pack(one)
    x = torch.ones(2, IN, requires_grad=True)
    one(x).sum().backward()
    assert x.grad is not None and one.weight.grad is not None


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_other_formats_stay_as_they_are(dtype):
    assert pack(layer(dtype=dtype)) == 0


def test_a_subclass_stays_as_it_is():
    class Own(nn.Linear):
        pass

    assert pack(Own(IN, OUT)) == 0


def test_copies_that_memory_has_no_room_for_are_not_made(caplog):
    one = layer()
    with (
        patch.object(packing, "main_memory", return_value=16 * IN * OUT - 1),
        caplog.at_level(logging.INFO),
    ):
        assert pack(one) == 0
    assert not packed(one)
    assert caplog.messages[0].startswith("backend.packed: not done")
    with patch.object(packing, "main_memory", return_value=16 * IN * OUT):
        assert pack(one) == 4 * IN * OUT


def model(tmp_path, *words, room=None):
    """A model that is large enough, and small enough to be quick."""
    config = compose("model=tiny", "model.tiny.hidden=512", "model.tiny.n_layers=2", *words)
    return load(
        config.model, locate(config.model), config.precision, Attention.eager, "cpu", tmp_path,
        room or Room.of(config.backend),
    )  # fmt: skip


def test_a_packed_model_reads_the_same(tmp_path):
    ours, plain = model(tmp_path), model(tmp_path, "backend.packed=false")
    assert len(packed(ours.model)) > 8
    assert not packed(plain.model)
    spans = tokenise(ours.tokenizer, TEXTS, Readout.last)
    from emo.activations.backend import pad

    a, b = (HFBackend(m).resid_post(pad(spans, 0)) for m in (ours, plain))
    torch.testing.assert_close(torch.from_numpy(a), torch.from_numpy(b), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "words", [["precision=bf16"], ["backend=tl", "backend.implementation=hooked"]]
)
def test_models_that_gain_nothing_are_not_packed(words, tmp_path):
    assert not packed(model(tmp_path, *words).model)
