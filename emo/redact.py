"""Addresses that are printed, written down or handed to other processes, without their passwords."""

from __future__ import annotations

import os
import re

WEB = re.compile(r"(?i)(https?://)(?:[^\s@]*@)+")
"""A token may stand alone there, or as the user: nothing before the host is kept."""
PASSWORD = re.compile(r"(://[^\s/:@?]*):(?:[^\s@]*@)+")
QUERY = re.compile(r"(?i)((?:password|passwd|token|secret)=)[^&\s]*")
OPTION = re.compile(
    r"(?i)([?&;][\w.-]*(?:password|passwd|pwd|token|secret|signature|credential|apikey|api[_-]key"
    r"|access[_-]?key)[\w.-]*=)[^&;\s]*"
)
"""Further names, which are secrets in the query of an address only."""

HIDDEN = "EMO_HIDDEN_"
"""Begins the names of the environment variables that hold values nobody may read elsewhere."""
REFERENCE = re.compile(r"\$\\?\{oc\.env\\?:(" + HIDDEN + r"\d+)\\?\}")
"""With backslashes as Hydra writes it into the overrides of a sweep's jobs."""


def without_password(text: str) -> str:
    """The text, without the secrets in its addresses; what is left is an address still.

    What is left out are passwords of ``user:password@``, all that stands before the host of a web
    address, the values of ``password=``, ``passwd=``, ``token=`` and ``secret=``, and those of keys,
    signatures and credentials in the query of an address. A password may hold any character that
    may stand in an address, a slash and an at sign included.
    """
    plain = PASSWORD.sub(r"\1@", WEB.sub(r"\1", text))
    return OPTION.sub(r"\1", QUERY.sub(r"\1", plain))


def hidden(value: str) -> str:
    """A reference to a value, for configs that are written down; the value is in the environment.

    OmegaConf resolves the reference, in this process and in those that it starts.
    """
    number = 0
    while os.environ.get(name := f"{HIDDEN}{number}", value) != value:
        number += 1
    os.environ[name] = value
    return f"${{oc.env:{name}}}"


def shown(text: str) -> str:
    """A text for people: references to hidden values are those values, without their passwords."""
    return without_password(REFERENCE.sub(lambda m: os.environ.get(m[1], ""), text))
