"""Fingerprints of every job's default settings: literals, which no rename may change."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from emo.config.enums import MethodName
from emo.config.resolve import compose
from emo.jobs import precision, summarize
from emo.pipeline import factorial, generation
from emo.pipeline.steering_setup import chosen_scenarios, steer_plan
from emo.pipeline.study_point import identity
from emo.runs.identity import equivalence_identity
from emo.runs.plan import make_plan

RECORDED = {
    "extract": "9583529469d4513a9c6c0a92c4c5dff3ab8141711fd2de2041473f01280cee74",
    "generation": "c01b1f4b0c1839303c3faec13935d666c0db0e70157a08f6db11e7e456b97c9c",
    "ablate": "ba33c02253778d9f3d48984cf6809986318ee5494a426b056d38f5b53346de27",
    "sensitivity": "211fa16b4bce00ac67d3fd2d4c5972f41bb35a1ca2a1f662c924903f4c913261",
    "sensitivity of five emotions": (
        "f5e032d888988228542c2e34977a26a5fead3c44c43b081a0e94dbb364d27837"
    ),
    "precision": "fea92f68028aa6f7cb676869cd537c650cb6f7a5f05210ec4e904f3ab42f7561",
    "equivalence": "d8d6ed3a0e6acd730865ca259fc0dcab16ae3861b5d4ea7811ce764418e916e6",
    "steer=default": "a33cda4f98786c5e6c6e70d965e0dbeae75c52579130ae0e9cdbebd316100c20",
    "steer=emotions": "0309449875197402e4513ab7b0f24738a8782f617bff12e4468695799bf50121",
    "steer=published": "b8a0ed2feaab450bb1a580a42926c13ba2a97a6a4b97bba8843fc52f4b0109c8",
    "summarize": "0353c1e8027b4c3a9f8a140bfe60b4bf5bec2d5dd9ede9df9daa4da89757b67f",
}
"""Of the bundled passages read by the tiny model, as they were when settings stood outside job.NAME."""


def ablation(config):
    config = replace(config, method=replace(config.method, name=MethodName.generation))
    return factorial.plan_of(config, generation.read_prompts(config)).provenance.fingerprint


def steering(config):
    return steer_plan(config, chosen_scenarios(config).sha256).provenance.fingerprint


FINGERPRINTS = {
    "extract": ([], lambda c: make_plan(c).provenance.fingerprint),
    "generation": (
        ["method=generation"],
        lambda c: generation.plan_of(c)[0].provenance.fingerprint,
    ),
    "ablate": (["job=ablate"], ablation),
    "sensitivity": (["job=sensitivity"], identity),
    "sensitivity of five emotions": (
        ["job=sensitivity", "job.sensitivity.emotions=5", "job.sensitivity.n_trials=9"],
        identity,
    ),
    "precision": (
        ["job=precision", "job.precision.precisions=[fp32,bf16,fp16,int8]"],
        lambda c: precision.plan_of(c).provenance.fingerprint,
    ),
    "equivalence": (
        ["job=equivalence"],
        lambda c: make_plan(c, equivalence_identity).provenance.fingerprint,
    ),
    "steer=default": (["job=steer"], steering),
    "steer=emotions": (["job=steer", "steer=emotions"], steering),
    "steer=published": (["job=steer", "steer=published"], steering),
    "summarize": (
        ["job=summarize"],
        lambda c: summarize._fingerprint(SimpleNamespace(config=c, runs=[])),
    ),
}


@pytest.mark.parametrize("name", RECORDED)
def test_the_default_settings_of_each_job_have_the_fingerprint_they_always_had(name, tmp_path):
    overrides, fingerprint = FINGERPRINTS[name]
    config = compose("model=tiny", "backend.device=cpu", *overrides, root=tmp_path)
    assert fingerprint(config) == RECORDED[name]
