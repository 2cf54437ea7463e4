"""Whatever stands in a section is on the page, in its contents and in the files."""

import csv
import io
import re
from types import ModuleType

import pytest

from emo.config.resolve import compose
from emo.report.style import blank
from emo.report.summary import sections as module
from emo.report.summary.page import TEMPLATES, render
from emo.report.summary.parts import Drawn, draw_or_say_why, not_drawn
from emo.report.summary.report_files import REPORT, write_report
from emo.report.summary.sections import CONTENTS, MAKERS, Plan, refuse_unplaced, sections
from emo.report.table import Table, data_table
from emo.runs.plan import passages
from emo.summary.assemble import Summary

RUN = "0123456789abcdef"


def dummy_table(_s: Summary) -> list[Table]:
    return [Table("dummy_table", "A dummy table", "Its caption.", ("a",), ((0.125,),))]


def dummy_figure(_s: Summary) -> list[Drawn]:
    def draw():
        return blank(2, 2), data_table(("x",), [(0.5,)])

    return [draw_or_say_why("fig_dummy", "A dummy figure", "Its words.", draw, (RUN,))]


DUMMY = Plan("dummy", "A dummy section", (dummy_figure,), (dummy_table,))


@pytest.fixture(scope="module")
def empty():
    """A summary of no run at all."""
    config = compose()
    return Summary(
        config=config,
        runs=(),
        models=(),
        cross_model=None,
        no_cross_model="",
        single=None,
        tables=(),
        untold=(),
        claims=(),
        steering=(),
        left_out=(),
        stimuli=passages(config),
    )


def test_a_new_section_is_on_the_page_and_in_its_contents(empty):
    page = render(empty, sections(empty, (*CONTENTS, DUMMY)), "c0ffee")
    assert '<li><a href="#dummy">A dummy section</a></li>' in page
    part = page.split('<section id="dummy">')[1].split("</section>")[0]
    for words in ("A dummy table", "0.125", "Its caption.", "A dummy figure", "Its words.", RUN):
        assert words in part
    assert "data: figures/fig_dummy.csv" in part
    assert "data:image/svg+xml;base64," in part


def test_a_new_section_is_in_the_files(empty, tmp_path):
    write_report(tmp_path, empty, sections(empty, (*CONTENTS, DUMMY)), "c0ffee")
    assert "A dummy section" in (tmp_path / REPORT).read_text()
    assert (tmp_path / "tables/dummy_table.csv").read_text() == "a\n0.125\n"
    assert "### A dummy table" in (tmp_path / "tables/tables.md").read_text()
    assert r"\caption{A dummy table." in (tmp_path / "tables/tables.tex").read_text()
    assert (tmp_path / "figures/fig_dummy.csv").read_text() == "x\n0.5\n"
    for suffix in ("png", "svg"):
        assert (tmp_path / f"figures/fig_dummy.{suffix}").stat().st_size


def test_a_function_that_makes_a_table_or_a_figure_and_that_nobody_places_is_refused():
    extra = ModuleType("extra")
    for function in (dummy_table, dummy_figure):
        made = type(function)(function.__code__, {"__name__": "extra"}, function.__name__)
        made.__annotations__ = function.__annotations__
        setattr(extra, function.__name__, made)
    message = r"in no section of the report: extra\.dummy_table, extra\.dummy_figure"
    with pytest.raises(ValueError, match=message):
        refuse_unplaced(CONTENTS, (*MAKERS, extra))
    placed = Plan("extra", "Extra", (extra.dummy_figure,), (extra.dummy_table,))
    refuse_unplaced((*CONTENTS, placed), (*MAKERS, extra))


@pytest.mark.parametrize("plan", CONTENTS, ids=lambda plan: plan.anchor)
def test_no_section_can_be_taken_out_unnoticed(plan):
    rest = tuple(p for p in CONTENTS if p is not plan)
    names = [make.__name__ for make in (*plan.figures, *plan.tables)]
    with pytest.raises(ValueError, match=r"in no section") as caught:
        refuse_unplaced(rest)
    assert all(re.search(rf"\.{name}\b", str(caught.value)) for name in names)


def test_two_tables_of_one_file_name_are_refused(empty):
    twice = Plan("twice", "Twice", (), (dummy_table, dummy_table))
    with pytest.raises(ValueError, match=r"twice in the report: dummy_table"):
        sections(empty, (twice,))


def test_anchors_differ_and_templates_exist():
    anchors = [plan.anchor for plan in CONTENTS]
    assert len(set(anchors)) == len(anchors)
    for plan in CONTENTS:
        if plan.below:
            assert (TEMPLATES / plan.below).read_text()


def test_a_section_without_figures_and_tables_is_left_out(empty):
    assert "steering" not in [s.anchor for s in sections(empty)]
    assert module.all_tables(sections(empty))


def test_a_figure_that_the_runs_do_not_allow_says_why_and_has_no_file(empty, tmp_path):
    absent = not_drawn("fig_absent", "An absent figure", "there is no run")
    plan = Plan("absent", "Absent", (lambda _s: [absent],))
    write_report(tmp_path, empty, sections(empty, (plan,)), "c0ffee")
    assert "Not drawn: there is no run." in (tmp_path / REPORT).read_text()
    assert not list((tmp_path / "figures").iterdir())


def test_the_csv_of_a_figure_has_the_name_of_the_figure(empty):
    (drawn,) = dummy_figure(empty)
    assert drawn.data.name == "fig_dummy"
    assert list(csv.DictReader(io.StringIO(drawn.data.to_csv()))) == [{"x": "0.5"}]
