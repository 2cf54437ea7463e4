"""The benchmark of the statistics runs at a small size, and says what it measured."""

import pytest

from benchmarks.statistics import Size, Timed, measure, ours, render, simulated, theirs

SMALL = Size(models=3, emotions=5, situations=4, hidden=16, permutations=20, replicates=30)


def test_our_part_runs_and_counts_every_round():
    things = ours(simulated(SMALL), SMALL)
    measure(things, 2)
    assert [len(t.seconds) for t in things] == [2, 2, 2]


@pytest.mark.filterwarnings("ignore")
def test_their_part_runs(monkeypatch):
    pytest.importorskip("rsatoolbox")
    monkeypatch.setenv("MPLBACKEND", "agg")
    things = theirs(simulated(SMALL), SMALL, patterns=2, items=2)
    measure(things, 1)
    assert [t.scale for t in things] == [15, 15]
    assert all(t.median > 0 for t in things)


def test_ratios_are_of_the_bootstrap_and_scaled(monkeypatch):
    monkeypatch.setattr("importlib.metadata.version", lambda name: "1.2.3")
    here = [Timed("m", lambda: None, 1, [2.0]), Timed("b", lambda: None, 1, [3.5])]
    others = [Timed("p", lambda: None, 10, [7.0]), Timed("i", lambda: None, 100, [0.35])]
    text = render(here, others, SMALL, "Machine: none.")
    assert "| Mantel tests and bootstrap, seconds | 5.50 | at most 5 | no |" in text
    assert "| rsatoolbox, bootstrap of finished RDMs / ours of items | 20.0 | | |" in text
    assert (
        "| rsatoolbox, the same bootstrap over situations / ours | 10.0 | at least 20 | no |"
        in text
    )
