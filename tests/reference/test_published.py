"""The published figures as carried here: recomputed where the study's own numbers allow it."""

from pathlib import Path

import pytest
import yaml

from emo.core.compare.cross_model import lineage
from emo.core.compare.sizes import size_correlations
from emo.core.conditions.claims import Claim, Replication
from emo.core.conditions.four_layer import CONTRASTS
from emo.reference import CROSS_BACKEND, shared_geometry

CONF = Path(__file__).parents[2] / "conf" / "model"


def recomputed():
    models = shared_geometry().models
    columns = {
        name: [float(getattr(m, name)) for m in models]
        for name in ("d_model", "size_b", "anisotropy", "rdm_std", "best_layer_pct")
    }
    families = [lineage(m.family) for m in models]
    return {(c.predictor, c.outcome): c for c in size_correlations(columns, families, 20_000, 0)}


@pytest.mark.parametrize(
    ("predictor", "outcome", "rho"),
    [
        ("d_model", "anisotropy", -0.8820),
        ("size_b", "anisotropy", -0.8198),
        ("size_b", "rdm_std", -0.8905),
        ("size_b", "best_layer_pct", -0.4840),
    ],
)
def test_size_correlations_of_table_a1_are_the_published_ones(predictor, outcome, rho):
    got = recomputed()[predictor, outcome]
    assert got.n == 12
    assert round(got.rho, 4) == rho
    published = next(
        c for c in shared_geometry().sizes if (c.predictor, c.outcome) == (predictor, outcome)
    )
    assert published.rho == rho
    assert got.p == pytest.approx(published.p, rel=0.06)  # printed with two to four digits
    # Five families allow no smaller p than 2 / 120, so that no correlation reaches Bonferroni's line.
    assert (got.n_families, got.smallest_p) == (5, pytest.approx(2 / 120))
    assert got.family_p > got.p and not got.significant


def test_the_table_is_consistent_with_itself():
    for m in shared_geometry().models:
        assert m.best_layer_pct == round(100 * m.best_layer / m.n_layers, 1)
        assert (m.variant == "instruct") == m.model_id.lower().endswith(
            ("instruct", "v0.3", "-it")
        ) or (m.model_id == "mistralai/Mistral-7B-v0.3")


def test_the_twelve_are_options_here_with_the_same_family_and_size():
    options = {}
    for path in CONF.glob("*.yaml"):
        raw = yaml.safe_load(path.read_text())
        options[raw["id"]] = raw
    for m in shared_geometry().models:
        raw = options[m.model_id]
        assert (raw["family"], raw["variant"], raw["size_b"]) == (m.family, m.variant, m.size_b)


def test_rdm_of_rdms_is_symmetric_and_found_by_model_id():
    p = shared_geometry()
    n = len(p.labels)
    assert n == len(p.models) == 12
    assert set(p.labels) == {m.model_id.rsplit("/", 1)[1] for m in p.models}
    for i in range(n):
        assert p.spearman[i][i] == 1
        for j in range(n):
            assert p.spearman[i][j] == p.spearman[j][i]
    pair = ("Qwen/Qwen2.5-1.5B-Instruct", "meta-llama/Llama-3.2-3B-Instruct")
    assert p.rho(*pair) == pytest.approx(0.813, abs=5e-4)  # also printed in section 5
    assert p.rho(pair[0], "org/other") is None


def test_five_of_the_base_instruct_rhos_average_what_they_average():
    """The study prints 0.927 for the mean of its five values; they average 0.950."""
    p = shared_geometry()
    by_family = {}
    for m in p.models:
        by_family.setdefault(m.family, []).append(m.model_id)
    values = [p.rho(*ids) for family, ids in by_family.items() if family != "Gemma-3"]
    assert len(values) == 5
    assert sum(values) / 5 == pytest.approx(0.950, abs=5e-4)


def test_four_layer_figures_name_layers_of_this_table():
    names = {c.layer for c in CONTRASTS}
    for entry in shared_geometry().four_layer:
        assert len(entry.rho) == 5
        assert set(entry.rho) | set(entry.mean_cosine) <= names
    assert shared_geometry().four_layer[0].rho["4"] == 0.4092


def test_cross_backend_figures_are_those_of_the_same_study():
    import json

    from emo.reference.jeong2026 import DATA

    raw = json.loads(DATA.read_text())["cross_backend"]
    assert raw["cosine_mean"] == CROSS_BACKEND.cosine_mean
    assert raw["layer"] == CROSS_BACKEND.layer


@pytest.mark.parametrize(
    ("measured", "low", "high", "want"),
    [
        (0.509, None, None, Replication.replicated),
        (0.511, None, None, Replication.no),
        (0.60, 0.49, 0.7, Replication.within),
        (0.60, 0.51, 0.7, Replication.no),
    ],
)
def test_verdicts(measured, low, high, want):
    assert Claim("t", "s", 0.5, measured, low, high).verdict is want


def test_a_layer_is_replicated_only_if_it_is_the_same():
    assert Claim("t", "s", 12.0, 12.0, 10.0, 14.0, tolerance=0.0).verdict is Replication.replicated
    assert Claim("t", "s", 12.0, 13.0, 10.0, 14.0, tolerance=0.0).verdict is Replication.within
