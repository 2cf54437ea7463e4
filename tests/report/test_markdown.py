"""Labels inside Markdown stay text."""

import re

from hypothesis import given
from hypothesis import strategies as st

from emo.report.markdown import fenced, table_cell
from emo.report.table import Table

SIGNS = st.text(st.sampled_from("`|\\*<>[]\n\r\u2028ab_"), max_size=20)


@given(SIGNS)
def test_no_text_ends_its_own_block(text):
    fence, rest = fenced(text).split("\n", 1)
    assert set(fence) == {"`"} and len(fence) >= 3
    assert rest == f"{text}\n{fence}"
    assert fence not in text


@given(SIGNS)
def test_a_cell_is_one_line_in_which_every_sign_is_escaped(text):
    cell = table_cell(text)
    assert len(cell.splitlines()) <= 1
    assert re.sub(r"\\([\\`*<>\[\]|])", "", cell).strip("ab_ ") == ""
    assert re.sub(r"\\([\\`*<>\[\]|])", r"\1", cell) == " ".join(text.splitlines())


def test_a_table_of_odd_labels_has_as_many_columns_as_heads():
    table = Table("t", "t", "", ("a", "b"), (("x|y", "<img src=x>"), ("`|`", "[l](u)")))
    rows = [line for line in table.to_markdown().splitlines() if line.startswith("|")]
    assert [len(re.findall(r"(?<!\\)\|", row)) for row in rows] == [3, 3, 3, 3]
