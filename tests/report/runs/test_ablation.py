"""The ranking with its interval, in the text, the table and the figure."""

import csv
import io

import numpy as np
import pytest

from emo.core.conditions.ablation import Responses, ablation
from emo.core.geometry.generated import TextCounts
from emo.core.stats.factorial import full_factorial
from emo.report.runs import ablation as report

COST = report.Cost(1, 2, 3, 4, 5, 6, 7, 0.0, 0.0, 0.0)
GROUND = report.Ground(
    (TextCounts(10.0, 5.0, 5.0, 2),) * 3 + (TextCounts(1.0, 1.0, 1.0, 0),), False, 7, "r1"
)


@pytest.fixture
def effects():
    """x is first in most replicates, y in three of ten; the interval of both ranks is 1 to 2."""
    x, y = full_factorial(2).T
    rho = 0.9 - 0.4 * x - 0.1 * y
    other = 0.9 - 0.1 * x - 0.4 * y
    replicates = np.stack([rho] * 7 + [other] * 3)
    return ablation(("y", "x"), Responses(rho[[0, 2, 1, 3]], replicates[:, [0, 2, 1, 3]],
                                          np.tile(rho, (4, 1)), tuple("abcd")))  # fmt: skip


def rows(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_the_rank_has_its_interval_in_the_csv(effects):
    ranks = [r for r in rows(report.effects_csv(effects)) if r["effect"] == "rank"]
    assert [(r["of"], float(r["value"])) for r in ranks] == [("y", 2.0), ("x", 1.0)]
    for r in ranks:
        assert (float(r["low_texts"]), float(r["high_texts"])) == (1.0, 2.0)
        assert (r["low_emotions"], r["high_emotions"]) == ("nan", "nan")


def test_the_rank_has_its_interval_in_the_summary(effects):
    lines = report.terminal_text(effects, "title", "", COST, GROUND).splitlines()
    ranked = [line.split()[:4] for line in lines if line.split()[:1] in (["x"], ["y"])]
    assert ranked == [["x", "1", "[1,", "2]"], ["y", "2", "[1,", "2]"]]


def test_the_rank_has_its_interval_in_the_figure(effects):
    left, _ = report.effects_figure(effects, "title").axes
    assert [x.get_text() for x in left.get_yticklabels()] == ["x  1 [1, 2]", "y  2 [1, 2]"]
    assert "rank" in left.get_ylabel()


def test_without_replicates_a_rank_is_shown_alone(effects):
    x, y = full_factorial(2).T
    found = Responses(
        0.9 - 0.4 * x - 0.1 * y, np.empty((0, 4)), np.full((3, 4), np.nan), ("a",) * 3
    )
    alone = ablation(("x", "y"), found)
    left, _ = report.effects_figure(alone, "title").axes
    assert [x.get_text() for x in left.get_yticklabels()] == ["x  1", "y  2"]


def test_what_the_texts_are_is_said(effects):
    text = report.terminal_text(effects, "title", "", COST, GROUND)
    assert (
        "matched 10 nominal, 5 distinct, 5 effective on average, 2 too short; loose 1 nom" in text
    )
    assert "effective n is below nominal in 3 of 4 settings" in text
    assert "best layer 7 (comprehension run r1); chat template not applied" in text
    points = rows(report.points_csv(effects, GROUND))
    names = ("n_nominal", "n_distinct", "n_effective", "n_short")
    assert [points[0][n] for n in names] == ["10.0", "5.0", "5.0", "2"]
    metrics = report.metrics(effects, COST, GROUND)
    assert (metrics["n_effective_matched"], metrics["n_effective_loose"]) == (5, 1)
    assert "n_neutral_loose" not in metrics
    assert (metrics["settings_repeating"], metrics["best_layer"]) == (3, 7)
