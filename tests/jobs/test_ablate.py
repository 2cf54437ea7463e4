"""The factorial of a tiny model, checked against separate runs of single settings."""

import csv
import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from emo.cli import run_job
from emo.config.enums import Removal
from emo.config.resolve import compose
from emo.config.schema import VectorsConfig, canonical
from emo.core.compare.rdms import post_centred_rdm
from emo.core.conditions.replicates import ReplicateAgreement
from emo.core.stats.correlation import spearman
from emo.core.stats.factorial import full_factorial
from emo.generation.protocols import LOOSE, MATCHED, SUBPARAMETERS, differing
from emo.models import session
from emo.pipeline import factorial
from emo.pipeline import generation as stories
from emo.runs import files
from emo.tracking import Tracker
from tests.conftest import EMOTIONS, TINY, write_small_csv
from tests.jobs.conftest import has_files

SMALL = ("job=ablate", "job.ablate.tokens=[24,12]", "job.ablate.samples=[4,1]")


@pytest.fixture(scope="module")
def make(tmp_path_factory):
    """Configs of one project: what a test has made is there for the next."""
    folder = tmp_path_factory.mktemp("project")
    passages = f"stimuli.path={write_small_csv(folder)}"
    return lambda *overrides: compose(*TINY, passages, *SMALL, *overrides, root=folder)


@pytest.fixture(scope="module")
def finished(make):
    outcome = run_job(make())
    assert outcome.error is None
    return outcome


def points_of(make, outcome):
    path = Tracker(make()).artifact(outcome.run_id, "points.csv")
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_settings_are_the_factorial(make):
    settings = factorial.settings_of(
        make("job.ablate.tokens=[256,100]", "job.ablate.samples=[10,1]")
    )
    assert len(settings) == 256
    assert len(set(settings)) == 256
    assert differing(settings[0], MATCHED) == ()
    assert differing(settings[-1], LOOSE) == ()
    for row, sub in zip(full_factorial(8), settings, strict=True):
        loose = tuple(n for n, on in zip(SUBPARAMETERS, row, strict=True) if on)
        assert differing(sub, settings[0]) == loose


def separate_config(make, sub):
    fields = canonical(sub)
    overrides = [
        f"subparams.{name}={'null' if value is None else value}" for name, value in fields.items()
    ]
    return make("job=extract", "job.ablate.tokens=[2,1]", "method=generation", *overrides)


def separately(make, sub):
    """Vectors of one setting at its layer, from a run of its own."""
    config = separate_config(make, sub)
    outcome = run_job(config)
    assert outcome.error is None
    tracker = Tracker(config)
    d = files.read_story_descriptors(tracker.artifact(outcome.run_id, "generation.json"))
    vectors = files.read_vectors(tracker.artifact(outcome.run_id, "vectors.safetensors"))
    return vectors, d.layer


@pytest.mark.slow
@pytest.mark.parametrize("elsewhere", [False, True])
def test_points_are_what_separate_runs_give(make, finished, tmp_path, elsewhere):
    """With the store of the ablation, and with texts and readings made afresh."""
    rows, settings = points_of(make, finished), factorial.settings_of(make())

    def go(*overrides):
        own = [f"paths.store={tmp_path / 'own'}"] if elsewhere else []
        return make(*overrides, *own, "force=true")

    vectors, layer = separately(go, settings[0])
    reference = post_centred_rdm(vectors, layer, EMOTIONS)
    for i in (1, 4, 70, 130, 200, 255):
        vectors, layer = separately(go, settings[i])
        want = spearman(reference.cosines, post_centred_rdm(vectors, layer, EMOTIONS).cosines)
        assert float(rows[i]["rho_matched"]) == pytest.approx(float(want), abs=1e-9)


def test_output(make, finished):
    rows = points_of(make, finished)
    assert len(rows) == 256
    names = ("ablation.json", "points.csv", "effects.csv", "texts.jsonl", "texts.json")
    assert has_files(make(), finished, *names)
    metrics = finished.metrics
    assert float(rows[0]["rho_matched"]) == pytest.approx(1)
    assert float(rows[-1]["rho_matched"]) == metrics["rho_matched_loose"]
    assert float(rows[0]["disjoint"]) == pytest.approx(metrics["rho_replicate"])
    for row in rows:
        if float(row["ceiling"]) > 0:
            want = float(row["disjoint"]) / float(row["ceiling"])
            assert float(row["relative"]) == pytest.approx(want)


def test_texts_of_a_random_model_tell_nothing_and_this_is_the_first_line(finished):
    """Without some emotion matched does not agree with its own replicate: no effect is given."""
    assert finished.metrics["factors_told"] == 0
    assert "drop" not in finished.metrics
    first = finished.table.splitlines()[2]
    assert first.startswith(
        "  these texts cannot tell: matched agrees with its own replicate by no"
    )


@pytest.mark.slow
def test_planted_agreement_is_shown_as_effects(make, monkeypatch):
    """All that is measured is replaced: of eight factors the layer alone does something."""
    level = full_factorial(8)[:, list(SUBPARAMETERS).index("layer")]

    def planted(reference, points, n_divisions, seed, track):
        assert (len(points), points[0].items) == (256, reference)
        ones = np.ones((6, 256))
        return ReplicateAgreement(
            0.5 * (1 - 0.3 * level) * ones, 0.5 * ones, ones[:, 0] / 2, EMOTIONS
        )

    monkeypatch.setattr("emo.pipeline.ablation.replicate_agreement", planted)
    outcome = run_job(make("job.ablate.tokens=[24,6]"))
    names = ("ablation.json", "points.csv", "effects.csv", "texts.jsonl", "texts.json")
    assert has_files(make(), outcome, *names, "effects.png", "interactions.png")
    assert outcome.table.splitlines()[2].startswith(
        "  layer is told from noise; determined ranks: "
    )
    assert "layer 1" in outcome.table.splitlines()[2]
    shares = [outcome.metrics[f"shapley_{name}"] for name in SUBPARAMETERS]
    assert sum(shares) == pytest.approx(outcome.metrics["drop"]) == pytest.approx(0.3)
    assert outcome.metrics["main_layer"] == pytest.approx(-0.3)
    assert outcome.metrics["noise_samples"] < -0.1  # ten texts or one
    assert outcome.metrics["shapley_samples"] == pytest.approx(0, abs=1e-9)


def test_only_distinct_texts_are_written_and_passed_once(finished):
    """Per emotion 4 stories and 1 paragraph greedy, 4 and 4 sampled; 10 neutral stories each way."""
    distinct = 5 * (4 + 1 + 4 + 4) + 2 * 10
    assert finished.metrics["texts_written"] == distinct
    # 35 texts of the comprehension run were passed before; nothing is passed for a derived point.
    assert finished.metrics["forward_passes"] == distinct
    assert finished.metrics["tokens_separate"] > 20 * finished.metrics["tokens_distinct"]
    greedy = finished.metrics["tokens_nominal"] - finished.metrics["tokens_separate"]
    assert greedy > 0  # ten samples of five templates repeat themselves


@pytest.mark.slow
def test_the_same_again_is_reused(make, finished):
    again = run_job(make())
    assert (again.status, again.run_id) == ("reused", finished.run_id)
    assert again.metrics == finished.metrics
    assert finished.table.splitlines()[0] in again.table
    assert run_job(make("job.ablate.tokens=[24,10]")).status == "finished"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("job.ablate.emotions=9", "job.ablate.emotions=9: allowed is 3 to 5, or null for all"),
        (
            "job.ablate.tokens=[100000,5]",
            "job.ablate.tokens=[100000, 5]: allowed is each a value of at least 1, at",
        ),
        ("subparams.prompts_path=nowhere.yaml", "nowhere.yaml"),
        ("subparams.templates=odd", "subparams.templates=odd: allowed is all with job=ablate"),
        ("subparams.position=mean", "subparams.position=mean: allowed is mid with job=ablate"),
        ("subparams=loose", "subparams=loose: allowed is matched with job=ablate"),
        (
            "subparams.max_new_tokens=9",
            "256 with job=ablate, whose two levels are job.ablate.tokens",
        ),
        ("subparams.samples=2", "10 with job=ablate, whose two levels are job.ablate.samples"),
    ],
)
def test_what_cannot_be_done_is_one_line(tiny_config, override, message):
    outcome = run_job(tiny_config(*SMALL, override))
    assert outcome.failed
    assert message in outcome.error
    tracker = Tracker(tiny_config())
    runs = tracker.client.search_runs([tracker.experiment_id])
    assert {r.data.tags["job"] for r in runs} <= {"extract"}


def test_one_template_has_no_replicate_and_is_refused(tiny_config, one_template):
    outcome = run_job(tiny_config(*SMALL, one_template))
    assert "allowed is prompts of which the reference has two" in outcome.error
    assert "\n" not in outcome.error


@pytest.mark.slow
def test_fewer_emotions(make):
    outcome = run_job(make("job.ablate.emotions=3"))
    assert "256 settings, 3 emotions" in outcome.table


@pytest.fixture
def two_emotions(small_csv, tmp_path):
    """Two emotions and passages called neutral: three for a reading, two for texts."""
    rows = [r for r in small_csv.read_text().splitlines() if not r.startswith(("afraid", "calm"))]
    path = tmp_path / "two.csv"
    path.write_text("\n".join(rows).replace("\nproud,", "\nneutral,"))
    return path


@pytest.mark.parametrize("job", ["job=ablate", "method=generation"])
def test_too_few_emotions_are_refused_before_anything_is_made(make, two_emotions, job, monkeypatch):
    monkeypatch.setattr(session, "get", None)
    names = (job, "job=extract") if job.startswith("method") else (job,)
    outcome = run_job(make(f"stimuli.path={two_emotions}", "subparams.layer=middle", *names))
    assert outcome.error == (
        f"stimuli.path={two_emotions}: allowed is passages of at least 3 emotions besides neutral, "
        "these have 2"
    )


def test_the_best_layer_is_that_of_the_plain_comprehension_run(make, finished):
    """Whatever of ``vectors`` a config has that was made without composing."""
    removed = replace(make(), vectors=VectorsConfig(remove=Removal.situation), force=True)
    best = stories.best_layer(removed)
    tracker = Tracker(make())
    tags = tracker.get(finished.run_id).data.tags
    assert best.run_id == tags["best_layer_run"]
    assert best.layer == finished_record(make, finished)["best_layer"]["layer"]
    assert tracker.get(best.run_id).data.tags["condition"] == "A"


def finished_record(make, outcome):
    return json.loads(Tracker(make()).artifact(outcome.run_id, "ablation.json").read_text())


def test_it_is_tagged_as_what_it_is(make, finished):
    run = Tracker(make()).get(finished.run_id)
    tags = run.data.tags
    assert (tags["job"], tags["method"], tags["teacher_forced"]) == (
        "ablate",
        "generation",
        "false",
    )
    assert "readout" not in tags
    assert tags["chat_template"] == "not applied"
    best = finished_record(make, finished)["best_layer"]
    assert best == {
        "layer": run.data.metrics["layers/best_layer"],
        "run_id": tags["best_layer_run"],
    }
    assert f"best layer {best['layer']} (comprehension run {best['run_id']})" in finished.table


@pytest.mark.slow
def test_texts_are_counted_as_extract_counts_them(make, finished):
    """Each setting has the numbers that its own run logs."""
    rows, settings = points_of(make, finished), factorial.settings_of(make())
    for i in (0, 4, 6, 134, 255):
        own = run_job(separate_config(make, settings[i])).metrics
        for name in ("n_nominal", "n_distinct", "n_effective", "n_short"):
            assert float(rows[i][name]) == pytest.approx(own[name])
    for level, row in (("matched", rows[0]), ("loose", rows[-1])):
        for name in ("n_nominal", "n_distinct", "n_effective", "n_short"):
            assert finished.metrics[f"{name}_{level}"] == pytest.approx(float(row[name]))
    repeating = [float(r["n_effective"]) < float(r["n_nominal"]) - 1e-9 for r in rows]
    assert finished.metrics["settings_repeating"] == sum(repeating) == 32


@pytest.mark.slow
def test_what_weakens_the_texts_is_warned_of(make, caplog):
    run_job(make("job.ablate.tokens=[24,8]"))
    assert "effective n is below nominal n in 32 of 256 settings (matched: 4.00 of 4" in caplog.text
    assert "no chat template: bare prompts are continued: both levels" in caplog.text
    # At 8 tokens every text is too short for mid: half of the settings, half of these.
    assert "64 of 256 settings have texts too short for their position" in caplog.text


def test_every_distinct_text_is_logged_once(make, finished):
    tracker = Tracker(make())
    path = tracker.artifact(finished.run_id, "texts.jsonl")
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    sets = Counter((r["prompts"], r["decoding"], r["chat_template"]) for r in rows)
    assert sets == {
        (p, d, t): 10 + 5 * (1 if (p, d) == ("paragraph", "greedy") else 4)
        for p in ("stories", "paragraph")
        for d in ("greedy", "sampled")
        for t in (True, False)
    }
    assert all(len(r["token_ids"]) == r["n_tokens"] <= 24 and r["text"] for r in rows)
    table = json.loads(tracker.artifact(finished.run_id, "texts.json").read_text())
    assert table["columns"][:4] == ["prompts", "decoding", "chat_template", "emotion"]
    assert len(table["data"]) == len(rows)
    assert "texts.json" in tracker.get(finished.run_id).data.tags["mlflow.loggedArtifacts"]


@pytest.mark.slow
def test_texts_of_another_precision_take_one_load_more(make, monkeypatch):
    """Comprehension in bf16, texts in fp32, readings in bf16: no plan is made between readings."""
    loads = []
    real = session.load

    def counting(config, weights, precision, *rest):
        loads.append(precision.name.value)
        return real(config, weights, precision, *rest)

    session.release()
    monkeypatch.setattr(session, "load", counting)
    outcome = run_job(make("precision=bf16", "subparams.texts_from=fp32"))
    assert outcome.error is None
    assert loads == ["bf16", "fp32", "bf16"]
    assert Tracker(make()).get(outcome.run_id).data.tags["teacher_forced"] == "true"
