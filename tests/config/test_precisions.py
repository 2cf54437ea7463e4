"""The contract of every precision: its row, its option, and what loads it."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
import yaml

from emo.config import precisions
from emo.config.enums import FloatFormat, PrecisionName
from emo.config.jobs import JobConfig
from emo.config.precisions import TRAITS, Engine, Traits, labels, unquantised
from emo.config.resolve import compose
from emo.config.schema import PrecisionConfig
from emo.core.compare.readers import ROUNDOFF
from emo.errors import ConfigError
from emo.models import quantised

CONF = Path(__file__).parents[2] / "conf"

each_precision = pytest.mark.parametrize("name", PrecisionName)


def test_every_precision_has_a_row_and_an_option():
    assert set(TRAITS) == set(PrecisionName)
    assert {path.stem for path in (CONF / "precision").glob("*.yaml")} == set(PrecisionName)


def test_lists_of_precisions_are_the_table():
    raw = yaml.safe_load((CONF / "job" / "precision.yaml").read_text())
    assert raw["precision"]["precisions"] == list(PrecisionName)
    assert JobConfig().precision.precisions == list(PrecisionName)
    assert unquantised() == ("fp32", "bf16", "fp16")
    assert list(labels()) == [*PrecisionName, "int8_alone", "int8_shared"]


@each_precision
def test_a_precision_composes_with_the_settings_of_its_option(name):
    config = compose(f"precision={name}").precision
    assert config == PrecisionConfig(name)
    assert config.label in labels()
    assert labels()[config.label] is config.traits
    assert config.compute_dtype in FloatFormat
    assert config.compute_dtype.value in ROUNDOFF
    assert config.settings()["name"] == name.value
    assert (config.traits.format is None) == config.quantised
    assert bool(config.traits.group) == config.quantised


@each_precision
def test_a_precision_is_loaded_by_its_own_engine(name):
    config = PrecisionConfig(name)
    match config.traits.engine:
        case Engine.plain:
            with pytest.raises(ValueError, match=f"precision={name} is not quantised"):
                quantised.quantisation(config, torch.float32)
        case Engine.llm_int8:
            assert quantised.quantisation(config, torch.float16).load_in_8bit
        case Engine.bnb_4bit:
            made = quantised.quantisation(config, torch.bfloat16)
            assert made.load_in_4bit
            assert made.bnb_4bit_quant_type == name


@each_precision
def test_where_a_precision_runs_is_checked_before_anything_is_loaded(name):
    config = PrecisionConfig(name)
    quantised.check(config, "cpu")
    if config.quantised:
        for device, hooked in (("mps", False), ("cpu", True)):
            with pytest.raises(ConfigError, match="allowed is fp32, bf16, fp16"):
                quantised.check(config, device, hooked)


@each_precision
def test_texts_are_read_together_unless_int8_is_asked_to_read_them_alone(name):
    config = compose(f"precision={name}")
    assert not config.precision.alone
    assert (config.batch_size, config.decode_batch_size) == (16, 64)
    has_variants = name in precisions.names_with_variants()
    assert has_variants == (not config.precision.causal) == config.precision.batched
    for setting, variant, columns in (
        ("batched=false", "alone", "own"),
        ("columns=shared", "shared", "shared"),
    ):
        other = compose(f"precision={name}", f"precision.int8.{setting}")
        assert other.precision.label == (f"{name}_{variant}" if has_variants else name)
        assert other.precision.columns == (columns if has_variants else "own")
        assert other.precision.alone == (other.batch_size == 1) == (other.decode_batch_size == 1)
        assert other.precision.alone == (has_variants and variant == "alone")


@each_precision
def test_moved_inputs_are_another_precision_with_the_same_traits(name):
    plain = PrecisionConfig(name)
    moved = replace(plain, nudge=3)
    assert moved.label == f"{name}_nudge3"
    assert moved.settings() == {**plain.settings(), "nudge": 3}
    assert "nudge" not in plain.settings()
    assert precisions.as_read(moved.label) == plain.label
    assert precisions.traits_of(moved.label) is precisions.traits_of(plain.label) is plain.traits
    assert precisions.traits_of("fp12_nudge3") is None


def test_texts_of_another_precision_are_written_from_inputs_that_are_not_moved():
    words = ["method=generation", "precision=int8", "precision.nudge=0"]
    assert compose(*words).text_config().precision.nudge == 0
    writer = compose(*words, "subparams.texts_from=fp16").text_config().precision
    assert (writer.name, writer.nudge) == (PrecisionName.fp16, None)


@pytest.mark.parametrize(
    ("overrides", "where"),
    [
        (("job=steer",), "job=steer"),
        (("job=equivalence",), "job=equivalence"),
        (("job=summarize",), "job=summarize"),
        (("job=ablate", "method=generation"), "method=generation"),
    ],
)
def test_moved_inputs_are_refused_where_nothing_reads_them(overrides, where):
    with pytest.raises(ConfigError) as refused:
        compose("precision.nudge=0", *overrides)
    assert str(refused.value) == (
        f"precision.nudge=0: allowed is null with {where}; job=extract reads moved inputs, "
        "job=precision with job.precision.nudge"
    )


def test_an_engine_that_nobody_loads_is_refused(monkeypatch):
    """It is not sent to the 4-bit weights of bitsandbytes, as a precision of its own name would be."""
    monkeypatch.setitem(TRAITS, PrecisionName.nf4, replace(precisions.FOUR_BIT, engine="torchao"))
    with pytest.raises(AssertionError, match="torchao"):
        quantised.quantisation(PrecisionConfig(PrecisionName.nf4), torch.bfloat16)


def test_a_further_precision_is_one_row(monkeypatch):
    """A dummy in the place of a member: labels, selection's words and messages follow the row."""
    row = Traits(Engine.plain, FloatFormat.bf16)
    monkeypatch.setitem(TRAITS, PrecisionName.fp4, row)
    config = PrecisionConfig(PrecisionName.fp4)
    assert not config.quantised
    assert config.compute_dtype is FloatFormat.bf16
    assert config.settings() == {"name": "fp4"}
    assert "fp4" in unquantised()
    with pytest.raises(ConfigError, match="fp32, bf16, fp16, fp4 on mps"):
        quantised.check(PrecisionConfig(PrecisionName.int8), "mps")
