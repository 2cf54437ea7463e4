"""Errors of Hydra and OmegaConf that no check of ours has foreseen, in one line."""

import pytest
from hydra.errors import ConfigCompositionException, HydraException, InstantiationException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from emo.config.hydra_errors import explained
from emo.config.schema import RunConfig


def caught(function):
    try:
        function()
    except OmegaConfBaseException as error:
        return error
    raise AssertionError("no error")


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (HydraException("one\n\n two \n    full_key: x"), "one; two"),
        (HydraException(""), "HydraException"),
        (ConfigCompositionException("see\nSee https://hydra.cc/docs"), "see"),
        (InstantiationException("at https://me:hunter2@host\nfull_key: a"), "at https://host"),
    ],
)
def test_lines_without_a_meaning_are_left_out(error, line):
    assert str(explained(error)) == line


def test_a_wrong_value_in_a_file_is_named_with_what_is_allowed():
    node = OmegaConf.structured(RunConfig)
    OmegaConf.set_readonly(node, False)
    error = caught(lambda: OmegaConf.merge(node, {"seed": "many"}))
    assert str(explained(error)) == "seed=many: allowed is a whole number"
    error = caught(lambda: OmegaConf.merge(node, {"resampling": {"halves": 3}}))
    assert str(explained(error)).startswith("resampling.halves: no such parameter")


@pytest.mark.parametrize("name", ["a", "b.c", "hydra.run.dir", "d"])
def test_a_reference_is_named_as_it_was_written(name):
    config = OmegaConf.create(
        {
            "a": "${none}",
            "b": {"c": "${none}"},
            "hydra": {"run": {"dir": "${none}"}},
            "d": ["${none}"],
        }
    )
    OmegaConf.set_struct(config, True)
    key = f"{name}[0]" if name == "d" else name
    line = str(explained(caught(lambda: OmegaConf.select(config, key))))
    assert line.startswith(f"{key}=${{")
    assert "'none' not found" in line


def test_a_launcher_that_is_not_installed_is_answered_with_its_extra():
    from hydra.errors import MissingConfigException

    error = MissingConfigException("m", "hydra/launcher/ray_aws", ["basic"])
    assert str(explained(error)).endswith("pip install -c constraints.txt -e '.[ray]'")
    error = MissingConfigException("m", "stimuli/crosed", ["_x", "crossed"])
    assert str(explained(error)) == "stimuli=crosed: allowed is crossed (did you mean crossed?)"
