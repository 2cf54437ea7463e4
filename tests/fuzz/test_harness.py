"""The harness sees every fault that is planted, and passes a command that has none."""

from __future__ import annotations

import json
import os
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from tests.forked import Done, Project
from tests.fuzz.case import Case, May
from tests.fuzz.damage import (
    KINDS,
    json_texts,
    open_tensors,
    places,
    put,
    tensor_files,
    tensors,
    wrong_values,
)
from tests.fuzz.drawing import JSON, chance, drawn
from tests.fuzz.groups import command_line, overrides, passages, requests, sweeps, yaml_files
from tests.fuzz.judge import Result, Seen, difference, finished_faults, refusal_faults, said_faults
from tests.fuzz.place import Place, _result

GOOD = "error: seed=x: allowed is a whole number\n"
NOTHING = Seen((), {})
CASE = Case("one", (), ("seed",))


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    made = Place(tmp_path_factory.mktemp("fuzz"), whole=False)
    yield made
    made.close()


@pytest.fixture(scope="module")
def made():
    """Group -> its cases, of those that need no logged run."""
    groups = (overrides, command_line, requests, passages, yaml_files, sweeps)
    return {group: group.cases(None) for group in groups}


def planted(place, name, *arguments, **env):
    case = Case("planted", (), ("seed",), fresh=True, call=(name, arguments), env=env)
    return place.judge(case).faults


def test_a_refusal_of_one_line_passes(place):
    assert planted(place, "say", 1, GOOD) == ()
    assert planted(place, "say", 2, f"12:30:01 INFO    reading\n{GOOD}") == ()


@pytest.mark.parametrize(
    ("fault", "name", "arguments"),
    [
        ("traceback", "traceback", ()),
        ("accepted", "say", (0, "")),
        ("no error line", "say", (1, "it did not work\n")),
        ("error of 2 lines", "say", (1, f"{GOOD}and it is late\n")),
        ("error of 3 lines", "say", (1, f"{GOOD}  of these two\n  one too few\n")),
        ("2 error lines", "say", (1, GOOD + GOOD)),
        ("8 lines before the error", "say", (1, "a word\n" * 8 + GOOD)),
        ("does not name seed", "say", (1, "error: model=x: allowed is tiny\n")),
        ("raw words", "say", (1, "error: seed=x: KeyError: 'x' is not there\n")),
        ("does not say what is wrong", "say", (1, "error: seed=x: \n")),
        ("wrote new.txt", "write", ("new.txt",)),
        ("wrote mlruns, mlruns/new.txt", "write", ("mlruns/new.txt",)),
        ("wrote small.csv", "write", ("small.csv",)),
        ("CODE RAN", "ask", ()),
    ],
)
def test_a_planted_fault_is_seen(place, fault, name, arguments):
    faults = planted(place, name, *arguments)
    assert any(found.startswith(fault) for found in faults), faults


def test_what_is_left_in_the_temporary_folder_and_at_home_is_seen(place):
    home = place.new.temporary / "home"
    assert planted(place, "write", str(place.new.temporary / "left")) == ("wrote temporary/left",)
    assert planted(place, "write", str(home / "left")) == ("wrote temporary/home/left",)


def test_a_hang_is_seen_whether_it_waits_or_works(place):
    (fault,) = planted(place, "hang", FUZZ_WALL_S="1")
    assert fault.startswith("no end within")
    (fault,) = planted(place, "spin", FUZZ_WALL_S="1")
    assert fault.startswith("no end within")


def test_everything_is_put_back_after_a_case(place):
    def damage(root: Path) -> None:
        (root / "small.csv").unlink()
        os.mkfifo(root / "small.csv")

    before = (place.new.root / "small.csv").read_text()
    case = Case("one", (), ("seed",), damage, fresh=True, call=("say", (1, GOOD)))
    assert place.judge(case).faults == ()
    assert (place.new.root / "small.csv").read_text() == before


@pytest.mark.parametrize("kind", ["is a folder", "is a pipe", "is a link to nothing", "is gone"])
def test_a_folder_is_put_back_whatever_has_taken_its_place(tmp_path, kind):
    project = Project(tmp_path)
    put(project.root / "kept" / "inside" / "one", "1")
    saved = project.save()
    KINDS[kind](project.root / "kept", chance(kind))
    assert project.changes(saved)
    project.restore(saved)
    assert project.changes(saved, ignore=()) == []
    assert (project.root / "kept" / "inside" / "one").read_text() == "1"


def test_a_run_left_open_or_failed_is_a_fault():
    done = Done(1, "", GOOD, 0.1)
    for status in ("RUNNING", "FAILED"):
        assert refusal_faults(CASE, done, Seen((), {"r": status})) == [f"left a {status} run"]
    assert refusal_faults(CASE, done, Seen((), {"r": "FINISHED"})) == []


def test_locks_and_folders_that_hold_only_locks_may_be_written(place):
    assert planted(place, "write", ".cache/activations/locks/a.lock") == ()
    assert planted(place, "write", "mlruns/.create.lock") == ()
    (fault,) = planted(place, "write", "locks/a.lock/inside")
    assert fault == "wrote locks, locks/a.lock/inside"


def test_what_a_case_names_may_be_written():
    done, seen = Done(1, "", GOOD, 0.1), Seen(("out/a",), {})
    assert refusal_faults(CASE, done, seen) == ["wrote out/a"]
    assert refusal_faults(replace(CASE, writes=("out/*",)), done, seen) == []


def test_findings_of_a_stimulus_file_may_stand_below_each_other():
    listing = Case("one", (), ("stimuli.path",), listing=True)
    said = "error: stimuli.path=a.csv: \n" + "  line 3: text is empty\n" * 3
    assert said_faults(listing, said) == []
    assert said_faults(CASE, said)
    assert said_faults(listing, said + "  line 4: text is empty\n" * 30)


@pytest.mark.parametrize("value", [0.5, 0.5 + 1e-3])
def test_a_repair_is_one_of_the_same_numbers(value):
    case = Case("one", (), ("seed",), may=May.repair)
    done = Done(0, "", "", 0.1)
    wanted, found = Result({"rho": 0.5, "n": None}, {}), Result({"rho": value, "n": None}, {})
    faults = finished_faults(case, done, NOTHING, found, wanted)
    assert bool(faults) == (value != 0.5)
    assert finished_faults(case, done, NOTHING, Result({"rho": 0.5}, {}), wanted)
    assert finished_faults(case, done, NOTHING, None, wanted) == ["no result"]
    assert difference(Result({}, {"a.gguf": b"1"}), Result({}, {"a.gguf": b"2"}))


def test_what_is_left_out_has_to_be_named():
    case = Case("one", (), ("abc123",), may=May.leave_out)
    other, wanted = Result({"n": 1}, {}), Result({"n": 2}, {})
    assert finished_faults(case, Done(0, "without abc123", "", 0.1), NOTHING, other, wanted) == []
    assert finished_faults(case, Done(0, "", "", 0.1), NOTHING, other, wanted)


def test_the_table_of_what_is_left_out_is_read(tmp_path):
    (tmp_path / "left_out.csv").write_text("run,reason\nabc123,damaged\n")
    named = {"left_out.csv": str(tmp_path / "left_out.csv"), "fig1.svg": str(tmp_path / "fig1.svg")}
    done = Done(0, json.dumps({"metrics": {"n": 1}, "artifacts": named}), "", 0.1)
    found = _result(done)
    case = Case("one", (), ("abc123",), may=May.leave_out)
    assert found is not None
    assert finished_faults(case, done, NOTHING, found, Result({"n": 2}, {})) == []
    (tmp_path / "left_out.csv").write_text("run,reason\n")
    assert finished_faults(case, done, NOTHING, _result(done), Result({"n": 2}, {}))


def test_cases_are_the_same_in_every_session_and_have_names_of_their_own(made):
    for group, cases in made.items():
        assert len({case.name for case in cases}) == len(cases)
        if group is not overrides:  # takes a second; its values are drawn as these are
            assert [(c.name, c.args) for c in group.cases(None)] == [
                (c.name, c.args) for c in cases
            ]
    assert repr(drawn(JSON, 5, "a name")) == repr(drawn(JSON, 5, "a name"))
    assert chance("a").random() == chance("a").random() != chance("b").random()


def test_every_parameter_of_the_schema_is_tried(made):
    names = {parameter.name for parameter in overrides.parameters()} - set(overrides.OWN)
    tried = {case.named[0] for case in made[overrides]}
    anything = {"job.steer.layers", "job.behave.steer.layers", "job.read.layers"}  # see requests
    assert names - tried <= anything


def test_damaged_documents_differ_from_the_good_one_and_keep_the_rest():
    good = {"a": 1, "b": {"c": [0.5, "x"]}, "d": None}
    assert set(places(good)) >= {("a",), ("b", "c"), ("b", "c", 0), ("d",)}
    for _, wrong in wrong_values(good, 6, chance("documents")):
        assert wrong != good
        assert len(wrong) >= 2
    assert len(json_texts(good)) == len(set(map(str, json_texts(good).values())))


def test_tensor_files_are_all_damaged():
    header = {
        "__metadata__": {"labels": "{}"},
        "a": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
    }
    whole = tensors(header, bytes(24))
    assert open_tensors(whole) == (header, bytes(24))
    assert all(damaged != whole for damaged in tensor_files(whole).values())


QUICK = {
    overrides: ("resampling.n_splits=", "precision.name=", "seed='["),
    command_line: ("foo=1", "seed=${nothing}", "--nothing"),
    passages: ("two emotions", "UTF-32", "the file is a socket"),
    yaml_files: ("of an open bracket",),
    requests: ("paths.store=/dev/null",),
}
"""A few cases a group that need no logged run: they show that real commands are judged."""


@pytest.mark.slow
def test_a_few_cases_of_each_kind_are_judged(place, made):
    words = []
    for group, names in QUICK.items():
        cases = [next(c for c in made[group] if name in c.name) for name in names]
        for case in cases:
            quick = Case(
                case.name, case.args, case.named, case.damage, fresh=True, listing=case.listing
            )
            words.append(place.judge(quick).word)
    assert set(words) <= {"refused", "failed"}
    assert words.count("refused") >= len(words) // 2


def test_the_machine_lets_sockets_be_made():
    """Of the cases that need one; a place without would report them as failed."""
    with socket.socket(socket.AF_UNIX):
        pass
