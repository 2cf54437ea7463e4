"""job=steer with two judges, permuted vectors and plain texts: what the run holds of them."""

import csv
import io
import json

import numpy as np
import pytest

from emo.cli import run_job
from emo.config.resolve import compose
from emo.core.steering.damage import damage_cells
from emo.errors import ConfigError
from emo.jobs import steer
from emo.runs import files
from emo.stimuli.plain_prompts import plain_prompts
from emo.tracking import Tracker
from tests.conftest import TINY, write_small_csv
from tests.steering.classifiers import save_classifier


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    project = tmp_path_factory.mktemp("project")
    write_small_csv(project)
    encoder = save_classifier(tmp_path_factory.mktemp("encoder"))
    return compose(
        *TINY,
        f"stimuli.path={project / 'small.csv'}",
        "job=steer",
        "job.steer.scenarios=[aggressive_to_calm,neutral_to_hostile]",
        "job.steer.emotions=[calm,happy]",
        "job.steer.strengths=[0.5]",
        "job.steer.controls=[random]",
        "job.steer.permuted=5",
        "job.steer.max_new_tokens=4",
        "job.steer.second_judge=embedder",
        f"job.steer.judge_encoder={encoder}",
        f"job.steer.judge_sets=[{project / 'small.csv'}]",
        root=project,
    )


@pytest.fixture(scope="module")
def outcome(config):
    found = run_job(config)
    assert found.error is None
    return found


@pytest.fixture
def tracker(config):
    return Tracker(config)


def rows_of(tracker, outcome, name):
    text = tracker.artifact(outcome.run_id, name).read_text()
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.slow
def test_the_sweep_holds_both_scores_the_draws_and_the_plain_texts(tracker, outcome):
    swept = files.read_steering(tracker.artifact(outcome.run_id, "steering.json"))
    assert [j.name for j in swept.judges] == ["lexicon", "embedder"]
    assert swept.judges[0].confusion is None and swept.judges[1].confusion.n == 30
    draws = {(t.emotion, t.draw) for t in swept.steered if t.direction == "permuted"}
    assert draws == {(e, d) for e in ("calm", "happy") for d in range(1, 6)}
    told = [t for t in swept.steered if any(c.isalpha() for c in t.text)]
    assert told and all(np.isfinite(t.measures.second_score) for t in told)
    cells = damage_cells(swept.damage)
    assert [(c.direction, c.n) for c in cells] == [
        (d, len(plain_prompts())) for d in ("target", "random", "permuted")
    ]
    assert all(0 < c.low < c.kl < c.high for c in cells)


@pytest.mark.slow
def test_tables_and_page_say_it(tracker, outcome):
    (first, *_) = rows_of(tracker, outcome, "judges.csv")
    assert {"lexicon_k", "embedder_k", "embedder_high"} <= set(first)
    rows = rows_of(tracker, outcome, "specificity.csv")
    assert {(r["judge"], r["emotion"]) for r in rows} == {
        (j, e) for j in ("lexicon", "embedder") for e in ("calm", "happy")
    }
    assert {r["n_permuted"] for r in rows} == {"5"}
    assert len(rows_of(tracker, outcome, "damage.csv")) == 3
    counts = rows_of(tracker, outcome, "confusion.csv")
    assert sum(int(r["n"]) for r in counts) == 30
    page = tracker.artifact(outcome.run_id, "run.html").read_text()
    for heading in ("Judges", "Direction-specific emotions", "Damage on plain texts"):
        assert heading in page
    for words in (
        "with their situation left out",
        "direction-specific at",
        "agreement on",
        "damage",
    ):
        assert words in outcome.table
    assert "irection-specific at" in outcome.answer
    table = json.loads(tracker.artifact(outcome.run_id, "texts.json").read_text())
    assert table["columns"][-1] == "draw"


@pytest.mark.slow
def test_a_run_read_back_reports_the_same(config, outcome):
    again = run_job(config)
    assert (again.status, again.run_id) == ("reused", outcome.run_id)
    assert again.answer == outcome.answer


def test_judges_and_permuted_vectors_are_in_the_fingerprint_where_they_are_not_at_their_default():
    base = steer.steer_plan(compose(*TINY, "job=steer"), "").provenance.fingerprint

    def differs(*overrides):
        plan = steer.steer_plan(compose(*TINY, "job=steer", *overrides), "")
        return plan.provenance.fingerprint != base

    assert differs("job.steer.permuted=5")
    assert differs("job.steer.damage=false")
    assert not differs("job.steer.judge_sets=[implied]")  # no embedder, no effect


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["job.steer.second_judge=lexicon"], r"job\.steer\.second_judge=lexicon: .*another judge"),
        (["job.steer.second_judge=hf"], r"job\.steer\.judge_model=null: .*judge=hf"),
    ],
)
def test_judges_that_cannot_be_meant_are_refused(overrides, words):
    with pytest.raises(ConfigError, match=words):
        steer.check(compose(*TINY, "job=steer", *overrides))
