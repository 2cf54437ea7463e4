"""GGUF files: dequantised once, named by their content, said in every run."""

import shutil

import numpy as np
import pytest

from emo.activations.backend import pad
from emo.activations.hf import HFBackend
from emo.activations.reading import tokenise
from emo.config.enums import Readout
from emo.errors import ModelError
from emo.models import gguf as ours
from emo.models.tiny import build
from tests.models.folders import load_folder, located, refusal
from tests.models.gguf_files import write


@pytest.fixture(scope="module")
def original():
    return build("llama", 2, 64, 0)


@pytest.fixture(scope="module")
def file(tmp_path_factory, original):
    return write(tmp_path_factory.mktemp("gguf") / "tiny-F32.gguf", *original)


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


def test_weights_and_tokens_are_those_it_was_made_of(file, cache, original):
    model, tokenizer = original
    loaded = load_folder(file, cache=cache)
    want, got = model.state_dict(), loaded.model.state_dict()
    assert want.keys() == got.keys()
    assert all(np.array_equal(want[name].numpy(), got[name].numpy()) for name in want)
    text = "It rained all night, and in the morning the street was quiet."
    assert loaded.tokenizer(text)["input_ids"] == tokenizer(text)["input_ids"]
    backend = HFBackend(loaded)
    batch = pad(tokenise(loaded.tokenizer, [text], Readout.last), backend.pad_id)
    assert np.isfinite(backend.resid_post(batch)).all()


def test_the_run_says_that_it_was_dequantised(file):
    weights = located(file)
    assert weights.note == "tiny-F32.gguf, a GGUF file, dequantised: not the original checkpoint"
    assert weights.revision.startswith("gguf-")


def test_a_folder_with_one_file_is_that_file_and_a_copy_is_the_same_model(file, tmp_path):
    shutil.copy(file, tmp_path / "copy.gguf")
    (tmp_path / "README.md").write_text("a model")
    (tmp_path / "config.json").write_text("{}")  # as repositories of GGUF files have it
    assert located(tmp_path).revision == located(file).revision
    assert located(tmp_path).id == str(tmp_path / "copy.gguf")
    assert located(tmp_path).origin == located(file).origin


def test_it_is_converted_once(file, cache, monkeypatch):
    load_folder(file, cache=cache)
    monkeypatch.setattr(ours, "_convert", None)
    assert load_folder(file, cache=cache).model is not None
    assert [p.name for p in cache.glob("*-v1")] == [located(file).revision]


def test_a_conversion_that_breaks_leaves_nothing(file, tmp_path, monkeypatch):
    import transformers

    def full(*_args, **_more):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(transformers.PreTrainedModel, "save_pretrained", full)
    with pytest.raises(ModelError, match=r"paths\.weights=.*No space left on device"):
        load_folder(file, cache=tmp_path / "cache")
    assert [p.name for p in (tmp_path / "cache").iterdir() if not p.name.endswith(".lock")] == []


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("m.gguf", b"GGML" + bytes(100), "m.gguf is neither a folder nor a GGUF file"),
        ("m.gguf", b"", "m.gguf is empty"),
        ("m.gguf", b"version https://git-lfs.github.com/spec/v1\n", "a git-lfs pointer"),
        ("m-00001-of-00003.gguf", b"GGUF" + bytes(100), "one part of a split GGUF file"),
        ("m.gguf", b"GGUF" + bytes(100), "its GGUF file cannot be loaded: "),
        ("model.bin", bytes(100), "model.bin is neither a folder nor a GGUF file"),
    ],
)
def test_other_files_are_refused(tmp_path, name, content, words):
    path = tmp_path / name
    path.write_bytes(content)
    assert words in refusal(path)


def test_a_link_as_in_the_hubs_cache(file, tmp_path):
    """Snapshots hold links to files that are named by a hash."""
    shutil.copy(file, tmp_path / "0a1b2c")
    (tmp_path / "m.gguf").symlink_to(tmp_path / "0a1b2c")
    weights = located(tmp_path / "m.gguf")
    assert weights.revision == located(file).revision
    assert weights.note.startswith("m.gguf, a GGUF file")
    assert load_folder(tmp_path / "m.gguf").model is not None


def test_a_tensor_that_is_not_there_is_missed(tmp_path, original):
    path = write(tmp_path / "m.gguf", *original, without="layers.1.mlp.up_proj")
    assert "it lacks model.layers.1.mlp.up_proj.weight; such weights would be" in refusal(path)


@pytest.mark.parametrize("keep", [0.9, 0.5, 0.05])
def test_a_cut_off_file_is_one_line(file, tmp_path, keep):
    path = tmp_path / "m.gguf"
    content = file.read_bytes()
    path.write_bytes(content[: int(keep * len(content))])
    assert "its GGUF file cannot be loaded: " in refusal(path)


def test_without_the_package_it_is_said_how_to_get_it(file, monkeypatch):
    monkeypatch.setattr(ours.importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(ModelError, match="pip install gguf"):
        located(file)
