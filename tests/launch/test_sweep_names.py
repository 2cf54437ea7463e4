"""The name of a sweep: what its points differ in."""

import pytest

from emo.launch.sweep_names import LONGEST, axes, sweep_name


@pytest.mark.parametrize(
    ("varied", "name"),
    [
        ([["precision=fp32"], ["precision=bf16"]], "sweep precision=fp32,bf16"),
        (
            [["model=a", f"seed={i}"] for i in range(4)] + [["model=b", "seed=0"]],
            "sweep model=a,b seed x 4",
        ),
        ([[]], "sweep of one point"),
    ],
)
def test_a_sweep_is_called_by_what_varies(varied, name):
    assert sweep_name(varied) == name


def test_a_name_has_an_end():
    varied = [[f"p{i}=x" for i in range(80)], [f"p{i}=y" for i in range(80)]]
    assert len(sweep_name(varied)) == LONGEST
    assert axes(varied).endswith("p79=x,y")
