"""A summary so large that its draws are capped: intervals and p-values hold as with all draws.

Small studies stand for large ones, with as few draws as the caps of :mod:`emo.core.stats.effort` ever
leave: the caps' least numbers, whatever the study's size.
"""

from dataclasses import replace

import numpy as np
import pytest

from emo.core.compare import agreement, leaving_out
from emo.core.compare.agreement import disjoint_items, same_items
from emo.core.compare.leaving_out import disattenuated_matrix
from emo.core.stats import effort
from emo.core.stats.resampling import Resampling
from tests.core.compare.test_agreement import coverage, draws
from tests.core.compare.test_leaving_out import PAIR, true_rho
from tests.core.planted import crossed, emotion_vectors, item_sets

AS_COMES = Resampling()


@pytest.fixture
def capped(monkeypatch):
    """Every computation is as large as can be; counts what it is asked for."""
    made = []

    def fewest(wanted, entries, least, most=0):
        made.append((wanted, min(wanted, least)))
        return min(wanted, least)

    for module in (agreement, leaving_out):
        monkeypatch.setattr(module, "affordable", fewest)
    return made


def test_the_caps_are_reached_here(capped, rng):
    sets = item_sets(rng, geometry=0.6, passage=0.5, own=0.5, design=crossed(8, 12))
    disjoint_items(sets, AS_COMES)
    leaving_out.leaving_out(sets, AS_COMES)
    assert {(200, effort.LEAST_REPLICATES), (10, 1), (200, effort.LEAST_DIVISIONS)} <= set(capped)
    assert (leaving_out.MOST_SPLITS, effort.LEAST_SHARED) in capped


@pytest.mark.slow
def test_intervals_of_halves_cover_with_the_fewest_draws(capped):
    """Never too narrow, and wider than need be (figures: docs/between_models.md)."""
    halves = [
        disjoint_items(sets, replace(AS_COMES, seed=i))
        for i, sets in enumerate(draws("24 situations", 300))
    ]
    for name, most in (("same", 0.995), ("disjoint", 0.995), ("share", 1.0)):
        covered = coverage(getattr(h, name)[0, 1] for h in halves)
        print(f"{name} covered {covered:.3f}")
        assert 0.92 <= covered <= most


@pytest.mark.slow
def test_intervals_of_rho_cover_with_the_fewest_replicates():
    """Standard error over 300 draws: 0.013; the least number of replicates a large summary makes."""
    covered = coverage(
        same_items(sets, Resampling(n_bootstrap=effort.LEAST_REPLICATES, seed=i))[0, 1]
        for i, sets in enumerate(draws("24 situations", 300))
    )
    print(f"covered {covered:.3f}")
    assert 0.92 <= covered <= 0.975


@pytest.mark.slow
@pytest.mark.parametrize("geometry", [0.3, 1.5])
def test_unrelated_geometries_are_certified_in_one_of_twenty_with_the_fewest_draws(
    capped, geometry
):
    """Of 200 studies at most 16: more happen in 5 % of such tests at a true 5 %."""
    certified = 0
    for k in range(200):
        rng = np.random.default_rng((31, k))
        sets = item_sets(
            rng, geometry=geometry, passage=0.5, own=0.5, design=crossed(12, 12), alike=0.0
        )
        got = leaving_out.leaving_out(sets, replace(AS_COMES, seed=k))
        certified += bool(got.p()[PAIR] <= 0.05)
    print(f"certified {certified} of 200")
    assert certified <= 16


@pytest.mark.slow
def test_a_shared_geometry_is_certified_with_the_fewest_draws(capped):
    p = []
    for k in range(20):
        rng = np.random.default_rng((32, k))
        sets = item_sets(rng, geometry=0.6, passage=0.5, own=0.5, design=crossed(12, 12))
        p.append(leaving_out.leaving_out(sets, replace(AS_COMES, seed=k)).p()[PAIR])
    assert np.mean(np.array(p) <= 0.05) >= 0.95


@pytest.mark.slow
def test_intervals_of_disattenuated_rho_cover_with_the_fewest_draws(capped):
    """Standard error over 150 studies: 0.018; wider than they need be is known (docs/truth.md)."""
    covered = []
    for k in range(150):
        rng = np.random.default_rng((33, k))
        vectors = emotion_vectors(rng, 14, 0.7)
        sets = item_sets(
            rng, geometry=0.5, passage=0.5, own=0.5, design=crossed(14, 14), vectors=vectors
        )
        got = leaving_out.leaving_out(sets, replace(AS_COMES, seed=k))
        e = got.over_items(disattenuated_matrix)[PAIR]
        covered.append(e.low <= true_rho(vectors) <= e.high)
    print(f"covered {np.mean(covered):.3f}")
    assert np.mean(covered) >= 0.91
