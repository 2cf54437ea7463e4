"""The core imports numpy, scipy and itself alone, so that it runs on any laptop; it opens no file."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

CORE = Path(__file__).parents[2] / "emo" / "core"
ALLOWED = {"numpy", "scipy", "jaxtyping", "emo"} | set(sys.stdlib_module_names)
NO_FILES = {"open", "pathlib", "os", "io", "shutil"}


@pytest.mark.parametrize("path", sorted(CORE.rglob("*.py")), ids=lambda p: str(p.relative_to(CORE)))
def test_imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        for name in names:
            top = name.split(".")[0]
            assert top in ALLOWED
            assert top not in NO_FILES
            assert top != "emo" or name.startswith("emo.core")


def test_importing_the_package_loads_nothing_heavy():
    code = (
        "import sys, emo, emo.config.schema, emo.cli; "
        "print([m for m in ('torch', 'transformers', 'mlflow', 'matplotlib', 'scipy', 'pandas') "
        "if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
