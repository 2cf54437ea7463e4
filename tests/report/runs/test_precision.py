import csv
import io
from dataclasses import replace

import numpy as np
import pytest

from emo.core.compare.precision import AtLayer, PrecisionRow
from emo.core.compare.rounding import RULE
from emo.report.runs import precision as report

NOTHING = AtLayer(3, None, None, None, None, None, None)


def row(name, against="fp32", lost=(), **more):
    at = AtLayer(2, 0.9912345, 0.8, 0.75, 0.625, 0.5, 0.25)
    settings = {
        "best_layer": 2,
        "at": {"25%": at, "50%": at, "75%": NOTHING, "best": at},
        "parameters": 100,
        "quantised_parameters": 0,
        "weights_bytes": 3 << 20,
        "texts_read": 5,
        "texts_reused": 0,
        "seconds_per_text": 0.125,
    }
    return PrecisionRow(name, against, lost, **(settings | more))


@pytest.mark.parametrize(
    ("layers", "words"),
    [((), ""), ((4,), "4"), ((7, 8, 9, 12), "7-9, 12"), ((0, 2, 3), "0, 2-3")],
)
def test_layers_as_ranges(layers, words):
    assert report._ranges(layers) == words


def test_summary_has_each_number_under_its_heading():
    lines = report.terminal_text(
        [row("fp32"), row("fp16", lost=(7, 8))], "title", "a note"
    ).splitlines()
    assert lines[0] == "title"
    assert "a note" in lines[1]
    heading, first = (
        next(x for x in lines if x.lstrip().startswith(w)) for w in ("precision", "fp32")
    )
    assert len(heading) == len(first)
    for word, number in (
        ("cosine", "0.99123"),
        ("smallest", "0.80000"),
        ("vectors", "0.7500"),
        ("reliab.", "0.500"),
        ("anisotropy", "0.2500"),
        ("25%", "0.625"),
        ("MiB", "3.0"),
        ("s/text", "0.125"),
    ):
        end = heading.index(word) + len(word)
        assert first[:end].endswith(number)
    assert lines[-1].endswith("fp16: not finite at layers 7-8")


def test_the_first_lines_set_each_precision_beside_its_own_rounding():
    at = AtLayer(2, 0.99, 0.8, 0.75, 0.625, 0.5, 0.25, 0.992, 0.9, 0.5, None, -1.0, 0.1, None)
    wide = {"25%": at, "50%": at, "75%": at, "best": at}
    measured = row("int8", at=wide, n_layers=30, layers_beyond={"items": 3, "vectors": 0})
    lines = report.terminal_text([row("fp32"), measured], "title").splitlines()
    assert lines[1] == (
        "  int8: activations 0.01, rounding alone gives 0.004; emotion vectors 0.25, rounding alone "
        "gives 0.25; RDMs 0.38, rounding alone gives - (at 50%)"
    )
    assert lines[2] == (
        "    farther than from its replicate: activations at 3, emotion vectors at 0 of 30 layers"
    )
    meaning = f"{report.MEANING} {RULE}".split()
    assert " ".join(lines[3:]).split()[: len(meaning)] == meaning
    batch = replace(measured, precision="int8_shared", against="int8")
    assert "activations 0.01, rounding alone gives 0.008" in report.rounding_lines([batch])[0]
    assert at.beyond == {"items": False, "vectors": True}
    assert report.terminal_text([row("fp32")], "title").splitlines()[1].startswith("  against fp32")


def test_what_there_is_not_is_a_dash_and_an_empty_field():
    bare = row("fp4", best_layer=None, seconds_per_text=None)
    assert report.terminal_text([bare], "t").count(" -") == 3  # rho at 75 %, best layer, seconds
    (entry,) = csv.DictReader(io.StringIO(report.rows_csv([bare])))
    assert entry["best_layer"] == entry["75% rho"] == entry["seconds_per_text"] == ""
    assert float(entry["50% cosine_mean"]) == 0.9912345
    nan = {"x": {"rho": np.array([0.1, np.nan])}}
    assert report.layers_csv(nan).splitlines() == ["precision,layer,rho", "x,0,0.1", "x,1,"]


def curves(distance):
    names = ("cosine_mean", "vector_cosine", "rho", "anisotropy", "reliability")
    return {name: np.full(4, 1 - distance) for name in names}


def test_figure_draws_every_precision_and_the_reference_once():
    mine = {"fp32": curves(0), "fp16": curves(1e-3), "int8_shared_vs_int8": curves(0.1)}
    figure = report.depth_figure(mine, "t")
    items, _, rho, anisotropy = figure.axes
    assert [line.get_label() for line in items.lines] == ["fp16", "int8_shared_vs_int8"]
    assert np.allclose(items.lines[0].get_ydata(), 1e-3)
    assert len(rho.lines) == 3
    assert len(anisotropy.lines) == 2  # a comparison has no anisotropy of its own
    figure.canvas.draw()
    for a in figure.axes:
        assert all(float(tick).is_integer() for tick in a.get_xticks())  # layers are numbered


def test_figure_draws_the_rounding_of_a_precision_dotted_in_its_colour():
    own = {f"own_{name}": curve for name, curve in curves(1e-4).items()}
    mine = {"fp32": curves(0), "int8": curves(1e-3) | own, "int8_shared": curves(1e-2) | own}
    items, vectors, rho, _ = report.depth_figure(mine, "t").axes
    assert [line.get_label() for line in items.lines] == [
        "int8",
        "int8, its replicate",
        "int8_shared",
    ]
    assert [line.get_linestyle() for line in vectors.lines] == ["-", ":", "--"]
    assert vectors.lines[0].get_color() == vectors.lines[1].get_color()
    assert np.allclose(vectors.lines[1].get_ydata(), 1e-4)
    assert len(rho.lines) == 4  # with the reliability of the reference


def test_what_is_equal_is_not_drawn_on_a_logarithmic_axis():
    line = report.depth_figure({"fp16": curves(0)}, "t").axes[0].lines[0]
    assert np.isnan(line.get_ydata()).all()
