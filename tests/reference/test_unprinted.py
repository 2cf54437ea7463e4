"""The study's unprinted figures: which models they are of, and where a summary shows them."""

from types import SimpleNamespace

from emo.reference import shared_geometry
from emo.reference.unprinted import unprinted
from emo.report.summary.unprinted import unprinted_table

QWEN, LLAMA = "Qwen/Qwen2.5-1.5B-Instruct", "meta-llama/Llama-3.2-3B-Instruct"
MISTRAL = "mistralai/Mistral-7B-Instruct-v0.3"


def summary(*models, four_layers=()):
    return SimpleNamespace(
        models=[SimpleNamespace(model_id=m) for m in models],
        tables=[SimpleNamespace(model_id=m) for m in four_layers],
    )


def test_every_figure_is_of_models_of_the_study():
    known = {m.model_id for m in shared_geometry().models}
    figures = unprinted().figures
    assert {m for f in figures for m in f.models} <= known
    assert len({(f.figure, f.models) for f in figures}) == len(figures)


def test_figures_that_the_paper_prints_as_well_agree_with_it():
    p = shared_geometry()
    (same,) = (f for f in unprinted().figures if f.figure.startswith("rho, the same passages"))
    assert abs(same.value - (p.rho(*same.models) or 0)) <= 0.005
    by_name = {entry.model: entry.mean_cosine for entry in p.four_layer}
    for f in unprinted().figures:
        if "C and D (layer 3)" in f.figure:
            assert f.value == by_name[f.models[0].rsplit("/", 1)[1]]["3 free-running"]


def test_a_pair_is_shown_where_both_models_are_and_the_withdrawn_scorer_is_named():
    (table,) = unprinted_table(summary(QWEN, LLAMA))
    found = {(row[0], row[1]): row[2] for row in table.rows}
    assert found["rho, the same passages read by both", f"{QWEN}, {LLAMA}"] == 0.8134
    assert found["rho, each on texts it wrote itself", f"{QWEN}, {LLAMA}"] == 0.1314
    assert "withdrew" in table.caption and "Neural-MRI" in table.caption
    (alone,) = unprinted_table(summary(QWEN))
    assert all(row[1] == QWEN for row in alone.rows)


def test_models_of_a_four_layer_table_count_and_others_have_none():
    (table,) = unprinted_table(summary(four_layers=[MISTRAL]))
    assert 0.1567 in [row[2] for row in table.rows] and 0.1608 in [row[2] for row in table.rows]
    assert unprinted_table(summary("somebody/other")) == []
