"""What the judges can and cannot do; docs/steering.md states the figures measured here."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from emo.core.stats.resampling import stream
from emo.core.steering.text_measures import derangement
from emo.errors import ConfigError
from emo.steering.judging import ClassifierJudge, LexiconJudge, label_of, naming
from emo.stimuli.emotion_words import load_emotion_words
from emo.stimuli.loading import load_stimuli
from tests.steering.classifiers import save_classifier

POLES = {e: words.pole for e, words in load_emotion_words().items() if np.isfinite(words.pole)}

NAMED = (
    "She was so {} that she could think of nothing else.",
    "He told them how {} he felt.",
    "Everyone in the room looked {}.",
)


def pleasantness(texts):
    return LexiconJudge().scores(texts, ["happy"] * len(texts))


def test_every_bundled_emotion_but_two_has_a_pole():
    emotions, words = set(load_stimuli().emotions), load_emotion_words()
    assert set(words) == emotions
    assert emotions - set(POLES) == {"neutral", "reflective"}
    assert {e for e in emotions if not words[e].labels} == {"neutral", "brooding"}


def test_lexicon_hears_emotions_that_are_named():
    texts = [(e, t.format(e)) for e in POLES for t in NAMED]
    scores = pleasantness([t for _, t in texts])
    auc = roc_auc_score([POLES[e] > 0 for e, _ in texts], scores)
    assert auc > 0.99


@pytest.mark.parametrize(("name", "measured"), [("shown", 0.68), ("implied", 0.50)])
def test_lexicon_is_nearly_deaf_to_emotions_that_are_not_named(name, measured):
    """Documented, so that nobody trusts it there."""
    items = [p for p in load_stimuli(name=name).items if p.emotion in POLES]
    auc = roc_auc_score(
        [POLES[p.emotion] > 0 for p in items], pleasantness([p.text for p in items])
    )
    assert auc == pytest.approx(measured, abs=0.02)


def test_score_points_to_the_emotions_pole():
    judge = LexiconJudge()
    up, down = judge.scores(["A wonderful, lovely day."] * 2, ["calm", "hostile"])
    assert up > 0.5
    assert down == -up


def test_what_the_lexicon_cannot_judge_is_nan():
    scores = LexiconJudge().scores(
        ["A lovely day.", "A lovely day.", "", " 12 ..", "A lovely day."],
        ["neutral", "reflective", "calm", "calm", "joyful"],
    )
    assert np.isnan(scores).tolist() == [True, True, True, True, False]


def test_the_lexicon_cannot_tell_emotions_of_one_pole_apart():
    judge = LexiconJudge()
    pairs = (("sad", "angry"), ("calm", "proud"), ("calm", "sad"), ("neutral", "reflective"))
    assert [judge.alike(*pair) for pair in pairs] == [True, True, False, False]


def test_of_the_bundled_emotions_one_pair_stays_within_its_pole():
    """Eleven of twenty-one are unpleasant: docs/steering.md says so."""
    judge, emotions = LexiconJudge(), load_stimuli().emotions
    partners = derangement(emotions, stream(0, "s"), judge.alike)
    assert sum(judge.alike(*pair) for pair in partners.items()) == 1


def test_naming_finds_stems_and_whole_words_only():
    patterns = naming(["calm", "proud", "wistful"])
    assert patterns["calm"].search("a Soothing voice")
    assert patterns["proud"].search("Proudly, then.")
    assert not patterns["proud"].search("unproud")
    assert patterns["wistful"].search("a wistful look")
    assert not patterns["calm"].search("loud")


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    return save_classifier(tmp_path_factory.mktemp("classifier"))


def test_classifier_gives_the_lead_of_the_emotions_label(classifier):
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    judge = ClassifierJudge(classifier, "cpu", batch_size=2)
    texts = ["A day.", "Another, longer day.", "", "A day.", "A third day"]
    scores = judge.scores(texts, ["happy", "sad", "sad", "proud", "calm"])
    model = AutoModelForSequenceClassification.from_pretrained(classifier).eval()
    tokenizer = AutoTokenizer.from_pretrained(classifier)

    assert judge.alike("happy", "blissful")
    assert not judge.alike("happy", "sad") and not judge.alike("proud", "guilty")

    def lead(text, label):
        with torch.inference_mode():
            logits = model(**tokenizer(text, return_tensors="pt")).logits[0]
        p = logits.softmax(dim=-1)
        return float(p[label] - max(x for i, x in enumerate(p) if i != label))

    expected = [lead(texts[0], 0), lead(texts[1], 1), lead(texts[4], 2)]
    assert scores[[0, 1, 4]] == pytest.approx(expected, rel=1e-4)
    assert np.isnan(scores[[2, 3]]).all()


def test_labels_are_found_by_name_then_by_what_classifiers_call_them():
    assert label_of("calm", ["calm", "relief"]) == "calm"
    assert label_of("anxious", ["fear", "nervousness"]) == "nervousness"
    assert label_of("proud", ["fear"]) is None
    assert label_of("wistful", ["wistful"]) == "wistful"


def test_a_folder_that_is_no_classifier_is_one_line(tmp_path):
    with pytest.raises(ConfigError, match=r"job\.steer\.judge_model=.*a folder with a classifier"):
        ClassifierJudge(tmp_path / "none", "cpu")
    with pytest.raises(ConfigError, match="a text classifier as save_pretrained"):
        ClassifierJudge(tmp_path, "cpu")
