"""A page: a title, an answer and sections, as one HTML file that fetches nothing.

A job builds a :class:`Page` of :class:`Section`; colours, tables and print come from ``look.css``, what
all sections share in a browser from ``page.js``. A section that is drawn in the browser names a script
of this folder and gives it data; its HTML is what a reader without JavaScript sees.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

HERE = Path(__file__).parent

NUMBERS = "The numbers as the terminal prints them"
"""Heading of the last section of every page."""


@dataclass(frozen=True)
class Section:
    """One part of a page, under a heading."""

    title: str
    html: str
    """Markup; every text of a user in it is escaped, as :func:`fragment` escapes."""
    data: Any = None
    """What the script reads, as JSON."""
    script: str = ""
    """Stem of a script in this folder; the data have this name."""
    figures: tuple[str, ...] = ()
    """Names of the run's figures that stand below the HTML."""


@dataclass(frozen=True)
class Page:
    """What a run shows a reader."""

    title: str
    answer: str
    """The sentences that stand first; empty if there are none."""
    sections: tuple[Section, ...]
    text: str = ""
    """The terminal text, shown last."""


def render(page: Page, pictures: Mapping[str, bytes] | None = None, run_id: str = "") -> str:
    """The HTML file of a page.

    Parameters
    ----------
    page
        What is shown.
    pictures
        PNG files by the names of the figures.
    run_id
        Id of the run that the page belongs to; empty if it is not logged.

    Raises
    ------
    KeyError
        If a section shows a figure that is not among the pictures.
    """
    pictures = pictures or {}
    scripts = dict.fromkeys(s.script for s in page.sections if s.script)
    return (
        environment()
        .get_template("page.html")
        .render(
            page=page,
            run_id=run_id,
            numbers=NUMBERS,
            style=_file("look.css"),
            scripts=[_file("page.js"), *(_file(f"{name}.js") for name in scripts)]
            if scripts
            else [],
            data={s.script: Markup(as_json(s.data)) for s in page.sections if s.script},
            images={
                name: base64.b64encode(pictures[name]).decode()
                for section in page.sections
                for name in section.figures
            },
        )
    )


def fragment(template: str, **values: Any) -> str:
    """The HTML of a template of this folder; every value in it is escaped."""
    return environment().get_template(template).render(**values)


@cache
def environment() -> Environment:
    """The templates of this folder, with everything escaped that is not marked as markup."""
    templates = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters["words"] = words
    templates.filters["markup"] = Markup
    return templates


def words(value: Any) -> str:
    """A value in a cell as a reader sees it: numbers with three digits, an en dash for nothing."""
    match value:
        case None:
            return "\u2013"
        case bool() | np.bool_():
            return "yes" if bool(value) else "no"
        case float() | np.floating():
            if not math.isfinite(value):
                return "\u2013"
            if 1e-9 < abs(value) < 5e-4:
                return f"{value:.1e}"
            return f"{value:.3g}" if abs(value) >= 100 else f"{value + 0.0:.3f}"
        case _:
            return str(value)


def as_json(value: Any) -> str:
    """A value as JSON inside a script element; what is not finite is null."""
    text = json.dumps(_plain(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _plain(value: Any) -> Any:
    match value:
        case np.ndarray():
            return _plain(value.tolist())
        case np.generic():
            return _plain(value.item())
        case float():
            return value if math.isfinite(value) else None
        case Mapping():
            return {str(k): _plain(v) for k, v in value.items()}
        case list() | tuple():
            return [_plain(v) for v in value]
        case _:
            return value


def packed(values: np.ndarray) -> str:
    """Whole numbers of one type as base64: little-endian bytes in the order of the array."""
    return base64.b64encode(values.astype(values.dtype.newbyteorder("<")).tobytes()).decode()


@cache
def _file(name: str) -> Markup:
    return Markup((HERE / name).read_text(encoding="utf-8"))
