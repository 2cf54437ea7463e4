"""What a page says on paper."""

from __future__ import annotations

import re
import unicodedata
from io import BytesIO

import pytest

from tests.browser.conftest import Opened


def printed(opened: Opened) -> str:
    """The text of the page as printed, with the spaces of its setting."""
    pypdf = pytest.importorskip("pypdf")
    pdf = pypdf.PdfReader(BytesIO(opened.page.pdf(prefer_css_page_size=True)))
    return " ".join(page.extract_text() for page in pdf.pages)


def squeezed(text: str) -> str:
    """A text without white space and ligatures, as two ways of setting it have it in common."""
    return re.sub(r"\s", "", unicodedata.normalize("NFKC", text)).replace("\u00ad", "")
