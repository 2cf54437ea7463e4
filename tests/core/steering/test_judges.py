"""Two judges of one set of texts: base rates, and kappa as planted."""

from dataclasses import replace

import numpy as np
import pytest

from emo.core.steering.dose_response import DoseSweep
from emo.core.steering.judges import agreement, base_rates
from emo.core.steering.regimes import Limits
from emo.core.steering.text_classifier import JudgeSheet
from tests.core.steering.test_dose_response import text


def judged(first, second, scenario, before=(0.0, 0.0), **other):
    t = text(first, before=before[0], scenario=scenario, **other)
    return replace(
        t,
        measures=replace(t.measures, second_score=second),
        unsteered=replace(t.unsteered, second_score=before[1]),
    )


def sweep_of(texts):
    openings = {t.scenario: "" for t in texts}
    judges = (JudgeSheet("lexicon"), JudgeSheet("hf"))
    return DoseSweep(tuple(texts), openings, openings, Limits(0.5, 3.0, 20), 0, 0, judges=judges)


def scores(rng, n, agreeing):
    first = rng.choice([-1.0, 1.0], n)
    other = rng.choice([-1.0, 1.0], n)
    return first, np.where(rng.random(n) < agreeing, first, other)


@pytest.mark.parametrize("kappa", [0.0, 0.5, 1.0])
def test_planted_agreement_comes_out(kappa):
    """Of fair judges, agreeing on a share of texts and drawing on the rest, kappa is the share."""
    rng = np.random.default_rng(0)
    first, second = scores(rng, 2000, kappa)
    texts = [judged(a, b, str(i % 40)) for i, (a, b) in enumerate(zip(first, second, strict=True))]
    found = agreement(texts)
    assert found.kappa == pytest.approx(kappa, abs=0.05) and found.n == 2000
    assert found.low - 1e-9 <= found.kappa <= found.high + 1e-9


def test_the_interval_holds_the_planted_kappa_in_19_of_20_studies():
    rng = np.random.default_rng(1)
    held = []
    for _ in range(60):
        first, second = scores(rng, 80, 0.5)
        pairs = enumerate(zip(first, second, strict=True))
        found = agreement([judged(a, b, str(i % 20)) for i, (a, b) in pairs])
        held.append(found.low <= 0.5 <= found.high)
    assert np.mean(held) >= 0.9


def test_the_four_counts_and_what_cannot_be_judged():
    texts = [
        judged(1.0, 1.0, "a"),
        judged(1.0, -1.0, "b"),
        judged(-1.0, 1.0, "c"),
        judged(-1.0, -1.0, "d"),
        judged(1.0, np.nan, "e", before=(0.0, np.nan)),
        judged(1.0, 1.0, "a", direction="random"),
        judged(1.0, 1.0, "a", strength=0.0),
    ]
    found = agreement(texts)
    assert (found.both, found.first_only, found.second_only, found.neither) == (1, 1, 1, 1)
    assert found.kappa == 0 and np.isnan(found.low)
    assert np.isnan(
        agreement([judged(1.0, 1.0, "a")]).kappa
    )  # no text otherwise: chance agrees, too


def test_base_rates_are_of_the_unsteered_texts_each_judge_by_itself():
    texts = [judged(1.0, 1.0, s, before=(0.3 if s in "ab" else -0.2, 0.1)) for s in "abcde"]
    texts += [judged(1.0, 1.0, s, before=t, strength=0.9) for s, t in (("a", (0.3, 0.1)),)]
    first, second = base_rates(sweep_of(texts))
    assert (first.judge, first.share.k, first.share.n) == ("lexicon", 2, 5)
    assert (second.judge, second.share.k, second.share.n) == ("hf", 5, 5)
    assert first.share.low < 0.4 < first.share.high
