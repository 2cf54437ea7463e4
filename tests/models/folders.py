"""Tiny random models in the layout of save_pretrained, and refusals of them."""

import json
import shutil
from pathlib import Path

import pytest

from emo.config.enums import Attention, PrecisionName
from emo.config.schema import ModelConfig, PrecisionConfig
from emo.errors import EmoError
from emo.models.loading import LoadedModel, load
from emo.models.tiny import build
from emo.models.weights import Weights, locate


def save(family: str, path: Path, seed: int = 0) -> Path:
    """A model of two layers and its tokenizer."""
    model, tokenizer = build(family, 2, 64, seed)
    return save_pair(model, tokenizer, path)


def save_pair(model, tokenizer, path: Path) -> Path:
    model.save_pretrained(path)
    tokenizer.save_pretrained(path)
    return path


def config_of(path: Path | str, **more) -> ModelConfig:
    return ModelConfig(name="hub", id=str(path), **more)


def located(path: Path | str, cache: Path | None = None, **more) -> Weights:
    return locate(config_of(path, **more), cache=cache)


def load_folder(
    path: Path, precision: PrecisionName = PrecisionName.fp32, cache: Path | None = None
) -> LoadedModel:
    """What a job does with ``model=hub model.id=path``."""
    cache = cache or path.parent / "cache"
    config = config_of(path)
    weights = locate(config, cache=cache)
    return load(config, weights, PrecisionConfig(precision), Attention.eager, "cpu", cache)


def refusal(path: Path, precision: PrecisionName = PrecisionName.fp32) -> str:
    """The one line with which a folder is refused; nothing is written into it."""
    before = sorted(p.name for p in path.iterdir()) if path.is_dir() else []
    with pytest.raises(EmoError) as caught:
        load_folder(path, precision)
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 600
    assert message.startswith(f"model.id={path}: ")
    assert before == (sorted(p.name for p in path.iterdir()) if path.is_dir() else [])
    return message.removeprefix(f"model.id={path}: ")


def change(path: Path, name: str = "config.json", **fields) -> None:
    """Set fields of a JSON file of a folder; None takes one out."""
    content = json.loads((path / name).read_text()) | fields
    content = {key: value for key, value in content.items() if value is not None}
    (path / name).write_text(json.dumps(content))


def copied(path: Path, target: Path) -> Path:
    return Path(shutil.copytree(path, target))
