"""A project of its own, and files to be logged."""

import pytest

from emo.config.schema import RunConfig


@pytest.fixture
def config(tmp_path):
    return RunConfig(root=str(tmp_path / "project"))


@pytest.fixture
def files(tmp_path):
    folder = tmp_path / "files"
    (folder / "figures").mkdir(parents=True)
    (folder / "a.txt").write_text("a")
    (folder / "figures" / "b.txt").write_text("b")
    return folder
