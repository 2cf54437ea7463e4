"""Texts about topics: which are asked for, which name their emotion, and what is read."""

from dataclasses import replace

import pytest
import yaml

from emo.config.enums import Leaks
from emo.config.resolve import compose
from emo.core.records import NEUTRAL
from emo.errors import ConfigError, EmoError
from emo.generation.leaking import find_leaks, warn_of_leaks
from emo.generation.samples import Finish, Generated
from emo.generation.stories import StoryTexts, check_templates, plan_stories
from emo.models.tiny import build
from emo.stimuli.topics import load_topics

EMOTIONS = ("happy", "sad", "calm")


@pytest.fixture(scope="module")
def tokenizer():
    return build("llama", 1, 64, 0)[1]


@pytest.fixture
def topics(tmp_path):
    path = tmp_path / "topics.yaml"
    content = {
        "stories": ["{emotion} she {topic}", "{emotion} I {topic}"],
        "neutral": "About {topic}",
        "topics": ["tin", "rope", "salt", "wool"],
    }
    path.write_text(yaml.safe_dump(content))
    return load_topics(path)


def sub(*overrides):
    words = ("subparams=frontier", "subparams.topics=4", "subparams.samples=1")
    return compose("method=generation", *words, *(f"subparams.{o}" for o in overrides)).subparams


def planned(topics, tokenizer, *overrides):
    return plan_stories(topics, sub(*overrides), EMOTIONS, tokenizer).stories


class Spoken:
    """A tokenizer whose token ids are places in a list of texts."""

    def __init__(self, texts):
        self.texts = texts

    def decode(self, ids, skip_special_tokens):
        return self.texts[ids[0]]


def found(topics, tokenizer, said, *overrides):
    """The leaks where ``said`` has a text by emotion and topic, and all others say nothing."""
    stories = planned(topics, tokenizer, *overrides)
    texts = [said.get((s.emotion, s.prompt_name), "nothing") for s in stories]
    written = StoryTexts(
        stories, tuple(Generated((1,), (i,), Finish.eos) for i in range(len(stories)))
    )
    return find_leaks(written, sub(*overrides), Spoken(texts), EMOTIONS)


def test_every_emotion_has_every_topic_and_each_topic_a_neutral_text(topics, tokenizer):
    stories = planned(topics, tokenizer, "samples=2")
    asked = [(s.emotion, s.prompt_name, s.request.sample) for s in stories]
    names = topics.topics
    told = [(e, t, k) for e in EMOTIONS for k in (0, 1) for t in names]
    assert sorted(asked) == sorted([*told, *((NEUTRAL, t, 0) for t in names)])
    assert all(s.weight == 1 for s in stories)


def test_greedy_samples_of_a_topic_are_one_text_that_weighs_as_many(topics, tokenizer):
    stories = planned(topics, tokenizer, "samples=3", "decoding=greedy")
    assert {s.weight for s in stories if s.emotion != NEUTRAL} == {3}


def test_the_first_topics_and_their_halves(topics, tokenizer):
    assert {s.prompt_name for s in planned(topics, tokenizer, "topics=2")} == {"tin", "rope"}
    odd = planned(topics, tokenizer, "templates=odd")
    assert {s.prompt_name for s in odd} == {"tin", "salt"}
    assert {s.prompt.split()[1] for s in odd if s.emotion != NEUTRAL} == {"she", "I"}


def test_more_topics_than_there_are_are_refused_in_one_line(topics):
    with pytest.raises(ConfigError, match=r"subparams.topics=5: allowed is at most 4: .* has 4"):
        check_templates(topics, replace(sub(), topics=5))


def test_texts_that_name_their_own_emotion_are_left_out_and_others_stay(topics, tokenizer):
    said = {
        ("happy", "tin"): "She felt joyful.",
        ("happy", "rope"): "She felt sad.",  # another emotion's word
        ("sad", "salt"): "Tears, grief",
        (NEUTRAL, "wool"): "A calm sea.",
    }
    leaks = found(topics, tokenizer, said)
    assert leaks.counts == {"happy": 1, "sad": 1, NEUTRAL: 1}
    assert leaks.n_written == {"happy": 4, "sad": 4, "calm": 4, NEUTRAL: 4}
    left = {(s.emotion, s.prompt_name) for s in leaks.written.stories} - {
        (s.emotion, s.prompt_name) for s in leaks.read.stories
    }
    assert left == {("happy", "tin"), ("sad", "salt"), (NEUTRAL, "wool")}
    assert [note for note in leaks.notes() if note] == ["joyful", "tears, grief", "calm"]
    assert len(leaks.notes()) == len(leaks.written.stories)


def test_leaks_that_are_kept_are_counted_all_the_same(topics, tokenizer):
    leaks = found(topics, tokenizer, {("happy", "tin"): "Happy."}, "leaks=kept")
    assert leaks.rule is Leaks.kept and leaks.counts == {"happy": 1}
    assert leaks.read == leaks.written and not any(leaks.notes())


def test_neutral_texts_stay_where_too_few_would_be_left(topics, tokenizer, caplog):
    said = {(NEUTRAL, t): "sad" for t in ("tin", "rope")}
    leaks = found(topics, tokenizer, said)
    assert leaks.read == leaks.written
    warn_of_leaks(leaks)
    assert (
        "2 of 4 neutral texts name an emotion and stay: fewer than 3 would be left" in caplog.text
    )


def test_an_emotion_without_a_text_is_lost_and_named(topics, tokenizer, caplog):
    every = {("calm", t): "calm" for t in topics.topics}
    leaks = found(topics, tokenizer, every)
    assert leaks.lost == ("calm",)
    with pytest.raises(EmoError) as caught:
        warn_of_leaks(leaks)
    assert "2 emotions have a text that does not name them, a geometry needs 3" in str(caught.value)
    assert "no text is left of 1 emotions, so that they have no vector: calm" in caplog.text
    assert "4 of 12 texts name their emotion or a near synonym (calm 4 of 4)" in caplog.text


def test_text_behind_the_budget_is_not_looked_at(topics, tokenizer):
    stories = planned(topics, tokenizer)[:1]
    text = Generated((1,), (0, 1, 2), Finish.length)

    class Words:
        def decode(self, ids, skip_special_tokens):
            return " ".join(["nothing", "nothing", "happy"][i] for i in ids)

    for budget, counts in ((2, {}), (3, {"happy": 1})):
        setting = sub(f"max_new_tokens={budget}")
        leaks = find_leaks(StoryTexts(stories, (text,)), setting, Words(), EMOTIONS)
        assert leaks.counts == counts


@pytest.mark.parametrize("beginning", [(), (7,)])
def test_a_text_without_its_prompt_is_read_behind_the_bos_alone(topics, tokenizer, beginning):
    stories = planned(topics, tokenizer)[:1]
    text = Generated((1, 2, 3), tuple(range(100, 160)), Finish.length)
    (alone,) = StoryTexts(stories, (text,)).spans(sub(), True, beginning)
    assert alone.ids == (*beginning, *range(100, 160))
    assert alone.ids[alone.start] == 149 and alone.stop == len(alone.ids)
    (behind,) = StoryTexts(stories, (text,)).spans(sub("with_prompt=true"), True, beginning)
    assert behind.ids[:3] == (1, 2, 3) and behind.ids[behind.start] == 149
