"""Logged files that cannot be used say so, so that an older run takes their place."""

from types import SimpleNamespace

import numpy as np
import pytest

from emo.config.enums import LayerRule
from emo.runs.listing import RunListing
from emo.summary import loading
from tests.core.planted import crossed, record


@pytest.mark.parametrize("part", ["values", "neutral"])
def test_a_layer_that_is_not_finite_is_named(monkeypatch, part):
    data = record(np.ones((8, 3)), *crossed(4, 2))
    object.__setattr__(data, "neutral", np.ones((1, 2, 3), np.float32))
    getattr(data, part)[0, 0, 0] = np.inf
    run = RunListing("r", "FINISHED", 1, {"model": "m"}, {})
    read = {"read_activations": data, "read_descriptors": SimpleNamespace(layer_by=lambda rule: 0)}
    for name, value in read.items():
        monkeypatch.setattr(loading.serialise, name, lambda _, v=value: v)
    with pytest.raises(ValueError, match="layer 0 of m has activations that are not finite"):
        loading.model_run(run, lambda name, reader: reader(name), LayerRule.published)
