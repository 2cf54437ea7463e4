"""Comparisons from a notebook, against plain numpy and scipy and against planted geometry."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import pearsonr, spearmanr

import emo
from emo.api.loaded import LoadedRun
from emo.config.schema import RunConfig
from emo.core.records import Activations, LabelMismatch
from emo.errors import ConfigError

FEW = {"permutations": 99, "n_bootstrap": 20}


def plain_rdm(run, layer, emotions):
    """Cosines of the named emotions' vectors less the mean of all, pair by pair."""
    values = run.vectors.values[layer]
    values = values - values.mean(axis=0)
    rows = [values[run.vectors.emotions.index(e)] for e in emotions]
    return [
        a @ b / np.linalg.norm(a) / np.linalg.norm(b)
        for i, a in enumerate(rows)
        for b in rows[i + 1 :]
    ]


@pytest.mark.slow
def test_two_runs_of_the_same_passages(read, make):
    other = make("model.tiny.architecture=gpt2", "model.tiny.hidden=64")
    result = emo.compare(read, other, layer=(1, 2), **FEW)
    x, y = plain_rdm(read, 1, result.emotions), plain_rdm(other, 2, result.emotions)
    assert result.rho == pytest.approx(spearmanr(x, y)[0])
    assert result.pearson == pytest.approx(pearsonr(x, y)[0])
    assert (result.layer_a, result.layer_b, result.n_emotions) == (1, 2, 5)
    assert result.same_items and result.mean_cosine is None
    assert result.over_items.value == pytest.approx(result.rho)
    assert result.over_items.low < result.over_items.high


@pytest.mark.slow
def test_generation_and_comprehension_over_their_common_emotions(read, wrote):
    result = emo.compare(read, wrote, **FEW)
    assert set(result.emotions) == set(read.vectors.emotions) & set(wrote.vectors.emotions)
    assert set(result.left_out) == set(read.vectors.emotions) ^ set(wrote.vectors.emotions)
    x = plain_rdm(read, read.best_layer, result.emotions)
    y = plain_rdm(wrote, wrote.best_layer, result.emotions)
    assert result.rho == pytest.approx(spearmanr(x, y)[0])
    assert not result.same_items
    if result.left_out:
        with pytest.raises(LabelMismatch, match="emotions differ"):
            emo.compare(read, wrote, emotions="same", **FEW)


class Planted(LoadedRun):
    """A run whose activations are made here: two models of one geometry, with noise of their own."""

    def __init__(self, rng, geometry, noise, situations=24):
        n, width = geometry.shape
        rows = np.tile(geometry, (situations, 1))
        values = (rows + noise * rng.normal(size=rows.shape))[None].astype(np.float32)
        names = tuple(f"e{i}" for i in range(n)) * situations
        groups = tuple(f"s{k}" for k in range(situations) for _ in range(n))
        ids = tuple(map(str, range(len(names))))
        activations = Activations(values, ids, names, groups, values[:, :3], "last")
        means = rows.reshape(situations, n, width).mean(axis=0)
        vectors = SimpleNamespace(values=(means - means.mean(axis=0))[None], emotions=names[:n])
        super().__init__("planted", {"job": "extract"}, {}, None)  # pyright: ignore
        self.__dict__ |= {
            "activations": activations,
            "vectors": vectors,
            "descriptors": SimpleNamespace(best_layer=0),
            "config": RunConfig(tracking=None, paths=None),  # pyright: ignore
        }


@pytest.mark.slow
def test_one_geometry_under_noise_is_at_its_ceiling_and_two_are_below(rng, monkeypatch):
    from emo.api import comparing

    monkeypatch.setattr(comparing, "_mean_cosine", lambda *_: None)
    geometry, other = rng.normal(size=(2, 12, 30))
    a, b, c = (Planted(rng, g, 1.5) for g in (geometry, geometry, other))
    same = emo.compare(a, b, **FEW)
    assert same.same_items
    assert same.disjoint.value < 0.95  # noise keeps it below 1, and the ceiling says by how much
    assert same.ceiling == pytest.approx(same.disjoint.value, abs=0.1)
    assert same.disattenuated.value == pytest.approx(1, abs=0.12)
    assert same.disattenuated.low < 1 < same.disattenuated.high
    apart = emo.compare(a, c, **FEW)
    assert apart.disattenuated.high < 0.8


@pytest.mark.slow
def test_items_that_cannot_be_halved_leave_no_ceiling(rng, monkeypatch):
    from emo.api import comparing

    monkeypatch.setattr(comparing, "_mean_cosine", lambda *_: None)
    a, b = (Planted(rng, rng.normal(size=(6, 10)), 0.5, situations=1) for _ in range(2))
    result = emo.compare(a, b, **FEW)
    assert result.disjoint is result.ceiling is result.disattenuated is None
    assert np.isnan(result.over_items.low)
    assert "ceiling" not in repr(result)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"layer": 99}, "layer=99: allowed is a whole number from 0 to 3"),
        ({"layer": "worst"}, "layer=worst: allowed"),
        ({"layer": (1, 2, 3)}, "layer=.*: allowed is best, a layer, or a pair"),
        ({"emotions": "comon"}, r"emotions=comon: allowed is .*\(did you mean common\?\)"),
        ({"n_bootstrap": 1}, "n_bootstrap=1: allowed is a whole number of at least 2"),
    ],
)
def test_a_wrong_argument_is_refused_in_one_sentence(read, wrong, words):
    with pytest.raises(ConfigError, match=words):
        emo.compare(read, read, **{**FEW, **wrong})


@pytest.mark.slow
def test_the_numbers_are_shown_with_their_names(read):
    result = emo.compare(read, read, **FEW)
    assert repr(result).count("\n") == len(result.rows()) - 1
    assert "disattenuated rho" in result._repr_html_()
    assert replace(result, left_out=("proud",)).rows()[0][1] == "5, without proud"
