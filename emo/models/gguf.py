"""GGUF files, dequantised once to a safetensors folder that is then loaded like any other.

Dequantised weights are what the file holds, not the original checkpoint: every run says so.
"""

from __future__ import annotations

import importlib.util
import re
import shutil
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from filelock import FileLock

from emo.errors import ModelError
from emo.models.digests import file_digest
from emo.models.folders import Unusable, refuse_stand_in
from emo.models.translating import about_model, quiet

CONVERTER = 1
"""Raised when the conversion changes, so that older folders are not taken for new ones."""
MAGIC = b"GGUF"
PART = re.compile(r"-\d{5}-of-\d{5}$")
"""How the name of one part of a split file ends."""


def revision_of(file: Path, cache: Path | None = None) -> str:
    """What names the weights of a GGUF file: its content and the conversion.

    Raises
    ------
    Unusable
        If it is no whole GGUF file, or the package that reads them is missing.
    """
    refuse_stand_in(file, file.parent)
    with file.open("rb") as opened:
        if opened.read(len(MAGIC)) != MAGIC:
            raise Unusable(f"{file.name} is no GGUF file")
    if PART.search(file.stem):
        raise Unusable(
            f"{file.name} is one part of a split GGUF file; llama-gguf-split --merge joins them"
        )
    if importlib.util.find_spec("gguf") is None:
        raise Unusable("reading GGUF files needs a package: pip install gguf sentencepiece")
    return f"gguf-{file_digest(file, cache)[:16]}-v{CONVERTER}"


def converted_file(file: Path, revision: str, weights: Path) -> Path:
    """The safetensors folder of a GGUF file in ``weights``, made on first use.

    Raises
    ------
    ModelError
        If transformers cannot read the file, or the folder cannot be written.
    """
    return converted(weights / revision, lambda: nullcontext(file), f"model.id={file}")


def converted(folder: Path, gguf: Callable[[], AbstractContextManager[Path]], subject: str) -> Path:
    """The folder, made of a GGUF file if it is not there; ``subject`` is what errors are about.

    The folder is written under a temporary name and renamed, under a lock: two processes convert
    once, a killed one leaves nothing that could be taken for a model.

    Raises
    ------
    ModelError
        If transformers cannot read the file, or the folder cannot be written.
    """
    if folder.is_dir():
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{folder}.lock"):
            if not folder.is_dir():
                with gguf() as file:
                    _convert(file, folder, subject)
    except (OSError, NotImplementedError) as error:
        raise _cannot_write(folder, error) from error
    return folder


def _cannot_write(folder: Path, error: Exception) -> ModelError:
    return ModelError(f"paths.weights={folder.parent}: cannot write there: {error}")


def _convert(gguf: Path, folder: Path, subject: str) -> None:
    import torch
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        where, name = str(gguf.parent), gguf.name
        quiet()
        with about_model(subject, "its GGUF file"):
            model = AutoModelForCausalLM.from_pretrained(
                where,
                gguf_file=name,
                dtype=torch.float32,
                quantization_config=GgufConfig(dequantize=True),
                trust_remote_code=False,
            )
            tokenizer = AutoTokenizer.from_pretrained(
                where, gguf_file=name, trust_remote_code=False
            )
        try:
            model.save_pretrained(partial)
            tokenizer.save_pretrained(partial)
        except SafetensorError as error:  # a full disk is no OSError to that library
            raise _cannot_write(folder, error) from error
        partial.replace(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
