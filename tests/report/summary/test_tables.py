"""Table 1 and its caption, from planted conditions."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from emo.config.resolve import compose
from emo.core.compare.leaving_out import leaving_out
from emo.core.conditions.four_layer import CONTRASTS, HALVES, four_layer
from emo.core.conditions.verdicts import Verdict
from emo.core.flags import reliability_flag
from emo.core.records import LayerChoice
from emo.reference import shared_geometry
from emo.report.summary import headline, methods
from emo.report.summary.drawings import four_layers
from emo.report.summary.four_layer_tables import (
    FOUR_LAYER_COLUMNS,
    RELIABILITY_COLUMNS,
    four_layer_tables,
)
from emo.report.table import Interval
from emo.runs.listing import RunListing
from emo.runs.plan import passages
from emo.summary.assemble import ModelTable
from tests.core.compare.test_cross_model import models, study
from tests.core.conditions.test_four_layer import FEW, unlike_replicate
from tests.core.planted import item_sets, nested


@pytest.fixture(scope="module")
def conditions():
    return unlike_replicate(np.random.default_rng(7))


def table_of(conditions):
    made = four_layer(conditions, FEW, 100)
    return ModelTable(made, (), {})


@pytest.fixture(scope="module")
def usual(conditions):
    """The table of the planted conditions as they are."""
    return table_of(conditions)


def tables_of(made):
    return four_layer_tables(SimpleNamespace(tables=(made,)))


TITLES = {c.layer: c.title for c in CONTRASTS}


def entries(table, layer):
    row = next(r for r in table.rows if r[0] == TITLES[layer])
    return dict(zip(table.columns, row, strict=True))


def test_every_row_has_every_column_and_says_what_its_contrast_says(usual):
    made = usual
    table, sides = tables_of(made)
    assert {len(r) for r in table.rows} == {len(FOUR_LAYER_COLUMNS)}
    assert {len(r) for r in sides.rows} == {len(RELIABILITY_COLUMNS)}
    by = {r.contrast.layer: r for r in made.table.rows}
    free, compared = entries(sides, "3 free-running"), by["3 free-running"].comparison
    assert free["rho, disjoint"].value == float(by["3 free-running"].disjoint.value)
    assert free["rho, same half"] == float(compared.halves.same.value[0, 1])
    assert free["share"].value == float(compared.halves.share.value[0, 1])
    assert free["share"].low < free["share"].value < free["share"].high
    assert free["ceiling"] == by["3 free-running"].attenuation.ceiling
    ratio = by["3 free-running"].attenuation.ratio
    assert free["disattenuated"] == Interval(*map(float, (ratio.value, ratio.low, ratio.high)))
    assert entries(sides, "3 teacher-forced")["rho, disjoint"] is not None
    one, allowed = entries(table, "1"), entries(sides, "1")
    assert allowed["rho, same half"] is allowed["share"] is None
    assert allowed["rho, disjoint"].value == float(by["1"].disjoint.value)
    assert entries(sides, "floor B")["rho, same half"] is None  # one text per emotion
    assert allowed["reliability a"] == by["1"].comparison.reliability[0]
    assert one["p, raw"] == by["1"].raw.p
    assert one["cosine, raw"] == by["1"].raw.mean_cosine
    both, inner = one["items and emotions"], one["rho"]
    assert both.low < inner.low < inner.high < both.high
    assert one["read at a, b"] == "0, 0"


def test_the_caption_says_how(conditions, usual):
    caption = tables_of(usual)[0].caption
    assert "Bonferroni's line over these 8 contrasts is 0.0063" in caption
    assert "its halves have 10 and 10 prompts" in caption
    assert "as little as 9 degrees of freedom" in caption
    few = {k: v for k, v in conditions.items() if k not in HALVES}
    assert "degrees of freedom" not in tables_of(table_of(few))[0].caption
    assert "Anisotropy is above" not in caption
    assert "The conditions differ" not in caption


def test_the_caption_names_conditions_read_otherwise(usual):
    def logged(**tags):
        return RunListing("r", "FINISHED", 1, tags, {})

    runs = {"A": logged(backend="tl", device="cpu"), "C": logged(backend="hf", device="cpu")}
    caption = tables_of(replace(usual, runs=runs))[0].caption
    assert (
        "The conditions differ in backend (A tl, C hf); contrasts contain that difference, too."
        in caption
    )
    assert "differ in device" not in caption


def test_an_anisotropic_condition_is_flagged_wherever_it_stands(conditions):
    flagged = conditions | {"C": replace(conditions["C"], anisotropy=0.96)}
    made = table_of(flagged)
    table, _ = tables_of(made)
    assert "Published flag: raw anisotropy above 0.95 in C (0.960)" in table.caption
    layer, mark = (table.columns.index(name) for name in ("study's layer", "anisotropy"))
    marks = {r[layer]: r[mark] for r in table.rows}
    assert {k for k, v in marks.items() if v == "flagged"} == {
        "1",
        "2",
        "3 free-running",
        "3 teacher-forced",
    }


def test_only_rows_that_are_judged_by_replicates_have_a_triangle(usual):
    figure, data = four_layers([usual])
    at = {r[1]: r[data.columns.index("replicates")] for r in data.rows}
    assert at["Noise of sampling (B vs B')"] is None
    assert at["Method (A vs C)"] is not None
    triangles = [line for line in figure.axes[0].lines if line.get_marker() == "^"]
    assert len(triangles) == sum(x is not None for x in at.values())


def test_the_figure_has_a_legend_and_the_points_of_the_study(usual):
    figure, data = four_layers([usual])
    words = [text.get_text() for text in figure.legends[0].get_texts()]
    published = shared_geometry().four_layer
    assert [w for w in words if w.startswith("published: ")] == [
        f"published: {p.model}" for p in published
    ]
    (axes,) = figure.axes
    grey = {m: [x for line in axes.lines if line.get_marker() == m for x in line.get_xdata()]
            for m in "DX"}  # fmt: skip
    for p, marker in zip(published, "DX", strict=True):
        at = data.columns.index(f"published {p.model}")
        shown = [row[at] for row in data.rows if row[at] is not None]
        assert grey[marker] == shown
        assert set(shown) <= set(p.rho.values()) and len(shown) == 5


def test_every_contrast_has_a_name_of_its_own_and_the_documentation_has_it():
    assert len({c.title for c in CONTRASTS}) == len(CONTRASTS)
    page = Path("docs/summary.md").read_text("utf-8")
    for c in CONTRASTS:
        assert f"| {c.title} | {c.layer} |" in page


def test_a_condition_with_the_users_own_prompts_says_so():
    def said(path):
        params = {"subparams.prompts": "stories", "subparams.templates": "all"}
        params["subparams.prompts_path"] = path
        return methods._condition(RunListing("r", "FINISHED", 1, {"method": "generation"}, params))

    assert said("None").startswith("prompts stories (all), ")
    assert said("some/mine.yaml").startswith("prompts stories (all) of the user's own mine.yaml, ")


@pytest.mark.slow
def test_passages_that_cannot_be_halved_are_said_so(rng):
    found = models(rng, geometry=1, design=nested(8, 1))
    sentence = headline._agreement(study(found), 0.8).text
    assert sentence.endswith(
        "One passage per emotion cannot be halved, so it is not known how much of this is the passages."
    )
    assert "nan" not in sentence


@pytest.mark.parametrize(
    ("planted", "margin", "words"),
    [
        ({"geometry": 2, "own": 0.5}, 0.8, "as alike as replicates by the margin of 0.8."),
        (
            {"geometry": 2, "own": 0.5, "alike": 0.2},
            0.8,
            "less alike than replicates by the margin",
        ),
        ({"geometry": 0, "passage": 2}, 0.8, "cannot tell how alike the geometries are"),
        (
            {"geometry": 1, "own": 2.0},
            0.999,
            "these passages cannot tell whether it is above 0.999.",
        ),
    ],
)
def test_the_headline_judges_agreement_on_different_passages(rng, planted, margin, words):
    left_out = leaving_out(item_sets(rng, **planted), FEW)
    u = SimpleNamespace(models=(0, 1), left_out=left_out)
    sentence = headline._agreement(u, margin).text
    assert words in sentence
    assert sentence.startswith("On different passages 2 models agree with rho of ")
    shown = bool(u.left_out.rho().low[0, 1] > 0)
    assert sentence.endswith("An agreement is shown." if shown else "No agreement is shown.")


def test_the_headline_has_what_disjoint_prompts_leave(usual):
    made = usual.table
    row = next(r for r in made.rows if r.contrast.layer == "3 free-running")
    possible = f"({row.disjoint.value:.2f} where {row.attenuation.ceiling:.2f} is possible)"
    lines = {line.text: line.mark for line in headline._four(made)}
    said = f"{made.model}, Precision, free running (C vs D): {row.verdict.value} {possible}."
    assert lines[said] == headline.mark_of(row.verdict)


def alone(reliability, published=True, **more):
    """What is said of one model of four layers, whose numbers are planted."""
    choices = {
        "mean_cosine": LayerChoice(1, -0.05, 0, 2, 0.5),
        "accuracy": LayerChoice(3, 0.254, 2, 3, 0.6),
    }
    descriptors = SimpleNamespace(
        n_layers=4,
        finite_layers=(0, 1, 2, 3),
        best_layer=1,
        anisotropy=0.97,
        reliability=reliability,
        curves={
            "reliability": np.array([0, reliability or 0, 0.2, 0.51]),
            "accuracy": np.array([0, 0.13, 0.2, 0.254]),
            "anisotropy": np.array([0.99, 0.97, 0.96, 0.9]),
        },
        choices=choices,
        chance=0.048,
        split_unit="situation",
        nested={"mean_cosine": SimpleNamespace(reliability=0.2)},
        p=lambda name, layer: 0.01,
        at_best=lambda name: 0.13,
        reliability_flag=reliability_flag(reliability),
    )
    descriptors.__dict__.update(more)
    model = SimpleNamespace(name="m", layer=1, descriptors=descriptors)
    config = compose()
    summary = SimpleNamespace(config=config, stimuli=passages(config), words_accuracy=0.22)
    more = headline._published(descriptors) if published and reliability is not None else ()
    return [*headline._alone(summary, model), *more]


def test_one_model_stands_beside_chance_words_and_its_own_halves():
    place, accurate, halves, published = alone(0.31)
    assert place == "m, 504 passages, 21 emotions, the last token."
    assert accurate == (
        "At its most accurate layer, 3 of 0 to 3 (95 % interval 2 to 3), chosen on these passages, 25 % "
        "of the passages are nearest to their own emotion (chance 5 %, bag of words 22 %, p 0.01 under "
        "permuted labels)."
    )
    assert halves.startswith("RDMs of two halves of the passages correlate 0.51 there")
    assert published == (
        "The published criterion chooses layer 1 (95 % interval 0 to 2): accuracy 13 %, reliability "
        "0.31 (0.20 where other situations choose the layer; reliability low: below 0.4, as many other "
        "texts would give another RDM), raw anisotropy 0.97 (the published flag, above 0.95, is set at "
        "layers 0 to 2)."
    )
    assert len(alone(0.31, published=False)) == 3


def test_the_anisotropy_is_said_to_be_flagged_only_where_it_is():
    low = {"reliability": np.zeros(4), "accuracy": np.zeros(4), "anisotropy": np.full(4, 0.5)}
    assert "flag, above" not in alone(0.6, curves=low)[-1]
    low["anisotropy"] = np.full(4, 0.96)
    assert "is set at every layer" in alone(0.6, curves=low)[-1]


def test_passages_that_are_too_few_to_halve_are_said_so():
    assert "too few passages to halve, so it is not known whether" in alone(None)[1]


def test_every_verdict_has_a_mark():
    assert {headline.mark_of(v) for v in Verdict} == {
        headline.Mark.alike,
        headline.Mark.less,
        headline.Mark.untold,
    }


def test_the_methods_name_what_was_read_otherwise():
    def logged(model, backend="hf", **params):
        tags = {"method": "comprehension", "backend": backend, "device": "cpu", "precision": "fp32"}
        return RunListing(model, "FINISHED", 1, tags | {"model": model}, params)

    def said(*runs):
        summary = SimpleNamespace(
            config=compose(),
            runs=runs,
            models=[SimpleNamespace(run_id=r.run_id) for r in runs],
            cross_model=None,
        )
        return methods._comprehension(summary), methods._statistics(summary)

    reading, statistics = said(logged("a", seed="0"), logged("b", seed="0"))
    assert "an RDM holds the cosine similarities of all pairs" in reading
    assert "the last token was read after every decoder block" in reading
    assert "differences between models" not in reading
    assert statistics.endswith("Seed 0.")
    other = logged("b", "tl", **{"seed": "3", "resampling.n_splits": "7"})
    reading, statistics = said(logged("a"), other)
    assert "backend hf, tl, device cpu" in reading
    assert "differences between models contain differences of backend." in reading
    assert statistics.endswith(
        "settings that differ from these: b seed=3, b resampling.n_splits=7."
    )
