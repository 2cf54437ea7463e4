"""Every job that logs a run gives it a page: whole, self-contained, with an answer that it reports."""

import html
import re
from dataclasses import replace

import numpy as np
import pytest

from emo.cli import run_job
from emo.config.enums import JobName
from emo.report.pages.page import NUMBERS
from emo.runs.job import NO_PASSES
from emo.tracking import Tracker

TALK = "job.behave.max_new_tokens"
SMALL = "subparams.max_new_tokens=12"
COMMANDS = {
    JobName.extract: ((), ("method=generation", SMALL, "subparams.samples=2")),
    JobName.steer: (("job=steer", "job.steer.strengths=[0.5]", "job.steer.max_new_tokens=6"),),
    JobName.ablate: (("job=ablate", "job.ablate.tokens=[24,12]", "job.ablate.samples=[2,1]"),),
    JobName.precision: (("job=precision", "job.precision.precisions=[fp32,bf16]"),),
    JobName.equivalence: (("job=equivalence",),),
    JobName.axes: (("job=axes", "job.axes.permutations=99"),),
    JobName.methods: (
        (
            *("job=methods", "job.methods.readouts=[last]", "job.methods.positions=[last]"),
            *("job.methods.estimators=[mean_difference,lda]", SMALL, "subparams.samples=2"),
        ),
    ),
    JobName.sensitivity: (("job=sensitivity",),),
    JobName.read: (("job=read", "text=I can't believe it"),),
    JobName.behave: (
        (
            *("job=behave", "behave=full", "job.behave.facts=[mona_lisa]", "job.behave.gate=0"),
            *(f"{TALK}=6", "job.behave.constraints=[no_the]", "job.behave.task_tokens=6"),
        ),
    ),
    JobName.validate: (
        ("job=validate", "job.validate.permutations=99", "job.validate.max_new_tokens=4"),
    ),
    JobName("import"): (("job=import",),),
}
"""What each job is run with here."""
WITHOUT = {JobName.summarize, JobName.sync, JobName.export, JobName.ui, JobName.bundle}
"""Jobs that log no run, or one whose page is its report."""
NORMS = "word,valence,arousal\n" + "".join(
    f"{w},{2 + i},{7 - i % 3}\n" for i, w in enumerate(("afraid", "sad", "proud", "calm", "happy"))
)


def test_every_job_is_here_or_has_no_page():
    assert set(COMMANDS) | WITHOUT == set(JobName)


def check(page, run_id):
    assert run_id in page
    assert "page of this run could not be made" not in page
    addresses = re.findall(r"""(?:src|href)\s*=\s*["']?([^"'\s>]*)""", page)
    assert all(a.startswith(("data:", "#")) for a in addresses)
    assert len(page) < 2_000_000
    assert NUMBERS in page
    (answer,) = re.findall(r'id="answer">([^<]+)</p>', page)
    assert len(answer) > 40
    assert page.count("<section ") == page.count("</section>") >= 1
    return html.unescape(answer)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("job", "words"), [(job, words) for job, each in COMMANDS.items() for words in each]
)
def test_every_run_has_a_page(tiny_config, study_config, scenarios, tmp_path, job, words):
    (tmp_path / "norms.csv").write_text(NORMS)
    np.savez(tmp_path / "vectors.npz", calm=np.eye(4, 128), sad=np.eye(4, 128, 4))
    more = {
        JobName.steer: (f"job.steer.scenarios_path={scenarios}",),
        JobName.axes: (f"norms.path={tmp_path / 'norms.csv'}",),
        JobName("import"): (f"job.import.path={tmp_path / 'vectors.npz'}",),
    }.get(job, ())
    objective = "job.sensitivity.objectives=[reliability]"
    study = job is JobName.sensitivity
    space = {"samples": [4, 2], "position": ["mid", "last"]}
    config = study_config(objective, n=4, space=space) if study else tiny_config(*words, *more)
    outcome = run_job(replace(config, force=False))
    assert outcome.error is None
    page = Tracker(config).artifact(outcome.run_id, "run.html").read_text()
    check(page, outcome.run_id)


def test_the_page_and_the_report_have_one_answer_whether_made_or_reused(tiny_config):
    from emo.pipeline import comprehension

    config = tiny_config()
    made = comprehension.run(config)
    page = Tracker(config).artifact(made.run_id, "run.html").read_text()
    plan = comprehension.make_plan(config)
    report = comprehension._report(plan, made.record, NO_PASSES)
    assert check(page, made.run_id) == report.answer
    assert report.answer.startswith("The weights are random")


@pytest.fixture
def scenarios(tmp_path):
    path = tmp_path / "scenarios.yaml"
    path.write_text("- {id: one, mood: flat, emotion: calm, text: Nobody had come and she}\n")
    return path
