"""The skeleton of a job, by a dummy one: found, made, logged, listed, failed; and the jobs there are."""

import json
from functools import partial
from pathlib import Path

import pytest

import emo.jobs
from emo.cli import run_job
from emo.config.enums import JobName
from emo.errors import EmoError
from emo.report.runs.extract_figures import blank
from emo.runs.job import Ready, Record, Report, Result, artifacts, ensure_run
from emo.runs.plan import make_plan
from emo.tracking import Tracker
from tests.jobs.conftest import COMMON, runs


def dummy(config, seen, error=None):
    """A whole job: it counts the passages."""

    def compute(plan):
        seen.append("computed")
        if error is not None:
            raise error
        n = len(plan.stimuli.items)
        return n, Result(Report(f"{n} passages", {"passages": n}))

    plan = make_plan(config, lambda c, w, device, sha256: {"job": "dummy", "passages": sha256})
    record = Record("count.json", lambda path: int(path.read_text()), lambda n: Report(str(n), {}))
    return ensure_run(plan, record, lambda: Ready("dummy", partial(compute, plan)))


def test_a_dummy_job_needs_only_what_is_new_about_it(tiny_config):
    config, seen = tiny_config(), []
    made = dummy(config, seen)
    assert (made.record, made.outcome.status, seen) == (30, "finished", ["computed"])
    assert made.outcome.metrics == {"passages": 30}
    assert made.outcome.table == "30 passages"
    assert f"/runs/{made.run_id}?workflowType=machine_learning" in made.outcome.link
    run = Tracker(config).get(made.run_id)
    assert (run.info.run_name, run.info.status) == ("dummy", "FINISHED")
    assert run.data.metrics == {"chosen on the same texts/passages": 30}
    answer, page, _, text = run.data.tags["mlflow.note.content"].split("\n\n")
    assert (answer, text) == ("**30 passages**", "```\n30 passages\n```")
    assert page.startswith("[The page of this run](") and page.endswith("/artifacts/run.html)")
    assert run.data.tags["fingerprint"] == made.outcome.fingerprint
    assert run.data.params["model.source"] == "tiny"


def test_its_artifacts_are_those_that_were_written(tiny_config):
    config = tiny_config()
    outcome = dummy(config, []).outcome
    assert set(outcome.artifacts) == {"count.json", *COMMON}
    for address in outcome.artifacts.values():
        assert Path(address.removeprefix("file://")).stat().st_size > 0


def test_the_second_call_finds_the_first_with_the_same_artifacts(tiny_config):
    config, seen = tiny_config(), []
    first, second = dummy(config, seen), dummy(config, seen)
    assert seen == ["computed"]
    assert second.outcome.status == "reused"
    assert (second.run_id, second.record) == (first.run_id, first.record)
    assert second.outcome.artifacts == first.outcome.artifacts
    assert dummy(tiny_config("force=true"), seen).run_id != first.run_id


def test_a_run_of_before_checksums_lists_what_the_store_has(tiny_config):
    config = tiny_config()
    first = dummy(config, [])
    tracker = Tracker(config)
    tracker.client.delete_tag(first.run_id, "checksums")
    assert set(dummy(config, []).outcome.artifacts) == {*first.outcome.artifacts, "checksums.json"}


def test_a_failed_run_is_recorded_with_its_reason_and_not_found_again(tiny_config):
    config, seen = tiny_config(), []
    with pytest.raises(EmoError, match="no passages"):
        dummy(config, seen, EmoError("no passages"))
    (run,) = runs(config)
    assert (run.info.status, run.data.tags["error"]) == ("FAILED", "no passages")
    assert dummy(config, seen).outcome.status == "finished"


def test_what_is_refused_while_it_prepares_opens_no_run(tiny_config):
    config = tiny_config()

    def refuse():
        raise EmoError("refused")

    record = Record("count.json", json.loads, lambda _: Report("", {}))
    with pytest.raises(EmoError, match="refused"):
        ensure_run(make_plan(config), record, refuse)
    assert runs(config) == []


def test_figures_files_and_everything_else_a_result_may_have(tiny_config):
    config = tiny_config()
    plan = make_plan(config)
    result = Result(
        Report("text", {"regime": "surgical", "best": 1.0}, "  two texts"),
        write=lambda folder: (folder / "table.csv").write_text("a\n"),
        figures={"table": lambda: blank(2, 1)},
        metrics={"texts": 2, "unknown": None},
        curves={"curve_curve": [1.0, 2.0]},
        tags={"regime": "surgical"},
        dataset=("prompts", "abc", "p.yaml"),
    )
    record = Record("count.json", json.loads, lambda _: Report("", {}))
    ready = Ready("whole", lambda: (3, result), {"backend": "all"})
    outcome = ensure_run(plan, record, lambda: ready).outcome
    assert set(outcome.artifacts) == {
        "count.json",
        "table.csv",
        "table.png",
        "table.svg",
        "table.pdf",
        *COMMON,
    }
    assert outcome.table.splitlines()[:2] == ["text", "  two texts"]
    run = Tracker(config).get(outcome.run_id)
    numbers = {"best": 1, "texts": 2}
    assert run.data.metrics == {
        **{f"chosen on the same texts/{name}": value for name, value in numbers.items()},
        "over layers/curve": 2,
    }
    assert (run.data.tags["regime"], run.data.tags["backend"]) == ("surgical", "all")
    assert run.inputs.dataset_inputs[0].dataset.name == "prompts"


def test_the_description_shows_the_first_figure_and_the_page_of_the_run(tiny_config):
    config = tiny_config()
    plan = make_plan(config)
    figures = {"first": lambda: blank(2, 1), "second": lambda: blank(2, 1)}
    report = Report("text", {"rho": 0.5}, answer="They agree.")
    write = lambda folder: (folder / "run.html").write_text("a page")  # noqa: E731
    result = Result(report, write=write, figures=figures)
    record = Record("count.json", json.loads, lambda _: Report("", {}))
    run_id = ensure_run(plan, record, lambda: Ready("whole", lambda: (3, result))).run_id
    note = Tracker(config).get(run_id).data.tags["mlflow.note.content"]
    assert note.startswith("**They agree.**\n\n")
    assert f"](get-artifact?path=figures/first.png&run_uuid={run_id})" in note
    assert f"/runs/{run_id}/artifacts/run.html)" in note
    assert "| rho | 0.5 |" in note and "⟨" not in note


def test_pictures_of_single_layers_are_no_artifacts_that_a_job_lists():
    assert artifacts("file:///r", ["images/by layer~rdm+step+0.png", "a.csv"]) == {
        "a.csv": "file:///r/a.csv"
    }


def test_files_of_one_name_are_told_apart_by_their_folders():
    listed = artifacts(
        "file:///r", ["report.html", "tables/a.csv", "figures/a.csv", "figures/b.png"]
    )
    assert listed == {
        "report.html": "file:///r/report.html",
        "tables/a.csv": "file:///r/tables/a.csv",
        "figures/a.csv": "file:///r/figures/a.csv",
        "b.png": "file:///r/figures/b.png",
    }


def test_the_folder_of_jobs_holds_the_options_of_job_and_each_is_short():
    files = {p.stem: p for p in Path(emo.jobs.__file__).parent.glob("*.py") if p.stem != "__init__"}
    assert set(files) == {job.value for job in JobName}
    long = {n: len(p.read_text().splitlines()) for n, p in files.items()}
    assert {n: lines for n, lines in long.items() if lines >= 150} == {}


@pytest.mark.slow
def test_a_summary_lists_its_report_tables_and_figures(tiny_config):
    assert run_job(tiny_config()).error is None
    outcome = run_job(tiny_config("job=summarize", "job.summarize.permutations=20"))
    assert {"summary.html", "tables.md", "config.json"} <= set(outcome.artifacts)
    assert outcome.table.splitlines()[-1].startswith("  report ")
    for address in outcome.artifacts.values():
        assert Path(address.removeprefix("file://")).is_file()
