"""Addresses that are printed or written down, without the passwords in them."""

from __future__ import annotations

import re

WEB = re.compile(r"(?i)(https?://)(?:[^\s@]*@)+")
"""A token may stand alone there, or as the user: nothing before the host is kept."""
PASSWORD = re.compile(r"(://[^\s/:@?]*):(?:[^\s@]*@)+")
QUERY = re.compile(r"(?i)((?:password|passwd|token|secret)=)[^&\s]*")


def without_password(text: str) -> str:
    """The text, without the secrets in its addresses; what is left is an address still.

    What is left out are passwords of ``user:password@``, all that stands before the host of a web
    address, and the values of ``password=``, ``passwd=``, ``token=`` and ``secret=``. A password may
    hold any character that may stand in an address, a slash and an at sign included.
    """
    return QUERY.sub(r"\1", PASSWORD.sub(r"\1@", WEB.sub(r"\1", text)))
