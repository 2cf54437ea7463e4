"""What the table of an extraction says beside its numbers."""

from dataclasses import replace

import numpy as np
import pytest

from emo.core.flags import FLAGGED_ANISOTROPY, LOW_RELIABILITY
from emo.core.geometry.comprehension import describe
from emo.core.stats.resampling import Resampling
from emo.pipeline.comprehension import _curves, _metrics
from emo.report.runs.extract import terminal_text
from emo.report.runs.extract_figures import PANELS, layer_curves
from tests.core.geometry.test_comprehension import planted

FEW = Resampling(n_splits=6, n_bootstrap=4, splits_per_replicate=2, n_permutations=9)


@pytest.fixture(scope="module")
def descriptors():
    _, activations = planted(np.random.default_rng(7), [0.0, 3.0])
    return describe(activations, FEW)[1]


def at(descriptors, **values):
    return terminal_text(replace(descriptors, **values), "title")


def test_a_low_reliability_is_flagged_with_its_reason(descriptors):
    said = "RELIABILITY LOW: below 0.4, as many other texts would give another RDM"
    assert said in at(descriptors, reliability=LOW_RELIABILITY - 0.01)
    assert "RELIABILITY LOW" not in at(descriptors, reliability=LOW_RELIABILITY)
    assert "RELIABILITY LOW" not in at(descriptors, reliability=None)


def test_undeclared_situations_are_marked_however_high_the_reliability(descriptors):
    text = at(descriptors, reliability=0.9, split_unit="passage")
    assert "SITUATIONS NOT DECLARED: topics that are told for several emotions raise it" in text
    assert "SITUATIONS NOT DECLARED" not in at(descriptors, reliability=0.9)


def test_anisotropy_has_the_published_words_and_an_interval(descriptors):
    text = at(descriptors, anisotropy=0.97, anisotropy_flag=True)
    assert f"published flag: raw anisotropy above {FLAGGED_ANISOTROPY}" in text
    assert "over neutral sentences)" in text
    assert "trusted" not in text


def test_every_descriptor_stands_beside_permuted_labels(descriptors):
    lines = at(descriptors).splitlines()
    for name in ("RDM std", "reliability", "accuracy", "  z-scored", "  LDA"):
        (line,) = [x for x in lines if x.startswith(f"  {name} ")]
        assert "; permuted labels " in line, name
        assert ", p 0." in line or ", p 1." in line, name
    assert "chosen on these passages" in lines[1]
    assert sum("chosen on half of the situations it shows on the other" in x for x in lines) == 3


def test_runs_from_before_there_were_nulls_have_their_old_lines(descriptors):
    old = at(descriptors, nulls={}, nested={}, intervals={}, permutations=0)
    assert "permuted labels" not in old
    assert "on the other" not in old


def test_metrics_and_curves_hold_p_intervals_and_nested_values(descriptors):
    from emo.activations.reading import Passes
    from emo.models.quantised import WeightCount

    metrics = _metrics(descriptors, Passes(0, 0), WeightCount(1, 0, 1))
    assert metrics["reliability_p"] == descriptors.p("reliability")
    assert metrics["accuracy_lda_low"] <= descriptors.at_best("accuracy_lda")
    nested = descriptors.nested["accuracy"].reliability
    assert metrics["nested_by_accuracy_reliability"] == nested
    curves = _curves(descriptors)
    for name in ("curve_rdm_std_p", "curve_accuracy_z_null_high", "curve_anisotropy_low"):
        assert len(curves[name]) == 2


def test_every_panel_with_a_null_has_its_band(descriptors):
    panels = layer_curves(descriptors, "title").axes
    for panel, _ in zip(panels, PANELS, strict=False):
        assert "permuted labels, 95 %" in panel.get_legend_handles_labels()[1]
