"""Which texts a setting asks for, and the labels that they carry."""

from dataclasses import replace

import pytest

from emo.config.enums import Centring
from emo.config.resolve import compose
from emo.core.records import NEUTRAL
from emo.errors import ConfigError
from emo.generation.samples import Finish, Generated
from emo.generation.stories import NEEDS_NEUTRAL_STORIES, StoryTexts, plan_stories
from emo.models.tiny import build
from emo.stimuli.prompts import load_prompts

EMOTIONS = ("happy", "neutral", "sad")


@pytest.fixture(scope="module")
def tokenizer():
    return build("llama", 1, 64, 0)[1]


def sub(*overrides):
    return compose(*(f"subparams.{o}" for o in overrides)).subparams


def plan(tokenizer, *overrides):
    return plan_stories(load_prompts(), sub(*overrides), EMOTIONS, tokenizer).stories


def written(stories, length=60):
    return StoryTexts(
        tuple(stories),
        tuple(
            Generated(s.request.prompt, tuple(range(3, 3 + length)), Finish.length) for s in stories
        ),
    )


def test_matched_is_five_distinct_texts_of_weight_two_and_ten_neutral_stories(tokenizer):
    stories = plan(tokenizer)
    for emotion in ("happy", "sad"):
        chosen = [s for s in stories if s.emotion == emotion]
        assert [(s.prompt_name, s.weight) for s in chosen] == [
            (f"story {i}", 2) for i in range(1, 6)
        ]
        assert all(emotion in s.prompt for s in chosen)
    neutral = [s for s in stories if s.emotion == NEUTRAL]
    assert [(s.prompt_name, s.weight) for s in neutral] == [(f"topic {i}", 1) for i in range(1, 11)]
    assert len({s.request for s in stories}) == len(stories) == 20


def test_every_centring_says_whether_it_needs_neutral_stories():
    assert set(NEEDS_NEUTRAL_STORIES) == set(Centring)


def test_neutral_stories_are_written_only_if_they_are_subtracted(tokenizer):
    for centring in ("global", "none"):
        assert {s.emotion for s in plan(tokenizer, f"centring={centring}")} == {"happy", "sad"}


@pytest.mark.slow
@pytest.mark.parametrize(
    "change", ["centring=global", "samples=3", "samples=7", "templates=odd", "templates=even"]
)
@pytest.mark.parametrize("decoding", ["greedy", "sampled"])
def test_no_group_of_texts_is_changed_by_what_takes_others(tokenizer, decoding, change):
    def groups(*overrides):
        by_group = {}
        for story in plan(tokenizer, f"decoding={decoding}", *overrides):
            by_group.setdefault(story.group, set()).add(story.request)
        return by_group

    whole, part = groups(), groups(change)
    shared = whole.keys() & part.keys()
    assert len(shared) > 1
    assert all(whole[group] == part[group] for group in shared)


def test_loose_is_one_sampled_text_an_emotion(tokenizer):
    loose = compose("subparams=loose").subparams
    stories = plan_stories(load_prompts(), loose, EMOTIONS, tokenizer).stories
    assert [(s.emotion, s.prompt_name, s.weight) for s in stories] == [
        ("happy", "paragraph", 1),
        ("sad", "paragraph", 1),
    ]


def test_sampled_repeats_are_texts_of_their_own(tokenizer):
    chosen = [s for s in plan(tokenizer, "decoding=sampled") if s.emotion == "sad"]
    assert [(s.prompt_name, s.request.sample, s.weight) for s in chosen] == [
        (f"story {i}", k, 1) for k in (0, 1) for i in range(1, 6)
    ]


def test_halves_of_the_templates_share_none(tokenizer):
    halves = {
        half: {s.prompt_name for s in plan(tokenizer, f"templates={half}", "centring=none")}
        for half in ("odd", "even")
    }
    assert halves == {"odd": {"story 1", "story 3", "story 5"}, "even": {"story 2", "story 4"}}


def test_half_of_a_single_template_is_none_and_refused(tokenizer):
    one = replace(load_prompts(), stories=("A {emotion} story.",))
    with pytest.raises(ConfigError, match=r"^subparams\.templates=even: allowed is all, odd: "):
        plan_stories(one, sub("templates=even"), EMOTIONS, tokenizer)
    for allowed in (["templates=odd"], ["templates=even", "prompts=paragraph"]):
        assert plan_stories(one, sub(*allowed), EMOTIONS, tokenizer).stories


def test_nominal_samples_repeat_their_text_and_are_never_parted(tokenizer):
    texts = written(plan(tokenizer, "samples=7", "centring=none"))
    assert len(texts.nominal) == len(texts.item_ids) == 14
    assert texts.item_ids[:7] == (
        "story 1/1", "story 1/1", "story 2/1", "story 2/1", "story 3/1", "story 4/1", "story 5/1"
    )  # fmt: skip
    assert texts.situations is not None
    assert texts.situations[:3] == ("story 1", "story 1", "story 2")
    counts = texts.counts(sub("samples=7"))["sad"]
    assert (counts.nominal, counts.distinct) == (7, 5)
    assert counts.effective == pytest.approx(49 / 11)


def test_one_prompt_is_no_situation(tokenizer):
    texts = written(plan(tokenizer, "prompts=paragraph"))
    assert texts.situations is None
    assert set(texts.item_ids[:10]) == {"paragraph/1"}


def test_a_smaller_budget_reads_the_beginning_of_the_same_text(tokenizer):
    texts = written(plan(tokenizer), length=60)
    long, short = (sub(f"max_new_tokens={n}", "position=last") for n in (60, 20))
    n = len(texts.texts[0].prompt)
    assert (texts.spans(short, True)[0].start, texts.spans(long, True)[0].start) == (n + 19, n + 59)
    assert texts.spans(long, True)[0].ids[: n + 20] == texts.spans(short, True)[0].ids


def test_only_a_causal_reader_ignores_what_comes_behind(tokenizer):
    texts = written(plan(tokenizer))
    middle = sub("position=mid")
    n = len(texts.texts[0].prompt)
    cut, whole = (texts.spans(middle, causal)[0] for causal in (True, False))
    assert (cut.start, cut.stop) == (whole.start, whole.stop) == (n + 30, n + 31)
    assert len(cut.ids) == n + 31
    assert len(whole.ids) == n + 60


def test_neutral_stories_are_counted_by_what_was_written(tokenizer):
    texts = written(plan(tokenizer, "samples=1"))
    assert texts.neutral_counts(sub()) == (10, 1)
    chosen = tuple(
        replace(text, tokens=(*text.tokens[:30], i // 2, *text.tokens[30:]))
        for i, text in enumerate(texts.texts)
    )
    differing = replace(texts, texts=chosen)
    assert differing.neutral_counts(sub()) == (10, 5)
    assert differing.neutral_counts(sub("max_new_tokens=30")) == (10, 1)
    assert written(plan(tokenizer, "centring=global")).neutral_counts(sub()) is None


def test_short_texts_are_counted(tokenizer):
    texts = written(plan(tokenizer), length=10)
    assert texts.n_short(sub("position=mid")) == 20
    assert texts.n_short(sub("position=last")) == 0
