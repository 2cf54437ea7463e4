"""The embedding layer's means against a plain loop, for a tokenizer with and one without BOS."""

import numpy as np
import pytest

from emo.activations.embedding import embedding_means
from emo.activations.reading import tokenise
from emo.config.enums import Readout
from emo.models import tiny

TEXTS = ["On the quay someone stood.", "Far off, a bell."]


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "gemma3"])
def test_means_over_the_text_alone(architecture):
    model, tokenizer = tiny.build(architecture, 2, 32, 0)
    table = model.get_input_embeddings().weight.detach().numpy()
    got = embedding_means(model, tokenise(tokenizer, TEXTS, Readout.mean))
    for row, text in zip(got, TEXTS, strict=True):
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        expected = sum(table[i] for i in ids) / len(ids)
        assert np.allclose(row, expected, atol=1e-7)
    assert got.dtype == np.float32
