"""Labels of a map keep off each other, whatever the points."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emo.core.records import EmotionVectors
from emo.report.drawing import png
from emo.report.label_places import places
from emo.report.runs.extract_figures import components, emotion_map, rdm_heatmap

PANEL = (0.0, 0.0, 480.0, 400.0)


def shared(corners, sizes):
    """Area that every pair of labels has in common."""
    low = np.maximum(corners[:, None], corners[None])
    high = np.minimum((corners + sizes)[:, None], (corners + sizes)[None])
    area = np.clip(high - low, 0, None).prod(axis=2)
    return area[np.triu_indices(len(corners), 1)]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 30))
def test_no_label_lies_on_another_or_leaves_the_panel(seed, n):
    rng = np.random.default_rng(seed)
    points = rng.uniform((40, 40), (440, 360), size=(n, 2))
    sizes = np.stack([rng.uniform(20, 60, n), np.full(n, 11.0)], axis=1)
    corners = places(points, sizes, PANEL)
    assert shared(corners, sizes).sum() == 0
    assert (corners >= 0).all() and (corners + sizes <= PANEL[2:]).all()
    assert (places(points, sizes, PANEL) == corners).all()


def test_points_on_one_spot_have_labels_beside_each_other():
    sizes = np.full((8, 2), (50.0, 11.0))
    corners = places(np.full((8, 2), 200.0), sizes, PANEL)
    assert shared(corners, sizes).sum() == 0
    far = np.abs(corners + sizes / 2 - 200).max()
    assert far < 100  # none is sent away


def vectors(n=21, seed=0):
    values = np.random.default_rng(seed).normal(size=(1, n, 16))
    return EmotionVectors(values, tuple(f"emotion{i}" for i in range(n)), (1,) * n, "global")


def test_the_labels_of_a_drawn_map_keep_off_each_other():
    figure = emotion_map(vectors(), 0, "t", 0.31)
    png(figure)
    (axes,) = figure.axes
    boxes = [text.get_window_extent() for text in axes.texts]
    assert len(boxes) == 21
    corners = np.array([(b.x0, b.y0) for b in boxes])
    assert shared(corners, np.array([(b.width, b.height) for b in boxes])).sum() == 0


def test_a_map_has_one_scale_and_says_what_it_does_not_show():
    v = vectors()
    figure = emotion_map(v, 0, "t", 0.314)
    png(figure)
    (axes,) = figure.axes
    a, b, c = axes.transData.transform([(0, 0), (1, 0), (0, 1)])
    assert b[0] - a[0] == pytest.approx(c[1] - a[1])
    share = components(v.values[0])[1]
    assert axes.get_xlabel().endswith(f"not shown: {1 - share[0] - share[1]:.0%})")
    assert "reliability 0.31" in axes.get_title()


def test_the_colours_of_an_rdm_end_at_its_largest_cosine_and_say_so():
    v = vectors()
    unit = v.values[0] / np.linalg.norm(v.values[0], axis=1, keepdims=True)
    cosines = (unit @ unit.T)[np.triu_indices(21, 1)]
    axes, bar = rdm_heatmap(v, 0, "t").axes
    (image,) = axes.images
    assert image.norm.vmax == pytest.approx(np.abs(cosines).max()) == -image.norm.vmin
    assert f"±{image.norm.vmax:.2f}" in bar.get_ylabel()
    shown = np.asarray(image.get_array().filled(np.nan))
    assert np.isnan(shown[np.triu_indices(21)]).all()
    assert sorted(shown[np.tril_indices(21, -1)]) == pytest.approx(sorted(cosines))
