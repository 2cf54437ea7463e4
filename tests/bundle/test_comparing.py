"""Numbers that were written beside numbers made again: equal within the tolerance, or named."""

import math

import pytest

from emo.bundle.comparing import Comparison, page_text, pairs, same


@pytest.mark.parametrize(
    ("a", "b", "equal"),
    [
        (0.5, 0.5 + 9e-7, True),
        (0.5, 0.5 + 3e-6, False),
        (1e9, 1e9 + 100, True),
        (1e9, 1e9 + 2000, False),
        (math.nan, math.nan, True),
        (0.0, math.nan, False),
        (math.inf, math.inf, True),
    ],
)
def test_tolerance_is_absolute_for_small_and_relative_for_large_numbers(a, b, equal):
    assert same(a, b) is equal


def test_values_of_json_are_named_by_their_place():
    found = Comparison()
    one = {"curves": {"rho": [0.1, None, 0.3]}, "names": ["a", "b"], "n": 3}
    found.values(
        "d.json", one, {"curves": {"rho": [0.1, None, 0.3 + 1e-9]}, "names": ["a", "b"], "n": 3}
    )
    assert (found.differences, found.numbers) == ([], 3)
    found.values("d.json", one, {"curves": {"rho": [0.1, 0.2, 0.4]}, "names": ["a", "c"], "n": 3})
    assert [line.partition(":")[0] for line in found.differences] == [
        "d.json.curves.rho[1]",
        "d.json.curves.rho[2]",
        "d.json.names[1]",
    ]


def test_cells_of_tables_are_named_by_line_and_column(tmp_path):
    one, two = tmp_path / "1.csv", tmp_path / "2.csv"
    one.write_text("model,rho\na,0.25\nb,\n")
    two.write_text("model,rho\na,0.25000001\nb,\n")
    found = Comparison()
    found.tables("t.csv", one, two)
    assert found.differences == []
    two.write_text("model,rho\na,0.26\nb,\n")
    found.tables("t.csv", one, two)
    assert found.differences == ["t.csv, line 2, rho: 0.25 is written, 0.26 comes out"]
    two.write_text("model,rho\na,0.25\n")
    found.tables("t.csv", one, two)
    assert "lines" in found.differences[-1]


def test_words_of_a_text_are_compared_to_the_letter_and_its_numbers_are_not():
    found = Comparison()
    found.texts("x", "rho 0.31 (0.1 to 0.5)", "rho 0.3100001 (0.1 to 0.5)")
    assert found.differences == []
    found.texts("x", "rho 0.31", "tau 0.31")
    found.texts("x", "rho 0.31", "rho 0.32")
    assert len(found.differences) == 2


def test_of_a_page_only_what_is_read_counts_and_dates_may_differ():
    page = "<p>rho <b>0.31</b></p><svg><text>9</text></svg><script>let x = {n}</script><p>{day}</p>"
    found = Comparison()
    found.pages("p", page.format(n=1, day="2026-11-26"), page.format(n=2, day="2027-01-02"))
    assert found.differences == []
    assert page_text("<p>a  <i>b</i></p><style>c</style>") == ["a b"]
    found.pages("p", "<p>0.31</p>", "<p>0.35</p>")
    assert found.differences == ["p: 0.31 is written, 0.35 comes out"]


def test_a_run_is_the_same_with_links_to_its_pages_and_without():
    plain = "<details><summary>From 2 runs</summary><span>1a 2b </span></details><p>0.31</p>"
    linked = plain
    for run in ("1a", "2b"):
        link = f'<a href="http://x"><code>{run}</code></a> <a class="page" href="y">page</a>'
        linked = linked.replace(run, link)
    assert page_text(linked) == page_text(plain) == ["From 2 runs", "1a 2b", "0.31"]
    found = Comparison()
    found.pages("p", linked, plain.replace("2b", "3c"))
    assert len(found.differences) == 1


def test_a_file_of_one_side_only_is_paired_with_none(tmp_path):
    for side, name in (("a", "x"), ("b", "y")):
        (tmp_path / side).mkdir()
        (tmp_path / side / f"{name}.csv").touch()
    listed = list(pairs(tmp_path / "a", tmp_path / "b", "*.csv"))
    assert [(n, one.is_file(), two.is_file()) for n, one, two in listed] == [
        ("x.csv", True, False),
        ("y.csv", False, True),
    ]
