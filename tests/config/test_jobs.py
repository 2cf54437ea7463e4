"""Settings of jobs: all under job.NAME, and names of earlier versions refused with the new ones."""

import dataclasses

import pytest

from emo.config import jobs
from emo.config.enums import JobName
from emo.config.jobs import MOVED, JobConfig, moved_to
from emo.config.parameters import hint_of, unknown
from emo.config.resolve import compose
from emo.config.schema import RunConfig
from emo.errors import UnknownParameter


def refused(*overrides):
    with pytest.raises(UnknownParameter) as caught:
        compose("model=tiny", *overrides)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_each_group_of_settings_has_the_name_of_its_job():
    groups = {f.name.rstrip("_") for f in dataclasses.fields(JobConfig)} - {"name"}
    assert groups <= {job.value for job in JobName}
    assert not {f.name for f in dataclasses.fields(RunConfig)} & {job.value for job in JobName} - {
        "precision"  # the group of the model's precision
    }


@pytest.mark.parametrize("old", MOVED)
def test_an_old_name_is_refused_with_the_new_one(old):
    for name in MOVED[old]:
        assert hint_of(name) is not None
    assert f"{old}: no such parameter any more: it is now {MOVED[old][0]}" in str(unknown(old))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("steer.run=abc", "job.steer.run;"),
        ("+export.folder=x", "job.export.folder;"),
        ("job.summary.make=[A]", "job.summarize.make;"),
        ("job.study.space.samples=[10]", "job.sensitivity.space.samples;"),
        ("job.emotions=4", "job.ablate.emotions or job.sensitivity.emotions;"),
    ],
)
def test_so_is_every_parameter_of_a_group_that_moved(old, new):
    assert f"no such parameter any more: it is now {new}" in refused(old)


def test_what_an_old_group_never_had_is_looked_for_in_the_new_one():
    assert "job.steer.strngth: no such parameter" in refused("steer.strngth=[1]")


def test_a_further_row_of_the_table_is_all_that_a_rename_takes(monkeypatch):
    monkeypatch.setitem(jobs.MOVED, "job.doses", ("job.steer.strengths",))
    assert moved_to("job.doses") == ("job.steer.strengths",)
    assert "it is now job.steer.strengths;" in refused("job.doses=[1]")
