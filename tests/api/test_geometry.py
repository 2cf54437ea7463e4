"""Vectors by name and RDMs of a loaded run, against its files and plain numpy."""

import numpy as np
import pytest

from emo.core.geometry.cosines import cosine_matrix
from emo.core.geometry.generated import StoryDescriptors
from emo.core.records import Descriptors, EmotionVectors
from emo.errors import ConfigError, TrackingError
from emo.runs import files


def logged(run, name, reader):
    return run.tracker.read(run.run_id, name, reader)


@pytest.mark.parametrize("which", ["read", "wrote"])
def test_a_vector_found_by_name_is_the_one_in_the_file(which, request):
    run = request.getfixturevalue(which)
    vectors = logged(run, "vectors.safetensors", files.read_vectors)
    assert isinstance(run.vectors, EmotionVectors)
    for e, emotion in enumerate(vectors.emotions):
        assert np.array_equal(run.vectors[emotion], vectors.values[:, e])
        assert np.array_equal(run.vectors[emotion, 3], vectors.values[3, e])


@pytest.mark.parametrize(
    ("key", "words"),
    [
        (("clam", 2), r"emotion=clam: allowed is one of afraid, .*\(did you mean calm\?\)"),
        (("calm", 4), "layer=4: allowed is a whole number from 0 to 3"),
        (("calm", "last"), "layer=last: allowed is a whole number from 0 to 3"),
        (("calm", -1), "layer=-1: allowed"),
        (7, "emotion=7: allowed is one of"),
        (("calm", 2, 1), "emotion=.*: allowed is one of"),
    ],
)
def test_a_vector_that_there_is_not_is_refused_in_one_sentence(read, key, words):
    with pytest.raises(ConfigError, match=words) as refused:
        read.vectors[key]
    assert "\n" not in str(refused.value)


def test_vectors_are_read_without_the_descriptors(read, project):
    import emo

    run = emo.load_run(read.run_id, root=project)
    _ = run.vectors["calm", 1]
    assert "descriptors" not in vars(run) and "activations" not in vars(run)


def test_descriptors_are_those_of_the_method(read, wrote):
    assert isinstance(read.descriptors, Descriptors)
    assert isinstance(wrote.descriptors, StoryDescriptors)
    assert wrote.rdm().layer == wrote.best_layer == wrote.descriptors.layer
    assert read.rdm().layer == read.best_layer == read.descriptors.best_layer


def test_the_frame_and_the_matrix_are_the_cosines_with_their_labels(read):
    rdm = read.rdm(2)
    want = cosine_matrix(read.vectors.values[2])
    assert np.allclose(rdm.matrix, want)
    frame = rdm.to_frame()
    assert list(frame.index) == list(frame.columns) == list(read.vectors.emotions)
    i, j = (read.vectors.emotions.index(e) for e in ("sad", "calm"))
    assert frame.loc["sad", "calm"] == pytest.approx(want[i, j])


def test_the_picture_shows_the_matrix_and_a_notebook_shows_the_picture(read):
    rdm = read.rdm(1)
    figure = rdm.plot()
    drawn = figure.axes[0].images[0].get_array()
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    frame = rdm.to_frame().loc[names, names]
    assert np.allclose(drawn, frame.to_numpy())
    assert figure._repr_png_().startswith(b"\x89PNG")


def test_a_run_without_vectors_names_the_one_that_has_them(steered, read):
    with pytest.raises(TrackingError, match="job=steer logs no vectors") as refused:
        _ = steered.vectors
    assert read.run_id in str(refused.value)
    assert "force=true" not in str(refused.value)
    with pytest.raises(TrackingError, match="job=steer logs no descriptors"):
        _ = steered.descriptors


def test_what_a_notebook_shows_is_short_and_escaped(read, wrote, steered):
    for run in (read, wrote, steered):
        for shown in (run, *((run.vectors, run.rdm()) if run is not steered else ())):
            assert len(repr(shown)) < 200
            html = shown._repr_html_()
            assert html.count("<table>") == html.count("</table>") == 1
    for run in (read, wrote):
        for record in (run.descriptors, run.activations):
            assert len(repr(record)) < 400 and "array" not in repr(record)
    from emo.api import html

    assert "<script>" not in html.table("<script>", ("<script>",), [("</script><script>",)])
