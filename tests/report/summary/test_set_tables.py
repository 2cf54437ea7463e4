"""What the report says of the models on several sets, from planted ones."""

from types import SimpleNamespace

import pytest

from emo.config.resolve import compose
from emo.report.summary import set_tables
from emo.summary.sets import Sets
from tests.summary.test_sets import compare, planted  # noqa: F401

pytestmark = pytest.mark.slow


@pytest.fixture
def summary(planted):  # noqa: F811
    return SimpleNamespace(sets=compare(planted, "named", "shown", "implied"), config=compose())


def rows(tables):
    (table,) = tables
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


def test_each_model_has_a_row_on_each_set(summary):
    table = rows(set_tables.set_table(summary))
    assert [(r["set"], r["model"]) for r in table] == [
        (s, m) for s in ("named", "shown", "implied") for m in ("a", "b")
    ]
    # Planted emotions have no poles.
    assert {(r["valence rho"], r["valence"]) for r in table} == {(None, "not available")}
    assert all(r["layer"] == 0 and -1 < r["reliability"] < 1 for r in table)


def test_agreement_by_set_is_what_the_comparison_found(summary):
    table = rows(set_tables.set_agreement_table(summary))
    assert [r["set"] for r in table] == ["named", "shown", "implied"]
    for row, on in zip(table, summary.sets.on, strict=True):
        assert row["rho, disjoint"] == pytest.approx(float(on.agreement.whole[0, 1]))
    assert table[0]["over ceiling"].low > 0.5
    assert table[2]["what that says"] != "as alike as replicates"


def test_every_pair_of_sets_of_a_model_has_a_row(summary):
    table = rows(set_tables.across_sets_table(summary))
    assert [(r["model"], r["sets"]) for r in table] == [
        (m, s)
        for m in ("a", "b")
        for s in ("named and shown", "named and implied", "shown and implied")
    ]
    x = summary.sets.across[1]
    assert table[3]["rho, same situations"] == pytest.approx(float(x.same[0, 1]))
    assert table[3]["ceiling"] > table[4]["rho, disjoint"]


def test_the_figure_has_the_numbers_of_the_tables(summary):
    (drawn,) = set_tables.fading(summary)
    assert not drawn.failure
    data = rows([drawn.data])
    table = rows(set_tables.set_table(summary))
    by = {(r["measure"], r["set"], r["model"]): r["value"] for r in data}
    for r in table:
        assert by["reliability", r["set"], r["model"]] == r["reliability"]
    assert ("agreement over ceiling", "shown", "all") in by


def test_one_set_makes_no_section(summary):
    nothing = SimpleNamespace(sets=Sets(), config=summary.config)
    makers = (set_tables.set_table, set_tables.set_agreement_table, set_tables.across_sets_table)
    assert [t for make in (*makers, set_tables.fading) for t in make(nothing)] == []
