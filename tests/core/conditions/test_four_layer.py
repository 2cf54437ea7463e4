"""Planted conditions: what they share is known, and the verdicts must say it."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import spearmanr

from emo.core.compare.attenuation import Attenuation
from emo.core.conditions.four_layer import (
    CONTRASTS,
    FORCED,
    HALVES,
    NUDGED,
    Condition,
    four_layer,
)
from emo.core.conditions.verdicts import Verdict, judge, rules
from emo.core.geometry.halves import split_half
from emo.core.geometry.item_sets import ItemSet, Recipe
from emo.core.geometry.vectors import emotion_vectors
from emo.core.records import LabelMismatch
from emo.core.stats.intervals import Estimates
from emo.core.stats.resampling import Resampling
from tests.core.planted import crossed, nested, record

FEW = Resampling(n_splits=20, n_bootstrap=60, splits_per_replicate=4, seed=3)
N = 14
PLAIN = Recipe()


def reading(rng, emotion, own, design=None, declared=True, texts=None, tag="s"):
    """Emotion vectors plus noise of the reading, and ``texts`` as a part of every item."""
    emotions, groups = design or crossed(N, 10)
    values = emotion[emotions] + own * rng.normal(size=(len(emotions), emotion.shape[1]))
    data = record(values if texts is None else values + texts, emotions, groups, declared)
    if not declared:
        return data
    return replace(data, situations=tuple(f"{tag}{g}" for g in groups))


def condition(name, data, recipe=PLAIN, model="m"):
    return Condition(
        name=name,
        run_id=f"run-{name}",
        model=model,
        precision="fp32",
        items=ItemSet.make(data, 0, recipe),
        vectors=emotion_vectors(data),
        layer=0,
        n_effective=len(data.item_ids) / N,
    )


def study(rng, method=1.0, b_noise=3.0, hidden=40, noise=1.0, moved=False):
    """A and C share emotion vectors by ``method``; D is C's reading with a little noise of its own."""
    first, other = rng.normal(size=(2, N, hidden))
    stories = method * first + np.sqrt(1 - method**2) * other
    texts = noise * rng.normal(size=(N * 10, hidden))
    c = reading(rng, stories, 0.0, texts=texts)
    forced = reading(rng, stories, 0.1, texts=texts)
    single = nested(N, 1)
    made = {
        "A": condition("A", reading(rng, first, noise, tag="situation ")),
        "B": condition("B", reading(rng, stories, b_noise, single, False)),
        "B'": condition("B'", reading(rng, stories, b_noise, single, False)),
        "C": condition("C", c),
        HALVES[0]: condition(HALVES[0], reading(rng, stories, noise, tag="odd ")),
        HALVES[1]: condition(HALVES[1], reading(rng, stories, noise, tag="even ")),
        "D": condition("D", reading(rng, stories, noise)),
        FORCED: condition(FORCED, forced),
        NUDGED["D"]: condition(NUDGED["D"], reading(rng, stories, noise)),
        NUDGED[FORCED]: condition(NUDGED[FORCED], reading(rng, stories, 0.1, texts=texts)),
    }
    return made if moved else {n: c for n, c in made.items() if n not in NUDGED.values()}


def rows(table):
    return {row.contrast.layer: row for row in table.rows}


def test_one_geometry_under_every_condition_is_as_alike_as_replicates(rng):
    table = four_layer(study(rng, b_noise=0.3, noise=0.5, moved=True), FEW, 400)
    got = rows(table)
    assert list(got) == [c.layer for c in CONTRASTS]
    assert {got[k].verdict for k in ("1", "1 loose", "2", "4")} == {Verdict.as_replicates}
    for kind in ("free-running", "teacher-forced"):
        assert got[f"3 {kind}"].verdict is Verdict.within_rounding
    assert got["floor D"].verdict is got["floor D forced"].verdict is Verdict.rounding
    floors = [got[c.layer].verdict for c in CONTRASTS if c.is_floor]
    assert floors == [Verdict.replicates_agree] * 2 + [Verdict.rounding] * 2
    assert got["3 teacher-forced"].post.rho.value > 0.95
    assert got["3 teacher-forced"].disjoint.value < got["3 teacher-forced"].post.rho.value
    assert got["3 teacher-forced"].attainable is None
    assert got["1"].disjoint.value == got["1"].attenuation.agreement.value


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["D", FORCED])
def test_a_precision_with_a_geometry_of_its_own_has_changed_beyond_its_rounding(rng, kind):
    """D and D' are readings of one geometry, C of another that is much the same."""
    conditions = study(rng, noise=0.3, moved=True)
    stories, other = rng.normal(size=(2, N, 40))
    texts = 0.3 * rng.normal(size=(N * 10, 40))
    c = reading(rng, stories, 0.0, texts=texts)
    d, again = (reading(rng, stories + 0.7 * other, 0.05, texts=texts) for _ in range(2))
    names = {"C": c, kind: d, NUDGED[kind]: again}
    conditions |= {name: condition(name, data) for name, data in names.items()}
    layer = {"D": "3 free-running", FORCED: "3 teacher-forced"}[kind]
    row = rows(four_layer(conditions, FEW, 50))[layer]
    assert row.verdict is Verdict.beyond_rounding
    assert row.sentence.startswith("rho lost beyond its own rounding 0.")
    del conditions[NUDGED[kind]]
    unjudged = rows(four_layer(conditions, FEW, 50))[layer]
    assert row.sentence.endswith(unjudged.sentence)
    assert unjudged.verdict in {Verdict.as_replicates, Verdict.reduced, Verdict.same_texts}


def test_two_methods_with_geometries_of_their_own_differ(rng):
    got = rows(four_layer(study(rng, method=0.0), FEW, 400))
    assert got["1"].verdict is got["4"].verdict is Verdict.reduced
    assert "no agreement is shown" in got["1"].sentence
    assert got["3 free-running"].verdict is Verdict.as_replicates
    assert abs(got["1"].post.rho.value) < 0.3


@pytest.mark.slow
def test_a_partly_shared_geometry_is_alike_but_less(rng):
    got = rows(four_layer(study(rng, method=0.75), FEW, 400))
    assert got["1"].verdict is Verdict.reduced
    assert "; agreement is shown" in got["1"].sentence
    assert 0.2 < got["1"].post.rho.value < 0.8


def test_a_condition_that_does_not_repeat_itself_measures_nothing(rng):
    got = rows(four_layer(study(rng, b_noise=40.0), FEW, 400))
    assert got["floor B"].verdict is Verdict.replicates_disagree
    assert got["2"].verdict is Verdict.undecided
    assert "not told from nothing" in got["2"].sentence


@pytest.mark.slow
def test_rows_hold_what_their_parts_say(rng):
    conditions = study(rng)
    row = rows(four_layer(conditions, FEW, 400))["1"]
    a, c = conditions["A"], conditions["C"]
    names = a.items.emotions
    want = spearmanr(a.items.rdm(names), c.items.rdm(names))[0]
    assert row.post.rho.value == pytest.approx(want)
    assert row.post.rho.low < want < row.post.rho.high
    x, y = (v.vectors.values[0] - v.vectors.values[0].mean(axis=0) for v in (a, c))
    cosines = [u @ v / np.linalg.norm(u) / np.linalg.norm(v) for u, v in zip(x, y, strict=True)]
    assert row.post.mean_cosine == pytest.approx(np.mean(cosines))
    assert row.n_effective == (10, 10)
    assert row.self_agreements == pytest.approx([split_half(x.items, FEW)[1] for x in (a, c)])
    b, again = (conditions[n].items.rdm(names) for n in ("B", "B'"))
    loose = rows(four_layer(conditions, FEW, 20))["1 loose"]
    assert loose.self_agreements == pytest.approx((row.self_agreements[0], spearmanr(b, again)[0]))
    del conditions["B'"]
    assert np.isnan(rows(four_layer(conditions, FEW, 20))["1 loose"].self_agreements[1])


@pytest.mark.slow
def test_the_surface_of_the_texts_is_held_fixed(rng):
    """Texts of which A is but a noisy copy explain its agreement; unlike ones explain nothing."""
    conditions = study(rng)
    assert rows(four_layer(conditions, FEW, 20))["1"].comparison.partial is None
    a, c = conditions["A"], conditions["C"]
    held = conditions | {"C": replace(c, surfaces=(c.items, a.items))}
    left = rows(four_layer(held, FEW, 20))["1"].comparison.partial.value
    assert np.isnan(left)  # nothing is left of either side
    alike = ItemSet.make(reading(rng, c.vectors.values[0], 0.1), 0)
    held = rows(four_layer(conditions | {"A": replace(a, surfaces=(alike,))}, FEW, 20))["1"]
    assert abs(held.comparison.partial.value) < 0.3 < held.post.rho.value
    other = ItemSet.make(reading(rng, rng.normal(size=(N, 40)), 0.5), 0)
    kept = rows(four_layer(conditions | {"C": replace(c, surfaces=(other,))}, FEW, 20))["1"]
    assert kept.comparison.partial.value == pytest.approx(float(kept.post.rho.value), abs=0.1)


@pytest.mark.slow
def test_forced_readings_of_other_texts_are_refused(rng):
    conditions = study(rng)
    texts = {"C": "one", FORCED: "one"}
    same = {n: replace(c, texts=texts.get(n, "")) for n, c in conditions.items()}
    assert four_layer(same, FEW, 20).refused == ()
    same[FORCED] = replace(same[FORCED], texts="other")
    ((contrast, reason),) = four_layer(same, FEW, 20).refused
    assert contrast.layer == "3 teacher-forced"
    assert reason.startswith(
        "D forced (run run-D fo) has read other token ids than C (run run-C): "
    )


def test_self_agreement_is_over_the_emotions_compared(rng):
    """A has an emotion more than C, far from all others: it must not count."""
    vectors = rng.normal(size=(N, 40))
    vectors[-1] *= 20
    a = condition("A", reading(rng, vectors, 3.0))
    c = condition("C", reading(rng, vectors[:-1], 1.0, crossed(N - 1, 10), tag="story "))
    got = rows(four_layer({"A": a, "C": c}, FEW, 20))["1"]
    assert got.self_agreements[0] == pytest.approx(split_half(a.items, FEW, c.items.emotions)[1])
    assert abs(got.self_agreements[0] - split_half(a.items, FEW)[1]) > 0.01


@pytest.mark.slow
def test_raw_and_post_centred_part_where_a_side_is_centred_on_something_else(rng):
    """Neutral centring leaves a common direction; post-centring takes it away."""
    conditions = study(rng)
    data = reading(rng, rng.normal(size=(N, 40)) + 5.0, 0.2)
    recipe = Recipe(centring="none", unit_norm=True)
    conditions["C"] = condition("C", data, recipe)
    row = rows(four_layer(conditions, FEW, 100))["1"]
    names = conditions["A"].items.emotions
    raw = replace(conditions["C"].items, recipe=replace(recipe, post_centred=False))
    other = replace(conditions["A"].items, recipe=Recipe(post_centred=False))
    assert row.raw.rho.value == pytest.approx(spearmanr(other.rdm(names), raw.rdm(names))[0])
    assert row.raw.rho.value != pytest.approx(float(row.post.rho.value))


def test_missing_conditions_are_named_and_other_models_refused(rng):
    conditions = study(rng)
    del conditions[HALVES[0]], conditions["D"]
    table = four_layer(conditions, FEW, 50)
    assert {(c.layer, lacks) for c, lacks in table.missing} == {
        ("3 free-running", ("D",)),
        ("4", ("D",)),
        ("floor C", (HALVES[0],)),
        ("floor D", ("D", "D'")),
        ("floor D forced", ("D' forced",)),
    }
    conditions["A"] = replace(conditions["A"], model="other")
    with pytest.raises(LabelMismatch, match="other, m"):
        four_layer(conditions, FEW, 50)


def test_conditions_without_common_emotions_are_refused_with_the_reason(rng):
    conditions = study(rng)
    data = reading(rng, rng.normal(size=(N, 40)), 1.0)
    renamed = replace(data, emotions=tuple(f"x{e}" for e in data.emotions))
    conditions["B"] = condition("B", renamed)
    del conditions["B'"]
    table = four_layer(conditions, FEW, 50)
    assert [c.layer for c, _ in table.refused] == ["1 loose", "2"]
    assert "0 emotions are common" in table.refused[0][1]


def unlike_replicate(rng):
    """B is of A's emotions, B' of others: B agrees with A and not with its replicate."""
    conditions = study(rng, b_noise=0.3)
    unlike = reading(rng, rng.normal(size=(N, 40)), 0.3, nested(N, 1), False)
    return conditions | {"B'": condition("B'", unlike)}


@pytest.mark.slow
def test_agreement_of_a_side_too_noisy_to_repeat_itself_is_not_judged(rng):
    conditions = unlike_replicate(rng)
    row = rows(four_layer(conditions, FEW, 400))["1 loose"]
    assert row.post.p <= 0.05
    assert row.verdict is Verdict.undecided
    assert "; agreement is shown" in row.sentence
    assert rows(four_layer(conditions, FEW, 400))["1"].attainable > 0.5
    del conditions["B'"]
    row = rows(four_layer(conditions, FEW, 400))["1 loose"]
    assert row.verdict is Verdict.agreement
    assert row.attainable is None  # no triangle in the figure


def with_shared_noise(rng, c, d):
    """C and D of the given emotion vectors, whose texts have every noise in common."""
    conditions = study(rng)
    texts = 2 * rng.normal(size=(N * 10, 40))
    return conditions | {
        "C": condition("C", reading(rng, c, 0.1, texts=texts)),
        "D": condition("D", reading(rng, d, 0.1, texts=texts)),
    }


def test_shared_item_noise_alone_is_not_as_alike_as_replicates(rng):
    none = np.zeros((N, 40))
    row = rows(four_layer(with_shared_noise(rng, none, none), FEW, 400))["3 free-running"]
    assert row.post.rho.value > 0.9
    assert row.post.p <= 0.05
    assert abs(row.disjoint.value) < 0.15
    assert row.verdict is Verdict.undecided
    assert "no agreement is shown" in row.sentence


@pytest.mark.slow
def test_geometries_of_their_own_are_different_whatever_noise_they_share(rng):
    conditions = with_shared_noise(rng, *rng.normal(size=(2, N, 40)))
    row = rows(four_layer(conditions, FEW, 400))["3 free-running"]
    assert row.attenuation.ceiling == row.attainable
    assert row.attenuation.ratio.high < 0.8
    assert row.self_agreements == row.comparison.reliability
    assert row.verdict is Verdict.reduced
    assert "no agreement is shown" in row.sentence


def test_one_geometry_is_found_under_shared_noise(rng):
    emotion = rng.normal(size=(N, 40))
    row = rows(four_layer(with_shared_noise(rng, emotion, emotion), FEW, 400))["3 free-running"]
    assert row.disjoint.low > 0
    assert row.verdict is Verdict.as_replicates


@pytest.mark.slow
def test_intervals_on_all_items_have_draws_of_their_own_number(rng):
    conditions = study(rng)
    few, many = (rows(four_layer(conditions, FEW, 50, n)) for n in (None, 400))
    want = four_layer(conditions, replace(FEW, n_bootstrap=400), 50)
    for name in ("1", "3 free-running"):
        full = rows(want)[name]
        for kind in ("post", "raw"):
            got = getattr(many[name], kind).rho
            assert (got.low, got.high) == (
                getattr(full, kind).rho.low,
                getattr(full, kind).rho.high,
            )
            assert got.low != getattr(few[name], kind).rho.low
    disjoint = (few["3 free-running"].disjoint, many["3 free-running"].disjoint)
    assert disjoint[0].low == disjoint[1].low  # halves keep theirs


def test_rows_with_one_text_an_emotion_have_their_interval_over_emotions(rng):
    got = rows(four_layer(study(rng), FEW, 50))
    for name in ("1 loose", "2", "floor B"):
        post = got[name].post
        assert np.isnan(post.rho.low)
        assert post.interval == (float(post.over_emotions.low), float(post.over_emotions.high))
    assert got["1"].post.interval == (float(got["1"].post.rho.low), float(got["1"].post.rho.high))


def measured(value, ceiling, low, high):
    agreement, ratio = (
        Estimates(*map(np.asarray, (x, low, high))) for x in (value, value / ceiling)
    )
    return Attenuation(agreement, ceiling, ratio)


@pytest.mark.parametrize(
    ("value", "ceiling", "low", "high", "margin", "want", "words"),
    [
        (0.5, 0.5, 0.81, 1.2, 0.8, Verdict.as_replicates, "above 0.8"),
        (0.5, 0.5, 0.79, 1.2, 0.8, Verdict.undecided, "on both sides of 0.8"),
        (0.3, 0.5, 0.4, 0.79, 0.8, Verdict.reduced, "below 0.8"),
        (0.3, 0.5, 0.4, 0.79, 0.3, Verdict.as_replicates, "above 0.3"),
        (0.0, 0.5, -0.2, 0.2, 0.8, Verdict.reduced, "below 0.8"),
        (0.1, 0.1, -np.inf, np.inf, 0.8, Verdict.undecided, "not told from nothing"),
    ],
)
def test_rules(value, ceiling, low, high, margin, want, words):
    verdict, sentence = judge(measured(value, ceiling, low, high), True, ("X", "Y"), margin)
    assert verdict is want
    assert words in sentence
    assert sentence.endswith("; agreement is shown")
    _, other = judge(measured(value, ceiling, low, high), False, ("X", "Y"), margin)
    assert other.endswith("; no agreement is shown")


def test_without_a_second_measurement_there_is_only_agreement_or_none():
    for shown, want in ((True, Verdict.agreement), (False, Verdict.nothing_shown)):
        verdict, sentence = judge(None, shown, ("X", "Y"))
        assert verdict is want
        assert "how well X or Y repeats itself is not known" in sentence
    assert all(f"{m:g}" in " ".join(rules(m)) for m in (0.7, 0.8))
