"""Runs of models that lie on disk in part, and of models with an adapter."""

from __future__ import annotations

import importlib.util
from dataclasses import replace

import numpy as np
import pytest

from emo.cli import run_job
from emo.models import session
from emo.runs import files
from emo.tracking import Tracker
from tests.conftest import EMOTIONS

needs_peft = pytest.mark.skipif(
    importlib.util.find_spec("peft") is None, reason="the extra adapters is not installed"
)
OFFLOAD = ("backend.placement=offload", "backend.cpu_gib=0.002")


def vectors(config, outcome):
    return files.read_vectors(Tracker(config).artifact(outcome.run_id, "vectors.safetensors"))


def test_an_offloaded_run_is_the_run_of_one_device_and_logs_where_its_weights_lie(
    tiny_config, tmp_path
):
    single = tiny_config()
    first = run_job(single)
    found = run_job(tiny_config(*OFFLOAD))
    assert (found.status, found.run_id) == ("reused", first.run_id)
    config = tiny_config(*OFFLOAD, "force=true", f"paths.store={tmp_path / 'other'}")
    again = run_job(config)
    assert again.fingerprint == first.fingerprint
    data = Tracker(config).get(again.run_id).data
    assert data.params["backend.placement"] == "offload"
    on = {place: data.metrics[f"cost/weights_bytes_{place}"] for place in ("cpu", "disk")}
    assert sum(on.values()) == data.metrics["cost/weights_bytes"] and min(on.values()) > 0
    a, b = vectors(single, first), vectors(config, again)
    np.testing.assert_array_equal(a.values, b.values)


@needs_peft
@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")
def test_a_base_and_its_tune_are_two_models_of_one_set_of_weights(
    tiny_config, tmp_path, monkeypatch
):
    import peft

    from emo.models.tiny import build

    base = tiny_config()
    shape = base.model.tiny
    model, _ = build(shape.architecture, shape.n_layers, shape.hidden, shape.seed)
    lora = peft.LoraConfig(target_modules=["q_proj", "down_proj"], init_lora_weights=False)
    peft.get_peft_model(model, lora).save_pretrained(tmp_path / "tune")
    loads = []
    real = session.load
    monkeypatch.setattr(session, "load", lambda *args: loads.append(args) or real(*args))
    session.release()
    first = run_job(base)
    config = tiny_config(f"model.adapter={tmp_path / 'tune'}")
    second = run_job(config)
    assert second.error is None and len(loads) == 1
    assert second.fingerprint != first.fingerprint
    tags = Tracker(config).get(second.run_id).data.tags
    assert tags["model"] == "tiny+tune"
    assert "+adapter-" in tags["revision"] and "adapter tune (live)" in tags["weights_note"]
    a, b = vectors(base, first), vectors(config, second)
    assert a.emotions == b.emotions == EMOTIONS and not np.allclose(a.values, b.values)
    third = run_job(replace(base, force=True))
    assert third.fingerprint == first.fingerprint and len(loads) == 1


def test_an_adapter_that_is_not_there_is_one_line(tiny_config, tmp_path):
    outcome = run_job(tiny_config("model.adapter=./elsewhere"))
    assert outcome.error is not None and "model.adapter=./elsewhere" in outcome.error
    assert "\n" not in outcome.error
