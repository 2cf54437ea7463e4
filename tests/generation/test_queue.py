"""Texts in one queue are the texts that each would be alone; oracle: one at a time, without sharing."""

import numpy as np
import pytest
import torch
from transformers import DynamicCache

from emo.config.enums import PrecisionName
from emo.generation.decoding import HFDecoder
from emo.generation.generating import Generation, Wanted, generate_all
from emo.generation.past import CachedPast, Memory, StepInputs
from emo.generation.prefixes import alike, common_beginning, read_prompts
from emo.generation.roomy import BLOCK, holds_every_token, roomy_cache
from emo.generation.samples import Order, Request, Sampling
from emo.generation.texts import TextStore
from emo.models.loading import LoadedModel
from emo.models.tiny import build
from emo.models.weights import Weights
from tests.generation.counting import CountingDecoder

SAMPLING = Sampling(temperature=0.8, top_p=0.9)
SYSTEM = tuple(range(30, 42))


def tiny(architecture="llama", ends=(), penalty=None):
    model, tokenizer = build(architecture, 2, 64, 0)
    model.generation_config.eos_token_id = list(ends) or None
    model.generation_config.repetition_penalty = penalty
    return LoadedModel(model, tokenizer, Weights(None, "t", ""), "cpu", PrecisionName.fp32)


def orders(n=8, budget=12):
    """Prompts with a common beginning and without, twice each; greedy, sampled and of two budgets."""
    rng = np.random.default_rng(0)
    out = []
    for i in range(n):
        own = tuple(rng.integers(100, 500, 2 + i // 2).tolist())
        prompt = (*SYSTEM, *own) if i % 3 else own
        out.append(Order(Request(prompt), budget - 4 * (i % 2), None))
        out.append(Order(Request(prompt, i % 2), budget, SAMPLING, seed=5))
    return out


def one_by_one(decoder, wanted):
    return {
        i: decoder.decode([o.request], o.budget, o.sampling, o.seed)[0]
        for i, o in enumerate(wanted)
    }


@pytest.mark.parametrize(("architecture", "penalty"), [("llama", 1.3), ("gpt2", None)])
def test_a_queue_writes_what_each_text_is_alone(architecture, penalty):
    wanted = orders()
    free = one_by_one(HFDecoder(tiny(architecture, penalty=penalty)), wanted)
    ends = {
        free[0].tokens[3],
        free[5].tokens[8],
        free[8].tokens[0],
    }  # one ends with its first token
    decoder = HFDecoder(tiny(architecture, ends, penalty))
    assert decoder._replaces
    want = one_by_one(decoder, wanted)
    assert len({len(text.tokens) for text in want.values()}) > 2
    assert any(len(text.tokens) == 1 for text in want.values())
    for size in (3, 100):
        assert dict(decoder.write(wanted, size)) == want


def test_waiting_texts_take_the_places_of_finished_ones(monkeypatch):
    wanted = orders()
    free = one_by_one(HFDecoder(tiny()), wanted)
    decoder = HFDecoder(tiny(ends={text.tokens[5] for text in free.values()}))
    seen, inner = [], decoder._next_logits
    monkeypatch.setattr(
        decoder, "_next_logits", lambda step, *a: seen.append(len(step.ids)) or inner(step, *a)
    )
    lengths = [len(text.tokens) for _, text in decoder.write(wanted, 8)]
    fixed = sum(max(lengths[i : i + 8]) for i in range(0, len(lengths), 8))
    assert max(seen) == 8
    assert len(seen) < fixed  # fewer steps than batches that wait for their last text


def test_where_the_cache_forgets_texts_are_written_batch_by_batch():
    decoder = HFDecoder(tiny("gemma3"))  # has windows
    assert not decoder._replaces
    wanted = orders(6)
    assert dict(decoder.write(wanted, 5)) == one_by_one(decoder, wanted)


# Prompts


def test_equal_prompts_and_common_beginnings_are_read_once(monkeypatch):
    loaded = tiny()
    past = CachedPast(loaded.model, Memory.key_values)
    read, inner = [], past.next_logits
    monkeypatch.setattr(
        past, "next_logits", lambda s, a: read.append(tuple(s.ids.shape)) or inner(s, a)
    )
    prompts = [(*SYSTEM, 7, 8), (*SYSTEM, 9), (*SYSTEM, 7, 8), (*SYSTEM, 7, 8, 4, 5)]
    with torch.inference_mode():
        logits, mask = read_prompts(past, prompts, 0, "cpu")
        assert read == [(1, len(SYSTEM)), (3, 4)]
        assert mask.sum(dim=1).tolist() == list(map(len, prompts))
        for row, prompt in enumerate(prompts):
            alone = loaded.model(torch.tensor([prompt])).logits[0, -1]
            assert torch.allclose(logits[row], alone, atol=1e-4)


def test_short_beginnings_are_not_read_apart_and_a_prompt_has_a_token_of_its_own():
    long = SYSTEM[:8]
    assert common_beginning([(*long, 1), (*long, 2)]) == 8
    assert common_beginning([(*long[:7], 1), (*long[:7], 2)]) == 0
    assert common_beginning([(*long, 1), (*long, 1, 2)]) == 8  # and not 9
    assert common_beginning([long, (*long, 2)]) == 0  # 7 tokens are left
    assert common_beginning([(*long, 1)] * 3) == 0  # one prompt, read once
    prompts = [(*long, i) for i in range(4)] + [(i, 5) for i in range(3)]
    assert alike(prompts) == [[0, 1, 2, 3], [4, 5, 6]]
    assert alike(prompts[1:]) == [[0, 1, 2, 3, 4, 5]]  # three that begin alike are not enough


# The cache


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "gemma3"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_room_for_tokens_changes_no_logit(architecture, dtype):
    """The operations are the same on the same numbers; only where they lie in memory differs."""
    model = build(architecture, 2, 64, 0)[0].to(dtype)
    ids = torch.from_numpy(np.random.default_rng(0).integers(3, 500, (3, 9)))
    caches = [roomy_cache(model), DynamicCache(config=model.config)]
    with torch.inference_mode():
        for step in range(BLOCK + 5):
            mask = torch.ones(len(ids), 9 + step, dtype=torch.long)
            a, b = (
                model(ids, attention_mask=mask, past_key_values=c, use_cache=True).logits[:, -1]
                for c in caches
            )
            assert torch.allclose(
                a.float(), b.float(), atol=1e-5 if dtype is torch.float32 else 0.05
            )
            ids = b.argmax(dim=-1)[:, None]
            if step == 20:
                for cache in caches:
                    cache.reorder_cache(torch.LongTensor([2, 0]))
                ids = ids[[2, 0]]


def test_tokens_are_not_copied_at_every_step():
    model = build("llama", 2, 64, 0)[0]
    past = CachedPast(model, Memory.key_values)
    places = set()
    with torch.inference_mode():
        mask = torch.ones(2, 3, dtype=torch.long)
        past.next_logits(StepInputs(mask + 4, mask), lambda _: None)
        for step in range(BLOCK):
            mask = torch.ones(2, 4 + step, dtype=torch.long)
            past.next_logits(StepInputs(mask[:, :1] + 4, mask), lambda _: None)
            places.add(past.cache.layers[0].keys.data_ptr())
    assert len(places) == 1
    assert holds_every_token(model)


# Kinds of texts


def test_kinds_of_texts_share_batches_and_equal_texts_are_written_once(tmp_path):
    greedy = Generation(6, None, 0, 4, batch_decides=False)
    other = Generation(4, None, 0, 4, batch_decides=False)
    a = [Request((30 + i,)) for i in range(3)]
    b = [Request((31 + i,)) for i in range(4)]
    decoder, store = CountingDecoder(), TextStore(tmp_path, {"m": 1})
    first, second = generate_all(decoder, [Wanted(a, greedy), Wanted(b, greedy)], store)
    assert [len(batch) for batch in decoder.batches] == [4, 1]
    assert (first.done, first.reused, second.done, second.reused) == (3, 0, 2, 2)
    assert second.items == tuple(CountingDecoder().decode(b, 6, None))
    (shorter,) = generate_all(decoder, [Wanted(b, other)], store)
    assert shorter.done == 0
    assert shorter.items == tuple(CountingDecoder().decode(b, 4, None))


def test_where_the_batch_decides_kinds_share_no_batch(tmp_path):
    fixed = Generation(6, None, 0, 4, batch_decides=True)
    a, b = ([Request((30 + i,)) for i in some] for some in (range(3), range(3, 5)))
    decoder = CountingDecoder(mixes=True)
    generate_all(decoder, [Wanted(a, fixed), Wanted(b, fixed)], TextStore(tmp_path, {"m": 1}))
    assert [len(batch) for batch in decoder.batches] == [3, 2]
