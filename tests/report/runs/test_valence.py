"""What a table, a figure and a headline say of valence."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from emo.core.criterion_search import Chosen, CriterionSearch
from emo.core.geometry.comprehension import describe
from emo.pipeline.comprehension import _curves, _metrics
from emo.report.runs.extract import terminal_text
from emo.report.runs.extract_figures import layer_curves
from emo.report.runs.valence import ABSENT, valence_row
from emo.report.summary import tables
from emo.report.summary.headline import _no_valence
from emo.runs.listing import RunListing
from tests.core.geometry.test_valence import FEW, POLES, planted

NOTHING = np.full(3, np.nan)
FOUND = CriterionSearch(
    ("a", "b", "c", "d"), 12, 0.41, 0.22, 0.001, 0.01, 1000, NOTHING, NOTHING, NOTHING,
    Chosen(0.35, 0.38, 0.2, 0.001),
)  # fmt: skip
BEST = "rho 0.41 at layer 12 (line of the search 0.22)"
MEASURED = f"{BEST}, 0.35 where other situations choose it (line 0.20)"
KNOWS = "the geometry knows pleasant from unpleasant"


@pytest.fixture(scope="module")
def descriptors():
    return describe(planted(np.random.default_rng(7), [0.0, 1.0]), FEW, poles=POLES)[1]


@pytest.mark.parametrize(
    ("search", "words"),
    [
        (FOUND, f"{MEASURED}: {KNOWS}"),
        (
            replace(FOUND, chosen=Chosen(0.35, 0.38, 0.2, 0.06)),
            f"no layer tells pleasant from unpleasant beyond permuted emotions: {MEASURED}",
        ),
        (
            replace(FOUND, chosen=None),
            f"{BEST}: {KNOWS}",
        ),
        (replace(FOUND, lowest_p=0.1), f"{MEASURED}: 4 emotions cannot tell, p is at least 0.10"),
        (None, ABSENT),
    ],
)
def test_the_row_says_what_layers_show_and_what_it_means(search, words):
    assert valence_row(search, "situation") == ("valence", words)


def test_a_run_has_the_row_the_panel_and_the_metrics(descriptors):
    from emo.activations.reading import Passes
    from emo.models.quantised import WeightCount

    (line,) = [x for x in terminal_text(descriptors, "title").splitlines() if "valence" in x]
    assert line.endswith("the geometry knows pleasant from unpleasant")
    panel = layer_curves(descriptors, "title").axes[7]
    assert panel.get_visible()
    assert {"permuted labels, 95 %", "line of the search"} <= set(
        panel.get_legend_handles_labels()[1]
    )
    metrics, curves = (
        _metrics(descriptors, Passes(0, 0), WeightCount(1, 0, 1)),
        _curves(descriptors),
    )
    search = descriptors.valence
    assert metrics["valence_best"] == search.rho > metrics["valence_line"]
    assert metrics["valence_nested"] == search.chosen.other
    assert metrics["valence_p"] == descriptors.p("valence")
    assert descriptors.headline()["valence"] == descriptors.at_best("valence")
    for name in ("", "_null_low", "_null_high", "_p", "_chance_low", "_chance_high", "_mantel_p"):
        assert len(curves[f"curve_valence{name}"]) == 2, name


def test_a_run_without_valence_has_neither(descriptors):
    curves = {k: v for k, v in descriptors.curves.items() if k != "valence"}
    nulls = {k: v for k, v in descriptors.nulls.items() if k != "valence"}
    old = replace(descriptors, valence=None, curves=curves, nulls=nulls)
    assert ABSENT in terminal_text(old, "title")
    assert not layer_curves(old, "title").axes[7].get_visible()
    assert not [name for name in _curves(old) if "valence" in name]
    assert old.headline()["valence"] is None


def test_the_headline_of_a_summary_names_models_without_valence_only(descriptors):
    def said(search):
        return _no_valence(
            SimpleNamespace(name="m", descriptors=replace(descriptors, valence=search))
        )

    none = replace(FOUND, chosen=Chosen(0.05, 0.1, 0.2, 0.4))
    sentence = said(none)
    assert sentence.startswith("m: no layer tells pleasant from unpleasant (rho 0.41 at layer 12")
    assert said(FOUND) == said(None) == said(replace(none, lowest_p=0.1)) == ""


def test_the_tables_of_a_summary_have_columns_of_it(descriptors):
    def row(table):
        ((only,),) = [t.rows for t in table]
        return dict(zip(table[0].columns, only, strict=True))

    run = RunListing("1" * 32, "FINISHED", 1, {"method": "comprehension", "valence": "shown"}, {})
    assert row(tables.run_table(SimpleNamespace(runs=[run])))["valence"] == "shown"
    m = SimpleNamespace(
        **dict.fromkeys(("name", "family", "variant", "precision", "run_id"), "m"),
        **{"size_b": None, "d_model": 20, "layer": 1, "descriptors": descriptors},
    )
    rule = SimpleNamespace(value="published")
    config = SimpleNamespace(job=SimpleNamespace(summarize=SimpleNamespace(layer=rule)))
    found = row(tables.descriptor_table(SimpleNamespace(models=[m], config=config)))
    assert found["valence"] == "shown"
    assert found["valence, nested"] == descriptors.valence.chosen.other
    assert found["valence, line"] == descriptors.valence.chosen.line
