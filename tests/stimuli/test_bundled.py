"""What a program can check about the passages, sentences and prompts that come with the project."""

from collections import Counter

import numpy as np
import pytest
import yaml

from emo.stimuli import audit
from emo.stimuli.loading import DATA, load_stimuli
from tests.stimuli.word_classifier import word_accuracy

EMOTIONS = (
    *("afraid", "angry", "anxious", "blissful", "brooding", "calm", "desperate"),
    *("enthusiastic", "exasperated", "gloomy", "grateful", "guilty", "happy", "hopeful"),
    *("hostile", "loving", "nervous", "neutral", "proud", "reflective", "sad"),
)


@pytest.fixture(scope="module")
def stimuli():
    return load_stimuli()


@pytest.fixture(scope="module")
def texts(stimuli):
    return {p.id: p.text for p in stimuli.items}


def test_every_situation_is_told_once_for_every_emotion(stimuli):
    assert stimuli.emotions == EMOTIONS
    cells = Counter((p.situation, p.emotion) for p in stimuli.items)
    assert len(cells) == len(stimuli.items) == 24 * 21
    assert len({p.situation for p in stimuli.items}) == 24


def test_no_finding_of_any_check(texts):
    """Length, sentences, leaked emotion words, stock gestures, shared runs, openings, endings."""
    assert [str(f) for f in audit.findings(texts)] == []


def test_plain_ascii(texts):
    assert [k for k, t in texts.items() if not t.isascii()] == []


def test_no_word_stands_for_one_emotion(stimuli, texts):
    rows = audit.concentrated_words([p.emotion for p in stimuli.items], list(texts.values()))
    assert rows == []


def test_length_tells_nothing(stimuli, texts):
    means = audit.mean_words([p.emotion for p in stimuli.items], list(texts.values()))
    assert max(means.values()) - min(means.values()) < 3
    lengths = np.array([len(t.split()) for t in texts.values()])
    truth = np.array([p.emotion for p in stimuli.items])
    guess = np.array(
        [min(means, key=lambda e: abs(means[e] - n)) for n in lengths]
    )  # fitted on the same passages: more than an honest classifier could reach
    assert (guess == truth).mean() < 3 / 21


def test_situations_share_their_words_over_emotions(stimuli):
    """Topic is balanced: a bag-of-words classifier finds the situation, whatever the emotion."""
    accuracy = word_accuracy(
        [p.text for p in stimuli.items],
        [str(p.situation) for p in stimuli.items],
        [p.emotion for p in stimuli.items],
    )
    assert np.mean(list(accuracy.values())) > 0.9


def test_lexical_baseline_is_the_one_in_the_data_card(stimuli):
    accuracy = word_accuracy(
        [p.text for p in stimuli.items],
        [p.emotion for p in stimuli.items],
        [str(p.situation) for p in stimuli.items],
    )
    card = (DATA / "passages.md").read_text(encoding="utf-8")
    for emotion, value in accuracy.items():
        assert f"| {emotion} | {value:.2f} |" in card
    assert f"mean {np.mean(list(accuracy.values())):.3f}" in card


def test_twenty_neutral_sentences_without_emotion_words(stimuli):
    assert len(set(stimuli.neutral)) == 20
    numbered = {str(i): s for i, s in enumerate(stimuli.neutral)}
    assert audit.leakage(numbered, audit.load_lexicon()) == []


def test_prompts_have_the_published_structure():
    prompts = yaml.safe_load((DATA / "prompts.yaml").read_text())
    assert len(set(prompts["stories"])) == 5
    assert all(p.count("{emotion}") == 1 for p in [*prompts["stories"], prompts["paragraph"]])
    assert len(set(prompts["neutral_topics"])) == 10
    assert prompts["neutral_story"].count("{topic}") == 1


@pytest.mark.parametrize("path", sorted(DATA.iterdir()), ids=lambda path: path.name)
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


def test_the_audit_reads_files_as_a_run_does(tmp_path, capsys):
    assert audit.main([str(DATA / "passages.csv")]) == 0
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
