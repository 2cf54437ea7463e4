"""job=summarize over logged runs of tiny models, as a user has them."""

import csv
import html
import io
import re
import subprocess
import sys
from dataclasses import replace
from functools import partial
from html.parser import HTMLParser

import numpy as np
import pytest
from scipy.stats import spearmanr

from emo import api, conditions
from emo.config.resolve import compose
from emo.errors import ConfigError, EmoError
from emo.files.names import name_part
from emo.jobs import extract, steer, summarize
from emo.runs.files import plain
from emo.runs.reuse import open_tracker
from tests.conftest import TINY, write_small_csv

CONDITIONS = conditions.names()

DRAWS = ("job.summarize.permutations=50", "job.summarize.n_bootstrap=30")
FEW = (*DRAWS, "job.summarize.text_share=false")
LLAMA = name_part("tiny llama 4x128")
STORY = ("method=generation", "subparams.max_new_tokens=12")


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """Two tiny models read, one of them with generation runs, and one run of other passages."""
    root = tmp_path_factory.mktemp("project")
    small = write_small_csv(root)
    other = root / "other.csv"
    other.write_text(small.read_text().replace("stood", "sat"))

    def config(*overrides, passages=small):
        return compose(*TINY, f"stimuli.path={passages}", *overrides, root=root)

    runs = {
        "llama": extract.run(config()),
        "other": extract.run(config(passages=other)),
        "gpt2": extract.run(config("model.tiny.architecture=gpt2", "model.tiny.hidden=64")),
        "B": extract.run(config("method=generation", "subparams=loose")),
        "B'": extract.run(config("method=generation", "subparams=loose", "subparams.seed=1")),
    }
    return root, config, {name: o.run_id for name, o in runs.items()}


@pytest.fixture(scope="module")
def done(project):
    _root, config, runs = project
    outcome = summarize.run(config("job=summarize", *DRAWS))
    tracker = open_tracker(config())
    return outcome, lambda name: tracker.artifact(outcome.run_id, name), runs


def rows(text):
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.parametrize(
    ("setting", "allowed"),
    [
        ("models=[]", "at least one name"),
        ("baselines=[tfidf_words,style]", "style_counts, tfidf_words"),
        ("make=[A,Z]", "allowed is A, B"),
        ("margin=1.5", "at most 1"),
    ],
)
def test_a_wrong_setting_is_refused_before_anything_is_looked_for(setting, allowed, tmp_path):
    """No store is there, and the refusal is of the setting all the same."""
    with pytest.raises(ConfigError, match=allowed) as refused:
        summarize.run(compose(*TINY, "job=summarize", f"job.summarize.{setting}", root=tmp_path))
    assert refused.value.parameter == f"job.summarize.{setting.split('=')[0]}"
    assert list(tmp_path.iterdir()) == []


def test_numbers_are_those_of_the_logged_vectors(project, done):
    root, _, runs = project
    outcome, artifact, _ = done
    a, b = (api.load_run(runs[n], root) for n in ("gpt2", "llama"))
    want = spearmanr(a.rdm().cosines, b.rdm().cosines)[0]
    (row,) = rows(artifact("tables/pairs.csv").read_text())
    assert float(row["rho, same items"]) == pytest.approx(want, abs=1e-6)
    assert outcome.metrics["rho_same_mean"] == pytest.approx(want, abs=1e-6)
    assert outcome.metrics["models"] == 2
    logged = rows(artifact("tables/descriptors.csv").read_text())
    assert {r["model"] for r in logged} == {"tiny llama 4x128", "tiny gpt2 4x64"}
    by = {r["model"]: float(r["anisotropy"]) for r in logged}
    assert by["tiny llama 4x128"] == b.descriptors.anisotropy


def test_a_summary_is_called_by_its_models_and_links_its_report(project, done):
    _, config, _ = project
    outcome, _, _ = done
    run = open_tracker(config()).get(outcome.run_id)
    names = {"tiny gpt2 4x64", "tiny llama 4x128"}
    models, _, used = str(run.info.run_name).removeprefix("summary ").rpartition(", ")
    assert (set(models.split(", ")), used) == (names, f"{outcome.metrics['runs_used']} runs")
    note = run.data.tags["mlflow.note.content"]
    assert f"/runs/{outcome.run_id}/artifacts/summary.html)" in note
    shown = f"![fig_answer](get-artifact?path=figures/fig_answer.png&run_uuid={outcome.run_id})"
    assert shown in note


def test_the_shares_of_the_texts_stand_in_a_section_of_their_own(done):
    _, artifact, _ = done
    assert '<section id="text">' in artifact("summary.html").read_text()
    table = rows(artifact("tables/text_shares.csv").read_text())
    texts = ("style counts", "TF-IDF of words", "TF-IDF of characters")
    assert {r["text"] for r in table} == {*texts, "embedding layer", "all of these"}
    assert [len({r["model"] for r in table}), len(table)] == [2, 20]
    ways = ("across emotions", "within emotions")
    assert [r["maps learn"] for r in table if r["text"] == texts[0]] == [*ways, *ways]
    assert {"vectors low", "RDM", "axis 3 high"} <= set(table[0])


def test_four_layer_table_has_what_there_is_and_the_commands_for_the_rest(project, done):
    _outcome, artifact, _ = done
    table = rows(artifact(f"tables/four_layer_{LLAMA}.csv").read_text())
    by = {r["study's layer"]: r for r in table}
    assert by["1 loose"]["rho"] != ""
    assert by["floor B"]["Mantel p"] != ""
    assert by["2"]["verdict"] == "missing: C"
    assert by["2"]["isolates"] == "the eight sub-parameters"
    assert by["1 loose"]["contrast"] == "Method, loose settings (A vs B)"
    assert by["1 loose"]["n a, b"] == "6, 1"
    assert by["1 loose"]["emotions"] == "5"
    assert by["1 loose"]["partial rho"] not in ("", by["1 loose"]["rho"])
    assert by["1 loose"]["read at a, b"].count(",") == 1
    sides = rows(artifact(f"tables/four_layer_reliability_{LLAMA}.csv").read_text())
    allowed = {r["contrast"]: r for r in sides}
    assert float(allowed[by["1 loose"]["contrast"]]["own b"]) == pytest.approx(
        float(by["floor B"]["rho"])
    )
    page = artifact("summary.html").read_text()
    assert (
        f"python launch.py model=tiny stimuli.path={project[0]}/small.csv method=generation "
        "subparams=matched precision=fp32"
    ) in page
    whole = (
        "python launch.py model=tiny model.tiny.architecture=gpt2 model.tiny.hidden=64 "
        f"stimuli.path={project[0]}/small.csv experiment=four_layer precision=fp32"
    )
    said = html.unescape(page)
    assert (
        f"tiny gpt2 4x64, {', '.join(CONDITIONS[1:])} (needed for every contrast): <code>{whole}"
        in said
    )
    compose(*whole.split()[2:])


@pytest.mark.slow
def test_every_command_it_names_makes_the_condition_it_names(project, done):
    from emo.conditions import names, recognise
    from emo.runs.listing import RunListing
    from emo.summary.commands import command

    tracker = open_tracker(project[1]())
    like = next(r for r in tracker.runs_of("extract") if r.run_id == done[2]["llama"])
    assert isinstance(like, RunListing)
    for name in names():
        config = compose(*command(name, like, "bf16").split()[2:])
        assert recognise(config).name == name.split()[0]
        assert config.precision.name.value == ("int8" if name[0] == "D" else "bf16")
        assert (config.subparams.texts_from is not None) == name.endswith("forced")


@pytest.mark.parametrize(("name", "model"), [("A", "gpt2"), ("B", "llama"), ("B'", "llama")])
def test_the_named_command_makes_the_very_run_that_is_there(project, done, name, model):
    """By fingerprint: own passages, another shape, as logged."""
    import shlex

    from emo.pipeline.generation import plan_of
    from emo.runs.plan import make_plan
    from emo.summary.commands import command

    root, config, runs = project
    listed = {r.run_id: r for r in open_tracker(config()).runs_of("extract")}
    line = command(name, listed[runs[model]], "fp32", config().stimuli)
    made = compose(*shlex.split(line)[2:], *TINY[1:], root=root)
    plan = make_plan(made) if name == "A" else plan_of(made)[0]
    there = listed[runs[model if name == "A" else name]]
    assert plan.provenance.fingerprint == there.tags["fingerprint"]


@pytest.mark.slow
def test_the_intervals_take_the_number_of_draws_that_the_report_names(project, monkeypatch):
    from emo.summary import assemble as study

    asked = []
    real = study.four_layer
    monkeypatch.setattr(study, "four_layer", lambda *a: asked.append(a[3]) or real(*a))
    summarize.run(project[1]("job=summarize", *FEW))
    assert asked == [30]


def test_runs_left_out_are_listed_with_the_reason(done):
    outcome, artifact, runs = done
    left = {r["run"]: r["reason"] for r in rows(artifact("tables/left_out.csv").read_text())}
    assert left == {runs["other"][:8]: left[runs["other"][:8]]}
    assert "other passages" in left[runs["other"][:8]]
    used = {r["run"] for r in rows(artifact("tables/runs.csv").read_text())}
    assert used == {runs[n] for n in ("llama", "gpt2", "B", "B'")}
    assert outcome.metrics["runs_left_out"] == 1


class Links(HTMLParser):
    def __init__(self):
        super().__init__()
        self.ids, self.hrefs, self.sources = set(), [], []

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        if "id" in found:
            self.ids.add(found["id"])
        if "href" in found:
            self.hrefs.append(found["href"])
        if "src" in found:
            self.sources.append(found["src"])


def test_the_report_is_one_file_whose_links_lead_somewhere(done):
    _, artifact, runs = done
    page = artifact("summary.html").read_text()
    links = Links()
    links.feed(page)
    assert links.hrefs
    inside, outside = ([h for h in links.hrefs if (h[0] == "#") is x] for x in (True, False))
    assert all(h[1:] in links.ids for h in inside)
    folder = artifact("summary.html").parent
    pages = [h for h in outside if not h.startswith("http")]
    assert len(pages) >= 4 and all((folder / h).resolve().name == "run.html" for h in pages)
    assert all((folder / h).is_file() for h in pages)
    assert all(
        re.fullmatch(r"http://127.0.0.1:5000/#/experiments/\d+/runs/\w{32}\?.*", h)
        for h in set(outside) - set(pages)
    )
    assert links.sources
    assert all(s.startswith("data:image/svg+xml;base64,") for s in links.sources)
    assert not re.search(r"url\(|@import|<script src|<link", page)
    for name in ("llama", "gpt2", "B", "B'"):
        assert runs[name] in page
    assert "All models here have random weights: these numbers mean nothing." in page


def test_every_figure_has_its_picture_vector_graphic_and_data(done):
    _, artifact, _ = done
    names = {"fig_answer", "fig2_layers", "fig5_four_layers", "fig7_layers_by_layers"}
    models = [LLAMA, name_part("tiny gpt2 4x64")]
    names |= {f"{kind}_{model}" for kind in ("geometry", "layers") for model in models}
    folder = artifact("figures/fig_answer.png").parent
    found = {p.name for p in folder.iterdir()}
    assert found == {f"{n}.{suffix}" for n in names for suffix in ("png", "svg", "pdf", "csv")}
    data = rows((folder / "fig_answer.csv").read_text())
    (pair,) = rows(artifact("tables/pairs.csv").read_text())
    (alike,) = [r for r in data if r["measure"] == "agreement over ceiling"] or [None]
    assert (alike is None) == (pair["disattenuated"] == "")
    assert alike is None or alike["value"] == pair["disattenuated"]
    assert {r["of"] for r in data} >= {"chance", "bag of words"}


def test_the_rdm_of_the_report_is_that_of_the_logged_vectors(project, done):
    root, _, runs = project
    _, artifact, _ = done
    logged = api.load_run(runs["llama"], root).rdm()
    drawn = rows(artifact(f"figures/geometry_{LLAMA}.csv").read_text())
    names = [r["emotion"] for r in drawn]
    assert names == list(logged.emotions)
    i, j = np.triu_indices(len(names), 1)
    shown = [float(drawn[a][f"cosine with {names[b]}"]) for a, b in zip(i, j, strict=True)]
    assert shown == pytest.approx(list(logged.cosines), abs=1e-6)


def test_tables_for_papers_hold_every_table(done):
    _, artifact, _ = done
    folder = artifact("tables/pairs.csv").parent
    n = len(list(folder.glob("*.csv")))
    assert (folder / "tables.md").read_text().count("### ") == n
    assert (folder / "tables.tex").read_text().count(r"\end{table}") == n


def test_no_table_and_no_figures_data_has_a_heading_twice(done):
    _, artifact, _ = done
    root = artifact("summary.html").parent
    files = [p for of in ("tables", "figures") for p in (root / of).glob("*.csv")]
    for path in files:
        heads = next(csv.reader(io.StringIO(path.read_text())))
        assert len(heads) == len(set(heads)), path.name
    assert len(files) > 10


@pytest.mark.slow
def test_the_same_summary_again_gives_the_same_numbers(project, done):
    _, config, _ = project
    _, artifact, _ = done
    again = summarize.run(config("job=summarize", *FEW))
    tracker = open_tracker(config())
    for name in ("tables/pairs.csv", "tables/blocks.csv", "figures/fig2_layers.svg"):
        assert tracker.artifact(again.run_id, name).read_bytes() == artifact(name).read_bytes()


@pytest.mark.slow
def test_a_damaged_run_gives_way_to_the_older_one(project, tmp_path):
    _, config, runs = project
    newer = extract.run(config("force=true"))
    tracker = open_tracker(config())
    path = tracker.artifact(newer.run_id, "activations.safetensors")
    whole = path.read_bytes()
    path.write_bytes(whole[:100])
    try:
        outcome = summarize.run(config("job=summarize", *FEW))
        table = tracker.artifact(outcome.run_id, "tables/left_out.csv").read_text()
    finally:
        path.write_bytes(whole)
    reasons = {r["run"]: r["reason"] for r in rows(table)}
    assert "its files cannot be used" in reasons[newer.run_id[:8]]
    assert runs["llama"][:8] not in reasons


def test_nothing_to_summarise_is_one_line(tiny_config):
    with pytest.raises(EmoError, match=r"make one with: python launch\.py"):
        summarize.run(tiny_config("job=summarize"))


@pytest.mark.slow
def test_one_model_alone_is_summarised_without_a_study(project):
    _root, config, _ = project
    names = "job.summarize.models=['tiny llama 4x128']"
    outcome = summarize.run(config("job=summarize", *FEW, names))
    assert "No cross-model study" in outcome.table
    assert outcome.metrics["models"] == 1
    assert "rho_same_mean" not in outcome.metrics
    tracker = open_tracker(config())
    page = tracker.artifact(outcome.run_id, "summary.html").read_text()
    assert page.count("No cross-model study") == 1
    assert outcome.table.startswith("All models here have random weights")
    assert f"python launch.py model=NAME stimuli.path={_root}/small.csv makes one" in page
    assert "fig1_rdm_of_rdms" not in page
    for section in ("surface", "invariance"):
        assert f'<section id="{section}">' in page
    assert '<section id="text">' not in page  # job.summarize.text_share=false
    table = rows(tracker.artifact(outcome.run_id, "tables/baselines.csv").read_text())
    assert [r["baseline"] for r in table] == [
        *("style counts", "TF-IDF of words", "TF-IDF of characters", "embedding layer")
    ]
    assert all(r["rho, same items"] for r in table)
    assert (
        "Spearman and Pearson of the RDMs of condition A and condition B change by at most" in page
    )


@pytest.mark.slow
def test_steering_of_its_models_has_a_section(project, tmp_path):
    _root, config, _ = project
    few = (
        "job.steer.scenarios=[aggressive_to_calm]",
        "job.steer.strengths=[0.1]",
        "job.steer.max_new_tokens=4",
    )
    steered = steer.run(config("job=steer", "job.steer.controls=[random]", *few))
    assert steered.error is None
    outcome = summarize.run(config("job=summarize", *FEW))
    tracker = open_tracker(config())
    page = tracker.artifact(outcome.run_id, "summary.html").read_text()
    assert '<section id="steering">' in page
    assert steered.run_id[:8] in page
    (table,) = [
        rows(tracker.artifact(outcome.run_id, f"tables/{name}.csv").read_text())
        for name in (f"steering_{LLAMA}_fp32",)
    ]
    cells = rows(tracker.artifact(steered.run_id, "cells.csv").read_text())
    assert (
        [r["direction"] for r in table]
        == [c["direction"] for c in cells]
        == ["none", "target", "random"]
    )
    for row, cell in zip(table, cells, strict=True):
        assert row["regime, robust"].rstrip("?") == cell["robust"]
        assert row["regime, published"] == cell["published"]
        assert float(row["perplexity ratio"]) == pytest.approx(
            np.exp(float(cell["log_perplexity_ratio"]))
        )
        assert float(row["judged better high"]) == pytest.approx(float(cell["success_high"]))
    for kind in ("png", "svg", "csv"):
        name = f"figures/steering_regimes_{LLAMA}_fp32.{kind}"
        assert tracker.artifact(outcome.run_id, name).stat().st_size > 0


def test_no_torch_is_loaded():
    code = (
        "import sys; import emo.jobs.summarize, emo.tracking; "
        "print([m for m in ('torch', 'transformers') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.slow
@pytest.mark.parametrize(
    "projection",
    [
        pytest.param("all_but_the_top", marks=pytest.mark.slow),
        pytest.param("z_score", marks=pytest.mark.slow),
        "neutral_pcs",
    ],
)
def test_a_projected_run_is_logged_with_the_models_own_activations(project, projection):
    from emo.core.geometry.projections import project as projected
    from emo.core.geometry.vectors import emotion_vectors

    root, config, runs = project
    outcome = extract.run(config(f"vectors.projection={projection}"))
    assert outcome.passes_done == 0
    plain, other = (api.load_run(r, root) for r in (runs["llama"], outcome.run_id))
    assert np.array_equal(plain.activations.values, other.activations.values)
    want = emotion_vectors(projected(plain.activations, projection)).values
    assert np.allclose(other.vectors.values, want)
    assert not np.allclose(other.vectors.values, plain.vectors.values)
    alone = summarize.run(config("job=summarize", *FEW, f"vectors.projection={projection}"))
    assert alone.metrics["models"] == 1


def test_published_figures_are_claimed_for_models_of_the_study(project, done):
    from emo.config.enums import LayerRule
    from emo.core.conditions.claims import Replication
    from emo.reference import shared_geometry
    from emo.summary.loading import model_run
    from emo.summary.published import model_claims

    tracker = open_tracker(project[1]())
    listed = {r.run_id: r for r in tracker.runs_of("extract")}
    models = []
    for name, published in zip(("llama", "gpt2"), shared_geometry().models, strict=False):
        run = listed[done[2][name]]
        run = replace(run, tags={**run.tags, "model_id": published.model_id})
        files = partial(tracker.read, run.run_id)
        models.append(model_run(run, files, LayerRule.published))
    assert model_claims(models[:0], None, project[1]()) == []
    claims = model_claims(models, None, project[1]())
    assert [c.topic for c in claims] == ["best layer", "anisotropy", "RDM std"] * 2
    assert claims[0].published == shared_geometry().models[0].best_layer
    assert claims[0].measured == models[0].descriptors.best_layer
    assert claims[1].verdict is Replication.no
    assert plain(claims[1])["measured"] == models[0].descriptors.anisotropy


@pytest.mark.parametrize("name", CONDITIONS)
def test_conditions_are_made_by_the_config_that_the_command_composes(tiny_config, name):
    """The same run, by fingerprint, as the command that the report names."""
    from emo.conditions import condition_config, overrides, recognise
    from emo.models.weights import Weights
    from emo.runs.identity import fingerprint, run_identity, story_identity

    def called(config):
        identity = partial(story_identity, prompts_sha256="p") if name != "A" else run_identity
        return fingerprint(identity(config, Weights("m", "r", ""), "cpu", "s"))

    made = condition_config(name, tiny_config("job=summarize", "method.readout=mean"))
    assert recognise(made).name == name.split()[0]
    command = overrides(name, "fp32").split()
    assert called(made) == called(tiny_config(*command))


def test_wrong_conditions_are_refused(tiny_config):
    with pytest.raises(EmoError, match=r"job\.summarize\.make=E: allowed is A, B, B', C"):
        summarize.run(tiny_config("job=summarize", "job.summarize.make=[E]"))
    with pytest.raises(EmoError, match=r"precision=int8: allowed is fp32, bf16, fp16 with"):
        summarize.run(tiny_config("job=summarize", "job.summarize.make=[A]", "precision=int8"))


def test_conditions_that_the_prompts_cannot_give_are_refused_before_any_is_made(
    tiny_config, one_template
):
    config = tiny_config("job=summarize", 'job.summarize.make=[A,"C\' even"]', one_template)
    with pytest.raises(EmoError, match=r"subparams\.templates=even: allowed is all, odd"):
        summarize.run(config)
    assert not config.path("mlruns").exists()


@pytest.mark.slow
def test_missing_conditions_are_made_first_and_finished_ones_reused(tiny_config):
    make = ("job=summarize", *FEW, "job.summarize.make=[A, B]")
    first = summarize.run(tiny_config(*make))
    again = summarize.run(tiny_config(*make))
    assert first.metrics["runs_used"] == again.metrics["runs_used"] == 2
    assert first.fingerprint == again.fingerprint
    assert first.metrics["four_layer_tables"] == 1


@pytest.mark.slow
def test_a_summary_that_makes_conditions_is_of_their_model(project):
    """Other models are logged beside it, one of them with the same passages."""
    config = project[1]
    make = ("job=summarize", *FEW, "job.summarize.make=[A]", "model.tiny.architecture=gpt2")
    tracker = open_tracker(config())

    def models(outcome):
        table = tracker.artifact(outcome.run_id, "tables/descriptors.csv").read_text()
        return {row["model"] for row in rows(table)}

    assert models(summarize.run(config(*make, "model.tiny.hidden=64"))) == {"tiny gpt2 4x64"}
    named = config(*make, "model.tiny.hidden=64", "job.summarize.models=[tiny]")
    assert models(summarize.run(named)) == {"tiny gpt2 4x64", "tiny llama 4x128"}


def test_experiments_compose():
    four = compose("experiment=four_layer", "model=tiny")
    assert four.job.name.value == "summarize"
    assert set(four.job.summarize.make) == set(CONDITIONS)


@pytest.mark.slow
def test_models_that_are_none_or_not_there_are_named(project):
    _root, config, _ = project
    with pytest.raises(EmoError, match=r"job.summarize.models=\[\]: allowed is at least one name"):
        summarize.check(config("job=summarize", "job.summarize.models=[]"))
    with pytest.raises(EmoError, match=r"others: its model is not in job\.summarize\.models"):
        summarize.run(config("job=summarize", "job.summarize.models=[a sailor]"))
