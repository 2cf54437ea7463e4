"""Contract: what holds for every judge, and that a new row of the table is what a run opens."""

import dataclasses
import itertools

import numpy as np
import pytest

from emo.config.enums import JudgeName
from emo.config.resolve import compose
from emo.errors import ConfigError
from emo.pipeline.steering_setup import chosen_scenarios
from emo.steering.judging import JUDGES, JudgeRow, JudgeSettings, judge_row, note_unlisted
from emo.stimuli.emotion_words import load_emotion_words
from tests.steering.classifiers import save_classifier

TEXTS = ("A wonderful, lovely day.", "They hated the awful noise.", "The bus stops here.", "Rain")
EMOTIONS = tuple(load_emotion_words())


class WordCount:
    """A dummy: the smallest judge that fulfils the contract. It hears two emotions."""

    def scores(self, texts, emotions):
        signs = [{"happy": 1, "sad": -1}.get(e, np.nan) for e in emotions]
        lengths = [len(t.split()) / 100 if t.strip() else np.nan for t in texts]
        return np.array(signs) * np.array(lengths)

    def hears(self, emotion):
        return emotion in ("happy", "sad")

    def alike(self, a, b):
        return a == b and self.hears(a)


ROWS = {**JUDGES, "dummy": JudgeRow(lambda _: "words 1", lambda _settings, _device: WordCount())}


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    folder = save_classifier(tmp_path_factory.mktemp("classifier"))
    weights = tmp_path_factory.mktemp("weights")
    # The embedder takes any encoder: the body of the classifier is one.
    return JudgeSettings(folder, weights, batch_size=2, encoder=folder, sets=("named",))


@pytest.fixture(scope="module", params=ROWS, ids=str)
def row(request):
    return ROWS[request.param]


@pytest.fixture(scope="module")
def judge(row, settings):
    return row.open(settings, "cpu")


def test_every_member_of_the_enum_has_a_row():
    assert set(JUDGES) == set(JudgeName)


def test_a_score_per_text_lies_between_minus_one_and_one_or_is_nan(judge):
    for emotion in EMOTIONS:
        scores = judge.scores(TEXTS, [emotion] * len(TEXTS))
        assert scores.shape == (len(TEXTS),)
        assert np.all(np.isnan(scores) | (np.abs(scores) <= 1))


def test_a_judge_scores_just_the_emotions_that_it_hears(judge):
    heard = [e for e in (*EMOTIONS, "wistful") if judge.hears(e)]
    assert heard and "wistful" not in heard
    for emotion in (*EMOTIONS, "wistful"):
        finite = np.isfinite(judge.scores(TEXTS, [emotion] * len(TEXTS)))
        assert finite.all() if emotion in heard else not finite.any()


def test_an_empty_text_is_not_scored(judge):
    heard = next(e for e in EMOTIONS if judge.hears(e))
    assert np.isnan(judge.scores(["", "  "], [heard] * 2)).all()


def test_scores_depend_on_their_own_text_and_emotion_only(judge):
    pairs = list(itertools.product(TEXTS, ("happy", "sad", "reflective")))
    together = judge.scores(*zip(*pairs, strict=True))
    one_by_one = [judge.scores([text], [emotion])[0] for text, emotion in pairs]
    assert together == pytest.approx(one_by_one, rel=1e-4, nan_ok=True)


def test_emotions_that_are_alike_get_the_same_scores(judge):
    for a, b in itertools.combinations(EMOTIONS, 2):
        assert judge.alike(a, b) == judge.alike(b, a)
        if judge.alike(a, b):
            assert judge.hears(a) and judge.hears(b)
            scores = (judge.scores(TEXTS, [e] * len(TEXTS)) for e in (a, b))
            assert np.array_equal(*scores)


def test_the_identity_names_the_judge_and_stays_the_same(row, settings):
    assert row.identity(settings) and row.identity(settings) == row.identity(settings)


def test_a_judge_that_needs_a_model_refuses_to_start_without_one(row, settings):
    without = dataclasses.replace(settings, model=None)
    if not row.needs_model:
        assert row.identity(without) == row.identity(settings)
        return
    for refuse in (row.identity, lambda s: row.open(s, "cpu")):
        with pytest.raises(ConfigError, match="judge_model"):
            refuse(without)


def test_a_new_row_is_what_a_run_asks(monkeypatch):
    """A dummy in the place of ``hf``: whether a model is needed is told by the row alone."""
    config = compose("job=steer", "job.steer.judge=hf")
    with pytest.raises(ConfigError, match="judge_model"):
        chosen_scenarios(config)
    monkeypatch.setitem(JUDGES, JudgeName.hf, ROWS["dummy"])
    assert chosen_scenarios(config).scenarios


def test_an_unknown_judge_is_refused():
    with pytest.raises(ValueError, match=r"steer\.judge=vibes: allowed is"):
        judge_row("vibes")  # type: ignore[arg-type]


def test_emotions_without_an_entry_are_named_in_one_line(caplog):
    judge = WordCount()
    note_unlisted(judge, ["happy", "sad", "happy"])
    assert not caplog.records
    note_unlisted(judge, ["happy", "wistful", "wistful", "joyful"])
    (record,) = caplog.records
    assert record.getMessage() == (
        "emotions without an entry in emotion_words.yaml: wistful, joyful; the judge goes by the "
        "word itself, and cannot score texts for wistful, joyful"
    )
