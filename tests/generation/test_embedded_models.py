"""Decoding of the packaged real models: slow, and skipped for a package that is not installed."""

import numpy as np
import pytest
import torch

from emo.config.enums import PrecisionName
from emo.generation.decoding import HFDecoder
from emo.generation.prompting import prompt_ids
from emo.generation.samples import Request, Sampling
from emo.stimuli.prompts import load_prompts
from tests.test_embedded_models import INSTALLED, open_model

pytestmark = pytest.mark.slow
N_TOKENS = 10


@pytest.fixture(scope="module", params=INSTALLED)
def loaded(request):
    return open_model(request.param, PrecisionName.fp32)


@pytest.fixture(scope="module")
def requests(loaded):
    """16 prompts of several lengths, chat template where the model has one."""
    prompts = load_prompts()
    texts = [t for e in ("afraid", "calm") for t in prompts.story_prompts(e)]
    texts += prompts.neutral_prompts()[:6]
    return [Request(prompt_ids(loaded.tokenizer, t, chat_template=True).ids) for t in texts]


def test_greedy_is_generate_of_transformers(loaded, requests):
    got = HFDecoder(loaded).decode(requests, N_TOKENS, None)
    for text in got[::4]:
        ids = torch.tensor([text.prompt])
        want = loaded.model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=N_TOKENS,
            do_sample=False,
            pad_token_id=0,
        )
        assert text.ids == tuple(want[0].tolist())


@pytest.mark.parametrize("sampling", [None, Sampling(0.7, 0.9)], ids=["greedy", "sampled"])
def test_fp32_texts_do_not_depend_on_batch_size_or_order(loaded, requests, sampling):
    decoder = HFDecoder(loaded)
    want = dict(zip(requests, decoder.decode(requests, N_TOKENS, sampling), strict=True))
    assert len({t.tokens for t in want.values()}) > len(requests) / 2
    shuffled = [requests[i] for i in np.random.default_rng(0).permutation(len(requests))]
    for size in (1, 4, 16):
        for start in range(0, len(shuffled), size):
            batch = shuffled[start : start + size]
            assert decoder.decode(batch, N_TOKENS, sampling) == [want[r] for r in batch]
