"""What identifies a folder: all that is loaded, to the byte, and nothing else."""

import json
import os
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from emo.config.schema import RunConfig
from emo.models import digests
from emo.models.digests import file_digest
from emo.models.folders import NO_SETTINGS, SETTINGS
from emo.models.weights import weights_name
from emo.runs.identity import fingerprint, reader_identity
from tests.models.folders import change, config_of, copied, located, save


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return save("llama", tmp_path_factory.mktemp("whole") / "m")


@pytest.fixture
def copy(whole, tmp_path):
    return copied(whole, tmp_path / "elsewhere" / "other name")


def identity(path):
    weights = located(path)
    config = RunConfig(model=config_of(path))
    return fingerprint(reader_identity(config, weights, "cpu"))


def test_a_copy_elsewhere_is_the_same_model(whole, copy):
    assert located(copy).id != located(whole).id
    assert located(copy).revision == located(whole).revision
    assert identity(copy) == identity(whole)


def test_a_link_to_a_folder_is_the_folder(whole, tmp_path):
    (tmp_path / "link").symlink_to(whole)
    assert located(tmp_path / "link") == located(whole)


@pytest.mark.parametrize(
    "name",
    [
        *("README.md", ".gitattributes", "LICENSE", "training_args.bin", "optimizer.pt"),
        *(
            "trainer_state.json",
            "scheduler.pt",
            "events.out.tfevents.1",
            "loss.png",
            "rng_state.pth",
        ),
        *(
            "model.onnx",
            "tokenization_own.py",
            ".DS_Store",
            "consolidated.00.pth",
            "eval_results.json",
        ),
        *(".git/config", "runs/log.txt", "original/params.json", "onnx/model.onnx"),
    ],
)
def test_what_lies_beside_a_model_does_not_change_it(whole, copy, name):
    (copy / name).parent.mkdir(exist_ok=True)
    (copy / name).write_text("anything")
    assert identity(copy) == identity(whole)


def test_weights_that_are_not_read_do_not_change_a_model(whole, copy):
    """Of two formats transformers reads the first."""
    (copy / "pytorch_model.bin").write_bytes(b"another")
    assert identity(copy) == identity(whole)


@pytest.mark.parametrize(
    "name", ["chat_template.jinja", "additional_chat_templates/rag.jinja", "added_tokens.json"]
)
def test_what_is_read_changes_a_model(whole, copy, name):
    (copy / name).parent.mkdir(exist_ok=True)
    (copy / name).write_text("{}")
    assert identity(copy) != identity(whole)


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("config.json", {"rms_norm_eps": 1e-3}),
        ("generation_config.json", {"repetition_penalty": 1.1}),
        ("tokenizer_config.json", {"add_bos_token": False}),
    ],
)
def test_a_setting_changes_a_model(whole, copy, name, fields):
    change(copy, name, **fields)
    assert identity(copy) != identity(whole)


@given(some.integers(min_value=0), some.integers(min_value=1, max_value=255))
def test_any_byte_of_the_weights_changes_a_model(whole, place, flip):
    """No sample: one edited tensor of a merge is another model."""
    path = whole / "model.safetensors"
    content = bytearray(path.read_bytes())
    before = file_digest(path)
    content[place % len(content)] ^= flip
    other = path.parent.parent / "edited"
    other.write_bytes(content)
    assert file_digest(other) != before


def vocabulary_files():
    """Every name that a tokenizer of transformers reads its vocabulary from."""
    import re
    from importlib.util import find_spec

    (home,) = find_spec("transformers").submodule_search_locations
    names = set()
    for path in Path(home).glob("models/*/tokenization_*.py"):
        for block in re.findall(r"VOCAB_FILES_NAMES = \{[^}]*\}", path.read_text("utf-8")):
            names |= set(re.findall(r':\s*"([^"]+)"', block))
    return names


def test_every_familys_tokenizer_files_are_part_of_its_identity():
    names = vocabulary_files()
    assert {"tokenizer.json", "spiece.model", "merges.txt", "vocab.txt"} <= names
    for name in names:
        path = Path(name)
        assert any(path.match(pattern) for pattern in SETTINGS), name
        assert not any(path.match(pattern) for pattern in NO_SETTINGS), name


@pytest.fixture
def large(tmp_path, monkeypatch):
    """A file whose digest is kept, and how often files are read."""
    monkeypatch.setattr(digests, "LARGE", 10)
    monkeypatch.setattr(digests, "SETTLED_S", -1.0)
    path = tmp_path / "w.safetensors"
    path.write_bytes(bytes(100))
    read = []
    whole = digests._read
    monkeypatch.setattr(digests, "_read", lambda p, size: read.append(p) or whole(p, size))
    return path, read


def test_a_large_file_is_read_once(large, tmp_path):
    path, read = large
    first = file_digest(path, tmp_path / "cache")
    assert [file_digest(path, tmp_path / "cache") for _ in range(3)] == [first] * 3
    assert len(read) == 1
    assert file_digest(path) == first


def test_a_file_that_was_written_again_is_read_again(large, tmp_path):
    """In place, of the same size and with its old time of writing: the inode's own time tells."""
    path, read = large
    stat = path.stat()
    first = file_digest(path, tmp_path / "cache")
    with path.open("r+b") as file:
        file.seek(50)
        file.write(b"x")
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert path.stat().st_mtime_ns == stat.st_mtime_ns
    assert file_digest(path, tmp_path / "cache") != first
    assert len(read) == 2


def test_what_was_just_written_is_not_kept(large, tmp_path, monkeypatch):
    path, read = large
    monkeypatch.setattr(digests, "SETTLED_S", 3600.0)
    for _ in range(2):
        file_digest(path, tmp_path / "cache")
    assert len(read) == 2


def test_a_damaged_or_unwritable_cache_costs_time_only(large, tmp_path, caplog):
    path, read = large
    cache = tmp_path / "cache"
    want = file_digest(path, cache)
    (kept,) = (cache / digests.KEPT).iterdir()
    kept.write_bytes(b"\xff" * 64)
    assert file_digest(path, cache) == want
    kept.write_text("short")
    assert file_digest(path, cache) == want
    shutil.rmtree(cache)
    cache.write_text("a file in its place")
    assert file_digest(path, cache) == want
    assert len(read) == 4
    (message,) = caplog.messages
    assert "\n" not in message
    assert "read again at every start" in message


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        (("./m", "folder-v2-ab"), ("/x/m", "folder-v2-ab"), True),
        (("./m", "folder-v2-ab"), ("./m", "folder-v2-cd"), False),
        (("org/m", "0ab"), ("org/m", "0ab"), True),
        (("org/m", "0ab"), ("fork/m", "0ab"), False),
        (("org/m", "0ab"), ("org/m", "0cd"), False),
        (("a.gguf", "gguf-ab-v1"), ("b.gguf", "gguf-ab-v1"), True),
    ],
)
def test_runs_are_of_the_same_weights(a, b, same):
    assert (weights_name(*a) == weights_name(*b)) is same


def test_identities_of_hub_models_are_what_they_were():
    """Their runs and activations go on being found."""
    from emo.models.weights import Weights

    config = RunConfig(model=config_of("org/m"))
    identity = reader_identity(config, Weights("org/m", "0ab", ""), "cpu")
    assert (identity["model"], identity["revision"]) == ("org/m", "0ab")
    assert json.dumps(identity).count("org/m") == 1
