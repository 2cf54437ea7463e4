"""Logged files that cannot be used say so, so that an older run takes their place."""

from types import SimpleNamespace

import numpy as np
import pytest

from emo.config.enums import LayerRule
from emo.errors import ArtifactError
from emo.runs.listing import RunListing
from emo.summary import loading
from emo.summary.assemble import _first
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


def test_a_damaged_run_is_named_on_the_screen_and_the_next_older_one_is_used(caplog):
    newer, older = (RunListing(f"{n}" * 32, "FINISHED", n, {}, {}) for n in (2, 1))

    def read(run):
        if run is newer:
            raise ArtifactError(run.run_id, "vectors.safetensors", "is damaged")
        return "its numbers"

    left_out = []
    assert _first([newer, older], read, left_out) == (older, "its numbers")
    assert [entry.run for entry in left_out] == [newer]
    assert "run 22222222 is left out: its files cannot be used" in caplog.text
    assert "vectors.safetensors is damaged" in caplog.text
