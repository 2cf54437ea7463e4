"""Colours, letter sizes and thresholds have one home."""

import re
from pathlib import Path

import pytest

from emo.core.flags import FLAGGED_ANISOTROPY
from emo.report import style
from emo.report.runs import terminal

FOLDER = Path(style.__file__).parent
OTHERS = sorted(p for p in FOLDER.rglob("*.py") if p.name != "style.py")


@pytest.mark.parametrize("path", OTHERS, ids=lambda p: str(p.relative_to(FOLDER)))
def test_no_figure_has_a_colour_a_size_or_a_canvas_of_its_own(path):
    source = path.read_text()
    assert not re.findall(r"[\"']#[0-9a-fA-F]{6}[\"']", source)
    assert not re.findall(r"fontsize=\d|dpi=|cmap=[\"']|colormaps\[[\"']", source)
    assert not re.findall(r"(?<!-> )\bFigure\(|pyplot", source)


@pytest.mark.parametrize("path", OTHERS, ids=lambda p: str(p.relative_to(FOLDER)))
def test_no_sentence_spells_a_threshold(path):
    assert not re.findall(r"(?:above|below|at most|least) 0\.\d|axhline\(0\.\d", path.read_text())


def test_the_colours_of_series_differ_and_so_do_the_markers():
    assert len(set(style.SERIES)) == len(style.SERIES) == 8
    assert len(set(style.MARKERS)) == len(style.MARKERS)


def test_the_warning_names_the_threshold():
    assert terminal.anisotropy(0.5, False) == "0.5000"
    flag = f"published flag: raw anisotropy above {FLAGGED_ANISOTROPY}"
    assert terminal.anisotropy(0.99, True) == f"0.9900; {flag}"
    bounds = terminal.anisotropy(0.99, False, (0.98, 0.995))
    assert bounds == "0.9900 (0.9800 to 0.9950 over neutral sentences)"


def test_a_blank_figure_has_the_size_that_was_asked_for():
    figure = style.blank(3, 2)
    assert tuple(figure.get_size_inches()) == (3, 2)
    assert figure.get_dpi() == style.DPI
