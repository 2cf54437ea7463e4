"""Contract: every backend writes the same tokens under the same additions; edits never outlive a pass.

Oracle: one text at a time, no cache, the vector added by a plain loop over the blocks' outputs.
"""

import itertools

import numpy as np
import pytest
import torch

from emo.activations.hf import decoder_layers
from emo.config.enums import BackendName, PrecisionName, SteerNorm, SteerPositions
from emo.config.schema import BackendConfig
from emo.errors import ModelError
from emo.generation.decoding import HFDecoder
from emo.generation.past import CachedPast
from emo.generation.samples import Finish, Generated, Request
from emo.generation.texts import TextStore
from emo.models.loading import LoadedModel
from emo.models.tiny import build
from emo.models.weights import Weights
from emo.steering.injection import Injection, SteeredRequest, addition_digest, open_decoder
from emo.steering.scoring import counted, likelihoods, mean_norms, written
from emo.steering.steerable import STEERABLES, HFSteerable, open_steerable
from tests.activations.backends import CONFIGS as BACKENDS
from tests.device import DEVICE

FAMILIES = ("llama", "qwen2", "gemma3", "gpt2")
N_LAYERS, HIDDEN, NEW = 3, 64, 8
STRONG = 4.0


def loaded(architecture="llama", ends=(), device=DEVICE):
    model, tokenizer = build(architecture, N_LAYERS, HIDDEN, 0)
    model.generation_config.eos_token_id = list(ends) or None
    model = model.to(device)
    return LoadedModel(model, tokenizer, Weights(None, "t", ""), device, PrecisionName.fp32)


def plain_model(architecture="llama"):
    """What the oracles run."""
    return loaded(architecture, device="cpu").model


def test_the_table_has_every_backend_that_can_be_read():
    assert set(STEERABLES) == set(BACKENDS)


def test_a_backend_without_a_row_is_refused():
    config = BackendConfig(name=BackendName.auto)
    with pytest.raises(ValueError, match="backend=auto: allowed is hf, bridge, hooked"):
        open_steerable(loaded(), config)


def prompts(n=5):
    rng = np.random.default_rng(0)
    return [(0, *rng.integers(3, 500, k).tolist()) for k in (3, 17, 5, 1, 9)[:n]]


def additions(n=5):
    """Different layers for every text, one of them none, one of them all."""
    rng = np.random.default_rng(1)
    layers = [(0,), (1, 2), (), (0, 1, 2), (2,)][:n]
    return [
        {i: (STRONG * rng.standard_normal(HIDDEN)).astype(np.float32) for i in chosen}
        for chosen in layers
    ]


def requests(planted, positions=SteerPositions.all):
    known = {addition_digest(a, positions): a for a in planted}
    asked = [
        SteeredRequest(p, 0, addition_digest(a, positions)) if a else Request(p)
        for p, a in zip(prompts(len(planted)), planted, strict=True)
    ]
    return asked, known.__getitem__


def by_loop(model, prompt, addition, positions, n=NEW):
    """Greedy tokens with hooks put in by hand, the whole sequence anew for every token."""
    ids, entropies, nll = list(prompt), [], []
    start = len(prompt) if positions is SteerPositions.generated else 0
    for _ in range(n):
        handles = []
        for layer, block in enumerate(decoder_layers(model)):
            if layer in addition:

                def hook(_m, _a, out, v=addition[layer]):
                    stream = (out[0] if isinstance(out, tuple) else out).clone()
                    stream[:, start:] += torch.from_numpy(v)
                    return (stream, *out[1:]) if isinstance(out, tuple) else stream

                handles.append(block.register_forward_hook(hook))
        with torch.inference_mode():
            logits = model(input_ids=torch.tensor([ids]), use_cache=False).logits[0, -1]
        for handle in handles:
            handle.remove()
        p = logits.double().softmax(dim=-1)
        entropies.append(float(-(p * p.log()).sum()))
        ids.append(int(logits.argmax()))
        nll.append(float(-p[ids[-1]].log()))
    return tuple(ids[len(prompt) :]), np.mean(entropies), np.mean(nll)


@pytest.mark.parametrize("positions", SteerPositions)
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("backend", BACKENDS)
def test_same_tokens_and_entropies_as_a_plain_loop(backend, family, positions):
    planted = additions()
    asked, known = requests(planted, positions)
    reference = plain_model(family)
    expected = [
        by_loop(reference, p, a, positions) for p, a in zip(prompts(), planted, strict=True)
    ]
    model = open_steerable(loaded(family), BACKENDS[backend])
    texts = open_decoder(model, known, positions).decode(asked, NEW, None)
    assert [t.tokens for t in texts] == [e[0] for e in expected]
    likelihood = likelihoods(model, texts, planted.__getitem__, positions, batch_size=3)
    assert [f.entropy for f in likelihood] == pytest.approx([e[1] for e in expected], rel=1e-4)
    assert [f.log_perplexity for f in likelihood] == pytest.approx(
        [e[2] for e in expected], rel=1e-4
    )


def test_the_planted_additions_matter():
    """Otherwise the contract would hold for a backend that steers nothing, or at all positions."""
    model = plain_model()
    p, a = prompts()[1], additions()[3]
    plain = by_loop(model, p, {}, SteerPositions.all)[0]
    everywhere, late = (by_loop(model, p, a, positions)[0] for positions in SteerPositions)
    assert len({plain, everywhere, late}) == 3
    assert plain[0] == late[0] != everywhere[0]


@pytest.mark.parametrize("backend", BACKENDS)
def test_texts_that_end_leave_the_batch_with_their_own_additions(backend):
    planted = additions()
    free = [
        by_loop(plain_model(), p, a, SteerPositions.all, 12)[0]
        for p, a in zip(prompts(), planted, strict=True)
    ]

    def cut(ends):
        return [t[: min((t.index(e) + 1 for e in ends if e in t), default=len(t))] for t in free]

    pairs = itertools.combinations(sorted(set().union(*free)), 2)
    ends = max(pairs, key=lambda ends: len({len(t) for t in cut(ends)}))
    expected = cut(ends)
    assert len({len(t) for t in expected}) >= 3
    asked, known = requests(planted)
    model = open_steerable(loaded(ends=ends), BACKENDS[backend])
    texts = open_decoder(model, known).decode(asked, 12, None)
    assert [t.tokens for t in texts] == expected
    for text in texts:
        ended = text.tokens[-1] in ends
        assert (text.finish is Finish.eos) == ended
        assert written(text) == (text.tokens[:-1] if ended else text.tokens)


@pytest.mark.parametrize("backend", BACKENDS)
def test_zeros_change_no_bit(backend):
    model = open_steerable(loaded(), BACKENDS[backend])
    ids = torch.tensor([prompts()[1]], device=DEVICE)
    mask = torch.ones_like(ids)
    zeros = {i: np.zeros(HIDDEN, np.float32) for i in range(N_LAYERS)}
    injection = Injection([zeros], DEVICE)
    with torch.inference_mode():
        before = model.logits(ids, mask)
        with model.editing(injection.edits()):
            steered = model.logits(ids, mask)
    assert torch.equal(before, steered)


@pytest.mark.parametrize("backend", BACKENDS)
def test_unsteered_rows_of_a_steered_batch_are_the_unsteered_texts(backend):
    planted = additions()
    asked, known = requests(planted)
    text = open_decoder(open_steerable(loaded(), BACKENDS[backend]), known).decode(asked, NEW, None)
    assert planted[2] == {}
    assert text[2] == HFDecoder(loaded()).decode([asked[2]], NEW, None)[0]


class Stop(Exception):
    pass


def hooks_left(model):
    return sum(len(m._forward_hooks) for m in model.modules())


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("stage", ["edit", "second step", "between passes", "interrupt"])
def test_no_edit_survives_an_exception(backend, stage, monkeypatch):
    planted = additions()
    asked, known = requests(planted)
    model = open_steerable(loaded(), BACKENDS[backend])
    inner = getattr(model, "_model", model.loaded.model)
    before = hooks_left(inner)
    decoder = open_decoder(model, known)
    plain = [Request(p) for p in prompts()]
    expected = decoder.decode(plain, NEW, None)
    if stage == "edit":

        def fail(self, place, stream):
            raise Stop

        monkeypatch.setattr(Injection, "_add", fail)
    else:
        real, calls = Injection.select, []

        def fail_later(self, *args):
            calls.append(args)
            if stage == "second step" and len(calls) == 2:
                raise Stop
            if stage == "interrupt" and len(calls) == 3:
                raise KeyboardInterrupt
            if stage == "between passes":
                raise Stop
            real(self, *args)

        monkeypatch.setattr(Injection, "select", fail_later)
    with pytest.raises((Stop, KeyboardInterrupt)):
        decoder.decode(asked, NEW, None)
    monkeypatch.undo()
    assert hooks_left(inner) == before
    assert decoder.decode(plain, NEW, None) == expected


def test_hooks_put_in_before_a_failing_one_are_removed():
    model = HFSteerable(loaded())
    with pytest.raises(IndexError), model.editing({0: lambda s: s, 99: lambda s: s}):
        pass
    assert hooks_left(model.loaded.model) == 0


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("norm", SteerNorm)
def test_norms_are_means_over_the_prompts_tokens(backend, family, norm):
    """The prompts begin with the BOS; one of them is a BOS and one word."""
    expected = np.zeros((5, N_LAYERS))
    reference = plain_model(family)
    for row, prompt in enumerate(prompts()):
        for layer, block in enumerate(decoder_layers(reference)):

            def hook(_m, _a, out, place=(row, layer)):
                stream = out[0] if isinstance(out, tuple) else out
                lengths = stream[0].norm(dim=-1)[int(norm is SteerNorm.mean) :]
                expected[place] = lengths.mean().item()

            handle = block.register_forward_hook(hook)
            with torch.inference_mode():
                reference(input_ids=torch.tensor([prompt]), use_cache=False)
            handle.remove()
    model = open_steerable(loaded(family), BACKENDS[backend])
    got = mean_norms(model, prompts(), 2, norm=norm)
    assert got == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("prompt", "norm", "want"),
    [
        ((9, 9, 9), SteerNorm.mean, [False, True, True]),
        ((9, 9, 9), SteerNorm.mean_all, [True, True, True]),
        ((0, 9, 9), SteerNorm.mean, [False, True, True]),
        ((0, 0, 9, 1), SteerNorm.mean, [False, False, True, False]),  # an appended end of text
        ((0, 9, 1, 0, 9), SteerNorm.mean, [False, True, False, False, True]),  # of a chat template
        ((9,), SteerNorm.mean, [True]),  # nothing else is left
        ((0, 1), SteerNorm.mean, [False, True]),
    ],
)
def test_the_norm_leaves_out_position_0_and_special_tokens_wherever_they_stand(prompt, norm, want):
    assert counted(prompt, {0, 1}, norm).tolist() == want


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_planted_sink_is_no_part_of_the_unit_of_strength(backend):
    """A long vector at position 0, in a prompt without BOS: ``mean_all`` depends on it and on length."""
    sink = loaded("gpt2")
    with torch.no_grad():
        sink.model.transformer.wpe.weight[0] += 1000 * torch.linspace(-1, 1, HIDDEN, device=DEVICE)
    model = open_steerable(sink, BACKENDS[backend])
    asked = [tuple(p[1:] * 8) for p in prompts() if len(p) > 3]
    own, everything = (mean_norms(model, asked, 2, norm=norm) for norm in SteerNorm)
    assert own.max() < 30
    assert (everything > 2 * own).all() and everything[0].min() > 1.5 * everything[1].max()


def test_an_overflowing_layer_is_refused_with_its_number():
    model = HFSteerable(loaded())
    with torch.no_grad():
        next(decoder_layers(model.loaded.model)[1].parameters()).fill_(float("inf"))
    with pytest.raises(ModelError, match="layers 1, 2: the residual stream is not finite"):
        mean_norms(model, prompts(), 4)


def test_digest_names_vectors_layers_and_positions():
    a = additions()[1]
    names = {
        addition_digest(a),
        addition_digest(a, SteerPositions.generated),
        addition_digest({k + 1: v for k, v in a.items()}),
        addition_digest({k: v * 1.5 for k, v in a.items()}),
        addition_digest({k: v for k, v in a.items() if k == 1}),
    }
    assert len(names) == 5
    assert addition_digest(dict(reversed(a.items()))) == addition_digest(a)


def test_a_steered_text_has_its_own_identity():
    plain = Request((0, 5))
    assert plain.digest != SteeredRequest((0, 5), 0, "a").digest
    assert SteeredRequest((0, 5), 0, "a").digest != SteeredRequest((0, 5), 0, "b").digest
    assert SteeredRequest((0, 5), 0, "a").digest != SteeredRequest((0, 6), 0, "a").digest


def test_an_empty_text_has_no_likelihood():
    model = HFSteerable(loaded(ends=(7,)))
    texts = [Generated((0, 9), (7,), Finish.eos), Generated((0, 9), (5, 6), Finish.length)]
    likelihood = likelihoods(model, texts)
    assert np.isnan([likelihood[0].log_perplexity, likelihood[0].entropy]).all()
    assert np.isfinite([likelihood[1].log_perplexity, likelihood[1].entropy]).all()


def test_out_of_memory_halves_the_batch_and_says_so(monkeypatch, caplog):
    model = HFSteerable(loaded())
    expected = mean_norms(model, prompts(), 5)
    real = HFSteerable.logits

    def small(self, ids, mask):
        if len(ids) > limit:
            raise MemoryError
        return real(self, ids, mask)

    monkeypatch.setattr(HFSteerable, "logits", small)
    limit = 2
    assert mean_norms(model, prompts(), 5) == pytest.approx(expected)
    assert "out of memory with 5 texts at once" in caplog.text
    texts = [Generated(p, (5, 6), Finish.length) for p in prompts()]
    assert len(likelihoods(model, texts)) == 5
    limit = 0
    with pytest.raises(ModelError, match="out of memory on a single text"):
        likelihoods(model, texts)
    assert hooks_left(model.loaded.model) == 0


HUGE = np.full(HIDDEN, 3e38, dtype=np.float32)
"""Added at two layers, more than float32 holds."""


@pytest.mark.parametrize("positions", SteerPositions)
@pytest.mark.parametrize("ends", [(), (7,)])
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_text_that_overflows_ends_and_the_others_go_on(backend, ends, positions):
    planted = additions()
    planted[1] = {0: HUGE, 1: HUGE}
    asked, known = requests(planted, positions)
    model = open_steerable(loaded(ends=ends), BACKENDS[backend])
    decoder = open_decoder(model, known, positions)
    texts = decoder.decode(asked, NEW, None)
    assert texts[1].finish is Finish.overflow
    assert len(texts[1].tokens) == (1 if positions is SteerPositions.generated else 0)
    rest = [0, 2, 3, 4]
    assert [texts[i] for i in rest] == decoder.decode([asked[i] for i in rest], NEW, None)
    assert all(texts[i].tokens for i in rest)
    likelihood = likelihoods(model, texts, planted.__getitem__, positions)
    assert np.isnan(likelihood[1].entropy)
    assert all(np.isfinite(likelihood[i].entropy) for i in rest)


def test_entropy_under_logits_that_are_not_finite_is_nan():
    model = open_steerable(loaded(), BACKENDS["hf"])
    text = Generated(prompts()[0], (5, 6, 7), Finish.length)
    (likelihood,) = likelihoods(model, [text], lambda _: {0: HUGE, 1: HUGE})
    assert np.isnan(likelihood.entropy) and np.isnan(likelihood.log_perplexity)


def test_an_unsteered_overflow_is_an_error():
    _, known = requests(additions(2))
    broken = loaded()
    decoder_layers(broken.model)[1].mlp.down_proj.weight.data[0] = torch.inf
    with pytest.raises(ModelError, match="not finite"):
        open_decoder(open_steerable(broken, BACKENDS["hf"]), known)


def test_an_unsteered_text_that_overflows_later_is_an_error(monkeypatch):
    planted = additions(2)
    asked, known = requests(planted)
    decoder = open_decoder(open_steerable(loaded(), BACKENDS["hf"]), known)
    real, calls = CachedPast.next_logits, []

    def spoilt(self, *args):
        logits = real(self, *args)
        calls.append(args)
        if len(calls) == 3:
            logits[:] = torch.nan
        return logits

    monkeypatch.setattr(CachedPast, "next_logits", spoilt)
    with pytest.raises(ModelError, match="not finite"):
        decoder.decode([asked[0], Request(asked[1].prompt)], NEW, None)


def test_norms_need_be_finite_at_the_steered_layers_only():
    broken = loaded()
    decoder_layers(broken.model)[2].mlp.down_proj.weight.data[0] = torch.inf
    model = open_steerable(broken, BACKENDS["hf"])
    norms = mean_norms(model, prompts(), 2, [1, 0])
    assert np.isfinite(norms[:, :2]).all()
    with pytest.raises(ModelError, match="layers 2: the residual stream is not finite"):
        mean_norms(model, prompts(), 2, [1, 2])


def test_an_overflow_is_served_from_the_store_and_not_by_a_smaller_budget(tmp_path):
    store = TextStore(tmp_path, {"test": "overflow"})
    text = Generated((1, 2), (3, 4), Finish.overflow)
    store.put({"k": text})
    assert store.get({"k": (1, 2)}, 8) == store.get({"k": (1, 2)}, 3) == {"k": text}
    shorter = store.get({"k": (1, 2)}, 2)["k"]
    assert (shorter.tokens, shorter.finish) == ((3, 4), Finish.length)
