"""Table 1 and its caption, from planted conditions."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from emo.composing import compose
from emo.core.four_layer import HALVES, four_layer
from emo.report import methods
from emo.report.study_figures import four_layers
from emo.report.summary_tables import FOUR_LAYER_COLUMNS, four_layer_table
from emo.summary.selection import LoggedRun
from emo.summary.study import ModelTable
from tests.core.test_four_layer import FEW, unlike_replicate


@pytest.fixture(scope="module")
def conditions():
    import numpy as np

    return unlike_replicate(np.random.default_rng(7))


def table_of(conditions):
    made = four_layer(conditions, FEW, 100)
    return ModelTable(made, (), {})


def cells(table, layer):
    row = next(r for r in table.rows if r[0] == layer)
    return dict(zip(table.columns, row, strict=True))


def test_every_row_has_every_column_and_says_what_its_contrast_says(conditions):
    made = table_of(conditions)
    table = four_layer_table(made)
    assert {len(r) for r in table.rows} == {len(FOUR_LAYER_COLUMNS)}
    by = {r.contrast.layer: r for r in made.table.rows}
    free = cells(table, "3 free-running")
    assert free["rho, disjoint"].value == float(by["3 free-running"].disjoint.value)
    assert free["share"] == by["3 free-running"].comparison.share.value
    assert free["ceiling"] == by["3 free-running"].comparison.ceiling.value
    assert cells(table, "3 teacher-forced")["rho, disjoint"] is not None
    one = cells(table, "1")
    assert one["rho, disjoint"] is None
    assert one["p, raw"] == by["1"].raw.p
    assert one["cosine, raw"] == by["1"].raw.mean_cosine
    assert one["reliability a"] == by["1"].comparison.reliability[0]


def test_the_caption_says_why_and_how(conditions):
    caption = four_layer_table(table_of(conditions)).caption
    assert "Not disattenuated, 2: B has no reliability: too few items to halve." in caption
    assert "Not disattenuated, 1:" not in caption
    assert "Bonferroni's line over these 8 contrasts is 0.0063" in caption
    assert "for B rho with B'" in caption
    assert "one degree of freedom" in caption
    few = {k: v for k, v in conditions.items() if k not in HALVES}
    assert "one degree of freedom" not in four_layer_table(table_of(few)).caption
    assert "Anisotropy is above" not in caption


def test_an_anisotropic_condition_is_flagged_wherever_it_stands(conditions):
    flagged = conditions | {"C": replace(conditions["C"], anisotropy=0.96)}
    made = table_of(flagged)
    table = four_layer_table(made)
    assert "Anisotropy is above 0.95 in C (0.960)" in table.caption
    marks = {r[0]: r[table.columns.index("anisotropy")] for r in table.rows}
    assert {k for k, v in marks.items() if v == "unreliable"} == {
        "1",
        "2",
        "3 free-running",
        "3 teacher-forced",
    }
    summary = SimpleNamespace(
        study=None,
        config=compose(),
        models=(),
        tables=(made,),
        runs=(SimpleNamespace(random=False),),
    )
    assert any(
        "Anisotropy is above 0.95 in m (conditions C)" in x for x in methods.headline(summary)
    )


def test_only_rows_that_are_judged_by_replicates_have_a_triangle(conditions):
    figure, data = four_layers([table_of(conditions)])
    at = {r[1]: r[data.columns.index("replicates")] for r in data.rows}
    assert at["1 loose"] is None  # agreement shown, B too noisy
    assert at["1"] is not None
    triangles = [line for line in figure.axes[0].lines if line.get_marker() == "^"]
    assert len(triangles) == sum(x is not None for x in at.values())


def test_a_condition_with_the_users_own_prompts_says_so():
    def said(path):
        params = {"subparams.prompts": "stories", "subparams.templates": "all"}
        params["subparams.prompts_path"] = path
        return methods._condition(LoggedRun("r", "FINISHED", 1, {"method": "generation"}, params))

    assert said("None").startswith("prompts stories (all), ")
    assert said("some/mine.yaml").startswith("prompts stories (all) of the user's own mine.yaml, ")
