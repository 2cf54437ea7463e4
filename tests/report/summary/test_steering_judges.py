"""A summary says of every judge how many emotions are direction-specific, and how far two agree."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from emo.core.steering.judges import agreement
from emo.report.summary.steering_judges import judge_tables
from emo.runs.listing import RunListing
from emo.summary.steering import Steered
from tests.core.steering.test_direction_specific import permuted_texts, swept


def rows(sweep):
    sweep = replace(sweep, unsteered=dict.fromkeys("abc", "a text without steering"))
    run = RunListing("abcdef123456", "FINISHED", 0, {"precision": "bf16"}, {})
    tables = judge_tables(SimpleNamespace(steering=[Steered("m", run, sweep)]))
    return [dict(zip(t.columns, row, strict=True)) for t in tables for row in t.rows]


def test_each_judge_has_a_row_with_its_own_number_of_emotions():
    sweep = swept(permuted_texts(second=0.0), ("lexicon", "hf"))
    first, second = rows(sweep)
    assert (first["judge"], first["direction-specific"]) == ("lexicon", "1 of 1")
    assert first["which"] == "calm" and first["precision"] == "bf16"
    assert (second["judge"], second["which"]) == ("hf", None)
    assert second["direction-specific"] in ("0 of 1", "cannot be told of 1")
    assert first["texts of both"] == second["texts of both"] == agreement(sweep.steered).n > 0


def test_kappa_is_that_of_the_run():
    sweep = swept(permuted_texts(second=1.0), ("lexicon", "hf"))
    (first, _), found = rows(sweep), agreement(sweep.steered)
    kappa = first["kappa of both judges"]
    assert (kappa is None) == (found.kappa != found.kappa)
    if kappa is not None:
        assert kappa.value == pytest.approx(found.kappa)


def test_one_judge_without_permuted_vectors_has_its_base_rate_alone():
    (row,) = rows(swept(permuted_texts(draws=4)))
    assert row["direction-specific"] is None and row["kappa of both judges"] is None


def test_a_run_of_an_earlier_version_names_no_judge():
    assert rows(swept(permuted_texts(), ())) == []
