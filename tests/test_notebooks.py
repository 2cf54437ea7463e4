"""Notebooks of examples/: committed without outputs, run from top to bottom, shown on the site."""

import json
import re

import pytest

from examples import render
from tests.conftest import ROOT, TINY, write_small_csv

NAMES = sorted(path.stem for path in (ROOT / "examples").glob("*.ipynb"))
FEW = " ".join(TINY[1:])


def parameters(name, folder):
    """The cell of parameters for a tiny model on small passages."""
    tiny = f"model=tiny stimuli.path={folder / 'small.csv'}"
    settings = {
        "MODEL": "model=tiny" if name == "own_concepts" else tiny,
        "MODELS": (tiny, f"{tiny} model.tiny.architecture=gpt2 model.tiny.hidden=64"),
        "STUDY": f"{tiny} {FEW} job=summarize 'job.summarize.make=[A, B, C]' "
        "job.summarize.n_bootstrap=20 job.summarize.permutations=99",
        "QUICK": FEW,
        "ROOT": str(folder),
    }
    return "\n".join(f"{key} = {value!r}" for key, value in settings.items())


def test_there_are_five():
    assert len(NAMES) == 5


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=[pytest.mark.slow] * (n == "paper_table")) for n in NAMES],
)
def test_a_notebook_runs_from_top_to_bottom(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_small_csv(tmp_path)
    shown = [s for _, s in render.run(name, parameters(name, tmp_path)) if s is not None]
    assert len(shown) >= 3
    assert any(hasattr(s.value, "_repr_html_") for s in shown)  # a table is seen


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_is_committed_without_outputs_and_with_one_cell_of_parameters(name):
    content = json.loads((ROOT / "examples" / f"{name}.ipynb").read_text(encoding="utf-8"))
    code = [cell for cell in content["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
    assert content["nbformat"] == 4
    assert len({cell["id"] for cell in content["cells"]}) == len(content["cells"])
    assert sum(render.PARAMETERS in cell.tags for cell in render.cells(name)) == 1


@pytest.mark.parametrize("name", NAMES)
def test_the_page_of_a_notebook_shows_its_cells(name):
    page = (render.PAGES / f"{name}.md").read_text(encoding="utf-8")
    code = [c.source for c in render.cells(name) if c.kind == "code"]
    assert re.findall(r"```python\n(.*?)\n```", page, re.S) == code
    for cell in render.cells(name):
        assert cell.source in page
    for picture in re.findall(r"\]\((\w+\.png)\)", page):
        assert (render.PAGES / picture).stat().st_size < 200_000
    assert "<script" not in page


def test_what_a_cell_shows_is_the_value_of_its_last_line():
    names = {}
    assert render._executed("x = 2\nprint('a')", names) == render.Shown("a\n")
    assert render._executed("y = x + 1\ny", names) == render.Shown("", 3)
