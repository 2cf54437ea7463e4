"""job=validate on a tiny model: what it makes first, finds, says and refuses."""

from dataclasses import replace

import numpy as np
import pytest

from emo.cli import run_job
from emo.config.resolve import compose
from emo.core.validation.result import ValidationResult
from emo.errors import ConfigError
from emo.files.reading import record_of
from emo.tracking import Tracker
from tests.conftest import TINY, write_small_csv
from tests.jobs.conftest import has_files, runs

SMALL = ("job=validate", "job.validate.permutations=99", "backend.device=cpu")


@pytest.fixture(scope="module")
def make(tmp_path_factory):
    folder = tmp_path_factory.mktemp("validate")
    passages = f"stimuli.path={write_small_csv(folder)}"
    return lambda *words: compose(*TINY, passages, *SMALL, *words, root=folder)


@pytest.fixture(scope="module")
def finished(make):
    config = make("job.validate.which=[lens,scenarios,numbers,components,layers]")
    outcome = run_job(config)
    assert outcome.error is None
    path = Tracker(config).artifact(outcome.run_id, "validate.json")
    return config, outcome, record_of(ValidationResult, path)


@pytest.mark.slow
def test_the_missing_extraction_is_made_first_and_named(finished):
    config, outcome, result = finished
    (extraction,) = runs(config, job="extract")
    (run,) = runs(config, job="validate")
    assert run.info.run_id == outcome.run_id
    assert run.data.tags["vectors_run"] == extraction.info.run_id == result.run_id


def test_tables_and_figures_are_logged(finished):
    config, outcome, result = finished
    figures = ["validations.png", "scenarios.png", "numbers.png", "components.png", "layers.png"]
    files = ["validate.json", "validations.csv", "lens.csv", "scenarios.csv", "numbers.csv"]
    lens = [] if result.lens.ranks is None else ["lens.png"]
    assert has_files(config, outcome, *figures, *files, *lens)


def test_the_layer_is_two_thirds_of_the_depth_and_every_part_is_there(finished):
    _, _, result = finished
    assert result.layer == 2 * 4 // 3 and result.layer_rule == "two thirds of the depth"
    assert {s.emotion for s in result.strengths} == set(result.emotions)
    assert len(result.scenarios.first.ids) == len(result.scenarios.second.ids) == 5
    assert len(result.numbers.templates) == 10
    assert result.turns is None and result.preference is None and result.feels is None
    assert len(result.lens.by_layer) == 4 and len(result.lens.tokens[0].top) == 5


def test_a_random_model_shows_nothing_of_emotions_and_says_so(finished):
    _, outcome, result = finished
    assert outcome.answer.startswith("The weights are random")
    shown = {j.finding.name for j in result.findings if j.verdict == "shown"}
    assert shown <= {"pc1_share", "pc2_share", "layers"}  # of the passages' own words


def test_the_run_is_found_again(finished):
    config, outcome, _ = finished
    again = run_job(config)
    assert (again.status, again.run_id, again.answer) == ("reused", outcome.run_id, outcome.answer)


def test_a_named_run_gives_the_same_numbers(finished, make):
    _, outcome, result = finished
    which = "job.validate.which=[scenarios]"
    named = run_job(make(which, f"job.validate.run={result.run_id[:12]}", "seed=5"))
    assert named.error is None and named.run_id != outcome.run_id
    assert named.metrics["scenarios"] == pytest.approx(result.scenarios.first.found.value)


def test_scenarios_are_read_as_job_read_reads_them(finished, make):
    """The cosine at the last token of the prompt is what job=read has for the chat's last token."""
    _, _, result = finished
    assert np.abs(np.array(result.scenarios.first.readings)).max() <= 1


@pytest.mark.slow
def test_turns_choices_and_words_under_steering(make):
    config = make("job.validate.which=[turns,preference,feels]", "job.validate.max_new_tokens=4")
    outcome = run_job(config)
    assert outcome.error is None
    result = record_of(ValidationResult, Tracker(config).artifact(outcome.run_id, "validate.json"))
    assert result.turns.n == 10 and len(result.turns.answers) == 10
    assert len(result.preference.scores.elo) == 24
    assert sum(result.preference.scores.elo) == pytest.approx(0, abs=1e-6)


@pytest.mark.slow
def test_preference_under_steering_is_asked_for_by_name(make):
    config = make("job.validate.which=[preference_steered]", "job.validate.preference_strength=2")
    outcome = run_job(config)
    assert outcome.error is None
    result = record_of(ValidationResult, Tracker(config).artifact(outcome.run_id, "validate.json"))
    moved = result.preference_steered
    assert len(moved.emotions) == len(moved.controls) == len(result.emotions)
    assert moved.strength == 2 and all(np.isfinite(s.elo) for s in moved.emotions)
    assert {j.finding.name for j in result.findings} == {"preference_steered", "preference_moved"}
    rows = Tracker(config).artifact(outcome.run_id, "preference_steered.csv").read_text()
    assert rows.count("permuted") == len(result.emotions)


def test_what_takes_long_is_no_default_and_its_strength_changes_no_other_run(make):
    from emo.jobs.validate import _plan

    which = [v.value for v in make().job.validate.which]
    assert "preference_steered" not in which and len(which) == 8
    plans = [_plan(make(f"job.validate.preference_strength={s}"), "v") for s in (0.5, 2)]
    assert len({p.provenance.fingerprint for p in plans}) == 1


@pytest.mark.slow
def test_vectors_of_texts_that_the_model_writes(make):
    written = ("method=generation", "subparams.max_new_tokens=12", "subparams.samples=2")
    outcome = run_job(make(*written, "job.validate.which=[scenarios,components,layers,lens]"))
    assert outcome.error is None


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("job.validate.which=[]",), "job.validate.which"),
        (("job.validate.which=[lens,lens]",), "job.validate.which"),
        (("job.validate.layer=9",), "job.validate.layer"),
        (("job.validate.layer=middle",), "job.validate.layer"),
        (("vectors.projection=z_score",), "vectors.projection"),
        (("job.validate.run=nosuch",), "job.validate.run"),
    ],
)
def test_what_cannot_be_meant_is_one_line(finished, make, words, named):
    config = make(*words)
    before = len(runs(config, job="validate"))
    outcome = run_job(config)
    assert outcome.error is not None and named in outcome.error and "\n" not in outcome.error
    assert len(runs(config, job="validate")) == before


def test_an_unknown_validation_is_refused(make):
    with pytest.raises(ConfigError, match=r"job\.validate\.which"):
        make("job.validate.which=[telepathy]")


def test_the_order_in_which_validations_are_named_does_not_matter(make):
    from emo.jobs.validate import _plan

    config = make("job.validate.which=[lens,scenarios]")
    other = replace(config.job.validate, which=config.job.validate.which[::-1])
    turned = replace(config, job=replace(config.job, validate=other))
    prints = [_plan(c, "v").provenance.fingerprint for c in (config, turned)]
    assert prints[0] == prints[1]
