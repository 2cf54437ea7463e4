"""The wheel holds the whole program, and works without the clone."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.conftest import ROOT

BUILD = "import sys, setuptools.build_meta as b; print(b.build_wheel(sys.argv[1]))"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel's contents, in a folder."""
    pytest.importorskip("setuptools")
    source = tmp_path_factory.mktemp("source")
    for name in ("emo", "conf", "hydra_plugins"):
        skip = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, source / name, symlinks=True, ignore=skip)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    built = tmp_path_factory.mktemp("wheel")
    done = subprocess.run(
        [sys.executable, "-c", BUILD, str(built)], cwd=source, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    contents = tmp_path_factory.mktemp("installed")
    with zipfile.ZipFile(next(built.glob("*.whl"))) as file:
        file.extractall(contents)
    return contents


def files_of(folder):
    return {
        p.relative_to(folder)
        for p in folder.rglob("*")
        if p.is_file() and "__pycache__" not in p.parts
    }


def test_the_wheel_holds_every_file_of_the_program(wheel):
    assert files_of(ROOT / "emo") <= files_of(wheel / "emo")
    assert files_of(ROOT / "conf") == files_of(wheel / "emo" / "conf")
    assert files_of(ROOT / "hydra_plugins") == files_of(wheel / "hydra_plugins")


def test_an_installed_package_finds_its_options_from_any_folder(wheel, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "emo.cli", "--cfg", "job", "model=gpt2"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(wheel)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "id: openai-community/gpt2" in done.stdout
    assert f"root: {tmp_path}" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_the_command_is_named_in_the_wheel(wheel):
    (entry,) = wheel.glob("*.dist-info/entry_points.txt")
    assert "emo = emo.cli:main" in entry.read_text()
    assert Path(wheel / "emo" / "py.typed").is_file()
