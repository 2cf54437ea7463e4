"""Oracles: transformers' own generate one text at a time, the exact top-p distribution, plain loops."""

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare
from transformers import TemperatureLogitsWarper, TopPLogitsWarper

from emo.activations.backend import OutOfMemory
from emo.config.enums import PrecisionName
from emo.errors import ModelError
from emo.generation import choosing
from emo.generation.choosing import choose, uniforms
from emo.generation.decoding import HFDecoder
from emo.generation.samples import Finish, Request, Sampling
from emo.models.loading import LoadedModel
from emo.models.tiny import ARCHITECTURES, build
from emo.models.weights import Weights

SAMPLING = Sampling(temperature=0.8, top_p=0.9)


def prompts(n, longest=90):
    """Prompts of many lengths, the longest beyond the sliding window of the tiny models."""
    rng = np.random.default_rng(0)
    lengths = np.linspace(3, longest, n).astype(int)
    return [(0, *rng.integers(3, 500, k).tolist()) for k in rng.permuted(lengths)]


def tiny(architecture="llama", ends=(), penalty=None):
    model, tokenizer = build(architecture, 2, 64, 0)
    model.generation_config.eos_token_id = list(ends) or None
    model.generation_config.repetition_penalty = penalty
    return LoadedModel(model, tokenizer, Weights(None, "t", ""), "cpu", PrecisionName.fp32)


def by_generate(loaded, prompt, n):
    ids = torch.tensor([prompt])
    out = loaded.model.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        max_new_tokens=n,
        do_sample=False,
        pad_token_id=2,
    )
    return tuple(out[0, len(prompt) :].tolist())


@pytest.fixture(scope="module")
def ending():
    """A model with two end-of-text ids that its greedy texts reach at different steps, or never."""
    texts = HFDecoder(tiny()).decode([Request(p) for p in prompts(6)], 20, None)
    loaded = tiny(ends=(texts[0].tokens[6], texts[1].tokens[11]))
    lengths = {len(by_generate(loaded, p, 20)) for p in prompts(6)}
    assert len(lengths) >= 3
    return loaded


@pytest.mark.parametrize("architecture", sorted(ARCHITECTURES))
def test_greedy_is_generate_of_transformers(architecture):
    loaded = tiny(architecture)
    requests = [Request(p) for p in prompts(5)]
    got = HFDecoder(loaded).decode(requests, 10, None)
    assert [t.tokens for t in got] == [by_generate(loaded, r.prompt, 10) for r in requests]
    assert [t.prompt for t in got] == [r.prompt for r in requests]


def test_greedy_with_ends_is_generate_of_transformers(ending):
    requests = [Request(p) for p in prompts(6)]
    got = HFDecoder(ending).decode(requests, 20, None)
    want = [by_generate(ending, r.prompt, 20) for r in requests]
    assert [t.tokens for t in got] == want
    ends = ending.model.generation_config.eos_token_id
    assert [t.finish is Finish.eos for t in got] == [t[-1] in ends for t in want]
    assert {t.finish for t in got} == {Finish.eos, Finish.length}
    assert all(token not in ends for t in got for token in t.tokens[:-1])


def test_a_text_that_ends_with_its_last_token_has_ended(ending):
    requests = [Request(p) for p in prompts(6)]
    decoder = HFDecoder(ending)
    texts = decoder.decode(requests, 20, None)
    first = next(t for t in texts if t.finish is Finish.eos and len(t.tokens) > 1)
    (again,) = decoder.decode([Request(first.prompt)], len(first.tokens), None)
    assert again == first
    (shorter,) = decoder.decode([Request(first.prompt)], len(first.tokens) - 1, None)
    assert shorter == first.truncated(len(first.tokens) - 1)
    assert shorter.finish is Finish.length


@pytest.mark.parametrize("several", [False, True])
def test_ends_may_be_one_several_or_none(several):
    request = [Request(prompts(1)[0])]
    (free,) = HFDecoder(tiny()).decode(request, 8, None)
    place = free.tokens.index(free.tokens[4])
    loaded = tiny()
    end = free.tokens[4]
    loaded.model.generation_config.eos_token_id = [511, end] if several else end
    (got,) = HFDecoder(loaded).decode(request, 8, None)
    assert (got.tokens, got.finish) == (free.tokens[: place + 1], Finish.eos)
    assert free.finish is Finish.length


def test_finished_texts_leave_the_batch_when_half_are_done(ending, monkeypatch):
    decoder = HFDecoder(ending)
    seen = []
    inner = decoder._next_logits
    monkeypatch.setattr(
        decoder, "_next_logits", lambda step, *a: seen.append(len(step.ids)) or inner(step, *a)
    )
    got = decoder.decode([Request(p) for p in prompts(6)], 20, None)
    want, rows = [], 6
    for step in range(20):
        unfinished = sum(len(t.tokens) > step for t in got)
        rows = unfinished if unfinished <= rows // 2 else rows
        want += [rows] * (unfinished > 0)
    assert seen == want
    assert len(set(want)) > 1
    assert any(sum(len(t.tokens) > i for t in got) < n for i, n in enumerate(want))


@pytest.mark.parametrize("ends", [(), (11,)])
def test_the_models_repetition_penalty_is_applied_as_generate_does(ends):
    plain, loaded = tiny(ends=ends), tiny(ends=ends, penalty=1.3)
    requests = [Request(p) for p in prompts(5)]
    got = HFDecoder(loaded).decode(requests, 12, None)
    assert [t.tokens for t in got] == [by_generate(loaded, r.prompt, 12) for r in requests]
    assert got != HFDecoder(plain).decode(requests, 12, None)


@pytest.mark.parametrize("sampling", [None, SAMPLING], ids=["greedy", "sampled"])
@pytest.mark.parametrize("architecture", ["llama", "gemma3", "gpt2"])
def test_texts_do_not_depend_on_batch_size_or_order(architecture, sampling):
    texts = HFDecoder(tiny(architecture)).decode([Request(p) for p in prompts(3)], 12, None)
    decoder = HFDecoder(tiny(architecture, ends=(texts[0].tokens[5], *range(40, 60))))
    requests = [Request(p, i % 3) for i, p in enumerate(prompts(8) * 2)]
    requests = list(dict.fromkeys(requests))
    want = dict(zip(requests, decoder.decode(requests, 12, sampling, seed=3), strict=True))
    assert len({len(t.tokens) for t in want.values()}) > 1
    shuffled = [requests[i] for i in np.random.default_rng(1).permutation(len(requests))]
    for size in (1, 4, 16):
        for start in range(0, len(shuffled), size):
            batch = shuffled[start : start + size]
            assert decoder.decode(batch, 12, sampling, seed=3) == [want[r] for r in batch]


def test_a_small_budget_is_the_prefix_and_seed_sample_and_prompt_decide():
    decoder = HFDecoder(tiny(ends=range(40, 50)))
    requests = [Request(p, s) for p in prompts(3) for s in range(2)]
    long = decoder.decode(requests, 30, SAMPLING, seed=1)
    assert decoder.decode(requests, 9, SAMPLING, seed=1) == [t.truncated(9) for t in long]
    assert len({t.tokens for t in long}) == len(requests)
    other = decoder.decode(requests, 30, SAMPLING, seed=2)
    assert all(a.tokens != b.tokens for a, b in zip(long, other, strict=True))


def test_no_global_random_state_is_used_or_touched():
    decoder = HFDecoder(tiny())
    torch.manual_seed(1)
    before = torch.random.get_rng_state()
    first = decoder.decode([Request((0, 5))], 5, SAMPLING)
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.manual_seed(2)
    assert decoder.decode([Request((0, 5))], 5, SAMPLING) == first


def test_draws_of_a_sequence_are_its_own_and_more_continue_fewer():
    requests = [Request((1, 2), 0), Request((1, 2), 1), Request((1, 3), 0)]
    many = uniforms(requests, 256, seed=5)
    assert np.array_equal(uniforms(requests[::-1], 100, seed=5), many[::-1, :100])
    assert len(np.unique(many)) == many.size
    assert not np.any(many == uniforms(requests, 256, seed=6))


# The sampler itself


def drawn(logits, draws, sampling):
    """The tokens of texts none of which has ended."""
    return choose(logits, draws, sampling, torch.ones(len(logits), dtype=torch.bool))


def nucleus(logits, sampling):
    """Exact top-p distribution in most-likely-first order, by a plain loop."""
    weights = np.exp((logits - logits.max()) / sampling.temperature)
    p = weights / weights.sum()
    order = sorted(range(len(p)), key=lambda i: (-logits[i], i))
    kept, mass = [], 0.0
    for i in order:
        if mass >= sampling.top_p:
            break
        kept.append(i)
        mass += p[i]
    return kept, p[kept] / mass


PLANTED = np.array([2.0, 0.5, 2.0, -1.0, 1.0, 1.0, 1.0, -3.0, 0.0, 0.25, -8.0, 1.5], np.float32)


@pytest.mark.parametrize("top_p", [0.3, 0.9, 1.0])
@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("candidates", [3, 512])
def test_the_sampler_follows_the_exact_distribution(monkeypatch, top_p, temperature, candidates):
    monkeypatch.setattr(choosing, "CANDIDATES", candidates)
    sampling = Sampling(temperature, top_p)
    kept, p = nucleus(PLANTED.astype(float), sampling)
    n = 50_000
    draws = torch.from_numpy(np.random.default_rng(0).random(n))
    tokens = drawn(torch.from_numpy(PLANTED).expand(n, -1), draws, sampling)
    counts = np.bincount(tokens.numpy(), minlength=len(PLANTED))
    assert counts.sum() == counts[kept].sum()  # never outside the nucleus
    assert len(kept) == 1 or chisquare(counts[kept], n * p).pvalue > 1e-3
    # As many tokens with the same probabilities as transformers' own warpers leave; which of
    # several equals at the edge is left open there.
    scores = TemperatureLogitsWarper(temperature)(None, torch.from_numpy(PLANTED)[None])
    theirs = torch.softmax(TopPLogitsWarper(top_p)(None, scores) if top_p < 1 else scores, -1)[0]
    assert np.allclose(np.sort(theirs[theirs > 0].numpy())[::-1], p, atol=1e-6)


@given(
    st.lists(st.integers(-6, 6), min_size=2, max_size=12),
    st.floats(0, 1, exclude_max=True),
    st.sampled_from([0.05, 0.4, 0.9, 1.0]),
    st.integers(1, 12),
)
def test_inverse_cdf_by_a_plain_loop_whatever_the_candidates(values, draw, top_p, candidates):
    """Halves give many ties; how many candidates are tried first must not show."""
    logits = np.array(values, np.float32) / 2
    sampling = Sampling(0.7, top_p)
    kept, p = nucleus(logits.astype(float), sampling)
    edges = np.cumsum(p)
    if np.abs(edges - draw).min() < 1e-9 or abs(draw) < 1e-9:
        return
    want = kept[int(np.argmax(edges > draw))]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(choosing, "CANDIDATES", candidates)
        got = drawn(torch.from_numpy(logits)[None], torch.tensor([draw]).double(), sampling)
    assert got.tolist() == [want]


def test_rows_with_large_and_small_nuclei_in_one_batch(monkeypatch):
    monkeypatch.setattr(choosing, "CANDIDATES", 4)
    flat, peaked = torch.zeros(50), torch.zeros(50)
    peaked[17] = 30.0
    logits = torch.stack([flat, peaked, flat])
    draws = torch.tensor([0.999, 0.999, 0.0], dtype=torch.float64)
    got = drawn(logits, draws, Sampling(1.0, 0.9))
    assert got.tolist() == [44, 17, 0]  # 45 of 50 equals reach 0.9, by id


@pytest.mark.parametrize("sampling", [None, SAMPLING], ids=["greedy", "sampled"])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_an_overflowing_model_is_one_line(sampling, value):
    logits = torch.zeros(2, 9)
    logits[1, 4] = value
    with pytest.raises(ModelError, match="not finite"):
        drawn(logits, torch.zeros(2, dtype=torch.float64), sampling)


@pytest.mark.parametrize("sampling", [None, SAMPLING], ids=["greedy", "sampled"])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_comes_behind_the_end_of_a_text_ends_no_other(monkeypatch, sampling, value):
    requests = [Request(p) for p in prompts(5)]
    free = HFDecoder(tiny()).decode(requests, 12, sampling)
    tokens = [token for text in free for token in set(text.tokens[:9])]
    end = next(token for token in tokens if tokens.count(token) == 1)
    decoder = HFDecoder(tiny(ends=[end]))
    want = decoder.decode(requests, 12, sampling)
    (row,) = (i for i, text in enumerate(want) if len(text.tokens) < 10)
    inner, steps = decoder._next_logits, iter(range(12))

    def spoilt(*args):
        logits = inner(*args)
        assert len(logits) == 5  # a single text that has ended stays in the batch
        if next(steps) >= len(want[row].tokens):
            logits[row] = value
        return logits

    monkeypatch.setattr(decoder, "_next_logits", spoilt)
    assert decoder.decode(requests, 12, sampling) == want


def test_tokens_ruled_out_by_the_model_are_never_drawn():
    logits = torch.zeros(1, 9)
    logits[0, 1:] = -torch.inf
    assert drawn(logits, torch.tensor([0.99]).double(), Sampling(1.0, 1.0)).tolist() == [0]


def test_memory_errors_are_said_as_such(monkeypatch):
    decoder = HFDecoder(tiny())

    def broken(*_args, **_more):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(decoder, "_next_logits", broken)
    with pytest.raises(OutOfMemory):
        decoder.decode([Request((0, 1))], 2, None)


def test_the_decoder_reads_context_and_padding_from_the_model():
    loaded = tiny()
    assert HFDecoder(loaded).context == 1024
    assert HFDecoder(loaded).pad_id == loaded.tokenizer.pad_token_id
    loaded.tokenizer.pad_token = None
    assert HFDecoder(dataclasses.replace(loaded)).pad_id == 0
