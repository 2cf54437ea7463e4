"""Quantised models: really quantised, near the original, and computing what their config says."""

import importlib.util

import numpy as np
import pytest
import torch

from emo.activations.backend import TokenSpan, pad
from emo.activations.hf import HFBackend, decoder_layers
from emo.activations.reading import tokenise
from emo.config.enums import (
    Attention,
    FloatFormat,
    Implementation,
    OutlierColumns,
    PrecisionName,
    Readout,
    Source,
)
from emo.config.schema import FourBitConfig, Int8Config, ModelConfig, PrecisionConfig, TinyConfig
from emo.errors import ConfigError, ModelError
from emo.models import quantised
from emo.models.loading import load
from emo.models.tiny import ARCHITECTURES
from emo.models.weights import locate

QUANTISED = ("int8", "nf4", "fp4")
LAYER_CLASS = {"int8": "Linear8bitLt", "nf4": "Linear4bit", "fp4": "Linear4bit"}
STORAGE = {"int8": torch.int8, "nf4": torch.uint8, "fp4": torch.uint8}
# QLoRA, appendix E, and bitsandbytes' 4-bit float (2 exponent bits, 1 of mantissa), both over 1.
NF4 = (
    *(-1.0, -0.6961928, -0.52507305, -0.3949175, -0.28444138, -0.18477343, -0.09105004, 0.0),
    *(0.0795803, 0.1609302, 0.2461123, 0.33791524, 0.44070983, 0.562617, 0.72295684, 1.0),
)
FP4 = tuple(s * x / 12 for s in (-1, 1) for x in (0, 0.0625, 2, 3, 4, 6, 8, 12))
TEXTS = ("The bus stops here.", "A letter arrives on each day of the week but one.", "Rain")
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def precision(name, dtype="fp32", **int8):
    return PrecisionConfig(
        PrecisionName(name),
        Int8Config(compute_dtype=FloatFormat(dtype), **int8),
        FourBitConfig(FloatFormat(dtype)),
    )


def tiny(precision, tmp_path, architecture="llama", hidden=64):
    config = ModelConfig(
        name="tiny", id="tiny", source=Source.tiny, tiny=TinyConfig(architecture, 2, hidden)
    )
    return load(config, locate(config), precision, Attention.eager, "cpu", tmp_path)


def linears(loaded):
    """Name -> linear layer (or GPT-2's transposed one), the output head included."""
    names = {"Linear", "Linear8bitLt", "Linear4bit", "Conv1D"}
    return {n: m for n, m in loaded.model.named_modules() if type(m).__name__ in names}


def dequantised(layer):
    from transformers.integrations.bitsandbytes import dequantize_bnb_weight

    return dequantize_bnb_weight(layer.weight, getattr(layer, "state", None)).float().numpy()


@pytest.mark.parametrize("architecture", sorted(ARCHITECTURES.keys() - {"falcon"}))
@pytest.mark.parametrize("name", QUANTISED)
def test_every_linear_layer_of_every_family_is_quantised_but_the_head(name, architecture, tmp_path):
    loaded = tiny(precision(name), tmp_path, architecture)
    blocks = decoder_layers(loaded.model)
    inside = {id(m) for block in blocks for m in block.modules()}
    layers = linears(loaded)
    assert any(id(m) in inside for m in layers.values())
    for where, layer in layers.items():
        if id(layer) in inside:
            assert type(layer).__name__ == LAYER_CLASS[name], where
            assert layer.weight.dtype == STORAGE[name]
        else:
            assert type(layer).__name__ == "Linear", where
    backend = HFBackend(loaded)
    spans = tokenise(loaded.tokenizer, TEXTS, Readout.last)
    got = backend.resid_post(pad(spans, backend.pad_id))
    assert got.shape == (2, len(TEXTS), 64)
    assert got.dtype == np.float32
    assert np.isfinite(got).all()


def test_int8_weights_are_rounded_to_127_steps_of_their_rows_maximum(tmp_path):
    original, loaded = (linears(tiny(precision(n, "fp16"), tmp_path)) for n in ("fp16", "int8"))
    for where, layer in loaded.items():
        if where == "lm_head":
            assert torch.equal(layer.weight, original[where].weight)
            continue
        weight = original[where].weight.detach().float().numpy()
        step = np.abs(weight).max(axis=1, keepdims=True) / 127
        codes = layer.weight.detach().numpy()
        assert np.abs(codes - weight / step).max() <= 0.51  # rounded to the nearest
        assert np.abs(dequantised(layer) - weight).max() > 0
        assert np.allclose(dequantised(layer), codes * step, atol=1e-6)


@pytest.mark.parametrize(("name", "codes"), [("nf4", NF4), ("fp4", FP4)])
def test_four_bit_weights_are_the_nearest_codes_of_their_block(name, codes, tmp_path):
    original, loaded = (linears(tiny(precision(n), tmp_path)) for n in ("fp32", name))
    for where in loaded.keys() - {"lm_head"}:
        weight = original[where].weight.detach().numpy()
        blocks = weight.reshape(-1, 64)
        scale = np.abs(blocks).max(axis=1, keepdims=True)
        got = dequantised(loaded[where]).reshape(-1, 64) / scale
        away = np.abs(got[..., None] - np.array(codes))
        assert away.min(axis=-1).max() < 1e-6
        assert len(np.unique(away.argmin(axis=-1))) > 12
        best = np.abs(blocks / scale - got)
        nearest = np.abs((blocks / scale)[..., None] - np.array(codes)).min(axis=-1)
        # bitsandbytes rounds its decision thresholds in the fourth digit.
        assert np.allclose(best, nearest, atol=2e-3)
        assert best.max() > 0.01


@pytest.mark.parametrize("dtype", list(DTYPES))
@pytest.mark.parametrize("name", ["nf4", "fp4"])
def test_four_bit_computes_in_its_compute_dtype_on_every_cpu(name, dtype, tmp_path):
    """Also on CPUs with AVX512-BF16, where the library alone would compute in bf16."""
    loaded = tiny(precision(name, dtype), tmp_path)
    assert {p.dtype for p in loaded.model.parameters() if p.is_floating_point()} == {DTYPES[dtype]}
    x = torch.randn(5, 64, generator=torch.Generator().manual_seed(0)).to(DTYPES[dtype])
    layer = linears(loaded)["model.layers.0.mlp.up_proj"]
    with torch.inference_mode():
        weight = torch.from_numpy(dequantised(layer)).to(DTYPES[dtype])
        got, want = layer(x).float(), torch.nn.functional.linear(x, weight).float()
    away = float((got - want).norm() / want.norm())
    assert away < {"fp32": 1e-5, "fp16": 1e-3, "bf16": 1e-2}[dtype]  # in bf16: above 1e-3
    layers = list(quantised.quantised_layers(loaded.model))
    assert [layer.support_avx512bf16_for_cpu for layer in layers] == [False] * 14


def test_int8_product_is_the_published_decomposition(tmp_path):
    """Oracle: outlier columns in floats, the rest in int8 with a scale a row (LLM.int8, eq. 8)."""
    layer = linears(tiny(precision("int8"), tmp_path))["model.layers.0.mlp.up_proj"]
    x = np.random.default_rng(0).standard_normal((5, 64)).astype(np.float32)
    x[2, 7] = 9.0
    x[4, 30] = -6.5
    with torch.inference_mode():
        got = layer(torch.from_numpy(x)).numpy()
    weight = dequantised(layer)
    half = x.astype(np.float16).astype(np.float32)
    outlier = np.abs(half) >= 6
    step = np.where(outlier, 0, np.abs(half)).max(axis=1, keepdims=True) / 127
    columns = outlier.any(axis=0)
    assert columns.sum() == 2
    rounded = np.where(columns, 0, np.round(half / step) * step)
    want = rounded @ weight.T + x[:, columns] @ weight[:, columns].T
    assert np.abs(got - want).max() < 1e-4 * np.abs(want).max()
    assert np.abs(got - x @ weight.T).max() > 1e-3 * np.abs(want).max()


@pytest.mark.parametrize("name", ["fp32", "bf16", *QUANTISED])
@pytest.mark.parametrize("architecture", ["llama", "gpt2"])
def test_weight_count(name, architecture, tmp_path):
    dtype = {"bf16": "bf16"}.get(name, "fp32" if name == "fp32" else "fp16")
    loaded = tiny(precision(name, dtype), tmp_path, architecture)
    plain = tiny(precision("fp32"), tmp_path, architecture)
    total = sum(p.numel() for p in plain.model.parameters())
    shapes = [tuple(m.weight.shape) for n, m in linears(plain).items() if n != "lm_head"]
    n = sum(a * b for a, b in shapes)
    # GPT-2's own linear layers hold the transposed weight.
    rows = sum(s[1] if architecture == "gpt2" else s[0] for s in shapes)
    bytes_each = {"fp32": 4, "bf16": 2}.get(name, 2)
    want = {"int8": n + 4 * rows, "nf4": n // 2 + 4 * n // 64, "fp4": n // 2 + 4 * n // 64}
    expected = quantised.WeightCount(
        total,
        n if name in QUANTISED else 0,
        bytes_each * (total - n) + want[name] if name in QUANTISED else bytes_each * total,
    )
    assert quantised.count_weights(loaded.model) == expected
    with torch.inference_mode():
        loaded.model(torch.tensor([[1, 2, 3]]))
    assert quantised.count_weights(loaded.model) == expected  # the library moves its scales then


def residuals(loaded, spans, together):
    backend = HFBackend(loaded)
    batches = [spans] if together else [[s] for s in spans]
    return np.concatenate([backend.resid_post(pad(b, backend.pad_id)) for b in batches], axis=1)


# Random weights have no activation of 6; a threshold of 1 gives them outlier columns.
SETTINGS = {
    "int8": ("int8", {"threshold": 1.0}),
    "int8, columns shared": ("int8", {"threshold": 1.0, "columns": OutlierColumns.shared}),
    "int8 without outliers": ("int8", {"threshold": 0.0}),
    "nf4": ("nf4", {}),
    "fp4": ("fp4", {}),
}


@pytest.mark.parametrize("dtype", list(DTYPES))
@pytest.mark.parametrize("setting", SETTINGS)
def test_only_int8_with_shared_outlier_columns_depends_on_the_batch(setting, dtype, tmp_path):
    name, int8 = SETTINGS[setting]
    loaded = tiny(precision(name, dtype, **int8), tmp_path)
    spans = tokenise(loaded.tokenizer, TEXTS, Readout.last)
    single, batched = (residuals(loaded, spans, together) for together in (False, True))
    away = np.abs(single - batched).max() / np.abs(single).max()
    if setting == "int8, columns shared":
        assert away > 1e-3
    else:
        assert away < {"fp32": 1e-5, "fp16": 1e-2, "bf16": 6e-2}[dtype]


@pytest.mark.parametrize("setting", SETTINGS)
def test_only_int8_with_outliers_depends_on_later_tokens(setting, tmp_path):
    name, int8 = SETTINGS[setting]
    loaded = tiny(precision(name, **int8), tmp_path)
    ids = tokenise(loaded.tokenizer, TEXTS[1:2], Readout.last)[0].ids
    short, long = TokenSpan(ids[:8], 7, 8), TokenSpan(ids, 7, 8)
    a, b = (residuals(loaded, [s], together=False) for s in (short, long))
    away = np.abs(a - b).max() / np.abs(a).max()
    assert away > 1e-3 if setting in ("int8", "int8, columns shared") else away < 1e-5


@pytest.mark.parametrize("name", QUANTISED)
def test_without_bitsandbytes_one_line_says_so(name, monkeypatch, tmp_path):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ConfigError, match=f"precision={name}: .*pip install bitsandbytes"):
        tiny(precision(name), tmp_path)
    quantised.check(precision("bf16"), "cpu")


@pytest.mark.parametrize("name", QUANTISED)
def test_devices_it_was_not_tried_on_are_refused(name):
    with pytest.raises(ConfigError, match=f"precision={name}: .* {name} runs on cuda, cpu"):
        quantised.check(precision(name), "mps")
    quantised.check(precision(name), "cuda")
    quantised.check(precision("fp16"), "mps")


@pytest.mark.parametrize("name", QUANTISED)
@pytest.mark.parametrize("architecture", ["llama", "gemma3"])
def test_the_bridge_reads_a_quantised_model_as_transformers_does(architecture, name, tmp_path):
    """INT8 makes much of a last bit; what it may make of one is far below another model's numbers."""
    pytest.importorskip("transformer_lens")
    from emo.activations.tl import TLBackend

    loaded = tiny(precision(name, threshold=1.0), tmp_path, architecture)
    spans = tokenise(loaded.tokenizer, TEXTS, Readout.last)
    want = residuals(loaded, spans, together=True)
    backend = TLBackend(loaded, Implementation.bridge)
    got = backend.resid_post(pad(spans, backend.pad_id))
    away = np.linalg.norm(got - want, axis=-1) / np.linalg.norm(want, axis=-1)
    assert away.max() < (0.05 if name == "int8" else 1e-4)


@pytest.mark.parametrize("name", QUANTISED)
def test_hooked_transformer_is_refused(name):
    with pytest.raises(
        ConfigError, match=f"precision={name}: .*implementation=hooked; take bridge"
    ):
        quantised.check(precision(name), "cpu", hooked=True)
    quantised.check(precision("bf16"), "cpu", hooked=True)


@pytest.mark.parametrize(
    ("architecture", "share"),
    [("falcon", "0%"), ("mixtral", r"\d\d%")],  # its own linear class; experts in one tensor
)
def test_families_whose_weights_are_left_as_they_are_are_refused(
    architecture, share, tmp_path, monkeypatch
):
    experts = ("MixtralConfig", ARCHITECTURES["mistral"][1] | {"num_local_experts": 4})
    monkeypatch.setitem(ARCHITECTURES, "mixtral", experts)
    with pytest.raises(ModelError, match=f"quantises only {share} of this family's weight"):
        tiny(precision("nf4"), tmp_path, architecture)
