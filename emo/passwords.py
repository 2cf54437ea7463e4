"""Addresses that are printed or written down, without the passwords in them."""

from __future__ import annotations

import re

PASSWORD = re.compile(r"(://[^\s/:@]*):[^\s/]*@")


def without_password(text: str) -> str:
    """The text, with the password of every ``user:password@`` behind a scheme left out."""
    return PASSWORD.sub(r"\1@", text)
