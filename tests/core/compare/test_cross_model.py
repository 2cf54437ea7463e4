"""Fake models in families: what they share is planted."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import spearmanr

from emo.core.compare.agreement import disjoint_items
from emo.core.compare.cross_model import ModelRun, universality
from emo.core.compare.depth import Depth
from emo.core.geometry.comprehension import describe
from emo.core.geometry.halves import replicate_rdms
from emo.core.geometry.item_sets import Recipe, shared_design
from emo.core.records import LabelMismatch
from emo.core.stats.resampling import Resampling
from tests.core.planted import crossed, nested, record

FEW = Resampling(n_splits=12, n_bootstrap=30, splits_per_replicate=2, seed=3)
N, GROUPS = 10, 12


def models(rng, geometry=0.0, passage=0.0, own=1.0, n=4, tilt=0.0, design=None):
    """``n`` models of growing width; pairs (base, instruct) of one family and size.

    A ``design`` other than crossed situations has none.
    """
    emotions, groups = design or crossed(N, GROUPS)
    shared, item = rng.normal(size=(N, 30)), rng.normal(size=(len(emotions), 30))
    found = []
    for k in range(n):
        hidden = 40 + 10 * k
        basis = np.linalg.qr(rng.normal(size=(hidden, 30)))[0].T
        values = (geometry * shared[emotions] + passage * item) @ basis
        values += own * rng.normal(size=values.shape)
        neutral = rng.normal(size=(1, 6, hidden)) + (tilt if k == 0 else 0)
        data = replace(
            record(values, emotions, groups, design is None), neutral=neutral.astype(np.float32)
        )
        found.append(
            ModelRun(
                name=f"m{k}",
                run_id=f"run{k}",
                model_id=f"org/m{k}",
                family=chr(97 + k // 2),
                variant="instruct" if k % 2 else "base",
                precision="fp32",
                size_b=1.0 + k // 2,
                activations=data,
                layer=0,
                descriptors=describe(data, FEW)[1],
                recipe=Recipe(),
            )
        )
    return found


def study(found):
    return universality(found, FEW, 40, 99)


def with_depth(found, **layers):
    """The models with everything that comparisons over layers need, read at the only layer."""
    rules = dict.fromkeys(("published", "middle"), 0) | layers
    return [
        replace(m, depth=Depth.make(m.activations, rules, m.recipe, m.projection, FEW))
        for m in found
    ]


@pytest.mark.slow
def test_models_that_share_passages_only_agree_on_the_same_items_only(rng):
    got = study(models(rng, passage=2, own=0.5))
    off = ~np.eye(4, dtype=bool)
    assert got.rho.value[off].min() > 0.7
    assert np.abs(got.halves.disjoint.value[off]).max() < 0.25
    assert abs(float(got.halves.mean_share.value)) < 0.2
    assert got.p_holm[off].min() > 0.05
    assert got.blocks[0].name == "all"
    assert got.blocks[0].same[1] == pytest.approx(got.rho.value[np.triu_indices(4, 1)].mean())


@pytest.mark.slow
def test_models_that_share_a_geometry_agree_on_both(rng):
    got = study(models(rng, geometry=2, passage=1, own=0.5))
    off = ~np.eye(4, dtype=bool)
    assert got.halves.disjoint.value[off].min() > 0.7
    assert float(got.halves.mean_share.value) > 0.85
    assert float(got.halves.mean_share.low) > 0.6
    assert (got.p[off] <= 0.01).all()
    assert np.nanmax(got.p_holm) == pytest.approx(np.nanmax(got.p[off]), rel=6)
    lower, upper = got.noise_ceiling
    assert got.blocks[0].same[1] < lower < upper


@pytest.mark.slow
def test_the_parts_are_those_of_the_core(rng):
    found = models(rng, geometry=1, passage=1)
    got = study(found)
    sets = [m.items() for m in found]
    names = sets[0].emotions
    assert np.allclose(got.halves.disjoint.value, disjoint_items(sets, FEW).disjoint.value)
    i, j = np.triu_indices(4, 1)
    want = [spearmanr(sets[a].rdm(names), sets[b].rdm(names))[0] for a, b in zip(i, j, strict=True)]
    assert got.rho.value[i, j] == pytest.approx(want)
    share = got.halves.disjoint.value[i, j].mean() / got.halves.same.value[i, j].mean()
    assert got.halves.mean_share.value == pytest.approx(share)
    assert got.rdm_std.value == pytest.approx([m.descriptors.rdm_std for m in found], abs=1e-6)
    assert (got.rdm_std.low < got.rdm_std.value).all()
    assert (got.rdm_std.value < got.rdm_std.high).all()
    inner, outer = got.rho[0, 1], got.rho_both[0, 1]
    assert outer.value == pytest.approx(float(inner.value))
    assert outer.low < inner.low < inner.high < outer.high


@pytest.mark.slow
def test_one_passage_an_emotion_leaves_no_bounds(rng):
    got = study(models(rng, geometry=1, design=nested(8, 1)))
    assert np.isnan([got.rdm_std.low, got.rdm_std.high]).all()
    assert np.isnan(got.rho_both.low).all()
    assert np.isnan(got.halves.disjoint.value[0, 1])


@pytest.mark.slow
def test_few_passages_widen_the_interval_of_rdm_std(rng):
    """By the factor that all intervals are expanded by."""
    found = models(rng, geometry=1, design=nested(8, 3))
    sets = [m.items() for m in found]
    design = shared_design(sets)
    draws = replace(FEW, n_bootstrap=40)
    drawn = np.log(replicate_rdms(sets, design, sets[0].emotions, draws, "bootstrap").std(axis=2))
    plain = np.subtract(*np.percentile(drawn, [97.5, 2.5], axis=1))
    std = study(found).rdm_std
    assert design.expansion > 1.2
    assert np.log(std.high / std.low) == pytest.approx(design.expansion * plain, rel=0.01)


@pytest.mark.slow
def test_blocks_and_pairs_follow_family_variant_and_size(rng):
    found = models(rng, geometry=1)
    got = study(found)
    assert [(b.name, b.n_models, b.n_pairs) for b in got.blocks] == [
        ("all", 4, 6),
        ("instruct", 2, 1),
        ("base", 2, 1),
        ("instruct with base", 4, 4),
    ]
    assert got.blocks[1].same[1] == pytest.approx(got.rho.value[1, 3])
    assert got.blocks[3].disjoint[2] == pytest.approx(
        max(got.halves.disjoint.value[i, j] for i, j in ((0, 1), (0, 3), (2, 1), (2, 3)))
    )
    assert got.base_instruct() == [(0, 1), (2, 3)]
    assert got.across_scale() == []
    one_family = study([replace(m, family="f") for m in found])
    assert one_family.across_scale() == [(0, 2), (1, 3)]
    versions = ("Llama 3.2", "Llama 3.2", "Llama 3.1", "Llama 3.1")
    lineage = study([replace(m, family=f) for m, f in zip(found, versions, strict=True)])
    assert lineage.across_scale() == [(0, 2), (1, 3)]
    unknown = study([replace(m, family="unknown") for m in found])
    assert unknown.across_scale() == []
    names = {
        "Qwen 2.5": "Qwen",
        "Mistral 7B": "Mistral",
        "SmolLM2": "SmolLM",
        "GPT-2": "GPT",
        "7": "7",
    }
    assert {f: replace(found[0], family=f).lineage for f in names} == names


@pytest.mark.slow
def test_an_anisotropic_model_flags_its_pairs(rng):
    got = study(models(rng, geometry=1, tilt=50.0))
    assert got.models[0].anisotropy > 0.99
    assert [got.flagged(0, 1), got.flagged(2, 0), got.flagged(1, 2)] == [True, True, False]


@pytest.mark.slow
def test_projections_are_shown_beside_raw_and_normalisation_changes_nothing(rng):
    found = models(rng, geometry=1)
    got = study(found)
    by_name = {p.projection: p for p in got.projections}
    assert list(by_name) == ["none", "all_but_the_top", "z_score", "neutral_pcs"]
    i, j = np.triu_indices(4, 1)
    assert by_name["none"].same == pytest.approx(got.rho.value[i, j].mean())
    assert by_name["none"].disjoint == pytest.approx(got.halves.disjoint.value[i, j].mean())
    assert by_name["none"].rho_with_raw == pytest.approx((1, 1, 1, 1))
    for name in ("all_but_the_top", "z_score", "neutral_pcs"):
        sets = [m.items(name) for m in found]
        names = sets[0].emotions
        want = [
            spearmanr(m.items().rdm(names), s.rdm(names))[0]
            for m, s in zip(found, sets, strict=True)
        ]
        assert by_name[name].rho_with_raw == pytest.approx(want)
        assert max(want) < 0.999
        among = [
            spearmanr(sets[a].rdm(names), sets[b].rdm(names))[0] for a, b in zip(i, j, strict=True)
        ]
        assert by_name[name].same == pytest.approx(np.mean(among))
    assert got.largest_effect < 1e-12
    assert max(n.largest_change for n in got.normalisations) > 0.1


def test_a_projected_run_is_compared_projected(rng):
    found = models(rng, geometry=1, n=2)
    plain = study(found)
    got = study([replace(m, projection="z_score") for m in found])
    assert got.rho.value[0, 1] == pytest.approx(
        {p.projection: p for p in plain.projections}["z_score"].same
    )


def test_one_model_is_no_study(rng):
    with pytest.raises(LabelMismatch, match="at least 2 models"):
        study(models(rng, n=1))


@pytest.mark.slow
def test_two_models_have_no_noise_ceiling_of_their_own_rho(rng):
    assert study(models(rng, geometry=1, n=2)).noise_ceiling is None
    assert study(models(rng, geometry=1, n=3)).noise_ceiling is not None


@pytest.mark.slow
def test_without_depth_there_is_nothing_over_layers(rng):
    got = study(models(rng, geometry=1))
    assert got.layers == got.rules == got.versions == ()


@pytest.mark.slow
def test_with_depth_every_pair_has_its_layers_and_every_rule_its_row(rng):
    got = study(with_depth(models(rng, geometry=1)))
    assert len(got.layers) == 6 and got.layers[0].rho.shape == (1, 1)
    assert got.layers[0].rho[0, 0] == pytest.approx(got.left_out.whole[0, 1], abs=0.1)
    assert [r.rule for r in got.rules] == ["published", "middle"]
    i, j = np.triu_indices(4, 1)
    assert got.rules[0].same == pytest.approx(got.rho.value[i, j].mean())
    assert got.rules[0].disjoint.value == pytest.approx(got.left_out.whole[i, j].mean())
    assert [(v.base, v.instruct) for v in got.versions] == [(0, 1), (2, 3)]


@pytest.mark.slow
def test_a_rule_that_one_model_lacks_is_no_row(rng):
    found = with_depth(models(rng, geometry=1), accuracy=0)
    lacking = replace(found[0].depth, rules={"published": found[0].depth.rules["published"]})
    got = study([replace(found[0], depth=lacking), *found[1:]])
    assert [r.rule for r in got.rules] == ["published"]
