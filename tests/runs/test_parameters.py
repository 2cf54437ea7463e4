"""What a run lists as its parameters: what its job can use, and enough to know its config again."""

from dataclasses import replace

import pytest

from emo.config.logged import config_of
from emo.config.resolve import compose
from emo.config.schema import RunConfig
from emo.runs import identity
from emo.runs.metadata import params
from emo.runs.names import run_name


def settings(words):
    return compose(*words.split())


OTHERS = ("output", "root", "paths.", "tracking.")


@pytest.mark.parametrize(
    ("words", "there", "not_there"),
    [
        ("", {"method.readout"}, ("job.steer.", "subparams.", "norms.", "model.tiny.")),
        ("job=steer", {"job.steer.strengths"}, ("job.export.", "job.summarize.", "subparams.")),
        ("method=generation", {"subparams.samples"}, ("job.ablate.", "precision.int8.")),
        ("precision=int8", {"precision.int8.threshold"}, ("precision.four_bit.",)),
        ("model=tiny", {"model.tiny.hidden"}, ("job.sensitivity.",)),
        ("job=axes norms.path=x.csv", {"norms.path", "job.axes.components"}, ("job.steer.",)),
        ("job=precision", {"precision.int8.threshold", "job.precision.nudge"}, ("job.ablate.",)),
    ],
)
def test_a_run_lists_the_parameters_of_its_job_and_no_other(words, there, not_there):
    listed = params(settings(words))
    assert there | {"job.name", "seed", "force"} <= set(listed)
    assert [name for name in listed if name.startswith((*not_there, *OTHERS))] == []


@pytest.mark.parametrize(
    "words",
    [
        "method.readout=mean vectors.projection=z_score",
        "method=generation subparams=loose subparams.seed=3",
        "method=generation precision=fp16 subparams.texts_from=int8 precision.int8.threshold=4",
        "precision=nf4 precision.four_bit.compute_dtype=fp16",
        "model=tiny model.tiny.hidden=64 seed=7 resampling.n_splits=9",
        "backend=tl backend.implementation=hooked",
        "precision=int8 precision.int8.columns=shared backend.batch_size=4",
    ],
)
def test_the_config_of_a_run_can_be_known_from_what_it_lists(words):
    """Name and identity are those of the config itself, whatever is left out."""
    config = settings(words)
    again = config_of(params(config))
    assert run_name(again) == run_name(config)

    class Weights:
        origin, revision = "hub", "abc"

    def known(c: RunConfig):
        c = replace(c, root=config.root)
        if "generation" in words:
            return identity.story_identity(c, Weights, "cpu", "s", "p")
        return identity.run_identity(c, Weights, "cpu", "s")

    assert known(again) == known(config)
