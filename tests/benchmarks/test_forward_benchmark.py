"""Operations are counted as by hand, and shares are of the plain product."""

import pytest
import torch

from benchmarks.forward import Timed, attention_flop, flop_per_token, plain, reading, row
from benchmarks.timing import Work
from emo.activations.backend import TokenSpan
from emo.config.enums import PrecisionName
from emo.models.loading import LoadedModel
from emo.models.tiny import build
from emo.models.weights import Weights


@pytest.fixture(scope="module")
def loaded():
    model, tokenizer = build("llama", 2, 32, 0)
    return LoadedModel(model, tokenizer, Weights(None, "tiny", ""), "cpu", PrecisionName.fp32)


def test_operations_of_a_batch_are_those_of_its_matrices(loaded):
    # Per block: q, k, v, o and the three of the MLP, of twice the width; half of the heads have keys.
    config = loaded.model.config
    keys = config.num_key_value_heads * 32 // config.num_attention_heads
    weights = 2 * (2 * 32 * 32 + 2 * 32 * keys + 3 * 32 * 64)
    assert flop_per_token(loaded) == 2 * weights
    assert attention_flop(loaded, 3, 5) == 2 * 3 * (2 * 5 * 5 * 32) * 2
    spans = [TokenSpan(tuple(range(n)), n - 1, n) for n in (2, 4)]
    work = reading(loaded, spans, 2, "both")
    assert work.flop == 2 * weights * 8 + attention_flop(loaded, 2, 4)
    assert work.useful == 2 * weights * 6 + attention_flop(loaded, 1, 2) + attention_flop(
        loaded, 1, 4
    )
    work.work.timed(0)
    assert work.work.seconds[0] > 0


def test_shares_are_of_the_plain_product():
    peak = Timed(Work("plain", lambda: None, [1.0]), 2e9, 2e9)
    half = Timed(Work("reading", lambda: None, [2.0]), 2e9, 1e9)
    assert row(half, peak) == "| reading | 2.00 | 1.0 | 50% | 25% |"
    assert plain(torch.float32, 1).flop == 2 * 1024**3
