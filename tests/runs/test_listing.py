"""What a listed run says of itself: typed, and with the defaults of its time."""

import pytest

from emo.config.resolve import compose
from emo.runs.listing import RunListing
from emo.runs.metadata import params


def listing(*overrides, **tags):
    return RunListing("0123456789", "FINISHED", 1, tags, params(compose(*overrides)))


def test_the_config_is_typed():
    run = listing(
        "model=tiny", "precision=int8", "method=generation", "subparams.prompts_path=a.yaml"
    )
    assert run.config.subparams.prompts_path == "a.yaml"
    assert run.random
    assert run.short == "01234567"


@pytest.mark.parametrize(
    ("label", "quantised", "causal"),
    [
        ("fp32", False, True),
        ("int8", True, False),
        ("int8_alone", True, False),
        ("int8_shared_nudge0", True, False),
        ("int8_batched", True, False),  # of earlier versions
        ("nf4", True, True),
        ("of a later version", True, True),
    ],
)
def test_the_precision_of_a_run_has_the_traits_of_the_table(label, quantised, causal):
    run = listing(precision=label)
    assert (run.quantised, run.causal) == (quantised, causal)


def test_parameters_that_make_no_config_are_told_and_the_run_still_has_a_name():
    run = RunListing("r", "FINISHED", 1, {"model": "m"}, {"model.source": "tiny", "seed": "x"})
    assert run.unreadable == "seed=x is no value of it"
    assert (run.random, run.model) == (True, "m")
    assert listing().unreadable == ""
