"""Vectors of other programs: read as they were written, and refused in one line where they are not."""

import sys
import types
from dataclasses import dataclass

import numpy as np
import pytest
import torch

from emo.files import control_vectors
from emo.files.foreign_vectors import Malformed, arranged, digest_of, read_foreign

HIDDEN, LAYERS = 6, 4
VALUES = np.random.default_rng(0).standard_normal((LAYERS, HIDDEN))


def same(directions, first=0):
    assert sorted(directions) == list(range(first, LAYERS))
    for layer, row in directions.items():
        assert row == pytest.approx(VALUES[layer], rel=1e-6)


@pytest.mark.parametrize("first", [0, 1])
def test_control_vectors(tmp_path, first):
    path = tmp_path / "calm_vector.gguf"
    control_vectors.write(VALUES, path, "llama", first)
    found = read_foreign(path)
    assert found.format == "gguf" and list(found.directions) == ["calm_vector"]
    same(found.directions["calm_vector"], first)


def test_a_folder_of_control_vectors_with_their_names(tmp_path):
    for file, emotion in (("b", "calm"), ("a", "sad"), ("c", "")):
        control_vectors.write(VALUES, tmp_path / f"{file}.gguf", "llama", 0, emotion)
    (tmp_path / "notes.txt").write_text("none")
    found = read_foreign(tmp_path)
    assert list(found.directions) == ["sad", "calm", "c"]
    control_vectors.write(VALUES, tmp_path / "d.gguf", "llama", 0, "calm")
    with pytest.raises(Malformed, match="two vectors that are called calm"):
        read_foreign(tmp_path)


def test_a_repeng_file_as_repeng_writes_it(tmp_path):
    """Its writer, line by line (repeng 0.4.0, export_gguf): some layers only, and no emotion."""
    import gguf

    path = tmp_path / "happy.gguf"
    writer = gguf.GGUFWriter(path, "controlvector")
    writer.add_string("controlvector.model_hint", "mistral")
    writer.add_uint32("controlvector.layer_count", 2)
    for layer in (3, 1):
        writer.add_tensor(f"direction.{layer}", VALUES[layer].astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    (label, directions) = next(iter(read_foreign(path).directions.items()))
    values = arranged({label: directions}, LAYERS, HIDDEN)
    assert label == "happy" and values.shape == (LAYERS, 1, HIDDEN)
    assert np.isnan(values[[0, 2]]).all()
    assert values[[1, 3], 0] == pytest.approx(VALUES[[1, 3]], rel=1e-6)


def test_npz_with_labels_or_with_an_array_each(tmp_path):
    both = np.stack([VALUES, 2 * VALUES], axis=1)
    np.savez(tmp_path / "a.npz", vectors=both, emotions=np.array(["calm", "sad"]))
    np.savez(tmp_path / "b.npz", calm=VALUES, sad=2 * VALUES)
    np.savez(tmp_path / "c.npz", calm=VALUES[1:], sad=2 * VALUES[1:], layers=np.arange(1, 4))
    for name in "ab":
        found = read_foreign(tmp_path / f"{name}.npz")
        assert list(found.directions) == ["calm", "sad"]
        same(found.directions["calm"])
        assert arranged(found.directions, LAYERS, HIDDEN) == pytest.approx(both)
    same(read_foreign(tmp_path / "c.npz").directions["calm"], 1)


@pytest.fixture
def steering_vectors(monkeypatch):
    """A module with the class of steering-vectors 0.12.2, as its files name it."""

    @dataclass
    class SteeringVector:
        layer_activations: dict
        layer_type: str = "decoder_block"

    SteeringVector.__module__ = "steering_vectors.steering_vector"
    SteeringVector.__qualname__ = "SteeringVector"
    module = types.ModuleType("steering_vectors.steering_vector")
    module.SteeringVector = SteeringVector
    monkeypatch.setitem(sys.modules, "steering_vectors", types.ModuleType("steering_vectors"))
    monkeypatch.setitem(sys.modules, "steering_vectors.steering_vector", module)
    return SteeringVector


def tensors():
    return {layer: torch.from_numpy(VALUES[layer]).float() for layer in range(LAYERS)}


@pytest.mark.parametrize("form", ["object", "dictionary", "fields", "by label"])
def test_steering_vectors_files(tmp_path, steering_vectors, form, monkeypatch):
    content = {
        "object": steering_vectors(tensors()),
        "dictionary": tensors(),
        "fields": {"layer_activations": tensors(), "layer_type": "decoder_block"},
        "by label": {"calm": steering_vectors(tensors())},
    }[form]
    path = tmp_path / "calm.pt"
    torch.save(content, path)
    monkeypatch.delitem(
        sys.modules, "steering_vectors.steering_vector"
    )  # reading needs no such module
    monkeypatch.delitem(sys.modules, "steering_vectors")
    found = read_foreign(path)
    assert (found.format, list(found.directions)) == ("torch", ["calm"])
    same(found.directions["calm"])


def test_another_layer_type_is_refused(tmp_path, steering_vectors):
    torch.save(steering_vectors(tensors(), "mlp"), tmp_path / "a.pt")
    with pytest.raises(Malformed, match="layer type mlp"):
        read_foreign(tmp_path / "a.pt")


RAN = []


class Evil:
    """Runs a function where pickle is trusted."""

    def __reduce__(self):
        return RAN.append, (1,)


def test_nothing_in_a_file_is_run(tmp_path):
    torch.save({"calm": Evil()}, tmp_path / "a.pt")
    np.savez(tmp_path / "b.npz", calm=np.array([Evil()], dtype=object))
    np.save(tmp_path / "c.npy", VALUES)
    (tmp_path / "c.npy").rename(tmp_path / "c.npz")
    for name in ("a.pt", "b.npz", "c.npz"):
        with pytest.raises(Malformed) as caught:
            read_foreign(tmp_path / name)
        assert "\n" not in str(caught.value)
    assert RAN == []


@pytest.mark.parametrize("name", ["a.gguf", "a.npz", "a.pt", "a.csv"])
@pytest.mark.parametrize("content", [b"", b"GGUF", b"PK\x03\x04rubbish", bytes(200)])
def test_damaged_files_are_one_line(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(Malformed) as caught:
        read_foreign(path)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 250


def test_a_file_cut_at_any_place_is_one_line(tmp_path):
    control_vectors.write(VALUES, tmp_path / "a.gguf", "llama", 0)
    np.savez(tmp_path / "a.npz", calm=VALUES)
    torch.save(tensors(), tmp_path / "a.pt")
    for name in ("a.gguf", "a.npz", "a.pt"):
        whole = (tmp_path / name).read_bytes()
        for part in range(1, 8):
            (tmp_path / f"cut_{name}").write_bytes(whole[: len(whole) * part // 8])
            with pytest.raises(Malformed):
                read_foreign(tmp_path / f"cut_{name}")


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"calm": np.zeros(3)}, "1 axes"),
        ({"calm": np.array([["a", "b"]])}, "axes of <U1"),
        ({"vectors": np.zeros((2, 2, 3))}, "only with emotions"),
        ({"vectors": np.zeros((2, 2, 3)), "emotions": np.array(["a"])}, "1 emotions for 2"),
        ({"vectors": np.zeros((2, 2, 3)), "emotions": np.array(["a", "a"])}, "twice"),
        ({"calm": np.ones((2, 3)), "layers": np.array([1, 1])}, "different whole number"),
        ({"calm": np.ones((2, 3)), "layers": np.array([0.5, 1])}, "different whole number"),
    ],
)
def test_arrays_that_are_no_vectors_are_refused(tmp_path, arrays, words):
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(Malformed, match=words):
        read_foreign(tmp_path / "a.npz")


@pytest.mark.parametrize(
    ("directions", "words"),
    [
        ({"calm": {LAYERS: VALUES[0]}}, "block 4 of calm; the model has 4"),
        ({"calm": {-1: VALUES[0]}}, "block -1"),
        ({"calm": {0: VALUES[0][:-1]}}, "width is 6"),
        ({"calm": {0: 0 * VALUES[0]}}, "zero or not finite"),
        ({"calm": {0: np.nan * VALUES[0]}}, "zero or not finite"),
        ({"calm": {}}, "no direction for calm"),
    ],
)
def test_vectors_that_do_not_fit_the_model_are_refused(directions, words):
    with pytest.raises(Malformed, match=words):
        arranged(directions, LAYERS, HIDDEN)


def test_the_digest_is_of_contents_and_of_a_folders_names(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        control_vectors.write(VALUES, tmp_path / name / "calm.gguf", "llama", 0)
    assert digest_of(tmp_path / "a") == digest_of(tmp_path / "b")
    (tmp_path / "b" / "calm.gguf").rename(tmp_path / "b" / "sad.gguf")
    assert digest_of(tmp_path / "a") != digest_of(tmp_path / "b")
