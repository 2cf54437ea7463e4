"""The contract of reading and writing on every family that transformers can build small: counted."""

from collections import Counter

import numpy as np
import pytest
import torch

from emo.activations.backend import TokenSpan, pad
from emo.activations.hf import decoder_layers
from emo.activations.opening import open_backend
from emo.config.enums import BackendName
from emo.config.schema import BackendConfig
from emo.core.compare.readers import tolerance
from emo.errors import ModelError
from emo.generation.decoding import HFDecoder
from emo.generation.samples import Request
from tests.activations import families
from tests.activations.tiny_models import apart
from tests.generation.test_ways import NEW, by_loop, prompts, same

pytestmark = pytest.mark.slow

SEVERAL_STREAMS = {"deepseek_v4", "hy_v4"}
OTHER_BLOCKS = {"xlm"}
COUNT: Counter[str] = Counter()


@pytest.fixture(scope="module", autouse=True)
def printed():
    yield
    print(f"\nfamilies of transformers: {dict(COUNT)}")


@pytest.fixture(scope="module", params=families.NAMES)
def loaded(request):
    try:
        return families.build(request.param)
    except families.NotSmall as error:
        COUNT["not built small"] += 1
        pytest.skip(str(error)[:80])


@pytest.fixture(scope="module")
def backend(loaded):
    """The reader of a family that can be read; the others are refused in one line."""
    try:
        return open_backend(loaded, BackendConfig(name=BackendName.hf))
    except ModelError as error:
        assert "\n" not in str(error)
        family = loaded.model.config.get_text_config().model_type
        assert "of type" in str(error)
        expected = family in SEVERAL_STREAMS | OTHER_BLOCKS or "decoder layers" in str(error)
        assert expected, error
        COUNT["refused: no decoder with one residual stream"] += 1
        pytest.skip(str(error)[:80])


def test_a_batch_reads_what_single_texts_read_and_blocks_what_the_model_states(loaded, backend):
    spans = [TokenSpan(p, len(p) - 1, len(p)) for p in prompts()]
    batch = backend.resid_post(pad(spans, backend.pad_id))
    single = np.concatenate([backend.resid_post(pad([s], backend.pad_id)) for s in spans], axis=1)
    assert apart(batch, single) <= tolerance("fp32")
    assert apart(single[1:], single[:-1]) > 1e-3  # layers differ
    seen = []
    handles = [
        block.register_forward_hook(lambda _m, _a, out: seen.append(out))
        for block in decoder_layers(loaded.model)
    ]
    with torch.no_grad():
        loaded.model(input_ids=torch.tensor([prompts()[2]]), use_cache=False)
    for handle in handles:
        handle.remove()
    blocks = [out if isinstance(out, torch.Tensor) else out[0] for out in seen]
    blocks = [b[0] if b.ndim == 4 else b for b in blocks]  # Gemma-3n: its active stream
    assert apart(single[:, 2], np.stack([b[0, -1].numpy() for b in blocks])) <= tolerance("fp32")
    COUNT["read rightly"] += 1


def test_texts_written_together_are_those_of_whole_passes_one_by_one(loaded, backend):
    """Prompts of many lengths, so padding in front; texts that end, so rows that leave."""
    free = [by_loop(loaded.model, p) for p in prompts()]
    ends = sorted({text[1] for text in free[:2] if len(text) > 1})
    loaded.model.generation_config.eos_token_id = ends or None
    wanted = [
        text[: min((i + 1 for i, token in enumerate(text) if token in ends), default=NEW)]
        for text in free
    ]
    decoder = HFDecoder(loaded)
    got = decoder.decode([Request(p) for p in prompts()], NEW, None)
    assert same(got, wanted)
    COUNT[f"written with {decoder.way.name}"] += 1
