"""Following a named command gives the settings of the run it was made like."""

import shlex
from dataclasses import replace

import pytest

from emo.conditions import names
from emo.config.resolve import compose
from emo.config.schema import ColumnsConfig, StimuliConfig, canonical
from emo.runs.listing import RunListing
from emo.runs.metadata import params
from emo.summary.commands import another_model, command

OTHER = {
    "hub": (
        "model=hub",
        "model.id=org/some-model",
        "model.revision=0123abc",
        "model.variant=instruct",
        "model.size_b=1.5",
        "model.family=some",
        "backend=hf",
        "backend.attention=sdpa",
        "backend.device=cpu",
        "backend.batch_size=4",
        "backend.decode_batch_size=5",
    ),
    "a folder": ("model=hub", "model.id='/my models/one, two'"),
    "an option": ("model=mistral7b", "model.revision=main"),
    "tiny": ("model=tiny", "model.tiny.architecture=gpt2", "model.tiny.hidden=64"),
}


def like(config):
    return RunListing("r", "FINISHED", 1, {"model": config.model.label}, params(config))


@pytest.mark.slow
@pytest.mark.parametrize("which", OTHER)
@pytest.mark.parametrize("name", names())
def test_the_command_has_model_backend_passages_and_prompts_of_the_run(which, name):
    config = compose(*OTHER[which])
    columns = ColumnsConfig(text="the story", situation="topic")
    stimuli = StimuliConfig("mine", "my texts.csv", "/data/neutral.yaml", columns)
    line = command(name, like(config), "bf16", stimuli, "own/prompts.yaml")
    got = compose(*shlex.split(line)[2:])
    assert got.model == config.model
    assert got.backend == config.backend
    assert replace(got.stimuli, name="mine") == stimuli
    assert got.subparams.prompts_path == (None if name == "A" else "own/prompts.yaml")


def test_nothing_is_added_that_is_usual():
    for option in ("smollm2_135m", "mistral7b", "gemma3_1b", "tiny"):
        line = command("C", like(compose(f"model={option}")), "fp16")
        want = f"model={option} method=generation subparams=matched precision=fp16"
        assert line == f"python launch.py {want}"
    assert canonical(compose("model=tiny").stimuli)["path"] is None


def test_the_command_for_another_model_has_the_passages_and_the_readout():
    assert another_model(compose("model=tiny")) == "python launch.py model=NAME"
    config = compose("model=tiny", "stimuli.path=a.csv", "stimuli.columns={text: it said}")
    line = another_model(config)
    got = compose(*shlex.split(line.replace("NAME", "tiny"))[2:])
    assert got.stimuli == config.stimuli
