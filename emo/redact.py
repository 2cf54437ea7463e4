"""Passwords taken out of what is printed, written down or handed to other processes."""

from __future__ import annotations

import os
import re

WEB = re.compile(r"(?i)(https?://)(?:[^\s@]*@)+")
"""Everything before the host of a web address: a token may stand there alone, or as the user."""
PASSWORD = re.compile(r"(://[^\s/:@?]*):(?:[^\s@]*@)+")
QUERY = re.compile(r"(?i)((?:password|passwd|token|secret)=)[^&\s]*")
OPTION = re.compile(
    r"(?i)([?&;][\w.-]*(?:password|passwd|pwd|token|secret|signature|credential|apikey|api[_-]key"
    r"|access[_-]?key)[\w.-]*=)[^&;\s]*"
)
"""Names that mean a secret in the query of an address only."""

HIDDEN = "EMO_HIDDEN_"
"""Begins the names of the environment variables that hold values with a password."""
REFERENCE = re.compile(r"\$\\?\{oc\.env\\?:(" + HIDDEN + r"\d+)\\?\}")
"""Matches with backslashes, too: Hydra writes them into the overrides of the jobs of a sweep."""


def without_password(text: str) -> str:
    """The text without the secrets of its addresses, each of which is an address still.

    It lacks the password of ``user:password@``, everything before the host of a web address, the
    values of ``password=``, ``passwd=``, ``token=`` and ``secret=``, and the values of keys, signatures
    and credentials in the query of an address. A password may hold every character that an address may
    hold, also a slash and an at sign. A reference (:func:`reference_to`) becomes its value, without the
    password.
    """
    return _masked(REFERENCE.sub(lambda match: os.environ.get(match[1], ""), text))


def holds_password(text: str) -> bool:
    """Whether the text itself holds a secret; a reference to one does not count."""
    return _masked(text) != text


def _masked(text: str) -> str:
    plain = PASSWORD.sub(r"\1@", WEB.sub(r"\1", text))
    return OPTION.sub(r"\1", QUERY.sub(r"\1", plain))


def reference_to(value: str) -> str:
    """A reference to a value that is kept in the environment, for a config that is written down.

    OmegaConf resolves the reference in this process and in the processes that it starts.
    """
    number = 0
    while os.environ.get(name := f"{HIDDEN}{number}", value) != value:
        number += 1
    os.environ[name] = value
    return f"${{oc.env:{name}}}"
