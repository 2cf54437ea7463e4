"""The page of a run as a file: with its figures, and in place of one that cannot be made."""

from emo.report.drawing import png
from emo.report.pages.page import Page, Section
from emo.report.style import blank
from emo.runs.job import Report, Result, write_result
from emo.runs.pages import write_page


def test_a_page_shows_the_figures_of_the_folder(tmp_path):
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "rdm.png").write_bytes(png(blank(1, 1)))
    write_page(tmp_path, lambda: Page("t", "", (Section("s", "", figures=("rdm",)),)), "abc")
    html = (tmp_path / "run.html").read_text()
    assert "data:image/png;base64,iVBOR" in html
    assert "<code>abc</code>" in html


def test_a_page_that_cannot_be_made_says_why_and_costs_one_line(tmp_path, caplog):
    def broken():
        raise ValueError("no <room> left")

    write_page(tmp_path, broken, "abc")
    html = (tmp_path / "run.html").read_text()
    assert "ValueError: no &lt;room&gt; left" in html
    (line,) = [r.getMessage() for r in caplog.records]
    assert line == ("the run's page could not be made, the run goes on: ValueError: no <room> left")


def test_a_result_writes_its_page_and_lists_it(tmp_path):
    page = Page("a title", "an answer", ())
    assert write_result(tmp_path, Result(Report("text", {}), page=lambda: page)) == ["run.html"]
    assert "an answer" in (tmp_path / "run.html").read_text()


def test_a_result_without_plan_and_page_writes_none(tmp_path):
    assert write_result(tmp_path, Result(Report("text", {}))) == []
