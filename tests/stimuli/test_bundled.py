"""What a program can check about the passages, sentences and prompts that come with the project."""

import re
from collections import Counter

import numpy as np
import pytest
import yaml

from emo.config.resolve import compose
from emo.core.geometry.balance import style_balance
from emo.stimuli import audit
from emo.stimuli.loading import DATA, SETS, bundled_sets, load_stimuli
from tests.stimuli.word_classifier import word_accuracy

EMOTIONS = (
    *("afraid", "angry", "anxious", "blissful", "brooding", "calm", "desperate"),
    *("enthusiastic", "exasperated", "gloomy", "grateful", "guilty", "happy", "hopeful"),
    *("hostile", "loving", "nervous", "neutral", "proud", "reflective", "sad"),
)


PROSE = [name for name in bundled_sets() if name != "named"]
ENGLISH = [name for name in PROSE if "_" not in name]


def texts_of(name):
    return {p.id: p.text for p in load_stimuli(name=name).items}


def design(stimuli):
    return tuple(p.emotion for p in stimuli.items), tuple(str(p.situation) for p in stimuli.items)


def behind_the_first_sentence(name):
    """What the passages of a situation do not share by design."""
    if not name.startswith("shown"):
        return texts_of(name)
    return {k: re.split(r"(?<=\.) ", text, maxsplit=1)[1] for k, text in texts_of(name).items()}


def test_the_three_degrees_of_explicitness_are_there():
    assert {"named", "shown", "implied"} <= set(bundled_sets())
    assert load_stimuli().source == "bundled set shown"
    assert compose().stimuli.name == "shown"


@pytest.mark.parametrize("name", bundled_sets())
def test_every_situation_is_told_once_for_every_emotion(name):
    stimuli = load_stimuli(name=name)
    assert stimuli.emotions == EMOTIONS
    assert [p.id for p in stimuli.items] == [f"{p.situation}_{p.emotion}" for p in stimuli.items]
    cells = Counter((p.situation, p.emotion) for p in stimuli.items)
    assert len(cells) == len(stimuli.items) == 24 * 21
    assert {p.id for p in stimuli.items} == {p.id for p in load_stimuli().items}


@pytest.mark.parametrize("name", bundled_sets())
def test_every_passage_ends_in_a_letter_and_a_full_stop(name):
    assert [str(f) for f in audit.endings(texts_of(name))] == []


@pytest.mark.parametrize("name", PROSE)
def test_lengths_and_repeated_runs(name):
    assert [str(f) for f in audit.shapes(texts_of(name))] == []
    assert [str(f) for f in audit.shared_runs(behind_the_first_sentence(name))] == []


@pytest.mark.parametrize("name", ENGLISH)
def test_no_emotion_is_named(name):
    assert [str(f) for f in audit.leakage(texts_of(name), audit.load_lexicon())] == []
    assert [k for k, t in texts_of(name).items() if not t.isascii()] == []


def test_implied_passages_have_no_stock_gesture_and_begin_each_in_its_own_way():
    texts = texts_of("implied")
    assert [str(f) for f in audit.gestures(texts, audit.load_gestures())] == []
    assert [str(f) for f in audit.openings(texts)] == []


@pytest.mark.parametrize("name", [name for name in PROSE if name.startswith("shown")])
def test_what_happens_is_the_same_for_every_emotion(name):
    first = {p.situation: set() for p in load_stimuli(name=name).items}
    for p in load_stimuli(name=name).items:
        first[p.situation].add(re.split(r"(?<=\.) ", p.text, maxsplit=1)[0])
    assert {len(sentences) for sentences in first.values()} == {1}


def test_named_passages_differ_in_the_name_only():
    stimuli = load_stimuli(name="named")
    frames = {}
    for p in stimuli.items:
        assert audit.words(p.text).count(p.emotion) == 1
        assert p.emotion not in (p.text.split()[0], *p.text.rstrip(".").split()[-2:])
        frames.setdefault(p.situation, set()).add(re.sub(rf"\b{p.emotion}\b", "*", p.text))
    assert {len(frame) for frame in frames.values()} == {1}
    assert len(set().union(*frames.values())) == 24


@pytest.mark.parametrize("name", PROSE)
def test_style_tells_nothing_of_the_emotion(name):
    stimuli = load_stimuli(name=name)
    balance = style_balance([p.text for p in stimuli.items], *design(stimuli))
    assert balance.reading.accuracy <= 0.10
    assert max(balance.reading.by_label.values()) <= 0.25
    assert {k: v for k, v in balance.eta_squared.items() if v > 0.06} == {}


@pytest.mark.parametrize("name", PROSE)
def test_no_word_stands_for_one_emotion(name):
    stimuli = load_stimuli(name=name)
    rows = audit.concentrated_words(design(stimuli)[0], [p.text for p in stimuli.items])
    assert rows == []


@pytest.mark.parametrize("name", PROSE)
def test_length_tells_nothing(name):
    stimuli, texts = load_stimuli(name=name), texts_of(name)
    means = audit.mean_words([p.emotion for p in stimuli.items], list(texts.values()))
    assert max(means.values()) - min(means.values()) < 3


@pytest.mark.parametrize("name", PROSE)
def test_situations_share_their_words_over_emotions(name):
    """Topic is balanced: a bag-of-words classifier finds the situation, whatever the emotion."""
    stimuli = load_stimuli(name=name)
    emotions, situations = design(stimuli)
    accuracy = word_accuracy([p.text for p in stimuli.items], situations, emotions)
    assert np.mean(list(accuracy.values())) > 0.9


def test_twenty_neutral_sentences_without_emotion_words():
    stimuli = load_stimuli()
    assert len(set(stimuli.neutral)) == 20
    numbered = {str(i): s for i, s in enumerate(stimuli.neutral)}
    assert audit.leakage(numbered, audit.load_lexicon()) == []


def test_prompts_have_the_published_structure():
    prompts = yaml.safe_load((DATA / "prompts.yaml").read_text())
    assert len(set(prompts["stories"])) == 5
    assert all(p.count("{emotion}") == 1 for p in [*prompts["stories"], prompts["paragraph"]])
    assert len(set(prompts["neutral_topics"])) == 10
    assert prompts["neutral_story"].count("{topic}") == 1


@pytest.mark.parametrize(
    "path",
    sorted(p for folder in (DATA, SETS) for p in folder.iterdir() if p.is_file()),
    ids=lambda path: path.name,
)
def test_every_file_has_a_data_card(path):
    card = path.with_suffix(".md").read_text()
    if path.suffix != ".md":
        assert card.startswith(f"# Data card: {path.name}\n")


def test_the_audit_sees_what_it_is_for():
    texts = {
        "a": "He was so happy that day, and the bus came late to the stop.",
        "b": "Well, the bus came late to the stop again. She clenched her jaw!",
    }
    kinds = {f.kind for f in audit.findings(texts)}
    assert kinds == {"leakage", "shared run", "gesture", "length", "sentences", "ending"}
    assert audit.openings({"a": "Out in the rain.", "b": "Out in the sun."})
    assert audit.concentrated_words(["x"] * 8 + ["y"] * 2, ["quay"] * 10) == [("quay", "x", 8, 10)]


def test_the_audit_names_what_style_tells(capsys, tmp_path):
    rows = [
        f"{e},{s}{e},The {s} stood by the wall of the old {s}{mark},{s}"
        for s in ("lamp", "boat", "door", "tree", "chair", "table")
        for e, mark in (("sad", "."), ("calm", "!"), ("proud", "."))
    ]
    (tmp_path / "p.csv").write_text("\n".join(["emotion,passage_id,text,situation", *rows]))
    assert audit.main([str(tmp_path / "p.csv")]) == 1
    out = capsys.readouterr().out
    assert "style alone names the emotion in" in out and "calm 1.00" in out
    assert "eta squared 1.00 of 'exclamation' between emotions (above 0.06)" in out


def test_the_audit_reads_files_as_a_run_does(tmp_path, capsys):
    assert audit.main([str(SETS / "implied.csv")]) == 0
    assert capsys.readouterr().out.endswith("504 passages, 0 findings\n")
    path = tmp_path / "p.csv"
    path.write_text("a;1;It rained\u2028, once.\nb;1;It snowed.\nb;2;It shone.\nc;1;It blew.\n")
    assert audit.main([str(path)]) == 1
    out = capsys.readouterr().out
    assert f"{path}: no header row" in out and "4 passages" in out
    assert audit.main([str(tmp_path / "none.csv")]) == 1
    assert capsys.readouterr().err.startswith(
        f"error: stimuli.path={tmp_path / 'none.csv'}: cannot"
    )
