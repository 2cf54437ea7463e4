"""The parameters of a logged run make the config that it had."""

import pytest

from emo.config.enums import PrecisionName, Source
from emo.config.logged import NOT_READ, config_of
from emo.config.resolve import compose
from emo.config.schema import RunConfig
from emo.runs.metadata import params


@pytest.mark.parametrize(
    "overrides",
    [
        (),
        ("model=mistral7b", "precision=int8", "precision.int8.batched=false"),
        ("model=tiny", "model.tiny.seed=3", "model.thinking=false", "model.size_b=1.5"),
        ("method=generation", "subparams=loose", "subparams.texts_from=fp16", "seed=7"),
        ("method.readout=suffix", "vectors.remove=situation", "stimuli.columns={text: it said}"),
        ("model=hub", "model.id=None", "model.revision=0123"),
    ],
)
def test_a_config_comes_back_from_its_parameters(overrides):
    config = compose(*overrides)
    read = config_of(params(config))
    for name in vars(config):
        if name not in NOT_READ:
            assert getattr(read, name) == getattr(config, name)


def test_an_older_run_has_the_defaults_of_fields_it_did_not_log():
    assert config_of({}) == RunConfig()
    old = config_of(
        {"model.source": "tiny", "gone.field": "x", "job.gone": "[1", "vectors.old": "y"}
    )
    assert old.model.source is Source.tiny
    assert old.subparams.texts_from is None
    assert old.vectors == RunConfig().vectors


def test_values_are_typed():
    config = config_of(
        {"subparams.texts_from": "fp16", "model.revision": "None", "subparams.unit_norm": "False"}
    )
    assert config.subparams.texts_from is PrecisionName.fp16
    assert config.model.revision is None
    assert config.subparams.unit_norm is False


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("vectors.projection", "gone"),
        ("subparams.samples", "many"),
        ("subparams.unit_norm", "true"),
        ("subparams.unit_norm", "None"),
    ],
)
def test_a_value_that_its_field_cannot_have_is_named(name, value):
    with pytest.raises(ValueError, match=f"{name}={value} is no value of it"):
        config_of({name: value})
