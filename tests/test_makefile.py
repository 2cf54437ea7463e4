"""Which Python `make` takes, with a PATH that holds only what a case puts there."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def make(tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    for tool in ("sh", "make", "test", "echo"):
        where = next(p for p in (Path("/bin"), Path("/usr/bin")) if (p / tool).exists())
        (tmp_path / tool).symlink_to(where / tool)
    return subprocess.run(
        ["make", "-s", "-C", str(ROOT), *arguments],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )


def interpreter(folder: Path, name: str, works: bool = True, version: str = "") -> None:
    """A command of this name: this Python, one that says it has another version, or one that fails."""
    lines = ["#!/bin/sh", f'exec {sys.executable} "$@"' if works else "exit 127"]
    if version:
        fake = f"import sys; sys.version_info = ({version}, 0); exec(sys.argv.pop(1))"
        lines[1] = f'shift; exec {sys.executable} -c "{fake}" "$@"'
    path = folder / name
    path.write_text("\n".join(lines) + "\n")
    path.chmod(0o755)


def chosen(tmp_path: Path) -> str:
    return make(tmp_path, "--eval=show:;@echo chosen=$(PYTHON)", "show").stdout.strip()


def test_the_newest_python_that_runs_is_taken(tmp_path):
    interpreter(
        tmp_path, "python3.13", works=False
    )  # as a version manager's name for an absent one
    interpreter(tmp_path, "python3.12")
    interpreter(tmp_path, "python3.11")
    assert chosen(tmp_path) == "chosen=python3.12"


@pytest.mark.parametrize(("version", "want"), [("3, 10", ""), ("3, 14", ""), ("3, 13", "python3")])
def test_a_python_of_another_version_is_left_alone(tmp_path, version, want):
    interpreter(tmp_path, "python3", version=version)
    assert chosen(tmp_path) == f"chosen={want}"


def test_without_a_python_one_line_says_what_to_install(tmp_path):
    done = make(tmp_path, "BIN=/nowhere", "-W", "pyproject.toml", ".venv/installed")
    assert done.returncode != 0
    first = done.stderr.splitlines()[0]
    assert first.startswith("no Python 3.11, 3.12 or 3.13")
    assert "apt install python3-venv" in first and "PYTHON=" in first


def test_plain_make_lists_every_target_with_its_comment():
    done = subprocess.run(["make", "-s", "-C", str(ROOT)], capture_output=True, text=True)
    listed = [line.split()[1] for line in done.stdout.splitlines() if line]
    text = (ROOT / "Makefile").read_text()
    (phony,) = (part.split("\n\n")[0] for part in text.split(".PHONY:")[1:])
    assert sorted(listed) == sorted(phony.replace("\\\n", " ").split())
