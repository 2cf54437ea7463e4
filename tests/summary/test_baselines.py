"""Baselines of a summary: those configured, and those of the texts that a model wrote."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from emo.config.resolve import compose
from emo.core.compare.agreement import disjoint_items
from emo.core.geometry.item_sets import ItemSet
from emo.core.records import Activations
from emo.core.stats.resampling import Resampling
from emo.errors import ConfigError, NotLogged
from emo.summary.baselines import (
    WORDS_FILE,
    check_baselines,
    condition_baselines,
    text_baselines,
)

FEW = Resampling(n_splits=10, n_bootstrap=3, splits_per_replicate=1)
EMOTIONS = ("angry", "calm", "proud", "sad")
PROMPTS = ("story 1", "story 2", "story 3")


def configured(*overrides):
    return compose("job=summarize", *overrides)


def rows():
    made = [
        {
            "emotion": e,
            "prompt_name": p,
            "sample": 0,
            "weight": 2,
            "text": f"{p} went {e}ly on{'!' * k}",
        }
        for p in PROMPTS
        for k, e in enumerate(EMOTIONS)
    ]
    return [*made, made[0] | {"emotion": "neutral"}]


def test_default_baselines_are_the_surfaces():
    config = configured()
    check_baselines(config)
    assert list(text_baselines(config)) == ["style_counts", "tfidf_words", "tfidf_characters"]


def test_a_baseline_that_is_none_is_refused(tmp_path):
    for wrong in ("bag_of_words", "./no/such/folder"):
        with pytest.raises(ConfigError, match="style_counts, tfidf_words, tfidf_characters, sent"):
            check_baselines(configured(f"job.summarize.baselines=[{wrong}]"))
    folder = tmp_path / "an_encoder"
    folder.mkdir()
    config = configured(f"job.summarize.baselines=[style_counts,{folder}]")
    check_baselines(config)
    assert list(text_baselines(config)) == ["style_counts", "an_encoder"]


@pytest.mark.parametrize("logged", [True, False])
def test_a_condition_stands_beside_its_own_texts_and_the_words_of_its_prompts(
    rng, tmp_path, logged
):
    labels = [(e, p) for p in PROMPTS for e in EMOTIONS for _ in range(2)]
    activations = Activations(
        values=rng.normal(size=(1, len(labels), 12)).astype(np.float32),
        item_ids=tuple(f"{p}/1" for _, p in labels),
        emotions=tuple(e for e, _ in labels),
        situations=tuple(p for _, p in labels),
        neutral=np.zeros((1, 0, 12), np.float32),
        position="mid_generation",
    )
    items = ItemSet.make(activations, 0)
    path = tmp_path / "texts.jsonl"
    path.write_text("".join(f"{json.dumps(r)}\n" for r in rows()))
    words = Activations(
        values=rng.normal(size=(1, 4, 12)).astype(np.float32),
        item_ids=EMOTIONS,
        emotions=EMOTIONS,
        situations=None,
        neutral=np.zeros((1, 0, 12), np.float32),
        position="embedding",
    )

    def files(name, reader):
        if name != WORDS_FILE:
            return reader(path)
        if not logged:
            raise NotLogged("run", name, "is missing")
        return words

    run = SimpleNamespace(comprehension=False, model="m")
    condition = SimpleNamespace(items=items)
    got = condition_baselines(
        {"C": (run, condition)}, lambda _run: files, text_baselines(configured()), FEW
    )
    names = [b.baseline for b in got["C"].beside]
    surfaces = ["style_counts", "tfidf_words", "tfidf_characters"]
    assert names == [*surfaces, "emotion_words"][: 4 if logged else 3]
    assert all(np.isfinite(b.same) for b in got["C"].beside)
    assert disjoint_items([items], FEW).emotions == EMOTIONS


def test_comprehension_runs_have_the_passages_baselines_instead():
    run = SimpleNamespace(comprehension=True)
    assert condition_baselines({"A": (run, None)}, lambda _run: None, {}, FEW) == {}
