"""Topics and prompts: the bundled ones, and files of a user's own."""

import pytest
import yaml

from emo.errors import StimuliError
from emo.stimuli.emotion_lists import read_emotions
from emo.stimuli.leaks import leaked, stems_of
from emo.stimuli.loading import DATA
from emo.stimuli.topics import load_topics

GOOD = {
    "stories": ["She, {emotion}: {topic}. Not {emotion}.", "I, {emotion}: {topic}."],
    "neutral": "About {topic}.",
    "topics": ["tin", "rope", "salt", "wool"],
}


def write(tmp_path, content, name="topics.yaml"):
    path = tmp_path / name
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return path


def problems(tmp_path, content):
    with pytest.raises(StimuliError) as caught:
        load_topics(write(tmp_path, content))
    return caught.value.problems


def test_a_hundred_bundled_topics_and_none_names_an_emotion():
    topics = load_topics()
    assert len(topics.topics) == len(set(topics.topics)) == 100
    words = read_emotions(DATA / "frontier171.txt")
    stems = sorted({stem for word in words for stem in stems_of(word)})
    assert {t: leaked(t, stems) for t in topics.topics if leaked(t, stems)} == {}
    assert leaked(topics.neutral, stems) == ()


def test_the_prompt_asks_not_to_use_the_word():
    for _, prompt in load_topics().story_prompts("at ease", 4):
        assert 'Never use the word "at ease"' in prompt and "{" not in prompt


def test_either_half_of_the_topics_has_every_template(tmp_path):
    topics = load_topics(write(tmp_path, GOOD))
    prompts = topics.story_prompts("sad", 4)
    assert [topic for topic, _ in prompts] == ["tin", "rope", "salt", "wool"]
    assert [text[0] for _, text in prompts] == ["S", "S", "I", "I"]
    assert prompts[0][1] == "She, sad: tin. Not sad."
    assert topics.neutral_prompts(2) == [("tin", "About tin."), ("rope", "About rope.")]


def test_digest_follows_content_not_layout(tmp_path):
    one = load_topics(write(tmp_path, GOOD, "a.yaml"))
    text = "# a comment\n" + yaml.safe_dump(dict(reversed(GOOD.items())), sort_keys=False)
    assert load_topics(write(tmp_path, text, "b.yaml")).sha256 == one.sha256
    other = GOOD | {"topics": GOOD["topics"][::-1]}
    assert load_topics(write(tmp_path, other, "c.yaml")).sha256 != one.sha256


def test_everything_wrong_is_reported_at_once(tmp_path):
    bad = {
        "stories": ["No {topic}.", "{topic} {topic} {emotion}", 3],
        "neutral": "About {topic}, {emotion}.",
        "topics": ["tin", " tin"],
        "more": "x",
    }
    assert problems(tmp_path, bad) == [
        "line 6: YAML reads '3' as a number; a text needs quotes",
        "no such entry with subparams.prompts=topics: 'more'",
        "stories, entry 1: has 0 times {emotion}; needed is one at least",
        "stories, entry 2: has 2 times {topic}; needed is one",
        "stories, entry 3: has 0 times {topic}; needed is one",
        "stories, entry 3: has 0 times {emotion}; needed is one at least",
        "topics, entry 2: is the same as entry 1",
        "neutral: {emotion} is no placeholder here; {topic} is",
    ]


def test_prompts_of_the_published_protocols_are_refused(tmp_path):
    with pytest.raises(StimuliError, match="missing: neutral, topics"):
        load_topics(DATA / "prompts.yaml")
