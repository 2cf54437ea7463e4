"""Every family writes what its whole passes say; oracle: a plain loop, one text at a time, no cache."""

import dataclasses
import inspect

import numpy as np
import pytest
import torch
import transformers

from emo.activations.hf import decoder_layers
from emo.config.enums import BackendName, PrecisionName, SteerPositions
from emo.config.schema import BackendConfig
from emo.errors import ModelError, NoMemory
from emo.generation import ways
from emo.generation.decoding import HFDecoder
from emo.generation.past import CachedPast, Memory
from emo.generation.samples import Request
from emo.generation.ways import Way
from emo.models.loading import LoadedModel
from emo.models.tiny import build as build_tiny
from emo.models.weights import Weights
from emo.steering.injection import SteeredRequest, addition_digest, open_decoder
from emo.steering.steerable import open_steerable
from tests.activations import families

NEW = 8
USUAL = Way()
WAYS = {
    "llama": USUAL,
    "gpt_oss": USUAL,
    "lfm2": USUAL,
    "jamba": USUAL,
    "falcon_h1": USUAL,
    "qwen3_next": USUAL,
    "olmo_hybrid": USUAL,
    "gemma3n_text": USUAL,
    "mamba": Way(Memory.own_state),
    "mamba2": Way(Memory.own),
    "falcon_mamba": Way(Memory.own_state),
    "rwkv": Way(Memory.own, alone=True),
    "minimax": Way(Memory.own, alone=True),
    "recurrent_gemma": Way(alone=True),
    "xlstm": Way(Memory.nothing),
    "openai-gpt": Way(Memory.nothing),
}


QUICK = ("llama", "jamba", "qwen3_next", "mamba", "rwkv", "recurrent_gemma", "openai-gpt")
"""One of each way, and the two kinds of hybrids."""


def cases(names):
    """Families as parameters, those beside QUICK with the slow mark."""
    return [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in names]


def prompts():
    rng = np.random.default_rng(3)
    return [(0, *rng.integers(3, 500, n).tolist()) for n in (4, 13, 20, 8, 2)]


def by_loop(model, prompt, n=NEW, addition=None, edit=None):
    """Greedy tokens, the whole sequence anew for each, up to where two tokens are as good as equal."""
    ids = list(prompt)
    for _ in range(n):
        handles = [
            block.register_forward_hook(lambda _m, _a, out, v=addition[layer]: edit(out, v))
            for layer, block in enumerate(decoder_layers(model) if addition else ())
            if layer in addition
        ]
        with torch.inference_mode():
            logits = model(input_ids=torch.tensor([ids]), use_cache=False).logits[0, -1].float()
        for handle in handles:
            handle.remove()
        best = logits.topk(2)
        if best.values[0] - best.values[1] < 1e-4 * logits.std():
            break
        ids.append(int(best.indices[0]))
    return tuple(ids[len(prompt) :])


def same(texts, wanted):
    """Equal as far as the loop goes: nearly everywhere that is to the end."""
    assert sum(map(len, wanted)) > 0.8 * sum(len(t.tokens) for t in texts)
    return [t.tokens[: len(w)] for t, w in zip(texts, wanted, strict=True)] == list(wanted)


@pytest.mark.parametrize("family", cases(WAYS))
def test_each_family_writes_in_its_own_way_what_whole_passes_say(family):
    loaded = families.build(family)
    decoder = HFDecoder(loaded)
    assert decoder.way == WAYS[family]
    wanted = [by_loop(loaded.model, p) for p in prompts()]
    assert len({token for text in wanted for token in text}) > 3
    assert same(decoder.decode([Request(p) for p in prompts()], NEW, None), wanted)


@pytest.mark.parametrize(
    "family", cases(["jamba", "lfm2", "falcon_h1", "qwen3_next", "mamba", "xlstm", "openai-gpt"])
)
def test_texts_that_end_leave_the_batch_and_the_others_go_on(family):
    """Caches with a recurrent state must lose the same rows as the batch."""
    loaded = families.build(family)
    free = [by_loop(loaded.model, p) for p in prompts()]
    firsts = sorted({text[1] for text in free[:3]})
    loaded.model.generation_config.eos_token_id = firsts
    wanted = [
        text[: min((i + 1 for i, token in enumerate(text) if token in firsts), default=NEW)]
        for text in free
    ]
    assert min(map(len, wanted)) <= 2 < NEW == max(map(len, wanted))
    decoder = HFDecoder(loaded)
    sizes, inner = [], decoder._next_logits
    decoder._next_logits = lambda step, *a: sizes.append(len(step.ids)) or inner(step, *a)
    assert same(decoder.decode([Request(p) for p in prompts()], NEW, None), wanted)
    assert sizes[-1] < sizes[0] == len(prompts())


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("family", ["llama", "gpt_oss", "jamba", "mamba"])
def test_rounding_in_16_bits_changes_no_way(family, dtype):
    assert HFDecoder(families.build(family, dtype=dtype)).way == WAYS[family]


def tiny(model=None):
    built, tokenizer = build_tiny("llama", 2, 64, 0)
    if model is not None:
        made = model(built.config).eval()
        made.load_state_dict(built.state_dict())
        built = made
    built.generation_config.eos_token_id = None
    with torch.no_grad():
        for parameter in built.parameters():
            if parameter.ndim > 1:
                parameter *= 3
    return LoadedModel(built, tokenizer, Weights(None, "t", ""), "cpu", PrecisionName.fp32)


class Swallowing(transformers.LlamaForCausalLM):
    """Takes any cache, says nothing, and reads each token as if it were the first."""

    def forward(self, input_ids, attention_mask=None, position_ids=None, **options):
        taken = {
            k: v for k, v in options.items() if k in ("logits_to_keep", "output_hidden_states")
        }
        fits = attention_mask is not None and attention_mask.shape == input_ids.shape
        mask = attention_mask if fits else None
        return super().forward(input_ids, mask, position_ids, use_cache=False, **taken)


class Leaking(transformers.LlamaForCausalLM):
    """Padding in front of a text changes it: it is attended to."""

    def forward(self, input_ids, attention_mask=None, **options):
        return super().forward(input_ids, torch.ones_like(attention_mask), **options)


class Refusing(transformers.LlamaForCausalLM):
    """Wants a cache class of its own."""

    def forward(self, input_ids, past_key_values=None, **options):
        if past_key_values is not None:
            raise ValueError("this model uses a cache of its own")
        return super().forward(input_ids, **options)


@pytest.mark.parametrize(
    ("model", "way"),
    [
        (Swallowing, Way(Memory.nothing)),
        (Leaking, Way(alone=True)),
        (Refusing, Way(Memory.nothing)),
    ],
)
def test_what_a_forward_does_decides_and_not_what_it_is_called(model, way):
    loaded = tiny(model)
    decoder = HFDecoder(loaded)
    assert decoder.way == way
    wanted = [by_loop(tiny().model, p) for p in prompts()]
    assert same(decoder.decode([Request(p) for p in prompts()], NEW, None), wanted)


def counted(loaded):
    passes = []
    loaded.model.register_forward_pre_hook(lambda *_: passes.append(1))
    return passes


def test_a_model_is_compared_once_in_five_short_passes():
    loaded = tiny()
    passes = counted(loaded)
    for _ in range(3):
        HFDecoder(loaded)
    assert len(passes) == 1 + 1 + ways.STEPS
    assert sum(passes) < 3 * ways.TOKENS


def test_another_way_than_the_usual_is_said_in_one_line_and_named_in_the_store(caplog):
    caplog.set_level("INFO")
    loaded = families.build("recurrent_gemma")
    assert HFDecoder(loaded).way.identity == {"decoding": "a key-value cache, one text at a time"}
    HFDecoder(loaded)
    assert [r.getMessage() for r in caplog.records] == [
        "model of type recurrent_gemma: texts are written with a key-value cache, one text at a time"
    ]
    caplog.clear()
    assert HFDecoder(tiny()).way.identity == {}
    assert not caplog.records


def test_a_model_that_is_not_finite_is_refused_when_it_is_opened():
    loaded = tiny()
    with torch.no_grad():
        loaded.model.get_input_embeddings().weight.fill_(torch.nan)
    with pytest.raises(ModelError, match="logits are not finite in this precision") as caught:
        HFDecoder(loaded)
    assert "\n" not in str(caught.value)


def test_tokens_that_a_model_rules_out_do_not_disturb_the_comparison():
    class RulingOut(transformers.LlamaForCausalLM):
        def forward(self, *args, **options):
            output = super().forward(*args, **options)
            output.logits[..., 300:] = -torch.inf
            return output

    decoder = HFDecoder(tiny(RulingOut))
    assert decoder.way == USUAL
    assert max(decoder.decode([Request(p) for p in prompts()], NEW, None)[0].tokens) < 300


def test_a_model_whose_whole_pass_breaks_is_one_line():
    class Broken(transformers.LlamaForCausalLM):
        def forward(self, input_ids, **options):
            raise AssertionError

    with pytest.raises(
        ModelError,
        match=r"^model of type llama: cannot write texts in fp32 \(AssertionError\); it can only",
    ):
        HFDecoder(tiny(Broken))


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("CUDA error: out of memory")])
@pytest.mark.parametrize("which", [1, 3])
def test_no_memory_is_no_verdict(error, which):
    loaded, calls = tiny(), []

    def full(*_):
        calls.append(1)
        if len(calls) == which:
            raise error

    handle = loaded.model.register_forward_pre_hook(full)
    with pytest.raises(NoMemory, match="no memory on cpu to write a few tokens"):
        HFDecoder(loaded)
    handle.remove()
    assert HFDecoder(loaded).way == USUAL


def test_a_context_in_which_nothing_can_be_written_is_compared_with_nothing():
    loaded = tiny()
    loaded.model.config.max_position_embeddings = 2
    assert HFDecoder(loaded).way == USUAL


def test_an_int8_model_is_allowed_its_noise():
    pytest.importorskip("bitsandbytes")
    from emo.config.enums import Attention, Source
    from emo.config.schema import Int8Config, ModelConfig, PrecisionConfig, TinyConfig
    from emo.models.loading import load
    from emo.models.weights import locate

    config = ModelConfig(name="tiny", id="t", source=Source.tiny, tiny=TinyConfig("llama", 2, 64))
    precision = PrecisionConfig(PrecisionName.int8, Int8Config(threshold=1.0))
    loaded = load(config, locate(config), precision, Attention.eager, "cpu", None)
    assert HFDecoder(loaded).way == USUAL


# Steering's decoders


def plain(output, vector):
    return output + torch.from_numpy(vector)


def first(output, vector):
    return type(output)([output[0] + torch.from_numpy(vector), *output[1:]])


def active(output, vector):
    output = output.clone()
    output[0] += torch.from_numpy(vector)
    return output


@pytest.mark.parametrize("positions", SteerPositions)
@pytest.mark.parametrize(
    ("family", "edit"),
    [
        ("mamba", plain),
        ("recurrent_gemma", plain),
        pytest.param("rwkv", first, marks=pytest.mark.slow),
        pytest.param("jamba", plain, marks=pytest.mark.slow),
        ("openai-gpt", first),
        ("gemma3n_text", active),
    ],
)
def test_steered_texts_of_every_way_are_those_of_a_plain_loop(family, edit, positions):
    loaded = families.build(family)
    rng = np.random.default_rng(1)
    vectors = [
        {layer: (6 * rng.standard_normal(families.HIDDEN)).astype(np.float32) for layer in layers}
        for layers in ((0,), (1, 2), (), (0, 1, 2), (2,))
    ]
    known = {addition_digest(a, positions): a for a in vectors}
    asked = [
        SteeredRequest(p, 0, addition_digest(a, positions)) if a else Request(p)
        for p, a in zip(prompts(), vectors, strict=True)
    ]

    def late(prompt):
        """The vector behind the prompt only."""

        def hook(output, vector):
            whole = output if isinstance(output, torch.Tensor) else output[0]
            n = whole.shape[-2]
            place = (torch.arange(n) >= len(prompt))[:, None].numpy()
            return edit(output, vector * place)

        return hook

    wanted = [
        by_loop(loaded.model, p, NEW, a, late(p) if positions is SteerPositions.generated else edit)
        for p, a in zip(prompts(), vectors, strict=True)
    ]
    steerable = open_steerable(loaded, BackendConfig(name=BackendName.hf))
    decoder = open_decoder(steerable, known.__getitem__, positions)
    assert decoder.way == WAYS[family]
    assert same(decoder.decode(asked, NEW, None), wanted)
    unsteered = [by_loop(loaded.model, p) for p in prompts()]
    assert sum(a != b for a, b in zip(wanted, unsteered, strict=True)) >= 3


def test_a_bridge_is_compared_anew(monkeypatch):
    """Its modules have a forward of their own, which may lose what the model's keeps."""
    pytest.importorskip("transformer_lens")
    from emo.config.enums import Implementation

    loaded = tiny()
    assert HFDecoder(loaded).way == USUAL
    passes = counted(loaded)
    config = BackendConfig(name=BackendName.tl, implementation=Implementation.bridge)
    bridged = open_steerable(loaded, config)
    before = len(passes)
    monkeypatch.setattr(CachedPast, "select", lambda *_: 1 / 0)
    assert open_decoder(bridged, {}.get).way == Way(alone=True)
    assert len(passes) > before


def test_hooked_transformer_is_compared_with_itself_padded_on_the_right(monkeypatch):
    pytest.importorskip("transformer_lens")
    from emo.config.enums import Implementation

    config = BackendConfig(name=BackendName.tl, implementation=Implementation.hooked)
    model = open_steerable(tiny(), config)
    assert open_decoder(model, {}.get).way == Way(Memory.nothing)

    other = open_steerable(tiny(), config)
    inner = other.logits
    monkeypatch.setattr(
        other, "logits", lambda ids, mask: inner(ids, mask) + 9 * torch.rand(512) * (len(ids) > 1)
    )
    assert open_decoder(other, {}.get).way == Way(Memory.nothing, alone=True)


def test_way_names_are_different():
    every = [Way(memory, alone) for memory in Memory for alone in (False, True)]
    assert len({way.name for way in every}) == len(every)
    assert dataclasses.is_dataclass(Way) and "memory" in inspect.signature(Way).parameters
