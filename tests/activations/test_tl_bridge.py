"""TransformerLens's bridge: compared with transformers before it is used, wrapped once a model."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import transformers

from emo.activations import tl
from emo.activations.backend import OutOfMemory
from emo.activations.hf import HFBackend
from emo.activations.opening import open_backend
from emo.activations.tl import TLBackend
from emo.config.enums import BackendName, Implementation, PrecisionName
from emo.config.schema import BackendConfig
from emo.core.compare.readers import tolerance
from emo.errors import ModelError, NoMemory
from emo.models.loading import LoadedModel
from emo.models.tiny import ARCHITECTURES, build
from emo.models.weights import Weights
from emo.steering.steerable import open_steerable
from tests.activations.tiny_models import (
    apart,
    batch_of,
    loaded,
)


def test_what_the_bridge_cannot_take_is_one_line():
    class Unheard(transformers.LlamaForCausalLM):
        pass

    with pytest.raises(
        ModelError, match=r"cannot take it \(.*Unheard.*\); take backend=hf$"
    ) as caught:
        tl.bridge(Unheard(loaded("llama").model.config))
    assert "\n" not in str(caught.value)


def cohere(dtype=torch.float32):
    """Its bridge has a norm of TransformerLens's own, and other numbers from the first layer on."""
    _, tokenizer = build("llama", 1, 64, 0)
    config = transformers.CohereConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=2,
        intermediate_size=128,
        pad_token_id=tokenizer.pad_token_id,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = transformers.AutoModelForCausalLM.from_config(
            config, dtype=dtype, attn_implementation="eager"
        )
    return LoadedModel(model.eval(), tokenizer, Weights(None, "t", ""), "cpu", PrecisionName.fp32)


OTHER_NUMBERS = (
    r"^model of type cohere: TransformerLens's bridge computes something else than transformers "
    r"\(a relative difference of \d\.\de-03 at layer 0, where rounding allows 1\.5e-05\); take "
    "backend=hf$"
)


def test_a_bridge_with_other_numbers_is_refused_again_and_again():
    """The second time the model is wrapped already, and transformers reads through the wrappers."""
    model = cohere()
    for _ in range(2):
        with pytest.raises(ModelError, match=OTHER_NUMBERS):
            TLBackend(model, Implementation.bridge)
    with pytest.raises(ModelError, match=OTHER_NUMBERS):
        open_steerable(cohere(), BackendConfig(BackendName.tl, Implementation.bridge))


def test_a_bridge_that_is_compared_elsewhere_is_taken_as_it_is():
    model = cohere()
    want = HFBackend(model).resid_post(batch_of(model))
    tl.take_as_it_is(model)
    got = TLBackend(model, Implementation.bridge).resid_post(batch_of(model))
    assert apart(got, want) > 100 * tolerance("fp32")


def counted(monkeypatch):
    """How often transformers reads."""
    passes, real = [], HFBackend.resid_post
    monkeypatch.setattr(
        HFBackend,
        "resid_post",
        lambda self, batch: passes.append(len(batch.ids)) or real(self, batch),
    )
    return passes


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
@pytest.mark.parametrize("architecture", ["llama", "gpt2", "falcon", "bloom"])
def test_a_bridge_within_rounding_is_compared_once_a_model(monkeypatch, architecture, dtype):
    model = loaded(architecture)
    model.model.to(getattr(torch, dtype))
    passes = counted(monkeypatch)
    for _ in range(2):
        TLBackend(model, Implementation.bridge)
    assert passes == [1]


@pytest.mark.parametrize("fault", [0.0, np.inf])
def test_numbers_that_are_not_finite_are_compared_too(monkeypatch, fault):
    """Missing in the bridge alone is a difference; where transformers overflows there is nothing."""
    real = HFBackend.resid_post

    def overflowing(self, batch):
        values = real(self, batch)
        values[1:] += fault
        return values

    def lost(*args, **options):
        values = read(*args, **options)
        values[1, 3] = np.nan
        return values

    read = tl._read
    monkeypatch.setattr(HFBackend, "resid_post", overflowing)
    monkeypatch.setattr(tl, "_read", lost)
    if fault:
        TLBackend(loaded("llama"), Implementation.bridge)
    else:
        with pytest.raises(ModelError, match="difference of inf at layer 1"):
            TLBackend(loaded("llama"), Implementation.bridge)


def test_a_quantised_model_is_compared_only_if_it_repeats_its_numbers(monkeypatch):
    """As LLM.int8 would where its kernels add in any order: then nothing can be said."""
    real, noise = HFBackend.resid_post, iter(range(9))
    model = replace(cohere(), precision=PrecisionName.int8)
    with pytest.raises(ModelError, match="computes something else"):
        TLBackend(model, Implementation.bridge)
    monkeypatch.setattr(
        HFBackend, "resid_post", lambda self, batch: real(self, batch) + next(noise)
    )
    TLBackend(replace(cohere(), precision=PrecisionName.int8), Implementation.bridge)


def test_a_text_longer_than_the_context_is_cut():
    model = loaded("gpt2")
    model.model.config.n_positions = 5
    assert tl._check_batch(model).ids.shape == (1, 5)


def full(*_args, **_more):
    raise OutOfMemory


NO_ROOM = "implementation=bridge: no memory on cpu for one short text"


def test_no_memory_for_the_comparison_is_one_line(monkeypatch):
    monkeypatch.setattr(HFBackend, "resid_post", full)
    with pytest.raises(NoMemory, match=NO_ROOM):
        TLBackend(loaded("llama"), Implementation.bridge)


def test_a_model_wrapped_but_not_compared_is_not_taken(monkeypatch):
    """Comparing it later would be the bridge with itself."""
    model = cohere()
    with monkeypatch.context() as patch:
        patch.setattr(tl, "_read", full)
        with pytest.raises(NoMemory, match=NO_ROOM):
            TLBackend(model, Implementation.bridge)
    with pytest.raises(ModelError, match=NO_ROOM):
        TLBackend(model, Implementation.bridge)


def test_a_model_that_reads_more_than_text_is_refused_before_anything_is_installed(monkeypatch):
    import subprocess

    monkeypatch.setattr(subprocess, "check_call", None)
    config = transformers.Gemma3Config(
        text_config={"num_hidden_layers": 2}, vision_config={"num_hidden_layers": 1}
    )
    with torch.device("meta"):
        model = transformers.Gemma3ForConditionalGeneration(config)
    with pytest.raises(ModelError, match="more than text"):
        tl.bridge(model)


BRIDGED = sorted(ARCHITECTURES)


@pytest.mark.parametrize("architecture", BRIDGED)
def test_a_model_is_wrapped_once_however_often_it_is_opened(architecture):
    model = loaded(architecture)
    count, parameters = model.weight_count, sum(p.numel() for p in model.model.parameters())
    bridge_config = BackendConfig(name=BackendName.tl, implementation=Implementation.bridge)
    first = open_backend(model, bridge_config).resid_post(batch_of(model))
    modules = sum(1 for _ in model.model.modules())
    again = open_backend(model, bridge_config)
    open_steerable(model, bridge_config)
    assert sum(1 for _ in model.model.modules()) == modules
    assert np.array_equal(again.resid_post(batch_of(model)), first)  # the same operations twice
    assert model.weight_count == count
    assert count.parameters == parameters


@pytest.mark.parametrize("architecture", BRIDGED)
def test_transformers_reads_a_wrapped_model_right(architecture):
    model = loaded(architecture)
    before = HFBackend(model).resid_post(batch_of(model))
    bridged = TLBackend(model, Implementation.bridge)
    bridged.resid_post(batch_of(model))
    after = HFBackend(model).resid_post(batch_of(model))
    assert apart(after, bridged.resid_post(batch_of(model))) <= tolerance("fp32")
    assert apart(after, before) <= tolerance("fp32")
