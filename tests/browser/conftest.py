"""Pages in a real browser, a chromium driven by playwright: wide or narrow, light or dark.

All tests that need a browser are in this folder; without playwright or chromium they are skipped.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Literal

import pytest

from tests.browser.study import made_pages

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
    def rows(self) -> int:
        """How many passages or steered texts are to be seen."""
        return self.page.locator("#passages tbody tr:visible, [data-row]:visible").count()

    @property
    def tip(self) -> str:
        """What stands beside the pointer."""
        return self.page.locator("#tip").inner_text()

    def text(self, selector: str) -> str:
        """What one element says."""
        return self.page.locator(selector).inner_text()

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


@pytest.fixture
def shown(opened: Callable[..., Opened], tmp_path: Path) -> Callable[..., Opened]:
    """Opens a page from its HTML, at the state that its link holds."""
    numbers = count()

    def show(html: str, state: str = "", **options: Any) -> Opened:
        path = tmp_path / f"page{next(numbers)}.html"
        path.write_text(html, encoding="utf-8")
        return opened(f"{path.as_uri()}{state}", **options)

    return show


@pytest.fixture(scope="package")
def pages(chromium: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The pages of a small study; made only where there is a browser."""
    return made_pages(tmp_path_factory.mktemp("study"))
