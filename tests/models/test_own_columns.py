"""Outlier columns of each text: oracle is LLM.int8 written out in float64, text by text."""

import bitsandbytes
import numpy as np
import pytest
import torch

from emo.activations.backend import pad
from emo.activations.hf import HFBackend
from emo.activations.reading import tokenise
from emo.config.enums import OutlierColumns, PrecisionName, Readout
from emo.config.schema import Int8Config, PrecisionConfig
from emo.generation.decoding import HFDecoder
from emo.generation.samples import Request
from emo.models.own_columns import product, rounded, set_columns
from tests.models.test_quantised import TEXTS, tiny

HIDDEN, OUT, LONGEST, THRESHOLD = 48, 20, 7, 6.0
LENGTHS = (7, 3, 1, 5)


@pytest.fixture
def weight(rng):
    values = torch.from_numpy(rng.standard_normal((OUT, HIDDEN))).to(torch.float16)
    codes, scale, _ = bitsandbytes.functional.int8_vectorwise_quant(values)
    return codes, scale


@pytest.fixture
def batch(rng):
    """Four texts of unequal lengths, whose outliers stand in other columns, and padding full of them."""
    x = rng.standard_normal((len(LENGTHS), LONGEST, HIDDEN))
    x[0, 2, 5], x[0, 6, 11], x[1, 1, 11], x[3, 0, 40] = 9, -30, 6.5, -6
    real = np.arange(LONGEST) < np.array(LENGTHS)[:, None]
    x[~real] = 50
    return torch.from_numpy(x).to(torch.float16), torch.from_numpy(real)


def decomposed(x, codes, scale):
    """One text [token, hidden]: outlier columns as floats, the rest rounded to int8 (eq. 8)."""
    x, weight = x.double().numpy(), codes.numpy() * (scale.double().numpy()[:, None] / 127)
    large = np.abs(x) >= THRESHOLD
    columns = large.any(axis=0)
    step = np.where(large, 0, np.abs(x)).max(axis=1, keepdims=True).clip(1e-9) / 127
    small = np.where(columns, 0, np.round(x / step) * step)
    return small @ weight.T + x[:, columns] @ weight[:, columns].T


def test_each_text_of_a_batch_is_decomposed_by_its_own_outliers(weight, batch):
    x, real = batch
    got = product(x, real, *weight, THRESHOLD)
    for text, n in enumerate(LENGTHS):
        want = decomposed(x[text, :n], *weight)
        assert np.abs(got[text, :n].double().numpy() - want).max() < 2e-3 * np.abs(want).max()
    assert rounded(x, real, THRESHOLD).own[:, 0].sum(dim=-1).tolist() == [2, 1, 0, 1]


def test_a_text_alone_is_what_the_library_makes_of_it(weight, batch):
    x, _ = batch
    for text, n in enumerate(LENGTHS):
        alone = x[text : text + 1, :n]
        state = bitsandbytes.MatmulLtState(CB=weight[0], SCB=weight[1])
        state.has_fp16_weights, state.threshold, state.is_training = False, THRESHOLD, False
        want = bitsandbytes.matmul(alone.clone(), weight[0], state=state)
        got = product(alone, None, *weight, THRESHOLD)
        assert torch.allclose(got, want, rtol=2e-3, atol=2e-3 * float(want.abs().max()))


def test_neither_other_texts_nor_padding_change_a_text(weight, batch):
    x, real = batch
    got = product(x, real, *weight, THRESHOLD)
    others = torch.where(real[..., None], x, torch.full_like(x, -20))
    others[1:] = others[1:].flip(1) * 3
    padded_elsewhere = product(others, real, *weight, THRESHOLD)
    for text, n in enumerate(LENGTHS):
        alone = product(x[text : text + 1, :n], None, *weight, THRESHOLD)[0]
        assert torch.allclose(got[text, :n], alone, rtol=1e-3, atol=1e-4)
    assert torch.allclose(padded_elsewhere[0], got[0], rtol=1e-3, atol=1e-4)


def test_without_a_threshold_no_column_is_an_outlier_column(weight, batch):
    x, real = batch
    found = rounded(x, real, 0)
    assert found.own is None
    assert int(found.codes.abs().max()) == 127
    bias = torch.arange(OUT, dtype=torch.float16)
    plain, shifted = (product(x, real, *weight, 0, b) for b in (None, bias))
    assert torch.allclose(shifted - plain, bias.expand_as(plain), atol=0.5)


def test_rows_of_zeros_and_of_outliers_alone_are_finite(weight):
    x = torch.zeros(2, 2, HIDDEN, dtype=torch.float16)
    x[1] = 100
    got = product(x, None, *weight, THRESHOLD)
    assert torch.equal(got[0], torch.zeros_like(got[0]))
    assert np.allclose(got[1, 0].double(), decomposed(x[1], *weight)[0], rtol=5e-3, atol=1)


def test_what_overflowed_in_one_text_stays_there(weight, batch):
    x, real = batch
    x[1, 0, 3] = float("inf")
    got = product(x, real, *weight, THRESHOLD)
    assert not got[1, :3].isfinite().all()
    assert got[0].isfinite().all()


def int8(dtype="fp32", **settings):
    from emo.config.enums import FloatFormat

    own = Int8Config(compute_dtype=FloatFormat(dtype), **{"threshold": 1.0} | settings)
    return PrecisionConfig(PrecisionName.int8, own)


def read(backend, spans, size, side="right"):
    parts = [spans[i : i + size] for i in range(0, len(spans), size)]
    found = [backend.resid_post(pad(p, backend.pad_id, side=side)) for p in parts]
    return np.concatenate(found, axis=1)


def away(a, b):
    """Largest distance of a text's activations, relative to their size, over layers and texts."""
    return float((np.linalg.norm(a - b, axis=-1) / np.linalg.norm(b, axis=-1)).max())


@pytest.mark.parametrize("architecture", ["llama", "gpt2"])
@pytest.mark.parametrize("side", ["right", "left"])
def test_a_model_reads_a_batch_as_it_reads_each_text(architecture, side, tmp_path):
    """Compute dtype fp32, so that only the int8 products round, and no column crosses a threshold."""
    loaded = tiny(int8(), tmp_path, architecture)
    backend = HFBackend(loaded)
    spans = tokenise(loaded.tokenizer, TEXTS, Readout.last)
    alone = read(backend, spans, 1)
    own = away(read(backend, spans, 3, side), alone)
    set_columns(loaded.model, OutlierColumns.shared)
    shared = away(read(backend, spans, 3, side), alone)
    library = away(read(backend, spans, 1), alone)
    print(f"own {own:.1e}, library alone {library:.1e}, shared {shared:.1e}")
    assert shared > 2e-3
    assert max(own, library) < shared / 2


def test_a_batch_is_written_as_each_text_is(tmp_path):
    loaded = tiny(int8(), tmp_path)
    decoder = HFDecoder(loaded)
    assert not decoder.alone
    spans = tokenise(loaded.tokenizer, TEXTS, Readout.last)
    requests = [Request(s.ids) for s in spans]
    together = decoder.decode(requests, 12, None)
    alone = [decoder.decode([r], 12, None)[0] for r in requests]
    assert together == alone


def test_layers_with_rows_in_another_shape_share_columns_and_say_so_once(tmp_path, caplog):
    loaded = tiny(int8(), tmp_path)
    layer = loaded.model.model.layers[0].mlp.up_proj
    loaded.model.model.layers[0].mlp.register_forward_pre_hook(
        lambda _module, args: (args[0][None].expand(2, -1, -1, -1),)
    )
    seen = []
    layer.register_forward_hook(lambda _m, _a, out: seen.append(out.shape))
    loaded.model.model.layers[0].mlp.register_forward_hook(lambda _m, _a, out: out[0])
    with torch.inference_mode():
        for _ in range(2):
            loaded.model(torch.tensor([[1, 2, 3], [4, 5, 6]]))
    assert seen[0][:-1] == (2, 2, 3)
    assert caplog.text.count("share its outlier columns; precision.int8.batched=false") == 1


@pytest.mark.slow
def test_the_bridge_keeps_texts_apart_as_well(tmp_path):
    """It runs the modules of the model, behind the same input and mask."""
    pytest.importorskip("transformer_lens")
    from emo.activations.tl import TLBackend
    from emo.config.enums import Implementation

    loaded = tiny(int8(), tmp_path)
    backend = TLBackend(loaded, Implementation.bridge)
    spans = tokenise(loaded.tokenizer, TEXTS, Readout.last)
    alone = read(backend, spans, 1)
    assert away(read(backend, spans, 3), alone) < 1e-3
    set_columns(loaded.model, OutlierColumns.shared)
    assert away(read(backend, spans, 3), alone) > 2e-3
