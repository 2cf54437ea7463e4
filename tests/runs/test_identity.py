"""Fingerprints stay what they were: logged runs are found again; INT8 has those of its version 3."""

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
    "precision=fp32": ("e7f06d709734ee5b1537b1e4d06077c3", "eb02988011b7bb362153322564a0feb2"),
    "precision=fp32 method.readout=suffix method.suffix=x": (
        "e561e5f103950e0b1cb42c68178167bd",
        "f34b8a7e699ee5776bba891397e96ea9",
    ),
    "precision=fp16 vectors.remove=situation": (
        "ae865e20a9be3011692f3a7c4a35aa2a",
        "284e1355efbffcc65e125d7cda1dcc36",
    ),
    "precision=bf16 vectors.projection=z_score": (
        "db0757c946d3fa9c0456a2cd0c3f1bed",
        "d222273b04ed3d3929eb71ff8c354d0b",
    ),
    "precision=int8": ("ff38604ddda941aa3c6db10a8f71a468", "54d804fc2241f6dbb01a46f62ba56642"),
    "precision=int8 precision.int8.batched=false": (
        "699560ea96ba238ea62a2120a10c6564",
        "fbf747b280509cc77aff15b85b8a3175",
    ),
    "precision=nf4 precision.four_bit.compute_dtype=fp16 method.readout=mean": (
        "ef31b471f7d3234214c147526c46fd84",
        "143c86a6ada88e6e298fffe389a7a8b9",
    ),
}

STORIES = {
    "precision=fp32": (
        "c769bca111649c8fc06d36ae87213b41",
        "cd383dd31307212ce4ad4c6e644c35f0",
        "c33103bf4a738510f22179e601fdc74e",
    ),
    "precision=fp16 subparams=loose": (
        "a9a5508438780c6d6f0e2c25139ccd0e",
        "fb9e28dc7eea140102ff0cef1792cfb7",
        "4ad853ca188bda4ee23c2bda28a76d43",
    ),
    "precision=int8 subparams.texts_from=fp16": (
        "c446934fd39d4c3db0c801bc1d4f7c5b",
        "73aada0ab7a789e3a33d0f052baac9df",
        "e95f435127b4e32866cae9f1ba064070",
    ),
    "precision=fp4": (
        "8fc94cc5dde16e669f4f0dfb0d4cf9db",
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


def test_poles_of_the_users_own_are_part_of_the_identity_by_their_content(tmp_path):
    """The others stay: valence is no part of what ablations, studies and readers compare."""

    def made(text):
        path = tmp_path / f"{len(text)}.yaml"
        path.write_text(text)
        config = compose("method=generation", f"stimuli.poles={path}")
        prompts = (*READER, "p" * 64)
        runs = names(run_identity(config, *READER), story_identity(config, *prompts))
        others = names(
            equivalence_identity(config, *READER),
            ablation_identity(config, *prompts, [{"a": 1}]),
            study_identity(config, *prompts, [{"a": 1}]),
        )
        return runs, others

    first, same, other = (
        made(text)
        for text in (
            "a: pleasant\nb: unpleasant\n",
            "# mine\nb: {pole: unpleasant}\na: pleasant\n",
            "a: pleasant\nb: none\n",
        )
    )
    assert first == same
    assert first[1] == other[1]
    assert not set(first[0]) & set(other[0])
