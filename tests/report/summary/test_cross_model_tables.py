"""Tables between models say what their columns hold, and how many tests there are."""

from types import SimpleNamespace

import numpy as np
import pytest

from emo.config.resolve import compose
from emo.core.compare.baselines import Baseline, beside_baselines
from emo.core.compare.leaving_out import disattenuated_matrix
from emo.report.summary import (
    baseline_tables,
    contrast_tables,
    cross_model_tables,
    layer_tables,
)
from tests.core.compare.test_cross_model import FEW, models, study, with_depth


@pytest.fixture(scope="module")
def summary():
    found = with_depth(models(np.random.default_rng(11), geometry=1, passage=0.5))
    held = Baseline("style_counts", (found[0].items(),))
    baselines = beside_baselines({m.name: m.items() for m in found}, [held], FEW)
    return SimpleNamespace(
        config=compose(),
        cross_model=study(found),
        baselines=baselines,
        condition_baselines={"m": {"C": baselines}},
    )


def entries(table, row=0):
    return dict(zip(table.columns, table.rows[row], strict=True))


@pytest.mark.slow
def test_a_pair_has_its_test_over_items_and_emotions(summary):
    (table,) = cross_model_tables.pair_table(summary)
    row, u = entries(table), summary.cross_model
    assert "Mantel p" not in table.columns
    assert row["rho, disjoint"].low == pytest.approx(float(u.left_out.rho().low[0, 1]))
    assert row["p, disjoint"] == u.p[0, 1] and row["Holm's p"] == u.p_holm[0, 1] >= u.p[0, 1]
    want = u.left_out.over_items(disattenuated_matrix)
    assert row["disattenuated"].value == pytest.approx(float(want.value[0, 1]))
    assert np.isfinite(row["disattenuated"].low)
    assert "corrected over these 6 pairs (Bonferroni's line on p itself: 0.0083)" in table.caption
    assert "shared passages alone would make it small" in table.caption


def test_two_models_have_no_bounds_of_a_noise_ceiling(summary):
    (table,) = cross_model_tables.block_table(summary)
    assert "this is no ceiling of disjoint rho" in table.caption
    two = SimpleNamespace(cross_model=study(models(np.random.default_rng(1), geometry=1, n=2)))
    (table,) = cross_model_tables.block_table(two)
    assert table.caption == "Rho over the pairs of each block."


def test_sizes_name_the_smallest_p(summary):
    (table,) = cross_model_tables.size_table(summary)
    row = entries(table)
    assert (row["models"], row["families"]) == (4, 2)
    assert row["p over families and the line"] == "too few families to reach it"


def test_contrasts_have_intervals(summary):
    (table,) = contrast_tables.contrast_table(summary)
    row = entries(table)
    assert (row["pairs within"], row["pairs across"]) == (2, 4)
    assert row["rho, disjoint"].low < row["rho, disjoint"].value < row["rho, disjoint"].high
    (table,) = contrast_tables.delta_table(summary)
    row = entries(table)
    for name in ("anisotropy", "RDM std", "reliability", "accuracy"):
        assert row[name].low < row[name].value < row[name].high
    assert "Not corrected over these 10 differences" in table.caption
    (table,) = contrast_tables.influence_table(summary)
    assert len(table.rows) == 10


@pytest.mark.slow
def test_layers_have_a_table_and_a_figure(summary):
    (table,) = layer_tables.rule_table(summary)
    assert [r[0] for r in table.rows] == ["published", "middle"]
    assert table.caption.startswith("The models, in the order")
    (pairs,) = layer_tables.layer_pair_table(summary)
    assert len(pairs.rows) == 6
    (drawn,) = layer_tables.layer_matrix(summary)
    assert drawn.failure == "" and len(drawn.data.rows) == 6
    without = SimpleNamespace(
        cross_model=study(models(np.random.default_rng(1), geometry=1)), config=compose()
    )
    assert layer_tables.layer_matrix(without) == layer_tables.rule_table(without) == []


def test_baselines_have_a_row_each(summary):
    (table,) = baseline_tables.baseline_table(summary)
    assert [r[:2] for r in table.rows] == [(f"m{k}", "style counts") for k in range(4)]
    (beyond,) = baseline_tables.beyond_table(summary)
    assert len(beyond.rows) == 6
    assert entries(beyond)["beyond the baseline"].low < entries(beyond)["disattenuated"].value
    (written,) = baseline_tables.condition_baseline_table(summary)
    assert written.rows[0][:3] == ("m", "C", "style counts")
