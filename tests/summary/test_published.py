"""What is claimed beside published figures, and where nothing is."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from emo.config.resolve import compose
from emo.core.conditions.four_layer import four_layer
from emo.core.stats.intervals import Estimates
from emo.reference import shared_geometry
from emo.summary.published import MODEL_IDS, four_layer_claims, model_claims
from tests.core.conditions.test_four_layer import FEW, study

IDS = [m.model_id for m in shared_geometry().models[:2]]


def models_and_study():
    descriptors = SimpleNamespace(
        best_layer=3, anisotropy=0.5, rdm_std=0.2, choices={"mean_cosine": None}
    )
    models = [
        SimpleNamespace(name=i, model_id=i, layer=3, precision="fp16", descriptors=descriptors)
        for i in IDS
    ]
    e = Estimates(*np.full((3, 2, 2), 0.5))
    spread = Estimates(*np.full((3, 2), 0.2))
    return models, SimpleNamespace(models=models, rho=e, rdm_std=spread, sizes=())


@pytest.mark.parametrize(
    ("overrides", "topics"),
    [
        ((), {"best layer", "anisotropy", "RDM std", "rho"}),
        (("job.summarize.layer=middle",), {"best layer", "anisotropy", "RDM std"}),
        (("method.readout=mean",), set()),
        (("vectors.remove=situation",), set()),
        (("vectors.projection=z_score",), set()),
    ],
)
def test_only_what_the_study_did_is_claimed(overrides, topics):
    claims = model_claims(*models_and_study(), compose("job=summarize", *overrides))
    assert {c.topic for c in claims} == topics


def test_two_revisions_of_a_model_are_no_published_pair():
    models, study = models_and_study()
    models[1].model_id = models[0].model_id
    topics = [c.topic for c in model_claims(models, study, compose("job=summarize"))]
    assert "rho" not in topics
    assert topics.count("best layer") == 2


def test_another_precision_than_the_studys_is_said():
    models, study = models_and_study()
    config = compose("job=summarize")
    assert {c.differs for c in model_claims(models, study, config)} == {""}
    models[1].precision = "bf16"
    said = {(c.topic, c.subject): c.differs for c in model_claims(models, study, config)}
    assert said["anisotropy", IDS[0]] == ""
    assert said["anisotropy", IDS[1]] == said["rho", ", ".join(IDS)] == "bf16 instead of fp16"


def replace_precision(table, precision, initial="ABC"):
    conditions = tuple(
        replace(c, precision=precision) if c.name[0] in initial else c for c in table.conditions
    )
    return replace(table, conditions=conditions)


def test_four_layer_figures_go_by_the_id_of_the_model(rng):
    table = four_layer(study(rng), FEW, 20)
    for model_id in MODEL_IDS.values():
        claims = four_layer_claims([(model_id, table, "")])
        assert len([c for c in claims if c.topic == "four layers"]) == 5
        assert {c.differs for c in claims} == {"fp32 instead of fp16"}
    published = replace_precision(table, "fp16")
    (model_id, *_) = MODEL_IDS.values()
    assert {c.differs for c in four_layer_claims([(model_id, published, "")])} == {""}
    own = four_layer_claims([(model_id, published, "own prompts")])
    assert {c.differs for c in own} == {"own prompts"}
    batched = four_layer_claims([(model_id, replace_precision(table, "int8_shared", "D"), "")])
    assert {c.differs for c in batched} == {"fp32 instead of fp16; int8_shared"}
    assert four_layer_claims([("org/mistral7b", table, "")]) == []
    assert set(MODEL_IDS.values()) <= {m.model_id for m in shared_geometry().models}
    assert set(MODEL_IDS) == {entry.model for entry in shared_geometry().four_layer}
