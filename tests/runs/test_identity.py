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
        "291b3b7cebc645b0f1260729c45a3029",
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
        "f43b546cb4f9906be61441cda267f52c",
        "a0bd0621bff795fc5a90a356a2b7f295",
    ),
}

STORIES = {
    "precision=fp32": (
        "6f179ed97c54c06dce654321a7a84ca6",
        "4db731a6dd3484692fabb2b46aec45e2",
        "464d72e5788442ccdbd594d6be8e7619",
    ),
    "precision=fp16 subparams=loose": (
        "de3afc6e1864616913435d54ec926fac",
        "3b1f23ae356c6d8d0538d55bd72064a5",
        "18f705ab90a91e430f6a62c51fb4f4ee",
    ),
    "precision=int8 subparams.texts_from=fp16": (
        "afe306ad4d49936c6b78e757c00c22bb",
        "3265af4429f69a126c9783ce472da75b",
        "29eef9fec0e615131db5e9a2da279958",
    ),
    "precision=fp4": (
        "2ebf08fd5002598c558bac846c2d7963",
        "b3f205a409e055e4d6e5b055f43708a5",
        "139ba472f02feb08085f6370436ab9c4",
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
