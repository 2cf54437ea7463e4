"""The files of a model folder that decide what is loaded, each checked before it is used."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import Any

from emo.models.safetensors_header import damage, tensor_names

SETTINGS = (
    *("config.json", "generation_config.json", "chat_template*", "additional_chat_templates/*"),
    *("*token*", "*vocab*", "*merges*", "*.model", "*.tokenizer", "*spm*", "*spiece*", "*bpe*"),
    *("tekken*", "dict.txt", "byte_maps.json", "emoji.json", "normalizer.json", "word_*.json"),
)
"""Names of the files that transformers reads for a model and its tokenizer, besides the weights."""
NO_SETTINGS = ("*.py", "*.md", "*.safetensors", "*.bin", "*.pt", "*.pth", "*.gguf", "*.lock", ".*")
"""Names of files that match ``SETTINGS`` and that transformers does not read."""
CHECKPOINTS = (
    *("model.safetensors", "model.safetensors.index.json"),
    *("pytorch_model.bin", "pytorch_model.bin.index.json"),
)
"""Names of the weights; transformers takes the first of these that exists."""
LAYER_COUNTS = (
    *("num_hidden_layers", "n_layer", "n_layers", "num_layers", "depth"),
    *("encoder_layers", "decoder_layers", "num_decoder_layers"),
)
"""Fields of a config.json that give a number of blocks."""
STAND_INS = {
    b"version https://git-lfs": "a git-lfs pointer instead of the file: git lfs pull fetches it",
    b"# xet version": "a git-xet pointer instead of the file: git xet or hf download fetches it",
    b"<!doctype html": "a web page instead of the file: download the file itself (hf download)",
    b"<html": "a web page instead of the file: download the file itself (hf download)",
}
"""First bytes, in lower case, of a file that stands in for the real one."""
MERGE = (
    "give it as model.adapter and its base model as model.id, or merge it into its base model first "
    "(PEFT: model.merge_and_unload(), then save_pretrained of the result and of the tokenizer)"
)
"""Advice for adapters."""


class Unusable(Exception):
    """Raised with the reason why a folder cannot be loaded; the caller adds the parameter."""


@dataclass(frozen=True)
class ModelFolder:
    """A model folder in the layout that save_pretrained writes."""

    path: Path
    settings: tuple[Path, ...]
    """Configuration, tokenizer and chat template."""
    weights: tuple[Path, ...]
    """The files of the checkpoint, and its index if there is one."""

    @property
    def files(self) -> tuple[Path, ...]:
        """All files that decide what is loaded."""
        return *self.settings, *self.weights


def read_folder(folder: Path) -> ModelFolder:
    """The files that are loaded from a folder, checked except for the numbers in them.

    Raises
    ------
    Unusable
        If the folder holds an adapter, or a file is missing or cannot be loaded.
    """
    _refuse_adapter(folder)
    if not (folder / "config.json").is_file():
        raise Unusable(
            "no config.json in this folder; it must be in the layout that save_pretrained writes"
        )
    config = read_object(folder / "config.json")
    settings = tuple(sorted(_settings(folder)))
    for path in settings:
        refuse_stand_in(path, folder)
    if (folder / "generation_config.json").is_file():
        read_object(folder / "generation_config.json")
    weights = tuple(_checkpoint(folder, config))
    for path in weights:
        _refuse_damage(path, folder)
    _refuse_layers(config, count_tensors(weights))
    return ModelFolder(folder, settings, weights)


def _refuse_adapter(folder: Path) -> None:
    if (folder / "adapter_config.json").is_file():
        beside = any((folder / name).is_file() for name in CHECKPOINTS)
        where = "a PEFT adapter stands beside the weights" if beside else "this is a PEFT adapter"
        out = "take adapter_config.json and adapter_model.* out of the folder to read the weights alone"
        raise Unusable(f"{where}; {MERGE}" + (f", or {out}" if beside else ""))


def gguf_of(folder: Path) -> Path | None:
    """The GGUF file that is a folder's only model; None if the folder has another layout.

    Raises
    ------
    Unusable
        If there are several GGUF files.
    """
    files = sorted(folder.glob("*.gguf"))
    other = (*folder.glob("*.safetensors"), *(folder / name for name in CHECKPOINTS))
    if not files or any(path.is_file() for path in other):
        return None
    if len(files) > 1:
        names = ", ".join(path.name for path in files[:3]) + (", ..." if len(files) > 3 else "")
        raise Unusable(f"several GGUF files ({names}); give one of them: model.id=FOLDER/FILE.gguf")
    return files[0]


LONGEST_JSON = 2**29
"""Bytes; a larger file is not read: no configuration or tokenizer comes near it."""


def read_object(path: Path) -> dict[str, Any]:
    """The JSON object in a file.

    Raises
    ------
    Unusable
        If the file holds no JSON object.
    """
    refuse_stand_in(path, path.parent)
    if (size := path.stat().st_size) > LONGEST_JSON:
        raise Unusable(f"{path.name} is damaged: {size / 2**30:.1f} GiB are no object of JSON")
    try:
        value = json.loads(path.read_text("utf-8"))
    except (ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise Unusable(f"{path.name} is damaged, it is no JSON ({reason})") from None
    if not isinstance(value, dict):
        raise Unusable(f"{path.name} is damaged: it holds {_kind(value)} instead of an object")
    return value


def _kind(value: object) -> str:
    kinds = {list: "a list", str: "a text", type(None): "null"}
    return kinds.get(type(value), f"the value {value!r}"[:40])


def refuse_stand_in(path: Path, folder: Path) -> None:
    """Refuse a file that is empty, a pointer of git or a web page."""
    with path.open("rb") as file:
        start = file.read(64).lower()
    name = path.relative_to(folder)
    if not start and path.suffix != ".txt":
        raise Unusable(f"{name} is empty")
    for words, meaning in STAND_INS.items():
        if start.lstrip().startswith(words):
            raise Unusable(f"{name} is {meaning}")


def _settings(folder: Path) -> Iterator[Path]:
    for path in (*folder.iterdir(), *folder.glob("additional_chat_templates/*.jinja")):
        name = path.relative_to(folder).as_posix()
        if any(fnmatch(path.name, pattern) for pattern in NO_SETTINGS):
            continue
        if any(fnmatch(name, pattern) for pattern in SETTINGS) and path.is_file():
            yield path


def _checkpoint(folder: Path, config: dict[str, Any]) -> list[Path]:
    """The files of the weights, chosen as transformers chooses them."""
    named = config.get("transformers_weights")  # replaces the usual names
    names = CHECKPOINTS if named is None else (str(named),)
    first = next((folder / name for name in names if _inside(name, folder)), None)
    if first is None:
        lacking = " or ".join(names if named is not None else CHECKPOINTS[::2])
        raise Unusable(f"no weights in this folder: {lacking} is missing")
    if first.suffix != ".json":
        return [first]
    shards = read_object(first).get("weight_map")
    if not isinstance(shards, dict) or not shards:
        raise Unusable(f"{first.name} is damaged: it names no file of weights")
    files = []
    for name in sorted({str(shard) for shard in shards.values()}):
        if not _inside(name, folder):
            raise Unusable(f"{first.name} names {name!r}, which is not in this folder")
        files.append(folder / name)
    return [first, *files]


def _inside(name: str, folder: Path) -> bool:
    """Whether a name is that of a file in the folder, and of no other folder."""
    parts = PurePosixPath(name)
    return not parts.is_absolute() and ".." not in parts.parts and (folder / name).is_file()


def _refuse_damage(path: Path, folder: Path) -> None:
    refuse_stand_in(path, folder)
    if path.suffix == ".safetensors" and (reason := damage(path)):
        raise Unusable(f"{path.name} is damaged: {reason}")


def count_tensors(weights: tuple[Path, ...]) -> int | None:
    """The number of tensors of a checkpoint; None if its format does not tell."""
    count = 0
    for path in weights:
        if path.suffix == ".safetensors":
            count += len(tensor_names(path))
        elif path.suffix == ".bin":
            try:
                with zipfile.ZipFile(path) as archive:
                    count += sum(bool(re.search(r"/data/\d+$", n)) for n in archive.namelist())
            except zipfile.BadZipFile:  # damaged, or in the format before torch 1.6
                return None
    return count


def _refuse_layers(config: dict[str, Any], n_tensors: int | None) -> None:
    """Refuse an impossible number of blocks, because building the model could take for ever."""
    for key, value in config.items():
        if isinstance(value, dict):
            _refuse_layers(value, n_tensors)
        if key not in LAYER_COUNTS or not isinstance(value, int) or isinstance(value, bool):
            continue
        if value < (0 if key == "encoder_layers" else 1):
            raise Unusable(f"config.json has {key}={value}; a model has at least one block")
        if n_tensors is not None and value > n_tensors:
            raise Unusable(
                f"config.json has {key}={value}, and the checkpoint has {n_tensors} tensors: it does "
                "not fit its config.json"
            )
