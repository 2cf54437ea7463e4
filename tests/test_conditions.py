"""The table of conditions: one row makes, names and recognises a condition everywhere."""

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from emo import conditions
from emo.conditions import CONDITIONS, ConditionRow, condition_config, names, overrides, recognise
from emo.config.enums import JobName, MethodName, PrecisionName
from emo.config.resolve import compose
from emo.core.conditions.four_layer import CONTRASTS, FORCED, HALVES, NUDGED, REPLICATES
from emo.errors import ConfigError
from emo.runs.listing import RunListing
from emo.runs.metadata import params
from emo.runs.versions import versions
from emo.summary.commands import command
from emo.summary.selection import Wanted, select

CONF = Path(__file__).parents[1] / "conf"


def listed(config, run_id="r", **tags):
    """A run of a config as the store lists it."""
    generation = config.method.name is MethodName.generation
    base = {
        "model": "m",
        "model_id": "org/m",
        "revision": "r1",
        "method": config.method.name.value,
        "precision": config.precision.label,
        "stimuli_sha256": "s" * 64,
        "prompts_sha256": "p",
        "condition": recognise(config).name,
        "teacher_forced": "true" if conditions._forced(config) else "false",
        "versions": versions(generation, not config.precision.causal),
    }
    return RunListing(run_id, "FINISHED", 1, base | tags, params(config))


def test_the_core_compares_conditions_of_the_table():
    compared = {name for contrast in CONTRASTS for name in (contrast.a, contrast.b)}
    assert compared <= set(names())
    replicated = {**REPLICATES, **NUDGED}
    assert {FORCED, *HALVES, *replicated, *replicated.values()} <= set(names())
    assert len(set(names())) == len(CONDITIONS)


def test_the_experiment_makes_all_conditions_of_the_table():
    (job,) = yaml.safe_load((CONF / "experiment" / "four_layer.yaml").read_text())["job"].values()
    assert sorted(job["make"]) == sorted(names())


@pytest.mark.parametrize("row", CONDITIONS, ids=lambda row: row.name)
def test_a_condition_is_recognised_in_its_config_its_command_and_its_listing(row):
    config = compose("model=tiny", "precision=bf16")
    made = condition_config(row.name, config)
    composed = compose("model=tiny", *overrides(row.name, "bf16").split())
    assert replace(made, root=composed.root) == composed
    assert recognise(made).name == row.logged_as
    assert listed(made).condition == row.name
    line = command(row.name, listed(config), "bf16")
    assert line == f"python launch.py model=tiny {overrides(row.name, 'bf16')}"


def test_another_seed_is_a_replicate_of_b_too():
    config = compose("method=generation", "subparams=loose", "subparams.seed=9")
    assert recognise(config) == conditions.Recognised("B'", "B with seed 9")
    assert listed(config).condition == "B'"


@pytest.mark.parametrize(
    ("overrides", "name", "note"),
    [
        ("precision=int8", "D'", "D with inputs moved by one unit in the last place"),
        (
            "precision=int8 subparams.texts_from=fp16",
            "D'",
            "D forced with inputs moved by one unit in the last place",
        ),
        (
            "precision=int8 precision.int8.columns=shared",
            "D'",
            "D with inputs moved by one unit in the last place; a variant: texts in a batch change "
            "each other",
        ),
    ],
)
def test_moved_inputs_by_any_seed_are_a_replicate_of_d(overrides, name, note):
    config = compose("method=generation", *overrides.split(), "precision.nudge=7")
    assert recognise(config) == conditions.Recognised(name, note)


def test_moved_inputs_make_no_other_condition():
    for words in ("method=generation precision=fp16", "precision=fp16"):
        config = compose(*words.split(), "precision.nudge=0")
        recognised = recognise(config)
        assert recognised.name == conditions.NONE
        assert "inputs are moved by one unit in the last place" in recognised.note
        assert condition_config("A", config) == condition_config("A", compose("precision=fp16"))


def test_what_is_no_condition_is_refused_by_name():
    with pytest.raises(
        ConfigError,
        match=r"=E: allowed is A, B, B', C, C' odd, C' even, D, D forced, D', D' forced",
    ):
        condition_config("E", compose("job=summarize"))


@pytest.fixture
def dummy(monkeypatch):
    """A further condition, as the next author would add it: one row."""
    row = ConditionRow("E", "matched", precision=PrecisionName.nf4)
    monkeypatch.setattr(conditions, "CONDITIONS", (*CONDITIONS, row))


def test_a_further_condition_is_one_row(dummy):
    config = compose("model=tiny", "job=summarize", "precision=fp16")
    made = condition_config("E", config)
    assert made.job.name is JobName.extract
    assert (made.subparams.name, made.precision.name) == ("matched", PrecisionName.nf4)
    assert recognise(made) == conditions.Recognised("E", "matched, nf4")
    assert listed(made).condition == "E"
    assert overrides("E", "fp16") == "method=generation subparams=matched precision=nf4"
    assert command("E", listed(made), "fp16").endswith(overrides("E", "fp16"))
    assert names()[-1] == "E"
    assert not conditions.in_common_precision("E")


def test_a_further_condition_is_selected_beside_the_others(dummy):
    config = compose("model=tiny", "precision=fp16")
    runs = [listed(condition_config(name, config), name) for name in names()]
    selection = select(runs, Wanted.by(config, "s" * 64))
    (by_condition,) = selection.conditions.values()
    assert {name: [r.run_id for r in group] for name, group in by_condition.items()} == {
        name: [name] for name in names()
    }
    assert selection.left_out == ()


def test_a_further_condition_has_its_place_in_what_a_run_of_none_says(dummy):
    fp4 = compose("method=generation", "precision=fp4")
    assert "from matched (C, D, E) it differs in nothing" in recognise(fp4).note
    loose = compose("method=generation", "subparams=loose", "precision=nf4")
    assert recognise(loose).note.endswith("B is not quantised, this is nf4")


def test_every_condition_is_said_in_words_of_its_own():
    words = {row.name: row.in_words for row in conditions.CONDITIONS}
    assert len(set(words.values())) == len(words)
    assert words["A"] == "the model reads passages"
    assert words["B'"] == "B with seed 1"
    assert words["C' odd"] == "C with the odd half of the templates"
    assert words["D"] == "the model writes, matched settings, in int8"
    assert words["D' forced"] == "D forced with inputs moved by one unit in the last place"
