"""The rule of the verdicts, and how often a table without any effect shows one."""

import numpy as np
import pytest

from emo.core.stats.resampling import stream
from emo.core.validation.diagonal import diagonal
from emo.core.validation.findings import Finding, Verdict, judged, student_interval
from emo.core.validation.permutations import flipped_means, p_of


def finding(value, low, high, p, sign=1, nothing=0.0, counts=0.3):
    return Finding("f", value, low, high, nothing, counts, p, "10 units", sign)


@pytest.mark.parametrize(
    ("one", "verdict"),
    [
        (finding(0.8, 0.6, 0.9, 0.001), Verdict.shown),
        (finding(0.8, -0.1, 0.9, 0.001), Verdict.unclear),  # the interval holds no effect
        (finding(0.1, 0.05, 0.2, 0.2), Verdict.not_shown),
        (finding(0.1, -0.3, 0.6, 0.2), Verdict.unclear),
        (finding(0.1, 0.0, 0.2, 0.001, -1, 0.5, 0.5), Verdict.shown),
        (finding(0.8, 0.7, 0.9, 0.9, -1, 0.5, 0.5), Verdict.not_shown),
        (finding(float("nan"), float("nan"), float("nan"), float("nan")), Verdict.unclear),
    ],
)
def test_the_rule(one, verdict):
    assert judged([one])[0].verdict is verdict


def test_p_is_corrected_over_the_table():
    many = [finding(0.8, 0.6, 0.9, 0.02), *[finding(0.1, -1.0, 1.0, 0.9)] * 9]
    assert judged(many)[0].verdict is Verdict.unclear
    assert judged(many)[0].corrected == pytest.approx(0.2)


@pytest.mark.slow
def test_a_table_without_effect_shows_something_in_five_percent_at_most():
    meant, n, hits = np.arange(12), 150, 0
    for k in range(n):
        rng = stream(0, "table", k)
        found = [diagonal(rng.normal(size=(12, 12)), meant, 199, rng) for _ in range(6)]
        rows = [Finding("d", d.value, d.low, d.high, 0.0, 0.5, d.p, "12 emotions") for d in found]
        hits += any(j.verdict is Verdict.shown for j in judged(rows))
    assert hits / n <= 0.05 + 2.6 * (0.05 * 0.95 / n) ** 0.5


def test_signs_are_all_flipped_where_they_are_few(rng):
    null = flipped_means(np.array([1.0, 2.0, 4.0]), 100, rng)
    assert len(null) == 7 and p_of(7 / 3, null) == 1 / 8
    assert len(flipped_means(np.ones(20), 100, rng)) == 100


def test_p_counts_the_observed_order_and_is_nan_for_nothing():
    assert p_of(1.0, np.zeros(99)) == 0.01 and p_of(0.0, np.zeros(99)) == 1.0
    assert np.isnan(p_of(float("nan"), np.zeros(9)))


def test_one_unit_has_no_interval():
    assert np.isnan(student_interval([1.0])[1]) and np.isnan(student_interval([])[0])
