"""The passages are what the table says of them, and the table shows what was measured."""

import pytest

from benchmarks import large_sets
from benchmarks.large_sets import EMOTIONS, IN_A_CELL, Used, render, write_passages
from emo.stimuli.loading import load_stimuli


@pytest.mark.parametrize("situations", [True, False])
def test_passages_differ_and_are_balanced(tmp_path, situations):
    path = tmp_path / "p.csv"
    write_passages(path, 400, situations)
    stimuli = load_stimuli(path)
    assert len({p.text for p in stimuli.items}) == 400
    assert stimuli.emotions == tuple(EMOTIONS)
    cells = [(p.emotion, p.situation) for p in stimuli.items]
    each = IN_A_CELL if situations else 400 // len(EMOTIONS)
    assert {cells.count(cell) for cell in cells} == {each}
    assert not stimuli.warnings


def test_memory_is_the_peak_over_passages():
    text = render([Used(2_000, False, 20 << 20, 12.4), Used(1_000, True, 1 << 20, 1.6)], ())
    assert "| 2,000 | no | 20 | 10.2 | 12 |" in text
    assert "| 1,000 | yes | 1 | 1.0 | 2 |" in text
    assert "the default resampling" in text
    assert "and a=1" in render([], ["a=1"])


def test_too_small_a_set_is_refused(capsys):
    with pytest.raises(SystemExit):
        large_sets.main(["--passages", "2000", "10"])
    assert "at least 200" in capsys.readouterr().err
