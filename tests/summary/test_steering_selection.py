"""Which steering runs a summary shows, and what it says of the others."""

import pytest

from emo.runs.listing import RunListing
from emo.summary.steering import steering_candidates

READ = {"stimuli_sha256": "p", "readout": "last", "precision": "fp16", "revision": "r"}
USED = RunListing("used", "FINISHED", 0, {"model": "m", **READ}, {})
VECTORS = {"vectors_stimuli_sha256": "p", "vectors_readout": "last", "vectors_precision": "fp16"}


def steered(run_id, started, source="elsewhere", status="FINISHED", model="m", **tags):
    known = {"model": model, "vectors_run": source, "revision": "r", **VECTORS, **tags}
    return RunListing(run_id, status, started, known, {})


def test_the_newest_with_vectors_of_this_study_is_first():
    runs = [
        steered("old", 1, "used"),
        steered("same", 3),
        steered("new", 5, vectors_stimuli_sha256="other"),
        steered("dead", 6, "used", status="KILLED"),
        steered("foreign", 7, model="another", model_id="org/another"),
        steered("earlier", 8, revision="r0"),
    ]
    found, left = steering_candidates(runs, [USED])
    assert {k: [r.run_id for r in v] for k, v in found.items()} == {
        ("m", "unknown"): ["same", "old"]
    }
    assert {e.run.run_id: e.reason for e in left} == {
        "dead": "not finished (KILLED)",
        "new": "adds vectors of run elsewher: other passages, readout, "
        "revision, vectors settings or version of the reading",
        "old": "older than steering run same of the same model in the same precision",
    }


@pytest.mark.parametrize(
    "tag",
    [
        "vectors_stimuli_sha256",
        "vectors_readout",
        "vectors_projection",
        "vectors_remove",
    ],
)
def test_vectors_of_another_run_must_be_of_the_same_kind(tag):
    other = steered("x", 1, **{tag: "other"})
    assert steering_candidates([other], [USED])[0] == {}
    own = steered("x", 1, "used", **{tag: "other"})
    assert steering_candidates([own], [USED])[0] == {("m", "unknown"): (own,)}


def test_vectors_of_means_that_held_position_0_are_not_those_of_new_ones():
    tags = {**USED.tags, "readout": "mean", "versions": "reading 1, mean 2"}
    used = RunListing("used", "FINISHED", 0, tags, {"method.readout": "mean"})
    read = {"vectors_readout": "mean", "vectors_suffix": "", "versions": "reading 1"}
    old = steered("old", 1, **read)
    new = steered("new", 2, **read, vectors_versions="reading 1, mean 2")
    assert steering_candidates([old, new], [used])[0] == {("m", "unknown"): (new,)}


def test_steering_is_shown_under_the_name_its_model_has_in_the_summary():
    """A copy of a folder, or another name given to it: the weights decide."""
    revision = {"revision": "folder-v2-0123456789abcdef"}
    tags = {**USED.tags, **revision, "model_id": "a/m"}
    used = RunListing("used", "FINISHED", 0, tags, {}, "a/m")
    run = steered("x", 1, model="copy", model_id="b/copy", **revision)
    ((name, _),), ((found,),) = zip(*steering_candidates([run], [used])[0].items(), strict=True)
    assert (name, found.run_id, found.model) == ("a/m", "x", "a/m")


def test_a_run_from_before_vectors_were_tagged_needs_its_source_here():
    bare = RunListing("x", "FINISHED", 1, {"model": "m", **READ, "vectors_run": "gone"}, {})
    assert steering_candidates([bare], [USED])[0] == {}


def test_a_summary_of_projected_runs_takes_steering_with_such_vectors():
    params = {"vectors.projection": "all_but_the_top", "vectors.remove": "none"}
    projected = RunListing("used", "FINISHED", 0, USED.tags, params)
    alike = steered("x", 1, vectors_projection="all_but_the_top", vectors_remove="none")
    untagged = steered("old", 2)
    assert steering_candidates([alike, untagged], [projected])[0] == {("m", "unknown"): (alike,)}
    assert steering_candidates([alike, untagged], [USED])[0] == {("m", "unknown"): (untagged,)}
