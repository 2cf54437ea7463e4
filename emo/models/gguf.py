"""GGUF files, dequantised once to a safetensors folder that is then loaded like any other.

Dequantised weights are what the file holds, not the original checkpoint: every run says so.
"""

from __future__ import annotations

import importlib.util
import io
import logging
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, redirect_stderr
from pathlib import Path
from typing import Any

from filelock import FileLock

from emo.errors import ModelError
from emo.models.digests import file_digest
from emo.models.folders import Unusable, refuse_stand_in
from emo.models.pretrained import refuse_incomplete
from emo.models.translating import about_model, quiet

log = logging.getLogger(__name__)

CONVERTER = 1
"""Raised when the conversion changes, so that older folders are not taken for new ones."""
MAGIC = b"GGUF"
PART = re.compile(r"-\d{5}-of-\d{5}$")
"""How the name of one part of a split file ends."""


def revision_of(file: Path, name: str, cache: Path | None = None) -> str:
    """What names the weights of a GGUF file: its content and the conversion.

    ``name`` is what the user calls the file.

    Raises
    ------
    Unusable
        If it is no whole GGUF file, or the package that reads them is missing.
    """
    refuse_stand_in(file, file.parent)
    with file.open("rb") as opened:
        if opened.read(len(MAGIC)) != MAGIC:
            raise Unusable(f"{name} is neither a folder nor a GGUF file")
    if PART.search(Path(name).stem):
        raise Unusable(
            f"{name} is one part of a split GGUF file; llama-gguf-split --merge joins them"
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


@contextmanager
def _no_bar() -> Iterator[None]:
    """Without the progress bar of the conversion where nobody looks; nothing else switches it off."""
    with nullcontext() if sys.stderr.isatty() else redirect_stderr(io.StringIO()):
        yield


def _convert(gguf: Path, folder: Path, subject: str) -> None:
    import torch
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        where, name = str(gguf.parent), gguf.name
        quiet()
        log.info("dequantising %s, once: the result is kept in %s", name, folder)
        with about_model(subject, "its GGUF file"), _no_bar():
            loaded: Any = AutoModelForCausalLM.from_pretrained(
                where,
                gguf_file=name,
                dtype=torch.float32,
                quantization_config=GgufConfig(dequantize=True),
                trust_remote_code=False,
                output_loading_info=True,
            )
            model, info = loaded
            refuse_incomplete(info, subject)
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
