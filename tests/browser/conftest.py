"""Pages in a real browser, Debian's chromium: what is opened, how wide, light or dark."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest

WIDE, NARROW = 1400, 400
"""Widths in CSS pixels of a desktop's window and of a telephone's."""


@dataclass
class Opened:
    """A page that is open, with what it asked for and what went wrong."""

    page: Any
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    @property
    def fetched(self) -> list[str]:
        """Addresses beyond the file itself; data within the file is none."""
        return [url for url in self.requests[1:] if not url.startswith(("data:", "blob:"))]

    @property
    def overflow(self) -> int:
        """By how many pixels the page is wider than its window."""
        return self.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )

    @property
    def background(self) -> tuple[int, ...]:
        """Red, green and blue of what is behind the text."""
        colour = self.page.evaluate(
            """() => {
                for (const e of [document.body, document.documentElement]) {
                    const c = getComputedStyle(e).backgroundColor;
                    if (!c.endsWith(', 0)')) return c;
                }
                return matchMedia('(prefers-color-scheme: dark)').matches
                    && getComputedStyle(document.documentElement).colorScheme.includes('dark')
                    ? 'rgb(18, 18, 18)' : 'rgb(255, 255, 255)';
            }"""
        )
        return tuple(int(float(x)) for x in colour[colour.index("(") + 1 : -1].split(",")[:3])


@pytest.fixture(scope="package")
def chromium() -> Iterator[Any]:
    """The browser, driven by playwright; without either the tests are skipped."""
    playwright = pytest.importorskip("playwright.sync_api")
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("needs the program chromium")
    with playwright.sync_playwright() as driver:
        # As root, as in a container, chromium has no sandbox of its own.
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = driver.chromium.launch(executable_path=program, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def opened(chromium: Any) -> Iterator[Callable[..., Opened]]:
    """Opens a file or an address, and closes it after the test."""
    contexts = []

    def open_page(
        address: str | Path,
        width: int = WIDE,
        scheme: Literal["light", "dark"] = "light",
        script: bool = True,
    ) -> Opened:
        context = chromium.new_context(
            viewport={"width": width, "height": 900},
            color_scheme=scheme,
            java_script_enabled=script,
        )
        contexts.append(context)
        result = Opened(context.new_page())
        result.page.on("request", lambda request: result.requests.append(request.url))
        result.page.on("pageerror", lambda error: result.errors.append(str(error)))
        result.page.on(
            "console",
            lambda message: result.errors.append(message.text) if message.type == "error" else None,
        )
        result.page.goto(address.as_uri() if isinstance(address, Path) else address)
        return result

    yield open_page
    for context in contexts:
        context.close()
