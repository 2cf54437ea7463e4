"""Oracle: each turn read from the start and written alone, without a cache over turns."""

import dataclasses
import inspect

import numpy as np
import pytest

from emo.behaviour.formats import ChatFormat, PlainFormat, open_format
from emo.behaviour.holding import Script, Settings, converse, hold
from emo.behaviour.kept import ConversationStore
from emo.behaviour.talks import without_thoughts
from emo.behaviour.voices import CachedVoice, WholeVoice, open_voice
from emo.config.enums import BackendName, DialogueFormat, PrecisionName
from emo.config.schema import BackendConfig
from emo.errors import ConfigError
from emo.generation.samples import Sampling
from emo.steering.steerable import open_steerable
from emo.stimuli.arms import load_arms
from emo.stimuli.facts import load_facts
from tests.activations.tiny_models import loaded

TEMPLATE = (
    "{% for m in messages %}{{ '<s>' + m['role'] + '\\n' + m['content'] + '</s>\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<s>assistant\\n' }}{% endif %}"
)
FORGETFUL = (
    "{% for m in messages %}{{ '<s>' + m['role'] }}{% if not loop.last %}{{ ' before' }}{% endif %}"
    "{{ ': ' + m['content'] + '</s>\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<s>assistant: ' }}{% endif %}"
)
"""A template that writes earlier turns otherwise, as some leave out what a model thought."""
SAMPLING = Sampling(0.9, 0.95)


def tiny(architecture="llama", template=TEMPLATE, penalty=None, ends=tuple(range(3, 512, 8))):
    """A random model that ends its answers now and then."""
    model = loaded(architecture)
    model.tokenizer.chat_template = template
    model.model.generation_config.eos_token_id = list(ends)
    model.model.generation_config.repetition_penalty = penalty
    return model


def scripts(n=4, samples=(0,)):
    """Conversations of five, four and no further turns."""
    arms = {arm.name: arm.turns for arm in load_arms().arms}
    turns = [arms["pressure"] + arms["order"], arms["support"], ()]
    facts = load_facts().items[:n]
    return [
        Script.about(fact, turns[i % 3], sample)
        for i, fact in enumerate(facts)
        for sample in samples
    ]


def settings(sampling=None, **more):
    return Settings(**({"max_new_tokens": 9, "sampling": sampling, "seed": 3} | SIZES | more))


SIZES = {"batch_size": 8, "batch_decides": False}


def voices(model, format, budget=9):
    steerable = open_steerable(model, BackendConfig(name=BackendName.hf))
    return CachedVoice(steerable, format, budget), WholeVoice(steerable, format, budget)


def same(a, b):
    assert [[s.answer for s in c] for c in a] == [[s.answer for s in c] for c in b]
    assert [[(s.n_tokens, s.finish) for s in c] for c in a] == [
        [(s.n_tokens, s.finish) for s in c] for c in b
    ]
    odds = [[[s.right_first, s.wrong_first] for c in part for s in c] for part in (a, b)]
    np.testing.assert_allclose(*odds, atol=2e-4)


SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    ("architecture", "sampling"),
    [
        ("llama", None),
        pytest.param("llama", SAMPLING, marks=SLOW),
        pytest.param("gpt2", None, marks=SLOW),
        pytest.param("qwen2", SAMPLING, marks=SLOW),
        pytest.param("phi", None, marks=SLOW),
    ],
)
def test_a_cache_over_turns_gives_what_each_turn_gives_alone(architecture, sampling):
    model = tiny(architecture)
    cached, whole = voices(model, ChatFormat(model.tokenizer))
    asked = scripts(6)
    together = converse(cached, asked, settings(sampling))
    alone = [converse(whole, [s], settings(sampling))[0] for s in asked]
    same(together, alone)
    assert len({s.finish for c in together for s in c}) == 2  # some answers end, some do not
    assert len({s.answer for c in together for s in c}) > 8


@pytest.mark.parametrize(
    "format", ["plain", pytest.param("forgetful", marks=SLOW), pytest.param("penalty", marks=SLOW)]
)
def test_so_it_does_where_lines_end_answers_turns_are_rewritten_or_tokens_are_penalised(format):
    model = tiny(
        template=FORGETFUL if format == "forgetful" else TEMPLATE,
        penalty=1.3 if format == "penalty" else None,
    )
    plain = format == "plain"
    form = PlainFormat(model.tokenizer) if plain else ChatFormat(model.tokenizer)
    if plain:  # any token with an e ends a line
        form.kept = lambda token: "e" not in token
    cached, whole = voices(model, form)
    asked = scripts(3)
    alone = [converse(whole, [s], settings())[0] for s in asked]
    same(converse(cached, asked, settings()), alone)


def test_turns_that_go_on_are_not_read_again():
    model = tiny()
    cached, _ = voices(model, ChatFormat(model.tokenizer))
    read, real = [], model.model.forward

    def forward(**options):
        read.append(options["input_ids"].numel())
        return real(**options)

    model.model.forward = forward
    forward.__signature__ = inspect.signature(real)
    converse(cached, scripts(1), settings())
    first, longest = read[0], sum(read) / 4
    assert max(read[1:]) < longest  # no later pass reads the conversation from its start
    assert first < longest


@pytest.mark.slow
def test_a_sampled_conversation_has_its_own_stream():
    model = tiny()
    cached, _ = voices(model, ChatFormat(model.tokenizer))
    asked = scripts(2, samples=(0, 1, 2))
    together = converse(cached, asked, settings(SAMPLING))
    assert len({c[0].answer for c in together[:3]}) > 1
    same(converse(cached, asked[::-1], settings(SAMPLING))[::-1], together)
    other = converse(cached, asked, settings(SAMPLING, seed=4))
    assert [c[0].answer for c in other] != [c[0].answer for c in together]


def test_a_chat_is_tokenised_as_the_template_writes_it():
    tokenizer = tiny().tokenizer
    form = ChatFormat(tokenizer)
    ids = form.opening("What is it?")
    answer = tuple(tokenizer("It is.", add_special_tokens=False)["input_ids"])
    messages = [("user", "What is it?"), ("assistant", "It is.")]
    then = form.following((*ids, *answer), messages, "Sure?")
    turns = [{"role": r, "content": c} for r, c in [*messages, ("user", "Sure?")]]
    assert tokenizer.decode(list(then)) == tokenizer.apply_chat_template(
        turns, tokenize=False, add_generation_prompt=True
    )
    assert then[: len(ids)] == ids


def test_what_a_model_thinks_aloud_is_no_answer():
    assert without_thoughts("<think>Lyon?</think>Paris.") == "Paris."
    assert without_thoughts("Lyon?</think>Paris.") == "Paris."
    assert without_thoughts("<think>Lyon? Or") == ""
    assert without_thoughts("Paris.") == "Paris."


def test_formats_are_chosen_by_the_model_and_refused_in_one_line():
    with_template, without = tiny().tokenizer, tiny(template=None).tokenizer
    assert open_format(with_template, DialogueFormat.auto).name == "chat"
    assert open_format(with_template, DialogueFormat.plain).name == "plain"
    assert open_format(without, DialogueFormat.auto).name == "plain"
    with pytest.raises(ConfigError, match=r"^job\.behave\.format=chat: allowed is auto, plain"):
        open_format(without, DialogueFormat.chat)


def test_models_whose_cache_forgets_read_each_turn_from_the_start():
    model = tiny("gemma3")
    voice = open_voice(
        open_steerable(model, BackendConfig(name=BackendName.hf)), ChatFormat(model.tokenizer), 9
    )
    assert type(voice) is WholeVoice
    model = tiny("llama")
    voice = open_voice(
        open_steerable(model, BackendConfig(name=BackendName.hf)), ChatFormat(model.tokenizer), 9
    )
    assert type(voice) is CachedVoice


def test_a_finished_conversation_is_not_held_again(tmp_path):
    model = tiny()
    cached, _ = voices(model, ChatFormat(model.tokenizer))
    store, asked = ConversationStore(tmp_path, {"a": 1}), scripts(4)
    first = hold(cached, asked[:2], settings(), store)
    assert (first.done, first.reused) == (2, 0)
    second = hold(cached, asked, settings(), store)
    assert (second.done, second.reused) == (2, 2)
    assert second.spoken[:2] == first.spoken
    third = hold(cached, asked, settings(max_new_tokens=8), store)
    assert third.reused == 0


def test_a_killed_run_goes_on_at_the_last_finished_batch(tmp_path):
    model = tiny()
    cached, _ = voices(model, ChatFormat(model.tokenizer))
    store, asked = ConversationStore(tmp_path, {"a": 1}), scripts(6)

    def killed(turns, _):
        yield from list(turns)[:-1]  # the last is one of the third batch
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        hold(cached, asked, settings(batch_size=2), store, killed)
    after = hold(cached, asked, settings(batch_size=2), store)
    assert (after.done, after.reused) == (2, 4)
    same(after.spoken, hold(cached, asked, settings(), ConversationStore(tmp_path, {})).spoken)


def read_by(precision, asked):
    """Shapes of all passes in which a model of a precision holds conversations."""
    system = "<s>system\nThe assistant gives short and correct answers.</s>\n"
    model = dataclasses.replace(tiny(template=system + TEMPLATE), precision=precision)
    cached, _ = voices(model, ChatFormat(model.tokenizer))
    shapes, real = [], model.model.forward

    def forward(**options):
        shapes.append(tuple(options["input_ids"].shape))
        return real(**options)

    model.model.forward = forward
    forward.__signature__ = inspect.signature(real)
    converse(cached, asked, settings())
    return shapes


def test_in_fp32_common_beginnings_are_read_once_and_finished_rows_leave():
    asked = scripts(6)
    once, whole = (read_by(p, asked) for p in (PrecisionName.fp32, PrecisionName.bf16))
    assert once[0][0] == 1  # what all openings begin with
    assert whole[0][0] == len(asked)
    written = [[rows for rows, width in shapes if width == 1] for shapes in (once, whole)]
    assert len(set(written[0])) > len(set(written[1]))  # turns have 6, 4 and 2 conversations
    assert sum(written[0]) < sum(written[1])
    tokens = [sum(rows * width for rows, width in shapes if width > 1) for shapes in (once, whole)]
    assert tokens[0] < 0.9 * tokens[1]
