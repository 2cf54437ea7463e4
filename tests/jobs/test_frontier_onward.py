"""What is done with a frontier run's vectors: steering, export, a bundle whose numbers come again."""

from pathlib import Path

import numpy as np
import pytest

import emo
from emo.bundle.comparing import Comparison
from emo.bundle.verifying import _describe_again
from emo.cli import run_job
from emo.config.resolve import compose
from emo.runs import files
from emo.runs.reuse import open_logged
from emo.stimuli.poles import load_poles
from emo.tracking import Tracker
from tests.conftest import TINY, write_small_csv

EMOTIONS = ("calm", "at ease", "proud", "sad", "hostile")
STEER = (
    "job=steer",
    "job.steer.scenarios=[aggressive_to_calm,neutral_to_hostile]",
    "job.steer.strengths=[20]",
    "job.steer.max_new_tokens=4",
    "job.steer.controls=[random]",
    "job.steer.damage=false",
)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    root = tmp_path_factory.mktemp("project")
    write_small_csv(root)
    (root / "five.txt").write_text("\n".join(EMOTIONS))
    return root


@pytest.fixture(scope="module")
def passages(project):
    words = [*TINY, f"stimuli.path={project / 'small.csv'}"]
    return lambda *more: compose(*words, *more, root=project)


@pytest.fixture(scope="module")
def frontier(project, passages):
    few = ("subparams.topics=3", "subparams.max_new_tokens=12", "subparams.start=6")
    words = ("experiment=frontier", f"emotions.path={project / 'five.txt'}", *few)
    return lambda *more: passages(*words, *more)


@pytest.fixture(scope="module")
def run(frontier, project):
    outcome = run_job(frontier("job=extract"))
    assert outcome.error is None and outcome.run_id is not None
    return emo.load_run(outcome.run_id, root=project)


@pytest.fixture(scope="module")
def steered(frontier, run):
    outcome = run_job(frontier(*STEER))
    assert outcome.error is None
    return outcome


@pytest.mark.slow
def test_steering_adds_the_vectors_of_its_own_stories(steered, frontier, passages, run):
    tags = Tracker(frontier()).get(steered.run_id).data.tags
    assert tags["vectors_run"] == run.run_id
    assert (tags["vectors_projection"], tags.get("vectors_readout")) == ("neutral_pcs", None)
    named = run_job(passages(*STEER, f"job.steer.run={run.run_id}"))
    assert (named.status, named.run_id) == ("reused", steered.run_id)
    sweep = files.read_steering(Tracker(frontier()).artifact(steered.run_id, "steering.json"))
    assert {t.site for t in sweep.steered} == {"best_2"}
    by_scenario = {t.scenario: t.text for t in sweep.steered if t.direction == "target"}
    unsteered = {t.scenario: t.text for t in sweep.steered if not t.strength}
    assert by_scenario.keys() == {"aggressive_to_calm", "neutral_to_hostile"}
    assert all(by_scenario[s] != unsteered.get(s) for s in by_scenario)


@pytest.mark.slow
def test_an_export_is_as_long_as_its_own_neutral_texts(passages, run):
    path = ""
    for form in ("gguf", "repeng", "safetensors"):
        more = (f"job.export.format={form}", "job.export.scale=residual")
        outcome = run_job(passages("job=export", f"job.export.run={run.run_id}", *more))
        assert outcome.error is None
        assert len(outcome.artifacts) == (1 if form == "safetensors" else len(EMOTIONS))
        path = next(iter(outcome.artifacts.values()))
    neutral = run.activations.neutral.astype(np.float64)
    lengths = np.linalg.norm(files.read_vectors(Path(path)).values, axis=-1)
    norms = np.linalg.norm(neutral, axis=-1).mean(axis=1)
    assert np.allclose(lengths, norms[:, None], rtol=1e-5)


def test_z_scored_vectors_are_refused_before_a_story_is_written(frontier):
    outcome = run_job(frontier(*STEER, "vectors.projection=z_score", "subparams.seed=5"))
    assert outcome.error == (
        "vectors.projection=z_score: allowed is none, all_but_the_top or neutral_pcs with job=steer, "
        "which adds directions"
    )


@pytest.mark.slow
def test_vectors_and_descriptors_are_made_again_from_the_activations(frontier, run):
    store, found = open_logged(frontier()), Comparison()
    (listed,) = [r for r in store.runs_of("extract") if r.run_id == run.run_id]
    folder = Tracker(frontier()).artifact(run.run_id, "vectors.safetensors").parent
    _describe_again(folder, listed, load_poles(None), found)
    assert found.differences == [] and found.numbers > len(EMOTIONS) * 4 * 128


@pytest.mark.slow
def test_a_bundle_of_a_project_with_frontier_runs_is_verified(passages, steered, project):
    quick = ("job.summarize.permutations=20", "job.summarize.n_bootstrap=20")
    for more in ([], ["job=summarize", *quick], ["job=bundle"]):
        outcome = run_job(passages(*more))
        assert outcome.error is None, outcome.error
    (bundle,) = (project / "exports").glob("study-*")
    left_out = (bundle / "report" / "tables" / "left_out.csv").read_text()
    assert "none of the conditions: the frontier recipe" in left_out
    assert "adds vectors of run " in left_out
    found = emo.verify(bundle)
    assert found.ok, str(found)
