"""What is refused of a folder before anything of it is loaded, and how it is said."""

import json
import shutil
import struct

import pytest
import safetensors.torch as st

from emo.models.folders import Unusable, gguf_of, read_folder
from tests.models.folders import change, copied, load_folder, refusal, save

POINTERS = {
    "git-lfs": "version https://git-lfs.github.com/spec/v1\noid sha256:0a\nsize 97\n",
    "git-xet": "# xet version 0\nfilesize = 97\nhash = 'ab'\n",
    "web page": "<!DOCTYPE html>\n<html><body>Sign in to continue</body></html>",
    "empty": "",
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return save("llama", tmp_path_factory.mktemp("whole") / "m")


@pytest.fixture
def copy(whole, tmp_path):
    return copied(whole, tmp_path / "m")


@pytest.fixture(scope="module")
def sharded(tmp_path_factory):
    """A checkpoint in several files with an index."""
    from emo.models.tiny import build

    path = tmp_path_factory.mktemp("sharded") / "m"
    model, tokenizer = build("llama", 2, 64, 0)
    model.save_pretrained(path, max_shard_size="200KB")
    tokenizer.save_pretrained(path)
    assert len(list(path.glob("*.safetensors"))) > 1
    return path


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "config.json"])
@pytest.mark.parametrize("words", POINTERS)
def test_a_file_that_stands_for_another_is_named(copy, name, words):
    (copy / name).write_text(POINTERS[words])
    message = refusal(copy)
    assert message.startswith(f"{name} is ")
    assert words in message


def test_a_shard_that_is_a_pointer_or_missing_is_named(sharded, tmp_path):
    copy = copied(sharded, tmp_path / "m")
    last = sorted(copy.glob("*.safetensors"))[-1]
    last.write_text(POINTERS["git-lfs"])
    assert refusal(copy).startswith(f"{last.name} is a git-lfs pointer")
    last.unlink()
    assert refusal(copy) == (
        f"model.safetensors.index.json names '{last.name}', which is not in this folder"
    )


@pytest.mark.parametrize("elsewhere", ["../other.safetensors", "/etc/hostname", "a/../../x"])
def test_an_index_leads_to_no_other_folder(sharded, tmp_path, elsewhere):
    copy = copied(sharded, tmp_path / "m")
    shutil.copy(next(copy.glob("*.safetensors")), tmp_path / "other.safetensors")
    index = copy / "model.safetensors.index.json"
    content = json.loads(index.read_text())
    first = next(iter(content["weight_map"]))
    content["weight_map"][first] = elsewhere
    index.write_text(json.dumps(content))
    assert f"names '{elsewhere}', which is not in this folder" in refusal(copy)


@pytest.mark.parametrize("cut", [-1, -1000, 100, 9, 7])
def test_a_cut_off_checkpoint_is_called_so(copy, cut):
    path = copy / "model.safetensors"
    path.write_bytes(path.read_bytes()[:cut])
    message = refusal(copy)
    assert message.startswith("model.safetensors is damaged: it is ")
    assert "cut off" in message or "no safetensors file" in message


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (struct.pack("<Q", 1 << 60) + b"{}", "no safetensors file"),
        (struct.pack("<Q", 4) + b"null", "its header is no JSON object"),
        (struct.pack("<Q", 12) + b'{"a": [1, 2]', "its header is no JSON object"),
        (struct.pack("<Q", 13) + b'{"a": [1, 2]}', "lacks the places of the tensors"),
        (b"PK\x03\x04\x14\x00\x08\x08" + bytes(100), "no safetensors file"),
    ],
)
def test_other_damage_of_a_header_is_named(copy, content, words):
    (copy / "model.safetensors").write_bytes(content)
    assert words in refusal(copy)


def test_bytes_behind_the_last_tensor_are_named(copy):
    with (copy / "model.safetensors").open("ab") as file:
        file.write(b"more")
    assert refusal(copy) == "model.safetensors is damaged: 4 bytes too many"


@pytest.mark.parametrize("text", ["null", "[]", '"text"', "3", "{", "\xff", "", "[" * 100_000])
@pytest.mark.parametrize("name", ["config.json", "generation_config.json"])
def test_json_that_is_no_object_is_named(copy, name, text):
    (copy / name).write_text(text, encoding="latin-1")
    assert refusal(copy).startswith(f"{name} is ")


@pytest.mark.parametrize(
    ("key", "value"),
    [("num_hidden_layers", 0), ("num_hidden_layers", -1), ("num_hidden_layers", 10**5)],
)
def test_numbers_of_layers_that_cannot_be_are_refused_at_once(copy, key, value):
    change(copy, **{key: value})
    assert refusal(copy).startswith(f"config.json has {key}={value}")


def test_numbers_of_layers_are_looked_at_in_parts_of_a_config(copy):
    change(copy, vision_config={"depth": 10**7})
    assert "depth=10000000" in refusal(copy)


def test_pickled_checkpoints_tell_their_number_of_tensors(copy):
    import torch

    torch.save(st.load_file(copy / "model.safetensors"), copy / "pytorch_model.bin")
    (copy / "model.safetensors").unlink()
    assert load_folder(copy).model is not None
    change(copy, num_hidden_layers=10**6)
    assert "num_hidden_layers=1000000, and the checkpoint has 21 tensors" in refusal(copy)


def test_a_folder_without_weights_or_config_says_what_is_missing(copy):
    (copy / "model.safetensors").unlink()
    assert refusal(copy) == (
        "no weights in this folder: model.safetensors or pytorch_model.bin is missing"
    )
    (copy / "config.json").unlink()
    assert "no config.json" in refusal(copy)


def test_weights_of_another_name_are_those_that_are_looked_at(copy):
    """transformers reads the file that config.json names in place of the usual one."""
    (copy / "model.safetensors").rename(copy / "other.safetensors")
    change(copy, transformers_weights="other.safetensors")
    assert [p.name for p in read_folder(copy).weights] == ["other.safetensors"]
    assert load_folder(copy).model is not None
    change(copy, transformers_weights="../m/other.safetensors")
    assert "is missing" in refusal(copy)


@pytest.mark.parametrize("whole_weights", [True, False])
def test_adapters_are_refused_with_the_way_out(copy, monkeypatch, whole_weights):
    """Before transformers is asked, which would apply or drop them as the package is there or not."""
    monkeypatch.setattr("emo.models.loading.from_pretrained", None)
    (copy / "adapter_config.json").write_text('{"base_model_name_or_path": "some/base"}')
    (copy / "adapter_model.safetensors").write_bytes(b"x")
    if not whole_weights:
        (copy / "model.safetensors").unlink()
        (copy / "config.json").unlink()
    message = refusal(copy)
    assert message.startswith(
        "a PEFT adapter stands" if whole_weights else "this is a PEFT adapter"
    )
    assert "merge_and_unload(), then save_pretrained" in message


def test_several_gguf_files_are_named(tmp_path):
    for name in ("a.gguf", "b.gguf"):
        (tmp_path / name).write_bytes(b"GGUF")
    with pytest.raises(Unusable, match=r"several GGUF files \(a\.gguf, b\.gguf\)"):
        gguf_of(tmp_path)
