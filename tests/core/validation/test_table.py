"""The whole table of job=validate in synthetic models: all numbers shown where all hold, else none."""

from collections import Counter

import pytest

from emo.core.stats.resampling import stream
from emo.core.validation.findings import Verdict, judged
from emo.core.validation.table import WORDS, table_of
from tests.core.validation.worlds import Kind, made, validated

pytestmark = pytest.mark.slow


def findings(kind, k):
    rng = stream(11, kind, k)
    return table_of(validated(made(kind, rng), rng))


@pytest.mark.parametrize("kind", [Kind.nothing, Kind.unused])
def test_where_nothing_holds_five_percent_are_shown_of_any_number_and_of_any_table(kind):
    n, alone, tables = 100, Counter(), 0
    for k in range(n):
        found = findings(kind, k)
        tables += any(j.verdict is Verdict.shown for j in judged(found))
        alone.update(f.name for f in found if judged([f])[0].verdict is Verdict.shown)
    most = 0.05 + 2.6 * (0.05 * 0.95 / n) ** 0.5
    assert tables / n <= most
    assert {name: m for name, m in alone.items() if m / n > most} == {}


def test_where_all_hold_all_are_shown_and_none_is_denied():
    n, shown = 16, Counter()
    for k in range(n):
        for j in judged(findings(Kind.all, k)):
            assert j.verdict is not Verdict.not_shown, j
            shown[j.finding.name] += j.verdict is Verdict.shown
    assert shown.keys() == WORDS.keys()
    assert {name: m for name, m in shown.items() if m < 0.8 * n} == {}
