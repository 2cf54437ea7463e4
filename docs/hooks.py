"""Reference pages of emo.core, one per package, so that a moved or new module needs no list here."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
CORE = ROOT / "emo" / "core"
RECORDS = "records"
"""The page of the modules that lie in emo.core itself."""


def core_pages() -> dict[str, list[str]]:
    """The dotted names of the modules with something public, per page."""
    pages: dict[str, list[str]] = {RECORDS: []}
    for path in sorted(CORE.rglob("*.py")):
        inside = path.relative_to(CORE).with_suffix("")
        if any(part.startswith("_") for part in inside.parts) or not _public(path):
            continue
        page = inside.parts[0] if len(inside.parts) > 1 else RECORDS
        pages.setdefault(page, []).append(".".join(("emo", "core", *inside.parts)))
    return pages


def _public(path: Path) -> bool:
    kinds = (ast.FunctionDef, ast.ClassDef)
    body = ast.parse(path.read_text(encoding="utf-8")).body
    return any(isinstance(node, kinds) and not node.name.startswith("_") for node in body)


def _docstring(package: str) -> str:
    path = CORE / package / "__init__.py"
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) if path.exists() else ""
    return text if text and text[0].isalpha() else ""


def _address(page: str) -> str:
    return f"reference/core_{page}.md"


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put the pages behind emo's own in the navigation."""
    sections: list[Any] = config.nav or []
    (reference,) = [entry["Reference"] for entry in sections if "Reference" in entry]
    reference[2:2] = [{f"emo.core, {page}": _address(page)} for page in core_pages()]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages to those that lie in docs/."""
    for page, modules in core_pages().items():
        title = "emo.core: records" if page == RECORDS else f"emo.core.{page}"
        intro = "" if page == RECORDS else f"{_docstring(page)}\n"
        entries = "\n".join(f"::: {module}\n" for module in modules)
        text = f"# {title}\n\n{intro}\n{entries}"
        files.append(File.generated(config, _address(page), content=text))
    return files
