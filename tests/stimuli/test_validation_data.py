"""The bundled texts of job=validate hold what their cards say."""

import re

import pytest

from emo.stimuli.emotion_words import load_emotion_words
from emo.stimuli.validation_data import HOLE, validation_data

DATA = validation_data()
FORMS = {"happy": ["happi"], "angry": ["anger", "angr"], "guilty": ["guilt"], "hostile": ["hostil"]}


def test_there_are_as_many_as_the_cards_say():
    assert len(DATA.first) == len(DATA.second) == 16
    assert {t.emotion for t in DATA.first} == {t.emotion for t in DATA.second}
    assert len(DATA.numbers) == 10 and len(DATA.activities) == 24


def test_ids_and_texts_stand_once():
    told = (*DATA.first, *DATA.second)
    for values in ([t.id for t in told], [t.text for t in told], [a.text for a in DATA.activities]):
        assert len(set(values)) == len(values)
    assert len({n.id for n in DATA.numbers}) == len(DATA.numbers)


@pytest.mark.parametrize("told", [*DATA.first, *DATA.second], ids=lambda t: t.id)
def test_no_scenario_names_its_emotion(told):
    words = (told.emotion, *load_emotion_words()[told.emotion].labels)
    stems = {w[: max(4, len(w) - 3)] for w in words} | set(FORMS.get(told.emotion, ()))
    said = re.findall(r"[a-z]+", told.text.lower())
    assert not [(w, s) for w in said for s in stems if w.startswith(s)]


@pytest.mark.parametrize("text", DATA.numbers, ids=lambda t: t.id)
def test_every_number_stands_in_text_and_control_and_rises(text):
    assert text.text.count(HOLE) == text.control.count(HOLE) == 1
    values = [float(v) for v in text.values]
    assert values == sorted(set(values)) and len(values) == 7
    assert text.rises and text.falls and not set(text.rises) & set(text.falls)
    assert all(v in filled for v, filled in zip(text.values, text.filled(text.text), strict=True))


def test_more_is_worse_in_some_texts_and_better_in_others():
    for emotion in ("afraid", "desperate", "happy"):
        assert sum(emotion in t.rises for t in DATA.numbers) >= 1
        assert sum(emotion in t.falls for t in DATA.numbers) >= 2 or emotion == "afraid"
    poles = load_emotion_words()
    signs = [sum(poles[e].pole for e in t.rises) > 0 for t in DATA.numbers]
    assert 4 <= sum(signs) <= 6


def test_categories_have_one_size():
    sizes = {
        c: sum(a.category == c for a in DATA.activities)
        for c in {a.category for a in DATA.activities}
    }
    assert len(sizes) == 8 and set(sizes.values()) == {3}


def test_the_digest_follows_the_contents():
    from dataclasses import replace

    assert replace(DATA, first=DATA.first[:-1]).sha256 != DATA.sha256
