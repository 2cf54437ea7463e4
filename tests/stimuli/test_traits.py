"""The worked example of a control set: twenty personality traits, their prompts and their judge."""

import re
from collections import Counter

import pytest

from emo.stimuli import audit
from emo.stimuli.emotion_words import load_emotion_words
from emo.stimuli.exchange import labelled_by_situation
from emo.stimuli.loading import DATA, load_stimuli
from emo.stimuli.prompts import load_prompts


@pytest.fixture(scope="module")
def stimuli():
    return load_stimuli(DATA / "trait_passages.csv")


def test_six_situations_are_told_once_for_each_of_twenty_traits(stimuli):
    cells = Counter((p.situation, p.emotion) for p in stimuli.items)
    assert len(cells) == len(stimuli.items) == 6 * 20
    assert len(stimuli.emotions) == 20
    assert stimuli.warnings == ()
    assert len(labelled_by_situation(stimuli).emotions) == 6


def test_the_judge_knows_every_trait_and_no_passage_says_what_it_knows(stimuli):
    judge = load_emotion_words(DATA / "trait_judge.yaml")
    assert tuple(judge) == stimuli.emotions
    names = [*judge, *(label for entry in judge.values() for label in entry.labels)]
    assert len(names) == len(set(names))
    lexicon = {"": names}
    found = audit.leakage({p.id: p.text for p in stimuli.items}, lexicon)
    assert [str(f) for f in found] == []


def test_passages_of_a_situation_begin_alike_and_differ_in_nothing_countable(stimuli):
    by_situation = {}
    for p in stimuli.items:
        assert p.text.isascii() and re.search(r"[a-z]\.$", p.text)
        assert 27 <= len(p.text.split()) <= 37
        by_situation.setdefault(p.situation, []).append(p.text)
    for texts in by_situation.values():
        assert len({text.partition(". ")[0] for text in texts}) == 1
    means = audit.mean_words([p.emotion for p in stimuli.items], [p.text for p in stimuli.items])
    assert max(means.values()) - min(means.values()) < 3.1


def test_prompts_have_the_structure_of_the_bundled_ones():
    prompts, bundled = load_prompts(DATA / "trait_prompts.yaml"), load_prompts()
    assert len(prompts.stories) == len(bundled.stories)
    assert prompts.neutral_topics == bundled.neutral_topics
    assert "someone who is kind" in prompts.story_prompts("kind")[0]
