"""The truth benchmark counts what is made and what is wrong, and sees a statement that is."""

import numpy as np
import pytest

from benchmarks import truth
from benchmarks.planted_studies import SHOWN, Study, TwoModels
from benchmarks.worlds import WORLDS, World

SMALL = TwoModels(own=0.5, shared=0.5, situations=(6, 6))


def test_a_row_counts_its_statement():
    def study(rng):
        made = bool(rng.random() < 0.5)
        return Study({"it is so": (made, made), "it is not": (True, False)}, 0.5)

    (so, no) = truth.rows(World("a world", "nothing", study, {"it is so": "always"}), 40)
    assert 0.2 < so.made == so.wrong < 0.8
    assert (no.made, no.wrong, so.before, no.before) == (1, 0, "always", "")
    page = truth.text([so, no], 40)
    assert "1 of 2" in page
    assert (
        f"| a world | nothing | 0.50 | it is so | {so.made:.2f} | {so.wrong:.2f} | always |" in page
    )


def test_identical_geometries_are_called_alike_and_their_agreement_is_shown():
    statements = SMALL(np.random.default_rng(0)).statements
    assert statements["as alike as replicates"] == (True, False)
    assert statements[SHOWN] == (True, False)


@pytest.mark.parametrize("alike", [0.0, 0.3])
def test_a_rule_that_calls_everything_alike_is_seen_to_be_wrong(alike, monkeypatch):
    from benchmarks import planted_studies
    from emo.core.conditions.verdicts import Verdict

    monkeypatch.setattr(
        planted_studies, "judge", lambda *_: (Verdict.as_replicates, "whatever was measured")
    )
    study = TwoModels(alike=alike, own=0.5, shared=0.5, situations=(6, 6))
    statements = study(np.random.default_rng(0)).statements
    assert statements["as alike as replicates"] == (True, True)


@pytest.mark.slow
def test_worlds_have_names_of_their_own_and_old_figures_of_statements_they_make():
    names = [w.name for w in WORLDS]
    assert len(set(names)) == len(names) >= 12
    for world in WORLDS:
        if world.before and "96" not in world.name:
            made = world.study(np.random.default_rng(0)).statements
            assert set(world.before) <= set(made)
