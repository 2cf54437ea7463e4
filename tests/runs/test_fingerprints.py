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
    "extract": "1321618a511fbbab4e51ac3f2c7149aeb2abd26adbf45c4f3691f7137adef4f6",
    "generation": "7eef0280b2c74ed75b79801861e1898f1c66f826ccc28deff4d0ba697e058579",
    "ablate": "abaadac39eae37f057ef2ad0a5322c9dafa9720dc4e67cd4b67aa87b2df793ec",
    "sensitivity": "44ffd8eaf6ec8057f5d0ac671f60e326937c1622dff3f909e455fad1ec30957f",
    "sensitivity of five emotions": (
        "20c7746e72abac42aa5dbbbb19cec8558c510010add6f798bd820d008e9f594b"
    ),
    "precision": "87fba8cf860b20e7ae49bc653eac13ac29b254dcb88b77a580249a80feea0743",
    "equivalence": "9e773b46b04d5969b28a61726ebcc582f68679e50cd3fd736f92f5bf2876e982",
    "steer=default": "092c2bbf5ba6454787ea0c6f617a9712a8bf2f1a759748134660fca0248f8286",
    "steer=emotions": "a830499a75593b02fda8a9b080ba127148e088597436531a0ad89db6a8a67523",
    "steer=published": "0eb1decbf8537f3beeab8a7abd663bf48f41bdfac78476c3591b489b60139b1e",
    "summarize": "e7a7a83e08107a6fe4351bebfeacfbb8383f039727a46ec712f516737776bce2",
}
"""Of the default passages read by the tiny model. Anew since the default passages are ``shown``;
that of job=precision since INT8 is read in batches."""


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
