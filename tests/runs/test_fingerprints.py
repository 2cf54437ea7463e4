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
    "extract": "fea5ab59b943fb2b75422edb2fc150f9de32721694fc958801d73a0bff910760",
    "generation": "c01b1f4b0c1839303c3faec13935d666c0db0e70157a08f6db11e7e456b97c9c",
    "ablate": "4e418274eda53cdf38344ccadb88fc48db4fadc926338ebeb76cce26babda355",
    "sensitivity": "2eb51ab83dd1736971387ee4b0535fee9e85f32b0df5f078c4e8a83028c9a361",
    "sensitivity of five emotions": (
        "6da3264a871b9d6e676c49f6506e92b585a86f9ae5635e49cc98b7f2c4817853"
    ),
    "precision": "805253e54f1c8509d14a435aa6bc2f3f373840f64ee4e20687929c853dc5b91d",
    "equivalence": "d8d6ed3a0e6acd730865ca259fc0dcab16ae3861b5d4ea7811ce764418e916e6",
    "steer=default": "57556fbda6a87d679aab661011d0b692e2e324d466f534773668fef6e979791a",
    "steer=emotions": "7550f998eba4db29947f839a3c12f9d8495f2a1c25c2f25c783ffcd827e4404c",
    "steer=published": "545cd2f3b65a93bbcf52d4e22a6220bbe15e5174546911dfc0651c3f2a847a49",
    "summarize": "a4250b9ce8522e3aefbf407c1bc5de6ee0800d9a74b6d2fa69b081a7da07b00a",
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
