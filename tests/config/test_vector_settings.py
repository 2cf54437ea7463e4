"""The table of what decides a run's vectors: complete, and a further row reaches every part."""

from dataclasses import fields, replace
from types import SimpleNamespace

import pytest

from emo.conditions import condition_config, recognise
from emo.config import vector_settings
from emo.config.enums import JobName, MethodName, Templates
from emo.config.resolve import compose
from emo.config.schema import MethodConfig, RunConfig, SubparamsConfig, VectorsConfig
from emo.config.vector_settings import VECTOR_SETTINGS, VectorSetting
from emo.errors import ConfigError
from emo.models.weights import Weights
from emo.pipeline.prerequisites import vector_tags
from emo.report.summary import methods
from emo.runs.identity import equivalence_identity, fingerprint, run_identity
from emo.runs.listing import RunListing
from emo.runs.metadata import params
from emo.runs.plan import Plan
from emo.runs.versions import versions
from emo.summary.commands import another_model
from emo.summary.published import model_claims
from emo.summary.selection import Wanted, select
from emo.summary.steering import steering_candidates

READER = (Weights("org/m", "r1", ""), "cpu", "s" * 64)
PLAIN = RunConfig()
OTHER = replace(PLAIN, subparams=SubparamsConfig(templates=Templates.odd))
"""Reading passages has no templates: the field stands in for one that does not exist yet."""


@pytest.fixture
def dummy(monkeypatch):
    """A third setting of vectors, as the next author would add it: one row."""
    row = VectorSetting(
        "subparams.templates",
        default="all",
        title={"all": "", "odd": "dummy odd"},
        methods=lambda value: f"a dummy was {value}" * (value != "all"),
        jobs=frozenset({JobName.extract}),
        because=", says the dummy",
    )
    monkeypatch.setattr(vector_settings, "VECTOR_SETTINGS", (*VECTOR_SETTINGS, row))
    return row


def listed(run_id, config, started=1, **tags):
    base = {
        "model": "m",
        "model_id": "org/m",
        "revision": "r1",
        "method": "comprehension",
        "precision": "fp32",
        "readout": "last",
        "stimuli_sha256": "s" * 64,
        "versions": versions(False, False),
    }
    return RunListing(run_id, "FINISHED", started, base | tags, params(config))


def test_every_field_of_the_groups_has_a_row():
    names = {f"vectors.{f.name}" for f in fields(VectorsConfig)}
    names |= {f"method.{f.name}" for f in fields(MethodConfig) if f.name != "name"}
    names |= {"precision.nudge", "stimuli.label"}
    assert {s.name for s in VECTOR_SETTINGS} == names


@pytest.mark.parametrize("setting", VECTOR_SETTINGS, ids=lambda s: s.name)
def test_a_row_is_true_of_the_config_and_has_words_for_every_value(setting):
    assert setting.value(RunConfig()) == setting.value(compose()) == setting.default
    field = vector_settings._get(RunConfig(), setting.name)
    for value in type(field) if hasattr(field, "value") else ["x", field]:
        group = getattr(PLAIN, setting.group)
        config = replace(PLAIN, **{setting.group: replace(group, **{setting.field: value})})
        assert isinstance(setting.title_of(config) + setting.methods_of(config), str)


def test_the_suffix_counts_only_where_it_is_read():
    assert "method.suffix" not in vector_settings.values_of(compose("method.suffix=x"))
    config = compose("method.readout=suffix", "method.suffix=x")
    assert vector_settings.values_of(config)["method.suffix"] == "x"
    assert [s.name for s in vector_settings.changed(config)] == ["method.readout", "method.suffix"]


def test_published_vectors_are_what_a_changed_config_goes_back_to():
    config = compose(
        "method.readout=mean", "vectors.remove=situation", "vectors.projection=z_score"
    )
    assert vector_settings.with_defaults(config) == compose()


def test_a_further_setting_is_in_the_identity_and_its_default_is_not(dummy):
    assert dummy.tag == "vectors_templates"
    for identity in (run_identity, equivalence_identity):
        before, now = (identity(c, *READER) for c in (PLAIN, OTHER))
        assert "subparams" not in before
        assert now["subparams"] == {"templates": "odd"}
        assert fingerprint(before) != fingerprint(now)


def test_runs_that_differ_in_a_further_setting_are_never_mixed(dummy):
    runs = [listed("plain", PLAIN), listed("other", OTHER, started=2)]
    for config, run_id, left in ((PLAIN, "plain", "other"), (OTHER, "other", "plain")):
        selection = select(runs, Wanted.by(config, "s" * 64))
        assert [r.run_id for r in selection.models["m"]] == [run_id]
        (left_out,) = selection.left_out
        assert left_out.run.run_id == left
        assert left_out.reason.startswith("subparams.templates=")


def test_steering_with_vectors_of_a_further_setting_is_not_shown_beside_others(dummy):
    used = {"plain": listed("plain", PLAIN), "other": listed("other", OTHER)}
    for config in (PLAIN, OTHER):
        source = SimpleNamespace(run_id="x", tags=used["plain"].tags, config=config)
        steering = listed("steer", PLAIN, vectors_run="gone", **vector_tags(source))
        shown = {
            name: bool(steering_candidates([steering], [run])[0]) for name, run in used.items()
        }
        assert shown == {"plain": config is PLAIN, "other": config is OTHER}


def test_a_further_setting_is_in_titles_commands_and_methods_text(dummy):
    provenance, stimuli = SimpleNamespace(), SimpleNamespace()
    titles = [Plan(c, stimuli, READER[0], "cpu", provenance).title for c in (PLAIN, OTHER)]
    assert [title.endswith("last token, dummy odd") for title in titles] == [False, True]
    assert another_model(OTHER) == "python launch.py model=NAME subparams.templates=odd"
    assert another_model(PLAIN) == "python launch.py model=NAME"
    summary = SimpleNamespace(config=OTHER, runs=(), models=())
    assert "a dummy was odd" in methods._comprehension(summary)
    assert "dummy" not in methods._comprehension(
        SimpleNamespace(**{**vars(summary), "config": PLAIN})
    )


def test_a_further_setting_is_refused_where_nothing_reads_it(dummy):
    assert compose("subparams.templates=odd").subparams.templates is Templates.odd
    for more in ("job=equivalence", "method=generation"):
        where = more.replace("method=gen", "method=gen")
        with pytest.raises(ConfigError) as error:
            compose("subparams.templates=odd", more)
        assert f"allowed is all with {where}, says the dummy" in str(error.value)


def test_a_further_setting_makes_a_run_no_condition_and_conditions_have_its_default(dummy):
    assert recognise(PLAIN).name == "A"
    assert recognise(OTHER).note == "subparams.templates=odd"
    untagged = [listed("r", config).condition for config in (PLAIN, OTHER)]
    assert untagged == ["A", None]
    assert condition_config("A", OTHER).subparams.templates is Templates.all


def test_nothing_published_is_claimed_of_a_further_setting(dummy):
    assert model_claims([], None, OTHER) == []
    assert condition_config("A", PLAIN).method.name is MethodName.comprehension
