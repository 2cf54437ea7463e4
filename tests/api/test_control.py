"""Vectors for repeng and steering-vectors: their objects, and where they are installed their models."""

import sys
from dataclasses import dataclass
from types import ModuleType

import numpy as np
import pytest
import torch

from emo.errors import ConfigError, EmoError


@dataclass
class ControlVector:
    """The record of repeng 0.4."""

    model_type: str
    directions: dict


@dataclass
class SteeringVector:
    """The record of steering-vectors 0.12."""

    layer_activations: dict
    layer_type: str = "decoder_block"


@pytest.fixture
def libraries(monkeypatch):
    """Modules that hold nothing but the two records."""
    for name, record in (("repeng", ControlVector), ("steering_vectors", SteeringVector)):
        module = ModuleType(name)
        setattr(module, record.__name__, record)
        monkeypatch.setitem(sys.modules, name, module)


def units(run, emotion):
    rows = run.vectors[emotion]
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def residual(run):
    return np.linalg.norm(run.activations.neutral.astype(np.float64), axis=-1).mean(axis=1)


def test_a_control_vector_has_one_direction_per_layer(read, libraries):
    vector = read.vectors.to_repeng("sad")
    assert sorted(vector.directions) == [0, 1, 2, 3]
    assert {d.dtype for d in vector.directions.values()} == {np.dtype(np.float32)}
    want = units(read, "sad") * residual(read)[:, None]
    assert np.allclose(np.stack([vector.directions[i] for i in range(4)]), want, rtol=1e-6)
    unit = read.vectors.to_repeng("sad", scale="unit")
    assert np.linalg.norm(unit.directions[2]) == pytest.approx(1, abs=1e-6)


def test_a_steering_vector_is_of_the_best_layer_or_of_those_named(read, libraries):
    vector = read.vectors.to_steering_vectors("calm")
    assert vector.layer_type == "decoder_block"
    assert list(vector.layer_activations) == [read.best_layer]
    several = read.vectors.to_steering_vectors("calm", layers=[3, 1], scale="unit")
    for layer in (1, 3):
        tensor = several.layer_activations[layer]
        assert tensor.dtype == torch.float32
        assert np.allclose(tensor.numpy(), units(read, "calm")[layer], rtol=1e-6)


@pytest.mark.parametrize("name", ["repeng", "steering_vectors"])
def test_a_missing_package_is_one_line_that_says_how_to_get_it(read, monkeypatch, name):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(EmoError, match=f"pip install {name.replace('_', '-')}"):
        getattr(read.vectors, f"to_{name}")("calm")


def test_a_package_that_fails_to_be_imported_is_told_from_a_missing_one(
    read, monkeypatch, tmp_path
):
    (tmp_path / "repeng.py").write_text("raise AttributeError('np.float_ was removed')")
    monkeypatch.delitem(sys.modules, "repeng", raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(EmoError, match=r"cannot be imported here \(np.float_ was removed\)"):
        read.vectors.to_repeng("calm")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"emotion": "clam"}, "did you mean calm"),
        ({"emotion": "calm", "scale": "long"}, "scale=long: allowed is one of unit, residual"),
        ({"emotion": "calm", "layers": [4]}, "layers=4: allowed is a whole number from 0 to 3"),
        ({"emotion": "calm", "layers": 2}, "layers=2: allowed is None, or a list of layers"),
    ],
)
def test_a_wrong_argument_is_refused(read, libraries, arguments, words):
    with pytest.raises(ConfigError, match=words):
        read.vectors.to_steering_vectors(**arguments)


def logits(loaded, model=None):
    with torch.no_grad():
        inputs = loaded.tokenizer("The letter lay on the table", return_tensors="pt")
        return (model or loaded.model)(**inputs).logits.numpy()


def test_steering_vectors_itself_steers_as_a_block_does(read):
    pytest.importorskip("steering_vectors")
    loaded, vector = read.load_model(), read.vectors.to_steering_vectors("sad", layers=[1])
    with read.steering(loaded.model, sad=0.5, layer=1):
        want = logits(loaded)
    with vector.apply(loaded.model, multiplier=0.5):
        assert np.allclose(logits(loaded), want, atol=1e-5)
    assert not np.allclose(logits(loaded), want, atol=1e-5)


def test_repeng_itself_steers_as_a_block_does(read, monkeypatch):
    monkeypatch.setattr(np, "float_", np.float64, raising=False)  # repeng 0.4 is of numpy 1
    repeng = pytest.importorskip("repeng")
    loaded, vector = read.load_model(), read.vectors.to_repeng("sad")
    with read.steering(loaded.model, sad=0.5, layer=1):
        want = logits(loaded)
    wrapped = repeng.ControlModel(loaded.model, [1])
    try:
        wrapped.set_control(vector, 0.5)
        assert np.allclose(logits(loaded, wrapped), want, atol=1e-5)
    finally:
        wrapped.unwrap()
