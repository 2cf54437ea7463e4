"""What a reader of job=axes sees: what a number means beside the line of its search."""

import csv
from dataclasses import replace

import numpy as np

from emo.core.compare.axes import AxisFinding
from emo.core.compare.axes_result import AxesResult
from emo.core.compare.axis_statistics import Measure
from emo.core.compare.circumplex import Circumplex
from emo.reference.axes import PUBLISHED_AXES
from emo.report.runs import axes as report
from emo.report.runs.axes_figures import circumplex_figure, layers_figure

NAN = float("nan")
FOUND = AxisFinding(
    rating="valence",
    measure=Measure.component,
    held=(),
    layer=12,
    component=1,
    share=0.24,
    value=0.83,
    low=0.5,
    high=0.95,
    line=0.62,
    p=0.0001,
    other=0.71,
    curve=np.array([0.3, 0.83, NAN]),
)
RDM = replace(FOUND, measure=Measure.rdm, component=None, share=None, value=0.1, p=0.4, line=0.2)
FIXED = replace(FOUND, held=("text length",), value=0.5, p=0.2, low=NAN, high=NAN, other=None)
EMOTIONS = ("sad", "$calm", "proud", "happy", "gloomy")
PLANE = Circumplex(1, (1, 3), EMOTIONS, *(np.arange(5.0) for _ in range(4)), 0.44, (0.8, 0.5))
RESULT = AxesResult(
    norms="my.csv",
    licence="",
    emotions=EMOTIONS,
    unrated=("loving",),
    per_emotion={"valence": np.arange(5.0), "text length": np.arange(5.0)},
    words_rated=0.4,
    components=3,
    permutations=999,
    findings=(FOUND, RDM, FIXED),
    plane=PLANE,
)


def lines(result=RESULT):
    return report.terminal_text(result, "title", "a note").splitlines()


def test_a_value_stands_with_its_interval_place_line_and_meaning():
    assert report.sentence(FOUND) == (
        "r 0.83 (0.50 to 0.95) at layer 12, component 1 (24% of variance); line of the search 0.62, "
        "p 0.0001: beyond what permuted norms give"
    )
    assert report.sentence(RDM).endswith(
        "line of the search 0.20, p 0.4: no more than the search finds by chance"
    )
    assert report.sentence(FIXED).startswith("r 0.50 at layer 12")


def test_every_finding_and_what_is_left_out_has_a_line():
    shown = lines()
    assert shown[:3] == ["title", "  note: a note", "  norms: my.csv, 5 of 6 emotions"]
    assert "  without a norm, left out: loving" in shown
    assert any(line.startswith("  valence: r 0.83") for line in shown)
    assert "      layer and component chosen on other texts: 0.71, on half of the texts" in shown
    assert any(line.startswith("    RDM: rho 0.10") for line in shown)
    assert any(line.startswith("    text length held fixed: r 0.50") for line in shown)
    left = "nothing of valence is left, the words of the texts alone hold it"
    assert f"    text length held fixed, RDM: {left}" in shown
    assert any("components 1 and 3, turned onto the norms" in line for line in shown)
    assert any("lexical valence is not held fixed" in line for line in shown)
    assert not any("licence" in line for line in shown)
    assert "  licence of the norms: CC X" in lines(replace(RESULT, licence="CC X"))


def test_nothing_held_and_nothing_found_are_said():
    alone = lines(replace(RESULT, findings=(FOUND,), plane=None))
    assert any(line.startswith("  nothing of the texts is held fixed") for line in alone)
    nothing = lines(replace(RESULT, findings=(), plane=None))
    assert any("no layer has finite activations" in line for line in nothing)
    assert not any("published" in line for line in nothing)


def test_published_figures_name_model_component_and_source():
    (line,) = [line for line in lines() if "published for valence" in line]
    assert "without interval or test" in line
    assert "0.81 Claude Sonnet 4.5 (component 1, Sofroniew et al. 2026, arXiv:2604.07729)" in line
    valence = {p.r for p in PUBLISHED_AXES if p.rating == "valence"}
    assert {0.81, 0.83, 0.76} <= valence
    assert {p.r for p in PUBLISHED_AXES if p.rating == "arousal"} >= {0.66, 0.45}
    assert all(p.source and p.note for p in PUBLISHED_AXES)


def test_metrics_have_no_nan_and_one_name_each():
    metrics = report.metrics(RESULT)
    assert metrics["valence_component"] == 0.83 and metrics["valence_component_number"] == 1
    assert metrics["valence_component_shown"] == 1 and metrics["valence_rdm_shown"] == 0
    assert metrics["valence_component_fixed_low"] is None
    assert metrics["valence_rdm_number"] is None
    assert metrics["plane_explained"] == 0.44
    assert all(v is None or np.isfinite(v) for v in metrics.values())


def test_tables_hold_all_digits_and_leave_missing_cells_empty():
    rows = list(csv.DictReader(report.findings_csv(RESULT).splitlines()))
    assert (rows[0]["value"], rows[0]["component"], rows[1]["component"]) == ("0.83", "1", "")
    assert rows[2]["held_fixed"] == "text length" and rows[2]["low"] == ""
    assert rows[3]["source"] == PUBLISHED_AXES[0].source
    layers = list(csv.DictReader(report.layers_csv(RESULT).splitlines()))
    assert [row["value"] for row in layers[:3]] == ["0.3", "0.83", ""]
    emotions = list(csv.DictReader(report.emotions_csv(RESULT).splitlines()))
    assert emotions[1]["emotion"] == "$calm" and emotions[1]["text_length"] == "1.0"


def test_the_figures_name_emotions_norms_and_axes():
    plane = circumplex_figure(PLANE, "my.csv", "title").axes[0]
    assert {t.get_text() for t in plane.texts} == set(EMOTIONS)
    assert plane.get_xlabel() == "valence, in standard deviations (r 0.80)"
    figure = layers_figure(RESULT, "title")
    (legend,) = figure.legends
    words = [t.get_text() for t in legend.get_texts()]
    assert words == [
        "largest |r| of 3 components",
        "largest |r| of 3 components, text length held fixed",
        "rho of the RDM",
    ]


def test_names_of_findings_differ():
    assert len({report.prefix(f) for f in (FOUND, RDM, FIXED)}) == 3
