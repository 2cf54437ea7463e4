"""A planted attention sink: a first token far longer than the others, which the mean leaves out.

Models without BOS have it on the text's first word, models with one on the BOS. What is planted here
is the position embedding of place 0, so that every backend's own forward pass carries it.
"""

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from tokenizers import processors

from emo.activations.backend import TokenSpan, pad
from emo.activations.reading import tokenise
from emo.config.enums import PrecisionName, Readout
from emo.core.compare.readers import tolerance
from emo.models.loading import LoadedModel
from emo.models.tiny import build, train_tokenizer
from emo.models.weights import Weights
from tests.activations.backends import ROWS

TEXTS = ("The bus stops here.", "Rain", "Someone opened the door of the shop and went away again.")
SINK = 1000.0
READERS = [name for name, row in ROWS.items() if "gpt2" in row.families]


def with_sink(template):
    """A model that puts a long vector on position 0, and a tokenizer of this template."""
    model, tokenizer = build("gpt2", 3, 64, 0)
    with torch.no_grad():
        model.transformer.wpe.weight[0] += SINK * torch.linspace(-1, 1, 64)  # type: ignore[attr-defined]
    tokenizer._tokenizer.post_processor = processors.TemplateProcessing(
        single=template, special_tokens=[("<s>", 0), ("</s>", 1)]
    )
    return LoadedModel(model, tokenizer, Weights(None, "t", ""), "cpu", PrecisionName.fp32)


def one_by_one(backend, span, places):
    """The mean of readings at single places, each by a pass of its own."""
    each = [TokenSpan(span.ids, i, i + 1) for i in places]
    return np.mean([backend.resid_post(pad([s], backend.pad_id))[:, 0] for s in each], axis=0)


@pytest.mark.parametrize("template", ["$A", "$A </s>", "<s> $A", "<s> $A </s>"])
@pytest.mark.parametrize("reader", READERS)
def test_no_backend_has_the_sink_in_a_mean_whatever_the_tokenizer_adds(reader, template):
    model = with_sink(template)
    backend = ROWS[reader].open(model)
    own = [len(ids) for ids in model.tokenizer(TEXTS, add_special_tokens=False)["input_ids"]]
    spans = tokenise(model.tokenizer, TEXTS, Readout.mean)
    got = backend.resid_post(pad(spans, backend.pad_id))
    front = template.startswith("<s>")
    for item, (span, n) in enumerate(zip(spans, own, strict=True)):
        want = one_by_one(backend, span, range(1, n + front))
        length = np.linalg.norm(want, axis=-1)
        apart = np.linalg.norm(got[:, item] - want, axis=-1) / length
        assert apart.max() <= tolerance("fp32")
        assert length.max() < SINK / 100
    # By its other name it is there in models without BOS, and in no other.
    everything = tokenise(model.tokenizer, TEXTS, Readout.mean_all)
    lengths = np.linalg.norm(backend.resid_post(pad(everything, backend.pad_id)), axis=-1)
    assert (lengths > SINK / 100).all() != front


class PlantedTokens:
    """A backend whose tokens hold their emotion's vector and noise; position 0 holds a sink as well.

    A text's first id names its emotion. The sink's length varies from text to text by a hundredth.
    """

    n_layers, hidden, pad_id, context = 1, 16, 0, None

    def __init__(self):
        self.rng = np.random.default_rng(0)
        self.emotions = self.rng.standard_normal((512, 16))
        self.sink = 100 * self.rng.standard_normal(16)

    def resid_post(self, batch):
        rows = []
        for row, (start, stop) in zip(batch.rows, batch.spans, strict=True):
            tokens = self.rng.standard_normal((len(batch.ids[row]), 16))
            tokens += self.emotions[batch.ids[row][0]]
            tokens[0] += self.sink * (1 + 0.01 * self.rng.standard_normal())
            rows.append(tokens[start:stop].mean(axis=0))
        return np.array(rows, dtype=np.float32)[None]


def agreement_with_what_was_planted(readout):
    """Spearman of the RDM read from 12 texts an emotion, of 4 to 9 words, with that of the emotions."""
    tokenizer, backend = train_tokenizer(), PlantedTokens()
    tokenizer._tokenizer.post_processor = processors.TemplateProcessing(
        single="$A", special_tokens=[]
    )
    lengths = np.random.default_rng(1).integers(3, 9, size=(8, 12))
    words = [
        f"{chr(97 + e)}{' the' * n}" for e, of_emotion in enumerate(lengths) for n in of_emotion
    ]
    spans = tokenise(tokenizer, words, readout)
    emotions = np.array([span.ids[0] for span in spans])
    values = backend.resid_post(pad(spans, 0))[0]
    names = np.unique(emotions)
    assert len(names) == 8
    vectors = np.array([values[emotions == name].mean(axis=0) for name in names])
    return spearman(vectors, backend.emotions[names])


def spearman(a, b):
    upper = np.triu_indices(len(a), 1)
    centred = [x - x.mean(axis=0) for x in (a, b)]
    unit = [x / np.linalg.norm(x, axis=1, keepdims=True) for x in centred]
    return spearmanr(*((u @ u.T)[upper] for u in unit)).statistic


def test_a_planted_geometry_comes_out_of_the_mean_and_not_out_of_a_mean_with_the_sink():
    assert agreement_with_what_was_planted(Readout.mean) > 0.95
    assert agreement_with_what_was_planted(Readout.mean_all) < 0.5
