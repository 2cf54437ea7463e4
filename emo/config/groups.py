"""The config groups of ``conf`` with their options, and the check of a chosen option."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from emo.errors import ConfigError


class Groups:
    """The config groups: each is a subfolder of ``folders``, each option a file in it."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = folders

    def __contains__(self, name: str) -> bool:
        return any((folder / name).is_dir() for folder in self._folders) and "." not in name

    def options(self, name: str) -> list[str]:
        """Names of a group's options, sorted."""
        files = {f.stem for folder in self._folders for f in (folder / name).glob("*.yaml")}
        return sorted(files)

    def names(self) -> list[str]:
        """Names of the groups themselves, sorted."""
        return sorted({p.name for f in self._folders for p in f.iterdir() if p.is_dir()})

    def having(self, option: str) -> list[str]:
        """Names of the groups that have this option, sorted."""
        return [name for name in self.names() if option in self.options(name)]

    def check_option(self, group: str, value: Any, raw: str) -> None:
        """Refuse everything but one option; Hydra would fail at a list, a dictionary or null.

        Raises
        ------
        ConfigError
            With the options.
        """
        options = self.options(group)
        if isinstance(value, str) and (value in options or "${" in value):
            return
        given = value if isinstance(value, str) else raw
        raise ConfigError(group, given, options)
