"""Each benchmark owns its section of the page and nothing else."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import report
from benchmarks.report import conditions, machine, write_section
from emo.errors import EmoError


@pytest.fixture
def page(tmp_path):
    return tmp_path / "docs" / "benchmarks.md"


def test_a_missing_page_is_made(page):
    write_section("speed", "text\n", page)
    assert page.read_text() == ("# Benchmarks\n\n<!-- begin speed -->\ntext\n<!-- end speed -->\n")


def test_replacing_one_section_leaves_all_else(page):
    page.parent.mkdir()
    page.write_text("# B\n\nby hand\n")
    write_section("speed", "old", page)
    write_section("speed_gpu", "other", page)
    page.write_text(page.read_text() + "\nalso by hand\n")
    before = page.read_text()
    write_section("speed", "new\nlines", page)
    assert page.read_text() == before.replace("old", "new\nlines")


@given(st.lists(st.tuples(st.sampled_from("abc"), st.text(st.characters(categories=["L", "N"])))))
def test_a_page_holds_the_last_text_of_each_section(tmp_path_factory, writes):
    page = tmp_path_factory.mktemp("page") / "b.md"
    for name, text in writes:
        write_section(name, text, page)
    for name, text in dict(writes).items():
        assert page.read_text().count(f"<!-- begin {name} -->\n{text}\n<!-- end {name} -->") == 1


@pytest.mark.parametrize(
    "text",
    [
        "<!-- begin speed -->",
        "<!-- end speed -->",
        "<!-- end speed --> <!-- begin speed -->",
        "<!-- begin speed --> <!-- begin speed --> <!-- end speed -->",
    ],
)
def test_broken_markers_are_refused_and_the_page_is_kept(page, text):
    page.parent.mkdir()
    page.write_text(text)
    with pytest.raises(EmoError, match="section 'speed'"):
        write_section("speed", "new", page)
    assert page.read_text() == text


def test_a_failed_write_leaves_the_old_page_and_nothing_else(page, monkeypatch):
    write_section("speed", "old", page)
    before = page.read_text()

    def full(*_args):
        raise OSError("No space left on device")

    monkeypatch.setattr(report.Path, "replace", full)
    with pytest.raises(OSError, match="No space"):
        write_section("speed", "new", page)
    assert page.read_text() == before
    assert [p.name for p in page.parent.iterdir()] == ["benchmarks.md"]


def test_the_machine_is_described_and_not_named():
    text = machine()
    assert "cores" in text
    assert "torch" in text
    assert os.uname().nodename not in text
    assert str(Path.home()) not in text
    assert str(report.PAGE.parent) not in text


@pytest.mark.parametrize(("load", "warned"), [(0.2, False), (3.0, True)])
def test_a_busy_machine_is_said_so(monkeypatch, load, warned):
    monkeypatch.setattr(report.psutil, "getloadavg", lambda: (load, 0.0, 9.0))
    text = conditions()
    assert machine() in text
    assert f"start: {load}." in text
    assert ("quiet machine" in text) == warned
