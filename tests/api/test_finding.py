"""Runs found by id, by what their id begins with, by tag; nothing is made where nothing is."""

import pandas
import pytest

import emo
from emo.errors import ConfigError, TrackingError


@pytest.fixture(scope="module")
def all_runs(read, wrote, steered):
    return {run.run_id for run in (read, wrote, steered)}


@pytest.mark.slow
def test_runs_are_listed_newest_first_and_by_tag(project, all_runs, read, wrote, steered):
    found = emo.runs(root=project)
    assert {run.run_id for run in found} >= all_runs
    assert [run.started for run in found] == sorted((r.started for r in found), reverse=True)
    assert [run.run_id for run in emo.runs(root=project, job="steer")] == [steered.run_id]
    (only,) = emo.runs(root=project, job="extract", method="generation")
    assert only.run_id == wrote.run_id
    assert isinstance(found[:2], emo.Runs) and len(found[:2]) == 2


@pytest.mark.slow
def test_the_table_of_runs_has_their_tags(project, all_runs, wrote):
    frame = emo.runs(root=project).to_frame()
    assert isinstance(frame, pandas.DataFrame)
    row = frame.set_index("run").loc[wrote.run_id]
    assert (row["method"], row["model"]) == ("generation", "tiny")
    assert str(row["started"].tz) == "UTC"
    assert wrote.run_id[:8] in emo.runs(root=project)._repr_html_()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("tags", "words"),
    [
        ({"modle": "tiny"}, r"modle=tiny: allowed is a tag of the runs.*did you mean model"),
        ({"model": "tinny"}, r"model=tinny: allowed is one of tiny \(did you mean tiny\?\)"),
        ({"job": "steer' or 1=1 --"}, "job=steer' or 1=1 --: allowed is one of extract"),
    ],
)
def test_a_tag_that_no_run_has_is_refused(project, all_runs, tags, words):
    with pytest.raises(ConfigError, match=words):
        emo.runs(root=project, **tags)


@pytest.mark.slow
def test_the_first_characters_of_an_id_and_latest_are_enough(project, all_runs, read, wrote):
    assert emo.load_run(read.run_id[:8], root=project).run_id == read.run_id
    newest = max((read, wrote), key=lambda run: run.started)
    assert emo.load_run("latest", root=project).run_id == newest.run_id


CALLS = (lambda root: emo.runs(root=root), lambda root: emo.load_run("latest", root=root))


@pytest.mark.slow
@pytest.mark.parametrize("call", CALLS)
def test_a_folder_without_runs_is_named_and_nothing_is_made_in_it(tmp_path, call):
    with pytest.raises(TrackingError, match="no runs yet") as refused:
        call(tmp_path)
    assert str(tmp_path) in str(refused.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_job_is_run_as_on_the_command_line(project, read, make):
    words = f"model=tiny stimuli.path={project / 'small.csv'}"
    few = ("resampling.n_splits=8 resampling.n_bootstrap=8", "resampling.splits_per_replicate=2")
    again = emo.run(words, *few, "resampling.n_permutations=9", root=project)
    assert again.run_id == read.run_id


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("model=tinny",), "model=tinny: allowed is .*did you mean tiny"),
        (("model=tiny", 5), "override=5: allowed is a text"),
        (("model='tiny",), "override=.*: allowed is words with closed quotes"),
        (("-m model=tiny,gpt2",), "override=-m: allowed is one run"),
    ],
)
def test_words_that_cannot_be_meant_are_refused_and_nothing_is_made(tmp_path, words, message):
    with pytest.raises(ConfigError, match=message):
        emo.run(*words, root=tmp_path)
    assert list(tmp_path.iterdir()) == []
