"""Steered texts gathered per dose (direction, site, strength) and compared with their controls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from emo.core.choices import Direction
from emo.core.steering.damage import Damage
from emo.core.steering.regimes import (
    Limits,
    Regime,
    RegimeName,
    TextLabel,
    label,
    published_regime,
    robust_regime,
)
from emo.core.steering.text_classifier import JudgeSheet
from emo.core.steering.text_measures import (
    TextMeasures,
    exact_interval,
    mean_interval,
    mean_scripts,
    share_interval,
)


@dataclass(frozen=True)
class SteeredText:
    """One text under one dose, beside the unsteered text of the same scenario."""

    scenario: str
    emotion: str
    direction: str
    site: str
    strength: float
    text: str
    measures: TextMeasures
    unsteered: TextMeasures
    """Measures of the scenario's unsteered greedy text, judged for the same emotion."""
    draw: int = 0
    """Number of the permuted vector, from 1; 0 for the other directions."""

    @property
    def shift(self) -> float:
        """Judge's score minus that of the unsteered text; NaN where either cannot be judged."""
        return self.measures.score - self.unsteered.score

    @property
    def log_perplexity_ratio(self) -> float:
        """Log of perplexity over the unsteered text's, both under the unsteered model [M]."""
        return self.measures.log_perplexity - self.unsteered.log_perplexity

    @property
    def judged(self) -> bool:
        """Whether the judge can say anything about this emotion and scenario."""
        return bool(np.isfinite(self.unsteered.score))

    @property
    def success(self) -> bool:
        """Judged to show the emotion (score above 0), and more of it than the unsteered text.

        Both, because a text that steering has emptied of all feeling scores 0 with a lexicon, which is
        more than an unsteered text of the opposite pole has. Neither an empty text nor one that
        ended in an overflow is a success.
        """
        better = self.shift > 0 and self.measures.score > 0
        return bool(better and not self.measures.overflow)


@dataclass(frozen=True)
class DoseSweep:
    """All texts of a sweep over doses, and what they are compared with."""

    steered: tuple[SteeredText, ...]
    openings: dict[str, str]
    """Scenario -> the text that was continued."""
    unsteered: dict[str, str]
    """Scenario -> its unsteered text."""
    limits: Limits
    done: int
    """Texts written now."""
    reused: int
    """Texts taken from the store."""
    partners: dict[str, str] = field(default_factory=dict)
    """Emotion -> the one whose vector is its shuffled control."""
    alike: tuple[str, ...] = ()
    """Emotions that the judge cannot tell from their partner."""
    controls: dict[str, str] = field(default_factory=dict)
    """Scenarios that are not steered -> their unsteered texts, which the limits come from as well."""
    sampled: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Scenario -> texts sampled for the limits, which runs of earlier versions took them from."""
    norm: str = "mean_all"
    """The tokens of the prompt whose mean norm strengths are in; runs before there was a choice: all."""
    judges: tuple[JudgeSheet, ...] = ()
    """The judge of ``score`` and, if there is one, that of ``second_score``; earlier runs name none."""
    damage: tuple[Damage, ...] = ()
    """Plain texts under every dose; none in runs that did not measure it."""


@dataclass(frozen=True)
class Mean:
    """A mean over texts, with its 95 % interval.

    The interval is :func:`emo.core.steering.text_measures.mean_interval`.
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Proportion:
    """k of n with its 95 % interval (:func:`emo.core.steering.text_measures.share_interval`)."""

    k: int
    n: int
    low: float
    high: float


@dataclass(frozen=True)
class DoseCell:
    """All texts of one direction, site and strength."""

    direction: str
    site: str
    strength: float
    n_texts: int
    n_scenarios: int
    """Fewer than texts where several emotions are added in a scenario."""
    published: Regime
    robust: Regime
    success: Proportion
    """Of the texts that the judge can judge."""
    fluent_success: Proportion
    """The same, counting only successes in texts that the robust rule calls fluent."""
    shift: Mean
    repetition: Mean
    distinct_2: Mean
    foreign: Mean
    log_perplexity_ratio: Mean
    entropy: Mean
    named: float
    """Share of texts with a word that names the emotion."""
    scripts: dict[str, float]
    """Unicode script -> mean share of the texts' letters, largest first."""

    @property
    def disagree(self) -> bool:
        """Whether the two rules call this cell by different names."""
        return self.published.name != self.robust.name


SHARES = ("repetition", "distinct_2", "foreign")
MEANS = ("shift", "repetition", "distinct_2", "foreign", "log_perplexity_ratio", "entropy")


def proportion(successes: Sequence[bool], scenarios: Sequence[str]) -> Proportion:
    """How many texts are successes, of how many, with the interval."""
    return Proportion(sum(successes), len(successes), *share_interval(successes, scenarios))


def mean(name: str, texts: Sequence[SteeredText]) -> Mean:
    """One of ``MEANS`` over texts; the bounds of a share are held within 0 and 1."""
    values = np.array([value(t, name) for t in texts], dtype=np.float64)
    bounds = np.array(mean_interval(values, [t.scenario for t in texts]))
    return Mean(*(bounds.clip(0, 1) if name in SHARES else bounds).tolist())


def value(text: SteeredText, name: str) -> float:
    """One of ``MEANS`` of one text."""
    against_unsteered = ("shift", "log_perplexity_ratio")
    return float(getattr(text if name in against_unsteered else text.measures, name))


def cells(texts: Sequence[SteeredText], limits: Limits) -> list[DoseCell]:
    """One cell per direction, site and strength, in order of first appearance."""
    groups: dict[tuple[str, str, float], list[SteeredText]] = {}
    for text in texts:
        groups.setdefault((text.direction, text.site, text.strength), []).append(text)
    return [cell_of(*key, group, limits) for key, group in groups.items()]


def cell_of(
    direction: str, site: str, strength: float, texts: Sequence[SteeredText], limits: Limits
) -> DoseCell:
    """One cell of texts."""
    judged = [t for t in texts if t.judged]
    openings = [t.scenario for t in judged]
    fluent = [t.success and label(t.measures, limits) is TextLabel.fluent for t in judged]
    return DoseCell(
        direction,
        site,
        strength,
        len(texts),
        len({t.scenario for t in texts}),
        published_regime([t.text for t in texts]),
        robust_regime([t.measures for t in texts], limits, [t.scenario for t in texts]),
        proportion([t.success for t in judged], openings),
        proportion(fluent, openings),
        named=sum(t.measures.named for t in texts) / len(texts),
        scripts=mean_scripts([t.text for t in texts]),
        **{name: mean(name, texts) for name in MEANS},
    )


@dataclass(frozen=True)
class SiteRegime:
    """The fourth descriptor: what steering at one site does to this model's language."""

    site: str
    n_texts: int
    published: Regime
    robust: Regime


def by_site(texts: Sequence[SteeredText], limits: Limits) -> list[SiteRegime]:
    """Both rules over all texts of the emotions' own vectors at a site: all strengths but 0.

    The paper gives one regime per model and the rule's shares of texts, not over which texts they are
    taken; that they are pooled over strengths is this project's reading.
    """
    groups: dict[str, list[SteeredText]] = {}
    for t in texts:
        if t.direction == Direction.target and t.strength > 0:
            groups.setdefault(t.site, []).append(t)
    return [
        SiteRegime(
            site,
            len(group),
            published_regime([t.text for t in group]),
            robust_regime([t.measures for t in group], limits, [t.scenario for t in group]),
        )
        for site, group in groups.items()
    ]


@dataclass(frozen=True)
class EmotionDose:
    """One emotion's texts at one site and strength of one direction."""

    emotion: str
    direction: str
    site: str
    strength: float
    n_texts: int
    shift: Mean


def by_emotion(texts: Sequence[SteeredText]) -> list[EmotionDose]:
    """The judge's shift for every emotion by itself: the mean over its scenarios."""
    groups: dict[tuple[str, str, str, float], list[SteeredText]] = {}
    for t in texts:
        groups.setdefault((t.emotion, t.direction, t.site, t.strength), []).append(t)
    return [EmotionDose(*key, len(group), mean("shift", group)) for key, group in groups.items()]


@dataclass(frozen=True)
class ScenarioSuccess:
    """One scenario and emotion, over all sites and strengths of one direction.

    Its trials are doses of one prompt, not independent: the interval takes them for that, and says
    how few they are, no more.
    """

    scenario: str
    emotion: str
    direction: str
    success: Proportion


def by_scenario(texts: Sequence[SteeredText]) -> list[ScenarioSuccess]:
    """Success of every scenario under every direction; one that cannot be judged has n 0."""
    groups: dict[tuple[str, str, str], list[SteeredText]] = {}
    for t in texts:
        groups.setdefault((t.scenario, t.emotion, t.direction), []).append(t)
    return [
        ScenarioSuccess(*key, _of_doses([t.success for t in group if t.judged]))
        for key, group in groups.items()
    ]


def _of_doses(successes: Sequence[bool]) -> Proportion:
    k, n = sum(successes), len(successes)
    return Proportion(k, n, *exact_interval(k, n))


def best_cell(cells: Sequence[DoseCell]) -> DoseCell | None:
    """The surgical cell (robust rule) with most fluent successes, the weaker of equals.

    Chosen on the texts it is judged by, hence optimistic: compare it with the controls' cell at the
    same site and strength.
    """
    surgical = [
        c
        for c in cells
        if c.direction == Direction.target
        and c.robust.name == RegimeName.surgical
        and c.fluent_success.k > 0
    ]
    if not surgical:
        return None
    return max(surgical, key=lambda c: (c.fluent_success.k, -c.strength))
