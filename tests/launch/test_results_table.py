"""A sweep ends with a table: a row per point as swept, with the numbers that its job is run for."""

from emo.config.enums import JobName
from emo.launch.results_table import results_table, shown_metrics
from emo.runs.outcome import Outcome

GOOD = Outcome(
    "finished",
    run_id="0123456789abcdef",
    metrics={"anisotropy": 0.9, "words": "no number", "rdm_std": 0.1, "best_layer": 3},
    seconds=61.2,
)


def test_rows_are_the_points_in_their_order_with_the_headline_of_the_job():
    varied = [["precision=fp32", "method.readout=last"], ["precision=int8", "method.readout=mean"]]
    table = results_table(JobName.extract, varied, [GOOD, Outcome("failed", error="no memory")])
    assert table.columns == (
        "precision",
        "readout",
        "status",
        "best layer",
        "anisotropy",
        "time",
        "run",
    )
    assert table.rows[0] == ("fp32", "last", "finished", 3, 0.9, "61 s", "01234567")
    assert table.rows[1] == ("int8", "mean", "failed", None, None, None, None)


def test_names_that_end_alike_are_given_whole():
    varied = [["a.seed=1", "b.seed=2"]]
    assert results_table(JobName.extract, varied, [GOOD]).columns[:2] == ("a.seed", "b.seed")


def test_a_job_without_headline_metrics_shows_its_first_numbers():
    assert shown_metrics(JobName.export, [{"text": "x", "flag": True}, {"a": 1, "b": 2.0}]) == [
        "a",
        "b",
    ]
