"""Where a number was made: code commit, package versions, machine."""

from __future__ import annotations

import importlib.metadata
import platform
import subprocess
from pathlib import Path

PACKAGES = (
    "torch",
    "transformers",
    "transformer-lens",
    "bitsandbytes",
    "tokenizers",
    "safetensors",
    "numpy",
    "scipy",
    "mlflow",
    "hydra-core",
    "omegaconf",
)


def package_versions() -> dict[str, str]:
    """Versions of Python and of the packages that can change a number or its record."""
    versions = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def code_commit(root: Path) -> str:
    """Commit of the checkout, with ``+changes`` if files differ from it; ``unknown`` outside one."""

    def git(*args: str) -> str:
        return subprocess.run(
            ["git", "-C", str(root), *args], capture_output=True, text=True, check=True, timeout=10
        ).stdout.strip()

    try:
        commit = git("rev-parse", "HEAD")
        changed = git("status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return f"{commit}+changes" if changed else commit
