"""The ranking with the ranks left open, in text, table and figure; what the first line says."""

import csv
import io

import numpy as np
import pytest

from emo.core.conditions.ablation import ablation
from emo.core.conditions.replicates import ReplicateAgreement
from emo.core.geometry.generated import TextCounts
from emo.core.stats.factorial import full_factorial
from emo.report.runs import ablation as report
from emo.report.runs import ablation_figures as figures

COST = report.Cost(1, 2, 3, 4, 5, 6, 7, 0.0, 0.0, 0.0)
GROUND = report.Ground(
    (TextCounts(10.0, 5.0, 5.0, 2),) * 3 + (TextCounts(1.0, 1.0, 1.0, 0),), False, 7, "r1"
)


X, Y = full_factorial(2)[:, ::-1].T
RHO = np.array([1.0, 0.8, 0.6, 0.4])


def agreement(relative, emotions="abcdefgh", reliability=0.5):
    """A ceiling of 0.5 everywhere."""
    own = np.broadcast_to(np.asarray(reliability, float), relative.shape)
    ceiling = np.sqrt(np.maximum(own * 0.5, 0))
    return ReplicateAgreement(relative * ceiling, own, np.full(len(relative), 0.5), tuple(emotions))


@pytest.fixture
def effects():
    """x before y, by more than nothing but by less than the error of the difference."""
    swing = np.linspace(-1, 1, 8)[:, None]
    each = 1 - (0.4 + 0.05 * swing) * X - (0.3 - 0.05 * swing) * Y
    return ablation(("y", "x"), agreement(np.vstack([1 - 0.4 * X - 0.3 * Y, each])))


def shown(a):
    return report.terminal_text(a, "title", "", COST, GROUND)


def rows(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_the_rank_has_those_left_open_in_the_csv(effects):
    ranks = [r for r in rows(report.effects_csv(effects)) if r["effect"] == "rank"]
    assert [(r["of"], float(r["value"])) for r in ranks] == [("y", 2.0), ("x", 1.0)]
    for r in ranks:
        assert (float(r["low"]), float(r["high"])) == (1.0, 2.0)


def test_the_rank_has_those_left_open_in_the_text(effects):
    lines = shown(effects).splitlines()
    ranked = [line.split()[:4] for line in lines if line.split()[:1] in (["x"], ["y"])]
    assert ranked == [["x", "1", "[1,", "2]"], ["y", "2", "[1,", "2]"]]


def test_the_rank_has_those_left_open_in_the_figure(effects):
    left, _ = figures.effects_figure(effects.effects, "title").axes
    assert [x.get_text() for x in left.get_yticklabels()] == ["x  1 [1, 2]", "y  2 [1, 2]"]
    assert "rank" in left.get_ylabel()


def test_without_emotions_to_leave_out_a_rank_is_shown_alone():
    relative = np.full((4, 4), np.nan)
    relative[0] = 1 - 0.4 * X - 0.1 * Y
    alone = ablation(("y", "x"), agreement(relative, "abc"))
    left, _ = figures.effects_figure(alone.effects, "title").axes
    assert [x.get_text() for x in left.get_yticklabels()] == ["x  1", "y  2"]
    assert report.headline(alone) == "no intervals, so that no rank is determined: 3 emotions"


def test_the_first_line_says_which_effects_are_told_and_which_ranks_are_open(effects):
    assert (
        shown(effects).splitlines()[1] == "  x, y are told from noise; their ranks are undetermined"
    )
    scale = np.vstack([np.zeros(4), np.outer(np.linspace(-1, 1, 8), [0, 0.05, 0.05, 0.1])])
    clear = ablation(("y", "x"), agreement(1 - 0.5 * X + scale))
    assert report.headline(clear) == "x is told from noise; determined ranks: x 1, y 2"
    apart = np.vstack([np.zeros(4), np.outer(np.linspace(-1, 1, 8), [0, 0.05, -0.05, 0])])
    noise = ablation(("y", "x"), agreement(1 - 0.01 * X + apart))
    assert (
        report.headline(noise)
        == "no sub-parameter is told from noise, their ranks are undetermined"
    )


def test_the_zero_line_stands_before_the_drop(effects):
    text = shown(effects)
    assert "zero line: matched with its own replicate, rho +0.500 [+0.50, +0.50]" in text
    assert "loose with matched, on other prompts: rho +0.150, 0.30" in text
    assert text.index("zero line") < text.index("drop of the relative agreement 0.700")


def test_what_cannot_be_told_is_said():
    relative = np.tile(1 - 0.4 * X, (9, 1))
    held = ablation(("y", "x"), agreement(relative, reliability=np.where(Y == 1, -0.2, 0.5)))
    text = shown(held)
    assert "held at matched: y, since 2 of 4 settings do not agree with their own replicate" in text
    assert "shapley_y" not in report.metrics(held, RHO, COST, GROUND)
    assert report.metrics(held, RHO, COST, GROUND)["relative_loose"] is None
    nothing = ablation(("y", "x"), agreement(relative, reliability=-0.1))
    assert "these texts cannot tell" in report.headline(nothing)
    assert report.effects_csv(nothing).splitlines()[1].startswith("noise,y,nan")
    assert "Shapley" not in shown(nothing)


def test_what_the_texts_are_is_said(effects):
    text = shown(effects)
    assert (
        "matched 10 nominal, 5 distinct, 5 effective on average, 2 too short; loose 1 nom" in text
    )
    assert "effective n is below nominal in 3 of 4 settings" in text
    assert "best layer 7 (comprehension run r1); chat template not applied" in text
    points = rows(report.points_csv(effects, RHO, GROUND))
    names = ("n_nominal", "n_distinct", "n_effective", "n_short")
    assert [points[0][n] for n in names] == ["10.0", "5.0", "5.0", "2"]
    assert [float(p["rho_matched"]) for p in points] == RHO.tolist()
    assert [float(p["relative"]) for p in points] == pytest.approx((1 - 0.4 * X - 0.3 * Y).tolist())
    metrics = report.metrics(effects, RHO, COST, GROUND)
    assert (metrics["n_effective_matched"], metrics["n_effective_loose"]) == (5, 1)
    assert "n_neutral_loose" not in metrics
    assert (metrics["settings_repeating"], metrics["best_layer"]) == (3, 7)
    assert (metrics["rho_replicate"], metrics["rho_matched_loose"]) == (0.5, 0.4)
    assert metrics["factors_told"] == 2
