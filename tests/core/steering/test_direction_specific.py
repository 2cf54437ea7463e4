"""Direction-specific emotions: found where planted, and none in at least 95 % of studies without any."""

from dataclasses import replace

import numpy as np
import pytest

from emo.core.stats.false_discovery import benjamini_hochberg
from emo.core.steering.direction_specific import direction_specificity, verdicts
from emo.core.steering.dose_response import DoseSweep, SteeredText
from emo.core.steering.regimes import Limits
from emo.core.steering.text_classifier import JudgeSheet
from tests.core.steering.test_dose_response import text

N, DRAWS = 8, 5


def study(rng, n=N, draws=DRAWS, effect=0.0, kind="normal", scenarios=4):
    """Shifts of one vector and its permuted ones per emotion; ``effect`` is in units of their spread."""
    shape = (n, draws + 1)
    match kind:
        case "normal":
            shifts = rng.normal(size=shape)
        case "unequal":
            shifts = rng.normal(size=shape) * np.exp(rng.normal(size=(n, 1)))
        case "heavy":
            shifts = rng.standard_t(3, size=shape)
        case "mostly zero":
            heard = np.where(rng.random((*shape, scenarios)) < 0.7, 0, rng.normal(size=(*shape, 1)))
            shifts = heard.mean(axis=-1)
        case "nearly deaf":
            shifts = np.where(rng.random((*shape, scenarios)) < 0.97, 0, 0.5).mean(axis=-1)
        case "by emotion":  # all vectors of an emotion raise its score alike
            shifts = rng.normal(size=shape) + 4 * rng.normal(size=(n, 1))
    shifts[:, 0] += effect
    return {str(i): (float(row[0]), tuple(map(float, row[1:]))) for i, row in enumerate(shifts)}


@pytest.mark.parametrize(
    "kind", ["normal", "unequal", "heavy", "mostly zero", "nearly deaf", "by emotion"]
)
@pytest.mark.parametrize("draws", [5, 10])
def test_without_specificity_no_emotion_is_specific_in_95_of_100_studies(kind, draws):
    rng = np.random.default_rng(draws)
    n = 200
    false = sum(
        any(e.specific for e in verdicts(study(rng, draws=draws, kind=kind))) for _ in range(n)
    )
    assert false / n <= 0.05


def test_planted_emotions_are_found_and_the_others_are_not():
    rng = np.random.default_rng(0)
    found, false = [], []
    for _ in range(60):
        planted, none = study(rng, n=6, effect=8), study(rng, n=6)
        both = planted | {f"none {e}": shifts for e, shifts in none.items()}
        specific = {e.emotion for e in verdicts(both) if e.specific}
        found.append(len(specific & set(planted)) / 6)
        false.append(len(specific - set(planted)) / max(1, len(specific)))
    assert np.mean(found) > 0.9
    assert np.mean(false) <= 0.05


def test_a_shift_that_all_vectors_have_is_not_specific():
    same = {str(i): (0.5, (0.4, 0.5, 0.6, 0.45, 0.55)) for i in range(5)}
    assert not any(e.specific for e in verdicts(same))


def test_permuted_vectors_that_hardly_differ_tell_nothing():
    (deaf,) = verdicts({"calm": (0.9, (0.0, 0.0, 0.0, 0.0, 0.1))})
    assert np.isnan(deaf.p) and np.isnan(deaf.adjusted) and not deaf.specific


def swept(texts, judges=("lexicon",)):
    limits = Limits(0.5, 3.0, 20)
    sheets = tuple(JudgeSheet(name) for name in judges)
    return DoseSweep(tuple(texts), {}, {}, limits, len(texts), 0, judges=sheets)


def permuted_texts(target=0.9, draws=DRAWS, second=None):
    rng = np.random.default_rng(0)
    out: list[SteeredText] = []
    for scenario in "abc":
        out += [text(target, scenario=scenario), text(9.0, scenario=scenario, strength=0.0)]
        for draw in range(1, draws + 1):
            control = text(0.1 * rng.normal(), scenario=scenario, direction="permuted")
            out.append(replace(control, draw=draw))
    if second is None:
        return out
    return [
        replace(
            t,
            measures=replace(t.measures, second_score=second * t.measures.score),
            unsteered=replace(t.unsteered, second_score=0.0),
        )
        for t in out
    ]


def test_texts_of_a_vector_count_once_and_strength_0_not_at_all():
    (site,) = direction_specificity(swept(permuted_texts()))
    (calm,) = site.emotions
    assert (site.judge, site.k, site.n) == ("lexicon", 1, 1)
    assert calm.shift == pytest.approx(0.9) and len(calm.permuted) == DRAWS
    texts = [t for t in permuted_texts() if t.direction == "permuted" and t.draw == 1]
    assert calm.permuted[0] == pytest.approx(np.mean([t.shift for t in texts]))


def test_each_judge_has_its_own_verdict():
    first, second = direction_specificity(swept(permuted_texts(second=0.0), ("lexicon", "hf")))
    assert (first.judge, first.k, second.judge, second.k) == ("lexicon", 1, "hf", 0)


def test_fewer_than_five_permuted_vectors_say_nothing():
    assert direction_specificity(swept(permuted_texts(draws=4))) == []


def test_adjusted_p_is_as_scipy_gives_it():
    from scipy.stats import false_discovery_control

    p = np.random.default_rng(0).uniform(size=30) ** 2
    assert benjamini_hochberg(p) == pytest.approx(false_discovery_control(p))
    with_none = benjamini_hochberg(np.array([*p, np.nan]))
    assert with_none[:-1] == pytest.approx(false_discovery_control(p)) and np.isnan(with_none[-1])
