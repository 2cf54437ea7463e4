"""Examples in docs/api.md and in docstrings of public functions run, on two runs of a tiny model."""

import doctest
import importlib

import pytest

import emo
from emo.cli import run_job
from emo.config.resolve import compose
from tests.conftest import ROOT, TINY, write_small_csv

FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
MODULES = sorted({"emo", *emo.HOMES.values()})


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project with two runs, and the names that examples use."""
    root = tmp_path_factory.mktemp("project")
    passages = f"stimuli.path={write_small_csv(root)}"
    plain, other = (
        run_job(compose(*TINY, passages, *more, root=root)) for more in ((), ("seed=1",))
    )
    return root, {"emo": emo, "RUN_ID": plain.run_id, "OTHER_RUN_ID": other.run_id}


@pytest.mark.parametrize("module", MODULES)
def test_examples_give_what_they_say(module, project, monkeypatch):
    root, names = project
    monkeypatch.chdir(root)
    done = doctest.testmod(importlib.import_module(module), extraglobs=names, optionflags=FLAGS)
    assert done.attempted > 0
    assert done.failed == 0


def test_the_page_on_python_gives_what_it_says(project, monkeypatch):
    root, names = project
    monkeypatch.chdir(root)
    page = ROOT / "docs" / "api.md"
    text = page.read_text().replace("```", "")
    test = doctest.DocTestParser().get_doctest(text, dict(names), page.name, str(page), 0)
    done = doctest.DocTestRunner(optionflags=FLAGS).run(test)
    assert done.attempted > 10
    assert done.failed == 0


@pytest.mark.parametrize("name", emo.__all__)
def test_every_public_name_has_an_example(name):
    public = getattr(emo, name)
    tests = doctest.DocTestFinder(recurse=False).find(public, name)
    assert any(test.examples for test in tests)
