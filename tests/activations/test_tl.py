"""TransformerLens: nothing processed, nothing retokenised, and one line for what it cannot take."""

import copy
import sys

import numpy as np
import pytest
import torch
import transformers

from emo.activations import tl
from emo.activations.hooked import FAMILIES, Unmapped, hooked_shape, hooked_transformer
from emo.activations.tl import TLBackend
from emo.config.enums import Implementation
from emo.core.compare.readers import tolerance
from emo.errors import ModelError, NoMemory
from emo.models.tiny import ARCHITECTURES, build
from tests.activations.tiny_models import (
    LINEAR,
    LLAMA3,
    LONG,
    RESHAPING,
    apart,
    batch_of,
    both,
    loaded,
)


@pytest.mark.parametrize("implementation", list(Implementation))
def test_layer_norm_is_not_folded_and_writing_weights_are_not_centred(implementation):
    """TransformerLens's usual processing makes every residual sum to zero over its dimensions."""
    model = loaded("gpt2")
    reference, _ = both(model)
    backend = TLBackend(model, implementation)
    got = backend.resid_post(batch_of(model))
    assert np.abs(reference.mean(axis=-1)).min() > 1e-4
    assert np.allclose(got.mean(axis=-1), reference.mean(axis=-1), rtol=1e-3)
    assert backend.model.cfg.normalization_type == "LN"
    assert torch.equal(
        backend.model.blocks[1].ln1.w, loaded("gpt2").model.transformer.h[1].ln_1.weight
    )


def test_what_processing_would_do():
    """The two tests above can fail: the same weights, processed, are far off in the residual."""
    model = loaded("gpt2")
    reference, got = both(model)
    hooked = hooked_transformer(model.model)
    hooked.load_and_process_state_dict(hooked.state_dict(), fold_ln=False)
    ids = torch.tensor([model.tokenizer(LONG)["input_ids"]])
    with torch.no_grad():
        _, cache = hooked.run_with_cache(ids)
    processed = np.stack([cache["resid_post", layer][0, -1].numpy() for layer in range(3)])
    assert apart(got[:, 0], reference[:, 0]) <= tolerance("fp32")
    assert apart(processed, reference[:, 0]) > 1000 * tolerance("fp32")


@pytest.mark.parametrize("implementation", list(Implementation))
def test_the_tokenizer_is_left_as_it_was(implementation):
    model = loaded("llama")
    model.tokenizer.pad_token = None
    before = (model.tokenizer("Rain.")["input_ids"], model.tokenizer.padding_side)
    TLBackend(model, implementation)
    assert (model.tokenizer("Rain.")["input_ids"], model.tokenizer.padding_side) == before
    assert model.tokenizer.pad_token is None


@pytest.mark.parametrize("implementation", list(Implementation))
def test_nothing_behind_the_last_block_runs_and_no_cache_is_filled(implementation, monkeypatch):
    from transformer_lens.components import Unembed
    from transformers.cache_utils import DynamicLayer

    def unwanted(*_args, **_more):
        raise AssertionError("not needed for resid_post")

    model = loaded("llama")
    backend = TLBackend(model, implementation)
    monkeypatch.setattr(DynamicLayer, "update", unwanted)
    monkeypatch.setattr(Unembed, "forward", unwanted)
    model.model.lm_head.register_forward_pre_hook(unwanted)
    assert backend.resid_post(batch_of(model)).shape == (3, 1, 64)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_weights_are_copies_in_the_models_own_dtype(dtype):
    model = loaded("llama").model.to(getattr(torch, dtype))
    hooked = hooked_transformer(model)
    assert {p.dtype for p in hooked.parameters()} == {getattr(torch, dtype)}
    with torch.no_grad():
        model.model.embed_tokens.weight.zero_()
    assert hooked.embed.W_E.abs().sum() > 0


@pytest.mark.parametrize(
    ("architecture", "n_layers", "options"),
    [
        ("llama", 3, {"rope_parameters": LLAMA3}),
        ("llama", 3, {"head_dim": 32}),
        ("llama", 3, {"num_key_value_heads": 4}),
        ("mistral", 3, {"sliding_window": 8}),
        ("gemma2", 3, {"sliding_window": 8}),
        ("gemma2", 3, {"attn_logit_softcapping": 0.5}),
        ("gemma2", 3, {"query_pre_attn_scalar": 32}),
        ("gemma3", 7, {"rope_parameters": LINEAR}),
        ("gemma3", 7, {"sliding_window": 8}),
        ("gpt_neox", 3, {"use_parallel_residual": False}),
        ("gpt2", 3, {"scale_attn_by_inverse_layer_idx": True}),
        ("gpt2", 3, {"n_inner": 96}),
        ("gpt2", 3, {"scale_attn_weights": False}),
        ("phi", 3, {"hidden_act": "relu"}),
        ("opt", 3, {"activation_function": "gelu"}),
    ],
)
def test_options_of_a_family_are_followed(architecture, n_layers, options):
    """Each changes transformers' numbers by far more than the two implementations may differ."""
    reference, got = both(loaded(architecture, n_layers, **options))
    assert apart(got, reference) <= tolerance("fp32")
    if not RESHAPING & options.keys():
        without, _ = both(loaded(architecture, n_layers))
        assert apart(without, reference) > 100 * tolerance("fp32")


def test_no_softcap_is_no_softcap():
    reference, got = both(loaded("gemma2", attn_logit_softcapping=None))
    assert apart(got, reference) <= tolerance("fp32")


@pytest.mark.parametrize(
    ("architecture", "options", "words"),
    [
        (
            "falcon",
            {},
            "type falcon: not mapped to HookedTransformer here .families that are: llama",
        ),
        ("olmo2", {"num_key_value_heads": 2}, "no num_key_value_heads=2"),
        ("llama", {"attention_bias": True}, "no attention_bias=True"),
        ("llama", {"rope_parameters": {"rope_type": "yarn", "rope_theta": 1e4}}, "rope_type=yarn"),
        ("phi", {"qk_layernorm": True}, "no qk_layernorm=True"),
        ("opt", {"do_layer_norm_before": False}, "no do_layer_norm_before=False"),
        ("bloom", {"apply_residual_connection_post_layernorm": True}, "post_layernorm=True"),
        ("gpt2", {"activation_function": "gelu_10"}, "act_fn=gelu_10"),
    ],
)
def test_what_hooked_has_not_is_one_line(architecture, options, words):
    model = loaded(architecture).model
    for name, value in options.items():
        setattr(model.config, name, value)
    with pytest.raises(ModelError, match=words) as caught:
        hooked_transformer(model)
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith("take backend.implementation=bridge, or backend=hf")


def test_transformer_lens_4_has_no_hooked(monkeypatch):
    import transformer_lens

    monkeypatch.delattr(transformer_lens, "HookedTransformer")
    monkeypatch.setitem(sys.modules, "transformer_lens.HookedTransformer", None)
    with pytest.raises(ModelError, match=r"no HookedTransformer any more; pip install"):
        hooked_transformer(loaded("llama").model)


def test_no_memory_for_a_second_copy_is_one_line(monkeypatch):
    def full(_model):
        raise MemoryError

    monkeypatch.setattr(tl, "hooked_transformer", full)
    with pytest.raises(NoMemory, match="no memory on cpu for a second copy"):
        TLBackend(loaded("llama"), Implementation.hooked)


def test_a_converter_that_leaves_weights_out_is_refused(monkeypatch):
    from transformer_lens.pretrained import weight_conversions

    real = weight_conversions.convert_llama_weights

    def forgetful(model, cfg):
        return {k: v for k, v in real(model, cfg).items() if k != "blocks.1.ln1.w"}

    monkeypatch.setattr(weight_conversions, "convert_llama_weights", forgetful)
    with pytest.raises(ModelError, match=r"left out blocks\.1\.ln1\.w"):
        hooked_transformer(loaded("llama").model)


def test_every_family_is_tried_on_a_random_model():
    tried = {build(a, 1, 64, 0)[0].config.model_type for a in ARCHITECTURES}
    assert set(FAMILIES) <= tried


NAMED = {
    "meta-llama/Llama-3.2-3B-Instruct": transformers.LlamaConfig(
        vocab_size=128256,
        hidden_size=3072,
        intermediate_size=8192,
        num_hidden_layers=28,
        num_attention_heads=24,
        num_key_value_heads=8,
        rms_norm_eps=1e-5,
        rope_parameters=LLAMA3
        | {"rope_theta": 5e5, "factor": 32.0, "original_max_position_embeddings": 8192},
    ),
    "meta-llama/Llama-3.1-8B": transformers.LlamaConfig(
        vocab_size=128256,
        hidden_size=4096,
        intermediate_size=14336,
        num_hidden_layers=32,
        num_attention_heads=32,
        num_key_value_heads=8,
        rms_norm_eps=1e-5,
        rope_parameters=LLAMA3 | {"rope_theta": 5e5, "original_max_position_embeddings": 8192},
    ),
    "google/gemma-2-2b": transformers.Gemma2Config(
        vocab_size=256000, sliding_window=4096, head_dim=256, query_pre_attn_scalar=256
    ),
    "google/gemma-3-1b-pt": transformers.Gemma3TextConfig(
        vocab_size=262144,
        hidden_size=1152,
        intermediate_size=6912,
        num_hidden_layers=26,
        num_attention_heads=4,
        num_key_value_heads=1,
        head_dim=256,
        query_pre_attn_scalar=256,
        sliding_window=512,
    ),
}
IRRELEVANT = {
    "model_name",
    "tokenizer_name",
    "n_ctx",  # longest text only; TransformerLens caps it
    "initializer_range",
    "output_logits_soft_cap",  # behind the last block
    "device",
}


@pytest.mark.parametrize("name", NAMED)
def test_shapes_are_transformer_lenss_own_for_the_names_it_knows(name):
    """So what the study ran by name is what runs here from the model's own config."""
    from transformer_lens import HookedTransformerConfig
    from transformer_lens.loading_from_pretrained import get_pretrained_model_config

    want = get_pretrained_model_config(name, device="cpu").to_dict()
    got = HookedTransformerConfig(**hooked_shape(NAMED[name]), device="cpu").to_dict()
    differing = {k: (got[k], want[k]) for k in want if k not in IRRELEVANT and got[k] != want[k]}
    assert differing == {}


def test_an_unmapped_rope_in_local_layers_is_named():
    config = transformers.Gemma3TextConfig(rope_parameters=copy.deepcopy(LINEAR))
    config.rope_parameters["sliding_attention"] = {"rope_type": "linear", "factor": 2.0}
    with pytest.raises(Unmapped, match="rope_type=linear in local layers"):
        hooked_shape(config)
