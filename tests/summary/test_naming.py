"""What models are called: other weights never alike, the same never otherwise, no longer than needed."""

import re
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from emo.runs.listing import RunListing
from emo.summary.naming import named, other_names, twins


def run(model, model_id="org/m", revision="r", **params):
    tags = {"model": model, "model_id": model_id, "revision": revision}
    return RunListing("x", "FINISHED", 0, tags, {k.replace("_", "."): v for k, v in params.items()})


def names(*runs):
    return [r.model for r in named(runs)]


@pytest.mark.parametrize(
    ("runs", "want"),
    [
        ([run("m"), run("n", "org/n")], ["m", "n"]),
        ([run("m"), run("m")], ["m", "m"]),
        ([run("m", "org/m"), run("m", "fork/m")], ["org/m", "fork/m"]),
        (
            [run("checkpoint-100", f"/x/run_{k}/checkpoint-100", f"folder-v2-{k}") for k in "ab"],
            ["run_a/checkpoint-100", "run_b/checkpoint-100"],
        ),
        (
            [run("c", "/x/a/out/c", "folder-v2-1"), run("c", "/x/b/out/c", "folder-v2-2")],
            ["a/out/c", "b/out/c"],
        ),
        (
            [run("m", revision=r, model_revision=f"step{r}") for r in ("1", "2")],
            ["m@step1", "m@step2"],
        ),
        (
            [run("m", revision=f"{r}123456789abcdef", model_revision="None") for r in "ab"],
            ["m@a123456", "m@b123456"],
        ),
        ([run("mine", "org/m"), run("mine", "fork/m")], ["mine (org/m)", "mine (fork/m)"]),
        ([run("a b", "x/1"), run("a/b", "x/2")], ["a b (1)", "a/b (2)"]),
        # copies of a folder, and a name given later: the newest run's
        (
            [run("new", "/b/m", "folder-v2-1"), run("m", "/a/m", "folder-v2-1")],
            ["new", "new"],
        ),
    ],
)
def test_names(runs, want):
    assert names(*runs) == want


LABELS = some.sampled_from(["m", "M", "m@1", "org/m", "org m"])
IDS = some.sampled_from(["org/m", "m", "/x/org/m", "fork/m", "x/m@1"])
REVISIONS = some.sampled_from(["1", "2", "folder-v2-1", "folder-v2-2", "abcdef0123456789"])


@given(some.lists(some.tuples(LABELS, IDS, REVISIONS, some.sampled_from(["None", "1", "main"]))))
def test_names_are_one_for_each_set_of_weights(rows):
    """Nor do any two become one as parts of file names."""
    found = named([run(a, b, c, model_revision=d) for a, b, c, d in rows])
    by_weights = {r.weights: r.model for r in found}
    assert all(by_weights[r.weights] == r.model for r in found)
    stems = [re.sub(r"\W", "_", name).lower() for name in by_weights.values()]
    assert len(set(stems)) == len(by_weights)


def test_several_names_of_the_same_weights_are_said():
    assert other_names(named([run("b"), run("a"), run("b"), run("c", "org/c")])) == [
        "b was logged as b and a: the same weights, one model here."
    ]


def test_models_with_the_same_activations_are_said():
    values = np.arange(6.0).reshape(1, 2, 3)
    models = [
        SimpleNamespace(name=name, activations=SimpleNamespace(values=v))
        for name, v in (("a", values), ("b", values + 1e-12), ("c", values.copy()))
    ]
    (said,) = twins(models)
    assert said.startswith("a and c have the same activations to the bit")
    assert twins(models[:2]) == []
