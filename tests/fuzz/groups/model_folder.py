"""A model folder in which something is changed, and the command that loads it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.fuzz.case import Case
from tests.fuzz.damage import BYTES, KINDS, put
from tests.fuzz.drawing import chance
from tests.fuzz.place import SMALL

FOLDER = "mdl"
ARGS = (*SMALL[1:], "model=hub", f"model.id=./{FOLDER}")
NAMED = ("model.id", "model=", "mdl")
Change = Callable[[Path], object]

EVIL = """
import os
open(os.environ["FUZZ_CANARY"], "w").write("ran")
from transformers import LlamaConfig, LlamaForCausalLM as Model
from transformers import PreTrainedTokenizerFast as Tokenizer
class Config(LlamaConfig):
    model_type = "evil"
"""


def case(name: str, change: Change, args: tuple[str, ...] = ARGS, **more: Any) -> Case:
    """A change of the folder's files, and a command that loads it."""
    return Case(name, args, more.pop("named", NAMED), lambda root: change(root / FOLDER), **more)


def edited(name: str, edit: Callable[[Any], Any]) -> Change:
    """A JSON file of the folder, edited."""

    def change(folder: Path) -> None:
        content = json.loads((folder / name).read_text())
        put(folder / name, json.dumps(edit(content)))

    return change


def replaced(name: str, content: str | bytes) -> Change:
    """A file of the folder, of this content."""
    return lambda folder: put(folder / name, content)


def kind_case(file: str, name: str) -> Case:
    """A file of the folder that is something else."""
    operator = {**BYTES, **KINDS}[name]
    return case(f"{file} {name}", lambda folder: operator(folder / file, chance(file + name)))
