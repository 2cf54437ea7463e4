"""What an experiment's file sets holds, and the command line has the last word."""

import yaml
from hydra.core.global_hydra import GlobalHydra

from emo.config.conf_folder import CONF
from emo.config.resolve import compose
from emo.config.schema import canonical


def test_every_value_of_an_experiments_file_is_the_configs():
    """The fields of config.yaml, such as resampling, must not win over the experiment's."""
    for path in (CONF / "experiment").glob("*.yaml"):
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
        values = {k: v for k, v in values.items() if k not in ("defaults", "hydra")}
        config = canonical(compose(f"experiment={path.stem}"))
        assert _held(values, config), path.stem
    assert not GlobalHydra.instance().is_initialized()


def _held(values, config):
    if isinstance(values, dict):
        return all(_held(value, config[name]) for name, value in values.items())
    return values == config


def test_the_command_line_has_the_last_word():
    config = compose("experiment=methods", "resampling.n_splits=33", "subparams.samples=2")
    assert (config.resampling.n_splits, config.subparams.samples) == (33, 2)
    assert config.resampling.n_bootstrap == 100
