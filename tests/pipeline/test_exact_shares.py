"""The exact shares beside a study's importances: of its own grid, of a logged job=ablate, or none."""

import csv
import json

import pytest

from emo.config.schema import canonical
from emo.core.stats.sobol import rank_agreement
from emo.jobs.sensitivity import conduct
from emo.pipeline import factorial
from emo.pipeline.exact_shares import of_ablation
from emo.pipeline.generation import read_prompts
from emo.study.space import Space
from emo.tracking import RunRecord, Tracker
from tests.jobs.conftest import SPACE
from tests.jobs.test_sensitivity import planted


@pytest.mark.slow
def test_a_grid_has_the_exact_shares_beside_its_importances(study_config):
    config = study_config("job.sensitivity.sampler=grid", n=100)
    outcome = conduct(config, planted)
    assert outcome.metrics["trials"] == 8
    tracker = Tracker(config)
    content = json.loads(tracker.artifact(outcome.run_id, "importance.json").read_text())
    (found,) = content["importances"]
    assert found["exact"] == pytest.approx({"prompts": 9 / 14, "samples": 5 / 14, "layer": 4 / 14})
    assert found["exact_from"] == "this study's grid"
    for kind, rho in found["rank_correlation"].items():
        assert rho == pytest.approx(rank_agreement(found[kind], found["exact"]).rho)
    assert "total Sobol" in outcome.table
    with tracker.artifact(outcome.run_id, "trials.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 8
    for row in rows:
        point = {**row, "samples": int(row["samples"])}
        assert float(row["rho"]) == planted(point)["rho"]
    for name in ("importance", "slices", "parallel"):
        path = tracker.artifact(outcome.run_id, f"figures/{name}_rho.png")
        assert path.stat().st_size > 5000


def logged_ablation(config, folder):
    """A finished run with the planted function at the points of job=ablate."""
    tracker, folder = Tracker(config), folder / "ablation"
    folder.mkdir()
    with (folder / "points.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["relative", "rho_matched"])
        for sub in factorial.settings_of(config):
            point = {name: canonical(getattr(sub, name)) for name in SPACE}
            rows.writerow([planted(point)["rho"], planted(point)["rho"] ** 2])
    tags = {"fingerprint": factorial.plan_of(config, read_prompts(config)).provenance.fingerprint}
    with tracker.run("ablation", tags) as run_id:
        tracker.log(run_id, RunRecord({}, {}, {}), folder)
    return run_id


@pytest.mark.slow
def test_a_logged_ablation_gives_the_exact_shares(study_config, tmp_path):
    config = study_config("job.sensitivity.objectives=[relative_rho]", n=4)
    run_id = logged_ablation(config, tmp_path)
    outcome = conduct(config, lambda point: {"relative_rho": planted(point)["rho"]})
    content = json.loads(Tracker(config).artifact(outcome.run_id, "importance.json").read_text())
    (found,) = content["importances"]
    assert found["exact"] == pytest.approx({"prompts": 9 / 14, "samples": 5 / 14, "layer": 4 / 14})
    assert found["exact_from"] == f"job=ablate, run {run_id}"
    assert set(found["rank_correlation"]) == {"impurity", "fanova"}
    assert "total Sobol index: exact, of job=ablate" in outcome.table


def test_each_objective_has_its_own_column(study_config, tmp_path):
    config = study_config(n=4)
    logged_ablation(config, tmp_path)
    space, tracker = Space(SPACE), Tracker(config)
    relative, matched = (
        of_ablation(config, space, tracker, name).shares for name in ("relative_rho", "rho_matched")
    )
    assert relative == pytest.approx({"prompts": 9 / 14, "samples": 5 / 14, "layer": 4 / 14})
    assert matched != pytest.approx(relative)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("overrides", "changed"),
    [
        ((), {"samples": [1, 10]}),  # another reference
        ((), {"layer": ["middle", 1]}),  # points it has not
        ((), {"precision": ["fp32", "bf16"]}),
        (("seed=1",), {}),
    ],
)
def test_an_ablation_of_something_else_does_not(study_config, tmp_path, overrides, changed):
    logged_ablation(study_config(), tmp_path)
    space = {**SPACE, **changed}
    config = study_config(*overrides, space=space)
    assert of_ablation(config, Space(space), Tracker(config), "relative_rho") is None
