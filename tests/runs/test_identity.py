"""Fingerprints stay what they were: runs that are logged are found again."""

import pytest

from emo.config.resolve import compose
from emo.models.weights import Weights
from emo.runs.identity import (
    ablation_identity,
    equivalence_identity,
    fingerprint,
    mean_reading,
    run_identity,
    story_identity,
    study_identity,
)

READER = (Weights("org/model", "abc", ""), "cpu", "s" * 64)

PASSAGES = {
    "precision=fp32": ("6f7c8b4745216bc28d251a905844176d", "eb02988011b7bb362153322564a0feb2"),
    "precision=fp32 method.readout=suffix method.suffix=x": (
        "694cd28a22c44564a81fc01d4602d09a",
        "f34b8a7e699ee5776bba891397e96ea9",
    ),
    "precision=fp16 vectors.remove=situation": (
        "dd522fdf8ef82db5dbebc9a040c21982",
        "284e1355efbffcc65e125d7cda1dcc36",
    ),
    "precision=bf16 vectors.projection=z_score": (
        "1c9ad25eb42874df905683ce637388aa",
        "d222273b04ed3d3929eb71ff8c354d0b",
    ),
    "precision=int8": ("421727b202da621f48c13597be27daa8", "7f2151403f9d7f1eed20c5eeb1c5555f"),
    "precision=int8 precision.int8.batched=true": (
        "1212b446aebb2332132bfb294828df5b",
        "be67e4ba983afbc7c9f9c2b1d2c8ef10",
    ),
    "precision=nf4 precision.four_bit.compute_dtype=fp16 method.readout=mean": (
        "34525903e6d644c07380f2b5678678f3",
        "143c86a6ada88e6e298fffe389a7a8b9",
    ),
}

STORIES = {
    "precision=fp32": (
        "6f179ed97c54c06dce654321a7a84ca6",
        "cd383dd31307212ce4ad4c6e644c35f0",
        "c33103bf4a738510f22179e601fdc74e",
    ),
    "precision=fp16 subparams=loose": (
        "de3afc6e1864616913435d54ec926fac",
        "fb9e28dc7eea140102ff0cef1792cfb7",
        "4ad853ca188bda4ee23c2bda28a76d43",
    ),
    "precision=int8 subparams.texts_from=fp16": (
        "afe306ad4d49936c6b78e757c00c22bb",
        "be99d50650a6cf6841869d29c2e3d14d",
        "9520379793b968e4058165fdceca605d",
    ),
    "precision=fp4": (
        "2ebf08fd5002598c558bac846c2d7963",
        "3cfbe1be4a957efdc8d96015bf9cc299",
        "083654c8c50d511193451c82815b494b",
    ),
}


def names(*identities):
    return tuple(fingerprint(identity)[:32] for identity in identities)


@pytest.mark.parametrize("overrides", PASSAGES)
def test_fingerprints_of_runs_that_read_passages_are_those_of_earlier_versions(overrides):
    config = compose(*overrides.split())
    identities = run_identity(config, *READER), equivalence_identity(config, *READER)
    assert names(*identities) == PASSAGES[overrides]


def test_a_mean_over_tokens_has_a_version_of_its_own_and_no_other_readout_has():
    """What runs before it read is ``mean_all``, under a name of its own."""
    assert mean_reading(compose("method.readout=mean")) == {"mean_reading": 2}
    for other in ("last", "mean_all", "suffix"):
        assert mean_reading(compose(f"method.readout={other}")) == {}


@pytest.mark.parametrize("overrides", STORIES)
def test_fingerprints_of_runs_that_write_texts_are_those_of_earlier_versions(overrides):
    config = compose("method=generation", *overrides.split())
    prompts = (*READER, "p" * 64)
    assert (
        names(
            story_identity(config, *prompts),
            ablation_identity(config, *prompts, [{"a": 1}]),
            study_identity(config, *prompts, [{"a": 1}]),
        )
        == STORIES[overrides]
    )
