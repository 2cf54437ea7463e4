"""Debian's chromium, driven without a window: what a page prints, and how wide it is."""

from __future__ import annotations

import re
import shutil
import subprocess
import unicodedata
from pathlib import Path

import pytest

CHROMIUM = shutil.which("chromium")
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no chromium here")


def _chromium(*options: str) -> str:
    assert CHROMIUM is not None
    command = [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", *options]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=300).stdout


def printed(page: Path, folder: Path) -> str:
    """The text of the page as printed, without white space and ligatures."""
    from pypdf import PdfReader

    pdf = folder / "page.pdf"
    _chromium(f"--print-to-pdf={pdf}", "--no-pdf-header-footer", page.as_uri())
    return squeezed("".join(p.extract_text() for p in PdfReader(pdf).pages))


def squeezed(text: str) -> str:
    """A text without white space and ligatures, as two ways of setting it have it in common."""
    return re.sub(r"\s", "", unicodedata.normalize("NFKC", text)).replace("\u00ad", "")


def widths(page: Path, folder: Path, width: int) -> tuple[int, int]:
    """How wide the content of a page is, and how much room it has, in a frame of so many pixels."""
    tell = (
        "<script>addEventListener('load', () => parent.postMessage("
        "[document.documentElement.scrollWidth, innerWidth], '*'))</script>"
    )
    inner, outer = folder / "inner.html", folder / "outer.html"
    inner.write_text(page.read_text("utf-8").replace("</body>", f"{tell}</body>"), "utf-8")
    outer.write_text(
        "<script>addEventListener('message', e => document.body.dataset.widths = e.data)</script>"
        f"<iframe src='{inner.as_uri()}' width='{width}' height='900' frameborder='0'></iframe>",
        "utf-8",
    )
    size = f"--window-size={max(width, 500) + 40},1000"
    dom = _chromium("--dump-dom", "--virtual-time-budget=10000", size, outer.as_uri())
    content, room = re.findall(r'data-widths="(\d+),(\d+)"', dom)[0]
    return int(content), int(room)
