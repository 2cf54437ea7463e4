"""The folder of config groups and options that come with the program."""

from __future__ import annotations

from pathlib import Path

CONF = (Path(__file__).resolve().parents[1] / "conf").resolve()
"""``conf/`` in a clone, where ``emo/conf`` is a link to it; ``emo/conf`` in an installed package."""
