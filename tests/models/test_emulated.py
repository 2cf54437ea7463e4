"""A format that the CPU emulates is named once, with what is faster."""

import logging

import pytest

from emo.config.enums import FloatFormat, PrecisionName
from emo.config.schema import FourBitConfig, PrecisionConfig
from emo.models import emulated

SLOW_FP16 = {FloatFormat.fp32: 1.0, FloatFormat.bf16: 0.7, FloatFormat.fp16: 4.7}


@pytest.fixture(autouse=True)
def planted(monkeypatch):
    monkeypatch.setattr(emulated, "slowdown", SLOW_FP16.__getitem__)
    emulated._once.cache_clear()


@pytest.mark.parametrize(
    ("name", "begins", "way_out"),
    [
        ("fp16", "precision=fp16, which this CPU emulates: ", "; precision=fp32 or bf16 is faster"),
        (
            "int8",
            "int8 computes what is not quantised in fp16, which",
            "; precision.int8.compute_dtype=fp32 or bf16 is faster",
        ),
    ],
)
def test_a_slow_format_is_named_with_its_cost_and_the_way_out(name, begins, way_out):
    line = emulated.emulation(PrecisionConfig(PrecisionName(name)))
    assert line.startswith(begins)
    assert "4.7 times as long as in fp32" in line
    assert way_out in line


@pytest.mark.parametrize("name", ["fp32", "bf16", "nf4"])
def test_nothing_is_said_of_formats_that_are_not_slow(name):
    assert emulated.emulation(PrecisionConfig(PrecisionName(name))) is None


def test_four_bit_weights_are_multiplied_in_their_compute_dtype():
    four_bit = FourBitConfig(FloatFormat.fp16)
    line = emulated.emulation(PrecisionConfig(PrecisionName.fp4, four_bit=four_bit))
    assert "precision.four_bit.compute_dtype=fp32 or bf16" in line


def test_it_is_said_once_a_process_and_not_on_a_gpu(caplog):
    caplog.set_level(logging.WARNING)
    for device in ("cuda", "cpu", "cpu"):
        emulated.warn_if_emulated(PrecisionConfig(PrecisionName.fp16), device)
    assert caplog.text.count("which this CPU emulates") == 1


def test_the_time_of_a_product_is_measured(monkeypatch):
    monkeypatch.undo()
    emulated.slowdown.cache_clear()
    assert emulated.slowdown(FloatFormat.fp32) < 10  # two times of one product, on a busy machine
    assert 0.05 < emulated.slowdown(FloatFormat.fp16) < 1000
