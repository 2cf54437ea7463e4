"""Notebooks run cell by cell, without Jupyter, and written as pages of the documentation.

``python -m examples.render NAME...`` runs examples/NAME.ipynb in the folder of the project given by
``EMO_PROJECT`` (the current one) and writes docs/notebooks/NAME.md with what every cell shows. With
``--plain`` before the names nothing is run: the page has the cells alone.
"""

from __future__ import annotations

import ast
import io
import json
import os
import re
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NOTEBOOKS = Path(__file__).parent
PAGES = NOTEBOOKS.parent / "docs" / "notebooks"
PARAMETERS = "parameters"
"""Tag of the cell that names models and settings: another run may put its own in its place."""


@dataclass(frozen=True)
class Cell:
    """One cell of a notebook."""

    kind: str
    """``markdown`` or ``code``."""
    source: str
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Shown:
    """What a code cell prints, and the value of its last expression; None where there is none."""

    printed: str
    value: Any = None


def cells(name: str) -> list[Cell]:
    """The cells of examples/NAME.ipynb."""
    content = json.loads((NOTEBOOKS / f"{name}.ipynb").read_text(encoding="utf-8"))
    return [
        Cell(c["cell_type"], "".join(c["source"]), tuple(c["metadata"].get("tags", ())))
        for c in content["cells"]
    ]


def run(name: str, parameters: str | None = None) -> Iterator[tuple[Cell, Shown | None]]:
    """Every cell with what it shows; ``parameters`` take the place of the cell with that tag."""
    names: dict[str, Any] = {"__name__": "__main__"}
    for cell in cells(name):
        if cell.kind != "code":
            yield cell, None
            continue
        replaced = parameters is not None and PARAMETERS in cell.tags
        yield cell, _executed(parameters if replaced and parameters else cell.source, names)


def _executed(source: str, names: dict[str, Any]) -> Shown:
    """What the code prints, and the value of its last expression."""
    tree = ast.parse(source)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    out, value = io.StringIO(), None
    with redirect_stdout(out):
        exec(compile(tree, "<cell>", "exec"), names)
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), "<cell>", "eval"), names)
    return Shown(out.getvalue(), value)


def page(name: str, plain: bool = False) -> str:
    """The notebook as Markdown; pictures are written beside the page. A plain one has no outputs."""
    made = f"{'--plain ' if plain else ''}{name}"
    parts = [f"<!-- Made by: python -m examples.render {made} -->"]
    for i, (cell, shown) in enumerate(((c, None) for c in cells(name)) if plain else run(name)):
        parts.append(f"```python\n{cell.source}\n```" if cell.kind == "code" else cell.source)
        parts += [] if shown is None else _output(shown, f"{name}_{i}.png")
    return "\n\n".join(parts) + "\n"


def _output(shown: Shown, picture: str) -> Iterator[str]:
    if shown.printed.strip():
        yield f"```text\n{shown.printed.rstrip()}\n```"
    value = shown.value
    if value is None:
        return
    if (png := getattr(value, "_repr_png_", None)) is not None:
        (PAGES / picture).write_bytes(png())
        yield f"![What the cell shows]({picture})"
    elif (html := getattr(value, "_repr_html_", None)) is not None:
        yield _compact(html())
    else:
        yield f"```text\n{value!r}\n```"


def _compact(html: str) -> str:
    """HTML without blank lines and style sheets, which would end it in Markdown."""
    html = re.sub(r"<style.*?</style>", "", html, flags=re.S)
    return "\n".join(line.strip() for line in html.splitlines() if line.strip())


def main(wanted: list[str]) -> None:
    """Write the pages of these notebooks; without names, of all."""
    plain = wanted[:1] == ["--plain"]
    wanted = wanted[plain:]
    PAGES.mkdir(exist_ok=True)
    os.chdir(os.environ.get("EMO_PROJECT", "."))
    for name in wanted or sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb")):
        (PAGES / f"{name}.md").write_text(page(name, plain), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
