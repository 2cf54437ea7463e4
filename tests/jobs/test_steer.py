"""job=steer on a tiny model: files, reuse, resume, backends, what is refused and when."""

import csv
import json
import re

import pytest
import yaml

from emo.cli import run_job
from emo.config.resolve import compose
from emo.core.steering.dose_response import by_site, cells
from emo.core.steering.text_measures import foreign_share
from emo.core.steering.unsteered import all_cells, unsteered_regime
from emo.errors import ConfigError
from emo.generation.decoding import HFDecoder
from emo.jobs import steer
from emo.models import session
from emo.pipeline import steering_setup as steer_work
from emo.report.runs import steering as report
from emo.runs import files
from emo.steering.judging import ClassifierJudge
from emo.tracking import Tracker
from tests.conftest import TINY, write_small_csv
from tests.jobs.conftest import has_files

SCENARIOS = [
    {"id": "one", "mood": "calm", "emotion": "sad", "text": "The letter lay on the table and she"},
    {
        "id": "two",
        "mood": "flat",
        "emotion": "proud",
        "text": "When the bell rang he looked up and",
    },
    {"id": "three", "mood": "flat", "emotion": "calm", "text": "Nobody had come to the quay, so"},
]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """One project for all tests here: the vectors are extracted once."""
    folder = tmp_path_factory.mktemp("project")
    write_small_csv(folder)
    (folder / "scenarios.yaml").write_text(yaml.safe_dump(SCENARIOS))
    return folder


@pytest.fixture(scope="module")
def steer_config(project):
    def make(*overrides):
        return compose(
            *TINY,
            f"stimuli.path={project / 'small.csv'}",
            "job=steer",
            f"job.steer.scenarios_path={project / 'scenarios.yaml'}",
            "job.steer.strengths=[0.2,20]",
            "job.steer.max_new_tokens=6",
            "job.steer.damage=false",  # tests/jobs/test_steer_judges.py has it
            *overrides,
            root=project,
        )

    return make


@pytest.fixture(scope="module")
def finished(steer_config):
    config = steer_config()
    outcome = run_job(config)
    assert outcome.error is None
    return config, outcome


def texts(config, outcome):
    path = Tracker(config).artifact(outcome.run_id, "steering.json")
    return files.read_steering(path)


def test_run_holds_every_text_and_file(finished):
    config, outcome = finished
    names = ("steering.json", "texts.json", "table.txt")
    tables = ("cells.csv", "emotions.csv", "scenarios.csv")
    figures = ("dose_response.png", "emotions.png", "regimes.png")
    assert has_files(config, outcome, *names, *tables, *figures)
    swept = texts(config, outcome)
    # 3 scenarios x 4 directions x 2 strengths; besides 3 unsteered ones.
    assert len(swept.steered) == 24
    assert set(swept.unsteered) == {"one", "two", "three"} and not swept.controls
    assert (swept.limits.n_controls, swept.limits.decoding, swept.norm) == (3, "greedy", "mean")
    assert swept.openings == {s["id"]: s["text"] for s in SCENARIOS}
    assert outcome.passes_done == swept.done == 24 + 3
    assert {t.emotion for t in swept.steered if t.scenario == "one"} == {"sad"}
    assert set(swept.partners) == {"sad", "proud", "calm"}
    pleasant = {"calm", "happy", "proud"}
    same = {e for e, partner in swept.partners.items() if (e in pleasant) == (partner in pleasant)}
    assert set(swept.alike) == same and "sad" not in same
    assert f"shuffled: {len(same)} of 3 emotions" in outcome.table
    tracker = Tracker(config)
    run = tracker.get(outcome.run_id)
    assert run.data.tags["job"] == "steer"
    assert run.data.tags["steer"] == "default"
    assert tracker.get(run.data.tags["vectors_run"]).data.tags["job"] == "extract"
    assert run.data.params["job.steer.strengths"] == "[0.2, 20.0]"
    assert run.data.metrics["headline/cells"] == 2
    (regime,) = by_site(swept.steered, swept.limits)
    assert regime.n_texts == 6
    for rule in ("published", "robust"):
        name = getattr(regime, rule).name
        assert run.data.tags[f"regime_{rule}"] == outcome.metrics[f"regime_{rule}"] == name
    regime = unsteered_regime(swept)
    assert regime.n_texts == 3
    assert run.data.tags["regime_unsteered_published"] == regime.published.name
    assert run.data.tags["regime_unsteered_robust"] == regime.robust.name
    assert "regime at strength 0: robust" in outcome.table
    wanted = "over strengths/repetition_target"
    name = next(k for k in run.data.metrics if k.startswith(wanted))
    steps = tracker.client.get_metric_history(outcome.run_id, name)
    assert [m.step for m in steps] == [0, 1]


def test_steering_steers(finished):
    """At twenty times the residual norm the texts of no two directions are the same."""
    swept = texts(*finished)
    strong: dict[str, list[str]] = {"none": list(swept.unsteered.values())}
    for t in swept.steered:
        if t.strength == 20:
            strong.setdefault(t.direction, []).append(t.text)
    assert len({tuple(words) for words in strong.values()}) == 5, strong


def test_tables_and_page_agree_with_the_record(finished):
    config, outcome = finished
    tracker, swept = Tracker(config), texts(config, outcome)
    table = json.loads(tracker.artifact(outcome.run_id, "texts.json").read_text())
    assert len(table["data"]) == 3 + 24
    assert {len(row) for row in table["data"]} == {len(table["columns"])}
    column = table["columns"].index("text")
    assert [row[column] for row in table["data"][3:]] == [t.text for t in swept.steered]
    page = tracker.artifact(outcome.run_id, "run.html").read_text()
    assert (page.count("<tr data-row"), page.count('<article class="scenario"')) == (24, 3)
    assert not re.findall(r"(?:src|href)=\"(?!data:|#)", page)
    lines = tracker.artifact(outcome.run_id, "cells.csv").read_text().splitlines()
    rows = list(csv.DictReader(lines))
    found = all_cells(swept)
    assert (rows[0]["direction"], rows[0]["strength"], len(rows)) == ("none", "0.0", 1 + 8)
    assert [float(r["repetition"]) for r in rows] == [c.repetition.value for c in found]
    assert [r["robust"] for r in rows] == [c.robust.name for c in found]


def test_same_command_again_reuses_the_run(finished, monkeypatch):
    config, first = finished
    monkeypatch.setattr(steer, "load_model", None)
    again = run_job(config)
    assert (again.status, again.run_id, again.passes_done) == ("reused", first.run_id, 0)
    assert again.passes_reused == first.passes_done
    assert again.metrics == first.metrics


@pytest.mark.slow
def test_force_writes_nothing_again_and_finds_the_same(finished, steer_config):
    config, first = finished
    again = run_job(steer_config("force=true", "tracking.experiment=forced"))
    assert (again.status, again.passes_done) == ("finished", 0)
    both = [files.plain(texts(config, outcome).steered) for outcome in (first, again)]
    assert both[0] == both[1]  # as JSON values, where NaN equals itself


def test_a_killed_run_goes_on_where_it_was(steer_config, monkeypatch):
    real, calls = HFDecoder._batch, []

    def dies(self, *args):
        calls.append(args)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(self, *args)

    monkeypatch.setattr(HFDecoder, "_batch", dies)
    config = steer_config("backend.decode_batch_size=4", "seed=3", "paths.store=killed")
    with pytest.raises(KeyboardInterrupt):
        run_job(config)
    monkeypatch.undo()
    outcome = run_job(config)
    assert outcome.status == "finished"
    assert (outcome.passes_done, outcome.passes_reused) == (27 - 8, 8)


def words(swept):
    return {(t.scenario, t.direction, t.site, t.strength): t.text for t in swept.steered}


@pytest.mark.slow
def test_backends_write_the_same_texts(finished, steer_config):
    expected = words(texts(*finished))
    for implementation in ("bridge", "hooked"):
        config = steer_config("backend=tl", f"backend.implementation={implementation}")
        outcome = run_job(config)
        assert outcome.error is None
        assert words(texts(config, outcome)) == expected
    session.release()


def test_texts_do_not_depend_on_the_batch(finished, steer_config):
    single = ("backend.batch_size=1", "backend.decode_batch_size=1")
    config = steer_config(*single, "tracking.experiment=singly", "paths.store=singly")
    outcome = run_job(config)
    assert outcome.passes_done == 27
    assert words(texts(config, outcome)) == words(texts(*finished))


def test_strength_zero_is_the_unsteered_text(steer_config):
    config = steer_config("job.steer.strengths=[0]")
    swept = texts(config, run_job(config))
    for t in swept.steered:
        assert t.text == swept.unsteered[t.scenario]
        assert t.log_perplexity_ratio == 0
        assert not t.success


def test_an_overflowing_dose_is_recorded_and_the_sweep_goes_on(steer_config):
    """Vectors that fp16 just holds at one layer, added at all of them; one that it does not hold."""
    fp16 = (
        "precision=fp16",
        "job.steer.layers=all",
        "job.steer.vector=best",
        "job.steer.controls=[]",
    )
    refused = run_job(steer_config(*fp16, "job.steer.strengths=[0.1,1e6]"))
    assert "job.steer.strengths=1000000.0: allowed is at most " in refused.error
    assert refused.run_id is None and "(float16)" in refused.error
    most = float(refused.error.split("at most ")[1].split()[0])
    config = steer_config(*fp16, f"job.steer.strengths=[0.1,{0.9 * most}]")
    outcome = run_job(config)
    assert outcome.error is None
    swept = texts(config, outcome)
    over = {t.strength: t.measures.overflow for t in swept.steered if t.scenario == "one"}
    assert list(over.values()) == [False, True]
    cell = cells(swept.steered, swept.limits)[-1]
    assert cell.robust.name == "explosive"
    assert f"{sum(t.measures.overflow for t in swept.steered)} texts end where" in outcome.table


def test_a_judge_without_a_model_is_named(steer_config, tmp_path):
    outcome = run_job(steer_config("job.steer.judge=hf", f"job.steer.judge_model={tmp_path}"))
    assert outcome.error.startswith(f"job.steer.judge_model={tmp_path}: allowed is a classifier")


CHANGES = (
    "seed=1",
    "job.steer.layers=all",
    "job.steer.layers=0-1",
    "job.steer.vector=best",
    "job.steer.criterion=published",
    "job.steer.positions=generated",
    "job.steer.strengths=[0.2]",
    "job.steer.max_new_tokens=5",
    "job.steer.scenarios=[one,two]",
    "job.steer.emotions=[calm]",
    "job.steer.controls=[random]",
    "job.steer.norm=mean_all",
    "job.steer.chat_template=true",
    "method.readout=mean",
    "precision=bf16",
    "model.tiny.seed=1",
)


def fingerprint(config):
    chosen = steer_work.chosen_scenarios(config)
    return steer_work.steer_plan(config, chosen.sha256).provenance.fingerprint


@pytest.mark.slow
def test_everything_that_changes_a_text_is_in_the_fingerprint(steer_config, project):
    seen = [fingerprint(steer_config(override)) for override in ("force=true", *CHANGES)]
    other = project / "other.yaml"
    other.write_text(yaml.safe_dump([SCENARIOS[0] | {"text": "Another opening, and"}]))
    seen.append(fingerprint(steer_config(f"job.steer.scenarios_path={other}")))
    assert len(set(seen)) == len(seen)
    for size in ("batch_size", "decode_batch_size"):
        bf16 = [fingerprint(steer_config("precision=bf16", f"backend.{size}={n}")) for n in (2, 3)]
        assert bf16[0] != bf16[1]


def test_what_changes_no_text_is_not_in_the_fingerprint(finished, steer_config):
    for override in (
        "backend.decode_batch_size=3",
        "backend.batch_size=3",
        "force=true",
        "paths.store=x",
        "job.steer.name=mine",
    ):
        assert fingerprint(steer_config(override)) == finished[1].fingerprint


@pytest.mark.slow
@pytest.mark.parametrize(
    "override",
    ["job.steer.layers=all", "job.steer.positions=generated", "precision=bf16", "precision=int8"],
)
def test_other_sites_and_positions_run(finished, steer_config, override):
    config = steer_config(override)
    outcome = run_job(config)
    assert outcome.error is None
    assert words(texts(config, outcome)).values() != words(texts(*finished)).values()


def test_published_preset_and_logged_vectors(finished, steer_config):
    vectors = Tracker(finished[0]).get(finished[1].run_id).data.tags["vectors_run"]
    config = steer_config(
        "steer=published",
        "job.steer.strengths=[0.005]",
        "job.steer.scenarios=[one,three]",
        f"job.steer.run={vectors}",
        "job.steer.max_new_tokens=4",
    )
    outcome = run_job(config)
    assert outcome.error is None
    swept = texts(config, outcome)
    assert {t.site for t in swept.steered} == {"all"}
    run = Tracker(config).get(outcome.run_id)
    assert run.data.tags["vectors_run"] == vectors
    assert "37 of 40" in outcome.table
    assert swept.norm == "mean_all"
    # The scenario that is not steered is written once, for the limits, which are of three texts.
    assert set(swept.controls) == {"two"} and set(swept.unsteered) == {"one", "three"}
    assert swept.limits.n_controls == 3


def test_emotions_are_crossed_with_scenarios(steer_config):
    config = steer_config("job.steer.emotions=[calm,happy]", "job.steer.controls=[]")
    swept = texts(config, run_job(config))
    assert len(swept.steered) == 3 * 2 * 2
    assert report.terminal_text(swept, "t").count("target") == 2


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("job.steer.layers=best-2", "job.steer.layers=best-2: allowed is all, best"),
        ("job.steer.layers=[0,9]", "job.steer.layers=.*: allowed is layers 0 to 3 of this model"),
        ("job.steer.strengths=[0.1,0.1]", "job.steer.strengths=.*: allowed is different numbers"),
        ("job.steer.strengths=[]", "job.steer.strengths="),
        (
            "job.steer.scenarios=[one,four]",
            "job.steer.scenarios=.*: allowed is each once, of one, two",
        ),
        (
            "job.steer.emotions=[calm,smug]",
            "job.steer.emotions=smug: allowed is afraid, calm, happy",
        ),
        ("job.steer.emotions=[calm,calm]", "job.steer.emotions=.*: allowed is null, or emotions"),
        ("job.steer.emotions=[]", "job.steer.emotions=.*: allowed is null, or emotions"),
        (
            "job.steer.max_new_tokens=2000",
            r"job.steer.max_new_tokens=2000: allowed is a value of at least 1, at most \d+: the longest "
            r"prompt has \d+ tokens and the model reads 1024",
        ),
        ("job.steer.judge=hf", "job.steer.judge_model=null: allowed is a folder"),
        ("job.steer.controls=[random,random]", "job.steer.controls="),
        ("job.steer.run=nothing", "job.steer.run=nothing: not in"),
    ],
)
def test_what_is_refused_opens_no_run(steer_config, override, message):
    outcome = run_job(config := steer_config(override))
    assert outcome.failed
    assert re.search(message, outcome.error), outcome.error
    assert "\n" not in outcome.error
    tracker = Tracker(config)
    runs = tracker.client.search_runs([tracker.experiment_id], "tags.job = 'steer'")
    assert {r.info.status for r in runs} <= {"FINISHED", "KILLED"}
    assert outcome.run_id is None


def test_a_scenario_without_room_is_refused_before_its_vectors_are_extracted(tmp_path, small_csv):
    path = tmp_path / "long.yaml"
    long = {**SCENARIOS[0], "text": "The rain fell on the roof and " * 400}
    path.write_text(yaml.safe_dump([long]))
    words = (f"stimuli.path={small_csv}", f"job.steer.scenarios_path={path}")
    outcome = run_job(compose(*TINY, "job=steer", *words, root=tmp_path))
    assert re.match("job.steer.scenarios_path=a prompt of [0-9]+ tokens: allowed is", outcome.error)
    assert not (tmp_path / "mlruns").exists()


def test_a_strength_below_zero_is_refused_before_anything_else(steer_config):
    with pytest.raises(
        ConfigError, match=r"job\.steer\.strengths=.*: allowed is each a value of at least 0,"
    ):
        steer_config("job.steer.strengths=[-0.1]")


def test_vectors_of_another_model_are_refused(finished, steer_config):
    vectors = Tracker(finished[0]).get(finished[1].run_id).data.tags["vectors_run"]
    for override in ("model.tiny.hidden=64", "model.tiny.seed=1"):
        other = run_job(steer_config(f"job.steer.run={vectors}", override))
        assert "allowed is a run of revision tiny-" in other.error, override
    itself = run_job(steer_config(f"job.steer.run={finished[1].run_id}"))
    assert "the id of a job=extract run" in itself.error


@pytest.mark.slow
def test_z_scored_vectors_are_refused_and_projected_ones_are_tagged(finished, steer_config):
    made = {
        name: run_job(steer_config("job=extract", f"vectors.projection={name}")).run_id
        for name in ("z_score", "all_but_the_top")
    }
    refused = run_job(steer_config(f"job.steer.run={made['z_score']}"))
    assert refused.run_id is None and "\n" not in refused.error
    assert refused.error.startswith(
        f"job.steer.run={made['z_score']}: allowed is a run with vectors in"
    )
    assert refused.error.endswith("vectors.projection=z_score")
    few = ("job.steer.strengths=[20]", "job.steer.controls=[]", "job.steer.scenarios=[one]")
    config = steer_config(f"job.steer.run={made['all_but_the_top']}", *few)
    for run_id, projection in (
        (finished[1].run_id, "none"),
        (run_job(config).run_id, "all_but_the_top"),
    ):
        tags = Tracker(config).get(run_id).data.tags
        assert (tags["vectors_projection"], tags["vectors_remove"]) == (projection, "none")


def test_a_local_classifier_can_judge(steer_config, tmp_path):
    from transformers import LlamaConfig, LlamaForSequenceClassification

    from emo.models.tiny import train_tokenizer

    tokenizer = train_tokenizer()
    shape = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=32, pad_token_id=tokenizer.pad_token_id,
        id2label={0: "sadness", 1: "calm"}, label2id={"sadness": 0, "calm": 1},
    )  # fmt: skip
    LlamaForSequenceClassification(shape).save_pretrained(tmp_path / "judge")
    tokenizer.save_pretrained(tmp_path / "judge")
    config = steer_config("job.steer.judge=hf", f"job.steer.judge_model={tmp_path / 'judge'}")
    outcome = run_job(config)
    assert outcome.error is None
    swept = texts(config, outcome)
    judge = ClassifierJudge(tmp_path / "judge", "cpu", 1)
    for t in swept.steered:
        assert t.judged == (t.emotion != "proud")
        for text, found in ((t.text, t.measures), (swept.unsteered[t.scenario], t.unsteered)):
            (score,) = judge.scores([text], [t.emotion])
            assert found.score == pytest.approx(score, rel=1e-4, nan_ok=True)
    assert len({t.measures.score for t in swept.steered if t.judged}) > 5


def test_measures_belong_to_their_texts(finished):
    openings = {s["id"]: s["text"] for s in SCENARIOS}
    for t in texts(*finished).steered:
        expected = foreign_share(t.text, openings[t.scenario])
        assert t.measures.foreign == pytest.approx(expected, nan_ok=True)
        assert t.measures.empty == (not t.text.strip())
        assert t.measures.n_tokens <= 6


def test_published_preset_is_the_published_sweep():
    config = compose("job=steer", "steer=published").job.steer
    assert config.strengths == [0.005, 0.01, 0.02, 0.03, 0.05]
    assert (config.layers, config.max_new_tokens) == ("all", 20)
    assert (config.vector.value, config.criterion.value) == ("best", "published")
    assert config.scenarios == ["aggressive_to_calm", "neutral_to_hostile"]


@pytest.mark.slow
def test_vectors_of_a_generation_run_can_be_added(finished, steer_config):
    made = run_job(
        steer_config(
            "job=extract",
            "method=generation",
            "subparams.max_new_tokens=12",
            "subparams.samples=2",
        )
    )
    assert made.error is None
    config = steer_config(
        f"job.steer.run={made.run_id}", "job.steer.strengths=[20]", "job.steer.controls=[]"
    )
    outcome = run_job(config)
    assert outcome.error is None
    layer = files.read_story_descriptors(
        Tracker(config).artifact(made.run_id, "generation.json")
    ).layer
    assert {t.site for t in texts(config, outcome).steered} == {f"best_{layer}"}
