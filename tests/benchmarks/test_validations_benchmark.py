"""The benchmark of lens and long texts runs on a tiny model, and its ratios are those of its seconds."""

import re

import pytest

from benchmarks.validations import Work, main, section


def test_ratios_are_over_the_bare_pass_and_aims_are_judged():
    works = [Work(name, lambda: None, seconds) for name, seconds in (("bare", [2.0]), ("a", [3.0]))]
    text = section([*works, Work("lens", lambda: None, [9.0, 11.0, 9.5])], "m", 1000, "a machine")
    assert "| a at all layers | 3.00 | 1.50 | at most 1.3 times | no |" in text
    assert "| lens at all layers | 9.50 | 4.75 | under 10 s | yes |" in text


@pytest.mark.slow
def test_it_measures_a_tiny_model(capsys):
    words = "--model tiny --tokens 60 --vectors 5 --lens 3 --rounds 1 --print-only"
    main(words.split())
    printed = capsys.readouterr().out
    assert len(re.findall(r"\| (?:yes|no) \|", printed)) == 2 and "67 tokens" in printed
