"""Grouped attention: the numbers of transformers' eager attention, in the families that share keys."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers.models.llama.modeling_llama import eager_attention_forward

from emo.config.enums import Attention, FloatFormat
from emo.config.resolve import compose
from emo.generation.decoding import HFDecoder
from emo.generation.samples import Request
from emo.models import emulated, loading
from emo.models.grouped import NAME, WIDE, group, grouped_attention, in_float64
from emo.models.loading import load
from emo.models.placement import Room
from emo.models.weights import locate
from tests.activations import families

SHARED = ("llama", "mistral", "qwen2", "qwen3", "gemma", "olmo2", "phi3", "granite", "cohere")
"""Families that the published studies draw from, and others; the slow test goes through all."""
OWN = ("gemma2", "gemma3_text", "gpt_oss", "gpt2", "opt", "gpt_neox")
"""Families that cap or extend the products, or share no keys."""


class Layer(torch.nn.Module):
    """The only things that eager attention asks of its layer."""

    def __init__(self, groups):
        super().__init__()
        self.num_key_value_groups = groups
        self.eval()


@given(
    st.integers(1, 3), st.integers(1, 3), st.integers(1, 4), st.integers(1, 5), st.integers(0, 6),
    st.integers(1, 9), st.sampled_from(["none", "one", "every head"]), st.integers(0, 99),
)  # fmt: skip
def test_outputs_and_weights_are_those_of_eager_attention(
    n_texts, n_groups, each, n_tokens, n_before, width, masked, seed
):
    draw = torch.Generator().manual_seed(seed)
    n_all = n_before + n_tokens
    query = torch.randn(n_texts, n_tokens, n_groups * each, width, generator=draw).transpose(1, 2)
    room = torch.randn(
        2, n_texts, n_groups, n_all + 3, width, generator=draw
    )  # views, as in a cache
    key, value = room[:, :, :, :n_all]
    mask = None
    if masked != "none":
        n = 1 if masked == "one" else n_groups * each
        seen = torch.rand(n_texts, n, n_tokens, n_all, generator=draw) < 0.7
        seen[..., 0] = True
        mask = torch.where(seen, 0.0, torch.finfo(torch.float32).min)
    arguments = (Layer(each), query, key, value, mask, 0.3)
    for ours, theirs in zip(
        grouped_attention(*arguments), eager_attention_forward(*arguments), strict=True
    ):
        assert ours.shape == theirs.shape
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)


def logits(model, ids, mask):
    with torch.inference_mode():
        return model(input_ids=ids, attention_mask=mask, use_cache=False).logits


def check(family):
    """Whether a family is grouped; its logits are the same then, padded on either side."""
    model = families.build(family).model
    ids = torch.arange(3, 43).reshape(2, 20)
    mask = torch.ones_like(ids)
    right, left = mask.clone(), mask.clone()
    right[0, 15:], left[1, :5] = 0, 0
    before = [logits(model, ids, m) for m in (right, left)]
    done = group(model)
    for m, known in zip((right, left), before, strict=True):
        real = m.bool()
        torch.testing.assert_close(logits(model, ids, m)[real], known[real], rtol=1e-4, atol=1e-4)
    return done


@pytest.mark.parametrize("family", SHARED)
def test_families_that_share_keys_are_grouped_and_keep_their_numbers(family):
    assert check(family)


@pytest.mark.parametrize("family", OWN)
def test_other_attention_is_left_alone(family):
    assert not check(family)


@pytest.mark.slow
def test_no_family_of_transformers_changes_its_numbers():
    grouped = []
    for family in families.NAMES:
        try:
            logits(families.build(family).model, torch.arange(3, 13)[None], torch.ones(1, 10))
        except Exception:  # no small model, or these sizes do not suit the family
            continue
        if check(family):
            grouped.append(family)
    assert len(grouped) > 40


def test_another_attention_that_was_asked_for_stays():
    model = families.build("llama").model
    model.set_attn_implementation("sdpa")
    assert not group(model)
    assert model.config._attn_implementation == "sdpa"


def attention_of(precision, attention, folder):
    """The attention that a model is loaded with."""
    config = compose("model=tiny", f"precision={precision}", f"backend.attention={attention}")
    loaded = load(
        config.model, locate(config.model), config.precision, Attention(attention), "cpu", folder,
        Room(),
    )  # fmt: skip
    return loaded.model.config._attn_implementation


@pytest.mark.parametrize(
    ("precision", "attention", "want"),
    [
        ("fp32", "eager", NAME),
        ("fp32", "sdpa", "sdpa"),
        ("bf16", "eager", "eager"),
        ("fp16", "eager", WIDE),
        ("int8", "eager", WIDE),
        ("int8", "sdpa", "sdpa"),
    ],
)
def test_models_are_loaded_with_the_attention_of_their_format(
    precision, attention, want, tmp_path, monkeypatch
):
    monkeypatch.setattr(loading, "has_products", lambda f: f is not FloatFormat.fp16)
    assert attention_of(precision, attention, tmp_path) == want


def test_where_the_processor_multiplies_in_16_bits_it_does(tmp_path, monkeypatch):
    monkeypatch.setattr(loading, "has_products", lambda _: True)
    assert attention_of("fp16", "eager", tmp_path) == "eager"


def test_what_has_products_is_what_the_kernels_say():
    said = torch.ops.mkldnn._is_mkldnn_fp16_supported
    assert emulated.has_products(FloatFormat.fp32)
    assert emulated.has_products(FloatFormat.fp16) is said()


@given(st.integers(1, 4), st.integers(1, 80), st.integers(1, 9), st.integers(0, 99))
def test_products_in_float64_are_the_nearest_numbers_to_the_exact_ones(rows, inner, columns, seed):
    """Within half a step of fp16, and what rounding to fp32 before may add at a tie."""
    draw = torch.Generator().manual_seed(seed)
    a, b = (torch.randn(*n, generator=draw).half() for n in ((rows, inner), (inner, columns)))
    exact = [
        [math.fsum(float(x) * float(y) for x, y in zip(row, column, strict=True)) for column in b.T]
        for row in a
    ]
    step = np.spacing(np.abs(exact).astype(np.float16)).astype(float)
    apart = np.abs(in_float64(a, b).numpy().astype(float) - exact)
    assert (apart <= 0.5001 * step).all()


@given(st.integers(0, 99), st.integers(0, 12))
def test_so_a_text_has_the_same_numbers_whatever_stands_beside_it(seed, n_padded):
    """Padded on the left, with other texts; the sum of a softmax may still be rounded otherwise."""
    draw = torch.Generator().manual_seed(seed)
    query, key, value = (
        torch.randn(3, n, 7 + n_padded, 16, generator=draw).half() for n in (4, 2, 2)
    )
    seen = torch.tril(torch.ones(7 + n_padded, 7 + n_padded, dtype=torch.bool))
    seen = seen & (torch.arange(7 + n_padded) >= n_padded)
    mask = torch.where(seen, 0.0, torch.finfo(torch.float16).min).half().expand(3, 1, -1, -1)
    layer = Layer(2)
    together, _ = grouped_attention(layer, query, key, value, mask, 0.25, product=in_float64)
    alone = [x[1:2, :, n_padded:] for x in (query, key, value)]
    mask = mask[1:2, :, n_padded:, n_padded:]
    single, _ = grouped_attention(layer, *alone, mask, 0.25, product=in_float64)
    torch.testing.assert_close(together[1:2, n_padded:], single, rtol=2**-10, atol=2**-10)


def test_texts_are_those_of_eager_attention():
    loaded = families.build("llama")
    prompts = [tuple(range(5, 5 + n)) for n in (3, 9, 14, 6)]
    asked = [Request(p) for p in prompts]
    eager = HFDecoder(loaded).decode(asked, 12, None)
    assert group(loaded.model)
    assert HFDecoder(loaded).decode(asked, 12, None) == eager
    assert len({np.array(t.tokens).tobytes() for t in eager}) > 1
