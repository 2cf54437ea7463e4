"""Both labels of the same passages in one store: what a summary of each makes of them."""

import csv
import html
import io

import numpy as np
import pytest

from emo import api
from emo.config.resolve import compose
from emo.core.compare.leaving_out import leaving_out
from emo.core.compare.specificity import specificity
from emo.core.geometry.item_sets import ItemSet
from emo.core.stats.resampling import Resampling
from emo.errors import ConfigError
from emo.jobs import extract, summarize
from emo.runs.reuse import open_tracker
from tests.conftest import TINY, write_small_csv

pytestmark = pytest.mark.slow

SITUATION = "stimuli.label=situation"
FEW = ("job=summarize", "job.summarize.permutations=50", "job.summarize.n_bootstrap=30")
GPT2 = ("model.tiny.architecture=gpt2", "model.tiny.hidden=64")


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """Two models read under both labels, a third under one, and one has written texts."""
    root = tmp_path_factory.mktemp("project")
    small = write_small_csv(root)

    def config(*overrides):
        return compose(*TINY, f"stimuli.path={small}", *overrides, root=root)

    runs = {
        ("llama", "emotion"): extract.run(config()),
        ("gpt2", "emotion"): extract.run(config(*GPT2)),
        ("llama", "situation"): extract.run(config(SITUATION)),
        ("gpt2", "situation"): extract.run(config(SITUATION, *GPT2)),
        ("seed", "situation"): extract.run(config(SITUATION, "model.tiny.seed=3")),
        ("llama", "B"): extract.run(config("method=generation", "subparams=loose")),
    }
    ids = {key: outcome.run_id for key, outcome in runs.items()}
    made = {
        "emotion": summarize.run(config(*FEW)),
        "situation": summarize.run(config(*FEW, SITUATION)),
    }
    tracker = open_tracker(config())

    def file(label, name):
        return tracker.artifact(made[label].run_id, name).read_text()

    return root, config, ids, made, file


def rows(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_both_summaries_compare_the_same_two_geometries(project):
    root, _, ids, made, file = project
    (row,) = rows(file("emotion", "tables/specificity.csv"))
    (turned,) = rows(file("situation", "tables/specificity.csv"))
    assert row == turned
    assert row["models"] == "tiny gpt2 4x64 and tiny llama 4x128"
    loaded = {key: api.load_run(run_id, root) for key, run_id in ids.items() if key[1] != "B"}
    sides = [
        leaving_out(
            [
                ItemSet.make(run.activations, run.descriptors.best_layer)
                for run in (loaded["gpt2", label], loaded["llama", label])
            ],
            Resampling(n_splits=int(loaded["llama", label].params["resampling.n_splits"])),
        )
        for label in ("emotion", "situation")
    ]
    want = specificity("ab", *sides)
    assert float(row["disjoint, emotions"]) == pytest.approx(want.emotion.disjoint[0, 1], abs=1e-6)
    assert float(row["disjoint, situations"]) == pytest.approx(
        want.situation.disjoint[0, 1], abs=1e-6
    )
    value = float(want.mean_difference.value)
    for label in ("emotion", "situation"):
        logged = made[label].metrics["emotion_less_situation"]
        assert logged is None if np.isnan(value) else logged == pytest.approx(value, abs=1e-6)


def test_no_run_of_one_label_stands_among_those_of_the_other(project):
    _, _, ids, made, file = project
    by_label = {
        label: {r["model"]: r["run"] for r in rows(file(label, "tables/descriptors.csv"))}
        for label in ("emotion", "situation")
    }
    assert set(by_label["emotion"].values()) == {ids[m, "emotion"][:8] for m in ("llama", "gpt2")}
    assert set(by_label["situation"].values()) == {
        ids[m, "situation"][:8] for m in ("llama", "gpt2", "seed")
    }
    used = {r["run"]: r["label"] for r in rows(file("emotion", "tables/runs.csv"))}
    assert used[ids["gpt2", "situation"]] == "situation"
    left = {r["run"]: r["reason"] for r in rows(file("emotion", "tables/left_out.csv"))}
    assert left == {
        ids["seed", "situation"][:8]: "stimuli.label=situation, this summary is of emotion"
    }
    assert made["emotion"].metrics["models"] == 2


def test_a_summary_of_situations_says_so_and_has_no_conditions(project):
    _, _, ids, made, file = project
    page = html.unescape(file("situation", "summary.html"))
    assert "<h1>Situation geometry: tiny gpt2" in page
    assert "30 passages of 6 situations, " in page
    assert "<h1>Emotion geometry: tiny gpt2" in file("emotion", "summary.html")
    assert "30 texts of 6 situations, 5 emotions crossed with the situations" in page
    assert "A situation vector is the mean over the situation's passages" in page
    assert "passages are labelled by their situations" in page
    left = {r["run"]: r["reason"] for r in rows(file("situation", "tables/left_out.csv"))}
    assert left[ids["llama", "B"][:8]] == (
        "its vectors are of emotions, this summary is of situations"
    )
    assert made["situation"].metrics["four_layer_tables"] == 0
    assert "experiment=four_layer" not in page
    assert made["emotion"].metrics["four_layer_tables"] == 1


def test_the_headline_compares_the_two(project):
    _, _, _, made, _ = project
    for label in ("emotion", "situation"):
        (line,) = [
            x for x in made[label].table.splitlines() if x.startswith("On the same passages the")
        ]
        assert "of what noise allows of the geometry of emotions, and" in line
    assert "over items and situations" not in made["emotion"].table


def test_conditions_cannot_be_made_first(project):
    _, config, *_ = project
    with pytest.raises(ConfigError, match=r"allowed is \[\] with stimuli\.label=situation"):
        summarize.run(config("job=summarize", SITUATION, "job.summarize.make=[A]"))
