"""job=summarize over runs of job=behave: what was said is planted, the rest is a user's own project."""

import csv
import io

import pytest

import emo
from emo.cli import run_job
from emo.config.resolve import compose
from emo.files.plain_records import plain
from emo.runs import metadata
from emo.runs.files import write_json
from emo.runs.job import Report, Result, log_result
from emo.runs.reuse import open_tracker
from tests.conftest import TINY, write_small_csv
from tests.core.behaviour.planted import dialogues, flips_at

FEW = (
    *("job.summarize.permutations=50", "job.summarize.n_bootstrap=20"),
    "job.summarize.baselines=[tfidf_words]",
    *("job.summarize.text_share=false", "resampling.n_permutations=2", "resampling.n_splits=4"),
    *("resampling.n_bootstrap=4", "stimuli.path=small.csv", "backend.device=cpu"),
)
SHAPES = {"llama": (), "gpt2": ("model.tiny.architecture=gpt2",), "other": ("model.tiny.seed=1",)}
FLIPS = {"llama": 15, "gpt2": 2, "other": 3}

pytestmark = pytest.mark.slow


def log_behaviour(config, extraction, flips, **other):
    """A run of job=behave as one of the extraction's model, in which so many items flip."""
    tracker = open_tracker(config)
    same = ("model", "model_id", "revision", "precision", "family", "variant", "code_commit")
    tags = {name: tracker.get(extraction).data.tags[name] for name in same}
    tags |= {"job": "behave", "dialogue_format": "plain", "stimuli_sha256": "facts", **other}
    talked = plain(dialogues(flips_at(1, flips)))
    with tracker.run("behave", tags) as run_id:
        result = Result(
            Report("planted", {}),
            write=lambda folder: write_json(talked, folder / "conversations.json"),
            params=metadata.params(config),
        )
        log_result(tracker, run_id, config, result)
    return run_id


@pytest.fixture(scope="module")
def summary(tmp_path_factory):
    """Three models that read and spoke, one of them in INT8 and with a vector as well."""
    root = tmp_path_factory.mktemp("project")
    write_small_csv(root)

    def config(*words):
        return compose(*TINY, *FEW, *words, root=root)

    ids = {}
    for name, words in SHAPES.items():
        read = run_job(config(*words))
        assert read.error is None
        ids[name] = log_behaviour(config("job=behave", *words), read.run_id, FLIPS[name])
        if name == "llama":
            ids["int8"] = log_behaviour(
                config("job=behave", *words), read.run_id, 14, precision="int8"
            )
    outcome = run_job(config("job=summarize"))
    assert outcome.error is None
    return config, outcome, ids


def table(config, outcome, name):
    text = open_tracker(config()).artifact(outcome.run_id, f"tables/{name}.csv").read_text()
    return list(csv.DictReader(io.StringIO(text)))


def test_every_run_and_pair_of_the_planted_behaviour_stands_in_the_tables(summary):
    config, outcome, ids = summary
    rows = [r for r in table(config, outcome, "behaviour") if r["measure"].startswith("flips")]
    assert {(r["run"], float(r["value"])) for r in rows} == {
        *((ids[name][:8], FLIPS[name] / 20) for name in FLIPS),
        (ids["int8"][:8], 14 / 20),
    }
    pairs = [
        r for r in table(config, outcome, "behaviour_pairs") if r["measure"].startswith("flips")
    ]
    assert [r["pair"] for r in pairs] == ["two models"] * 3 + ["two precisions"]
    found = {r["finding"]: float(r["difference"]) for r in pairs}
    assert abs(found["differ"]) >= 12 / 20
    assert abs(found["no difference shown"]) == pytest.approx(1 / 20)
    assert all(r["rho, disjoint"] for r in pairs[:3])
    assert pairs[3]["rho, disjoint"] == ""  # nothing was read in INT8
    related = table(config, outcome, "behaviour_geometry")[0]
    assert (related["units"], related["n"]) == ("models", "3")
    assert related["finding"] == "too few to tell"
    assert len(table(config, outcome, "behaviour_published")) == 4


def test_the_page_and_the_terminal_say_it(summary):
    config, outcome, _ = summary
    sentence = "Behaviour, flips under pressure: 2 of 3 pairs of models differ (Holm)"
    assert sentence in outcome.table
    page = open_tracker(config()).artifact(outcome.run_id, "summary.html").read_text()
    assert sentence in page
    assert '<li><a href="#behaviour">Behaviour</a></li>' in page


def test_a_bundle_makes_the_section_again(summary):
    config, _, ids = summary
    outcome = run_job(config("job=bundle"))
    assert outcome.error is None
    assert outcome.metrics["runs"] == len(SHAPES) + len(ids)
    found = emo.verify(next(iter(config().path("exports").glob("study-*"))))
    assert found.ok, str(found)
    assert any("conversations" in line for line in found.as_logged)
