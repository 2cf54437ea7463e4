"""Overrides of Hydra's own settings: which of them exist here, and what each may be."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from emo.config.text_overrides import text_override
from emo.errors import ConfigError, EmoError, did_you_mean, value_text

if TYPE_CHECKING:
    from hydra.core.override_parser.types import Override

HYDRA = (
    "hydra.launcher.*",
    "hydra.sweeper.max_batch_size",
    "hydra.sweeper.params.*",
    "hydra.sweep.dir",
    "hydra.run.dir",
    "hydra.mode",
    "hydra.verbose",
    "hydra.job.env_set.*",
)
"""Settings of Hydra that have an effect here."""


def checked_setting(parsed: Override, text: str, root: Path) -> str:
    """The override of a setting of Hydra; a relative folder is taken from ``root``.

    Raises
    ------
    EmoError
        Naming the setting and what is allowed.
    """
    key, value = parsed.key_or_group, parsed.value()
    if "/" in key:
        if not parsed.is_sweep_override() and not isinstance(value, str):
            raise ConfigError(key, parsed.get_value_string(), "the name of one option")
        return text
    families = [name for name in HYDRA if name.endswith(".*")]
    if key not in HYDRA and not any(key.startswith(name[:-1]) for name in families):
        raise EmoError(
            f"{value_text(key)}: no such setting{did_you_mean(key, HYDRA)}; of Hydra's there are "
            f"{', '.join(HYDRA)}"
        )
    match key:
        case "hydra.verbose":
            if not isinstance(value, (bool, list)):
                allowed = "true, false, or a list of loggers, such as [emo]"
                raise ConfigError(key, value, allowed)
        case "hydra.mode":
            if value not in ("RUN", "MULTIRUN"):
                raise ConfigError(key, parsed.get_value_string(), "RUN, MULTIRUN")
        case "hydra.sweeper.max_batch_size":
            whole = isinstance(value, int) and not isinstance(value, bool) and value > 0
            if value is not None and not whole:
                allowed = "a whole number of at least 1, or null: all at once"
                raise ConfigError(key, value, allowed)
        case "hydra.sweep.dir" | "hydra.run.dir":
            if not isinstance(value, str) or not value.strip() or value == "???":
                raise ConfigError(key, parsed.get_value_string(), "a folder")
            if "${" not in value:
                return text_override(key, str(Path(root, value).absolute()))
        case _:  # the families: their settings belong to launchers and to jobs
            pass
    return text
