"""GGUF files, dequantised once to a safetensors folder that is then loaded like any other.

The weights are those of the file, not of the original checkpoint; a note of every run says so.
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
"""Version of the conversion; raise it with every change, so that older folders are not reused."""
MAGIC = b"GGUF"
PART = re.compile(r"-\d{5}-of-\d{5}$")
"""The end of the name of one part of a split file."""


def revision_of(file: Path, name: str, cache: Path | None = None) -> str:
    """The revision of the weights in a GGUF file, from its content and the conversion.

    ``name`` is the name that the user gave.

    Raises
    ------
    Unusable
        If the file is no whole GGUF file, or the package that reads GGUF files is missing.
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
    """The folder, converted from a GGUF file if it does not exist; errors begin with ``subject``.

    The folder is written under a temporary name, under a lock, and then renamed. So two processes
    convert once, and a killed one leaves nothing that could be taken for a model.

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
    """A block without the progress bar of the conversion, if stderr is no terminal."""
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
        except SafetensorError as error:  # the library raises it for a full disk too
            raise _cannot_write(folder, error) from error
        partial.replace(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
