"""Where each number of a run stands in MLflow: what is too good is never beside what is not."""

import ast

import pytest

from emo.config.schema import RunConfig
from emo.runs.metric_names import (
    CHOSEN,
    ELSEWHERE,
    ORDER,
    SECTIONS,
    in_sections,
    kind_of,
    logged_name,
)
from tests.conftest import ROOT

KINDS = ("comprehension", "generation", "steer", "ablate", "axes", "precision", "equivalence")


@pytest.mark.parametrize(
    ("name", "kind", "logged"),
    [
        ("accuracy", "comprehension", f"{CHOSEN}/accuracy"),
        ("accuracy_low", "comprehension", f"{CHOSEN}/accuracy_low"),
        ("reliability", "comprehension", f"{CHOSEN}/reliability"),
        (
            "nested_by_accuracy_accuracy",
            "comprehension",
            f"{ELSEWHERE}/nested_by_accuracy_accuracy",
        ),
        ("valence_best", "generation", f"{CHOSEN}/valence_best"),
        ("valence_nested", "generation", f"{ELSEWHERE}/valence_nested"),
        ("reliability", "generation", "headline/reliability"),  # its layer is fixed beforehand
        ("best_layer", "comprehension", "layers/best_layer"),
        ("curve_accuracy", "comprehension", "over layers/accuracy"),
        ("hooked_by_layer_relative", "equivalence", "over layers/hooked_by_layer_relative"),
        ("dose_success_target_12", "steer", "over strengths/success_target_12"),
        ("best_success", "steer", f"{CHOSEN}/best_success"),
        ("tokens_written", "ablate", "cost/tokens_written"),
        ("rho_nf4_best", "precision", f"{CHOSEN}/rho_nf4_best"),
        ("rho_nf4_50", "precision", "headline/rho_nf4_50"),
        ("cells", "steer", "headline/cells"),
    ],
)
def test_a_metric_stands_in_the_section_of_its_meaning(name, kind, logged):
    assert logged_name(name, kind) == logged


@pytest.mark.parametrize("kind", KINDS)
def test_no_two_metrics_get_one_name(kind):
    names = ["accuracy", "curve_accuracy", "dose_accuracy", "curve_by_layer_accuracy", "layer"]
    names += ["best_layer", "layer_by_accuracy", "curve_layer", "texts_written", "n_texts_written"]
    assert len({logged_name(name, kind) for name in names}) == len(names)


def test_a_name_has_one_section_so_that_mlflow_makes_no_deeper_ones():
    assert all("/" not in row.name for row in SECTIONS)


def test_metrics_are_sent_with_the_headline_first_and_the_cost_last():
    sent = in_sections({"texts_done": 1, "accuracy": 2, "finite_layers": 3, "b": 4}, RunConfig())
    assert list(sent) == [
        *(f"{CHOSEN}/accuracy", f"{CHOSEN}/b", "checks/finite_layers", "cost/texts_done"),
    ]
    assert {row.name for row in SECTIONS} == set(ORDER)


def test_the_kind_of_a_run_is_its_method_or_its_job():
    assert kind_of(RunConfig()) == "comprehension"


def test_no_module_reads_a_run_by_the_name_of_a_metric():
    """Runs of all versions are read from their files: names of metrics may change."""
    allowed = {ROOT / "emo/tracking/sending.py"}  # compares what it sends with what is there
    for path in (ROOT / "emo").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and node.attr == "metrics" and path not in allowed:
                assert not (isinstance(node.value, ast.Attribute) and node.value.attr == "data"), (
                    path
                )
