import csv
import io
import math

import pytest

from emo.report.table import Form, Interval, Table, records_csv, text, together

TABLE = Table(
    "t",
    "A & B",
    "50 % of it",
    ("name", "rho", "p"),
    (("x_1|y", Interval(0.5, 0.25, 0.75), 1e-4), ("z", Interval(math.nan), None)),
)


@pytest.mark.parametrize(
    ("cell", "want"),
    [
        ("word", "word"),
        (3, "3"),
        (0.12345, "0.123"),
        (1e-4, "1.0e-04"),
        (0.0, "0.000"),
        (None, "–"),  # noqa: RUF001
        (math.nan, "–"),  # noqa: RUF001
        (Interval(0.5, 0.25, 0.75), "0.50 (0.25 to 0.75)"),
        (Interval(0.5), "0.50"),
        (Interval(-0.001, -0.02, 0.01), "0.00 (-0.02 to 0.01)"),
        (Interval(0.998, 0.9964, 0.99891), "0.9980 (0.9964 to 0.9989)"),
        (Interval(1.0), "1.00"),
    ],
)
def test_cells(cell, want):
    assert text(cell) == want


def test_csv_keeps_all_digits_and_bounds():
    rows = list(csv.reader(io.StringIO(TABLE.to_csv())))
    assert rows == [
        ["name", "rho", "rho low", "rho high", "p"],
        ["x_1|y", "0.5", "0.25", "0.75", "0.0001"],
        ["z", "", "", "", ""],
    ]


def test_markdown_escapes_bars():
    lines = TABLE.to_markdown().splitlines()
    assert lines[2:5] == [
        "| name | rho | p |",
        "| --- | ---: | ---: |",
        "| x_1\\|y | 0.50 (0.25 to 0.75) | 1.0e-04 |",
    ]


def test_latex_escapes():
    got = TABLE.to_latex()
    assert r"\caption{A \& B. 50 \% of it}" in got
    assert r"x\_1|y & 0.50 (0.25 to 0.75) & 1.0e-04 \\" in got
    assert r"z & -- & -- \\" in got
    assert r"\begin{tabular}{lrr}" in got


def test_records_become_rows_under_their_keys():
    records = [{"a": 1, "b": None}, {"a": 2, "b": "x"}]
    assert records_csv(records) == "a,b\n1,\n2,x\n"


def test_an_entry_that_is_no_entry_is_refused():
    with pytest.raises(AssertionError):
        text([1])


@pytest.mark.parametrize("form", Form)
def test_every_form_holds_every_table(form):
    assert together([TABLE, TABLE], form).count("name") == 2


def test_an_unknown_form_is_refused():
    with pytest.raises(AssertionError):
        together([TABLE], "html")
