"""What steering does to language: the published rule and one that holds for any script.

**Published** ([S 2.5], byte for byte): words are what white space separates; if more than half of the
texts hold a word 3-gram at least three times the regime is ``repetitive_collapse``, else if more than
30 % of the texts have fewer than three words it is ``explosive``, else ``surgical``. Its defects: a
Chinese or Japanese text is one word, so a loop in it counts as short, hence explosive; an empty text
counts as explosive; fluent text and word salad are both surgical.

**Robust** (this project's): every text gets one label, in this order:

1. ``incoherent`` if it ended because steering drove the logits out of the precision's range.
2. ``empty``: nothing but white space and special tokens.
3. ``repetitive``: its share of repeated token 3-grams is above ``Limits.repetition``.
4. ``incoherent``: its log-perplexity under the unsteered model is above ``Limits.log_perplexity``.
5. ``fluent``: none of these.

The limits come from control texts: what the same model writes unsteered, decoded as the texts that are
judged (greedy limits for greedy texts: a sampled text is so much less likely that beside it salad
passes). Each is the conformal 95 % quantile of the controls (Vovk et al. 2005): a further text of the
same kind exceeds it with probability at most 5 % whatever the distribution, if there are at least 19
controls; with n fewer it is their maximum, exceeded with probability 1 / (n + 1). The repetition limit
is held within ``REPETITION_RANGE``: below, a phrase taken up once in twenty tokens would be a loop;
above, a model that loops unsteered would make loops ordinary.

The regime keeps the published shares: more than half repetitive is ``repetitive_collapse``; else more
than 30 % incoherent is ``explosive``; else more than 30 % empty is ``silent``; else ``surgical``. A
verdict is ``sure`` where the 95 % interval of every share that decided it
(:func:`emo.core.steering.text_measures.share_interval`) excludes its cut-off; with two texts none is.

Writing in another script is reported beside the regime (``TextMeasures.foreign``) and decides nothing:
fluent Chinese is not broken language, and a loop in Chinese is found by its tokens.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

import numpy as np

from emo.core.stats.intervals import ALPHA
from emo.core.steering.text_measures import TextMeasures, share_interval

MAJORITY, THIRD = 0.5, 0.3
"""Shares of texts above which the published rule names a regime."""
REPETITION_RANGE = (0.25, 0.5)
"""Least and most that the repetition limit can be."""
FALSE_ALARMS = ALPHA
"""Probability with which a text of the unsteered model may exceed a limit."""


class TextLabel(StrEnum):
    """What the robust rule calls one text."""

    fluent = "fluent"
    repetitive = "repetitive"
    incoherent = "incoherent"
    empty = "empty"


class RegimeName(StrEnum):
    """What steering does to the language of a set of texts."""

    surgical = "surgical"
    repetitive_collapse = "repetitive_collapse"
    explosive = "explosive"
    silent = "silent"


RULE = (
    (TextLabel.repetitive, MAJORITY, RegimeName.repetitive_collapse),
    (TextLabel.incoherent, THIRD, RegimeName.explosive),
    (TextLabel.empty, THIRD, RegimeName.silent),
)
"""Labels in the order the robust rule asks for them, the share that is too much, and what it is then."""


@dataclass(frozen=True)
class Limits:
    """Above these a text is repetitive, or incoherent."""

    repetition: float
    log_perplexity: float
    n_controls: int
    decoding: str = "greedy and sampled"
    """How the controls were decoded; runs of earlier versions took both kinds."""

    @property
    def false_alarm(self) -> float:
        """Largest probability with which a further text of the controls' kind exceeds a limit."""
        return 1 - conformal_rank(self.n_controls, FALSE_ALARMS) / (self.n_controls + 1)


@dataclass(frozen=True)
class Regime:
    """A verdict on a set of texts, and the shares of texts it rests on."""

    name: str
    """A :class:`RegimeName`."""
    shares: dict[str, float]
    n_texts: int
    sure: bool


def published_regime(texts: Sequence[str]) -> Regime:
    """The published rule, byte for byte; it knows no uncertainty, so ``sure`` is True."""
    if not texts:
        raise ValueError("no texts")
    words = [text.split() for text in texts]
    looping = sum(_loops(w) for w in words) / len(texts)
    short = sum(len(w) < 3 for w in words) / len(texts)
    name = RegimeName.surgical
    if looping > MAJORITY:
        name = RegimeName.repetitive_collapse
    elif short > THIRD:
        name = RegimeName.explosive
    return Regime(name.value, {"repetitive": looping, "short": short}, len(texts), True)


@dataclass(frozen=True)
class Edge:
    """How near a verdict of the published rule is to another one."""

    n_texts: int
    """So many texts would have to be otherwise; 1 is the knife's edge."""
    name: str
    """The :class:`RegimeName` that the rule would then say."""


def edge(published: Regime) -> Edge:
    """How many texts a regime by the published rule is from the nearest other regime.

    No text can both loop and be short, so one text changes one count by one.
    """
    n = published.n_texts
    looping, short = (round(published.shares[kind] * n) for kind in ("repetitive", "short"))
    few_looping, few_short = _most_allowed(n, MAJORITY), _most_allowed(n, THIRD)
    collapse = Edge(few_looping + 1 - looping, RegimeName.repetitive_collapse.value)
    match RegimeName(published.name):
        case RegimeName.repetitive_collapse:
            then = RegimeName.explosive if short > few_short else RegimeName.surgical
            return Edge(looping - few_looping, then.value)
        case RegimeName.explosive:
            others = collapse, Edge(short - few_short, RegimeName.surgical.value)
        case RegimeName.surgical:
            others = collapse, Edge(few_short + 1 - short, RegimeName.explosive.value)
        case RegimeName.silent:
            raise ValueError("the published rule has no regime silent")
        case unknown:
            assert_never(unknown)
    return min(others, key=lambda other: other.n_texts)


def _most_allowed(n: int, cut: float) -> int:
    """The largest number of n texts whose share is not above the cut."""
    return max(k for k in range(n + 1) if not k / n > cut)


def _loops(words: Sequence[str]) -> bool:
    counts = Counter(zip(words, words[1:], words[2:], strict=False))
    return max(counts.values(), default=0) >= 3


def limits(controls: Sequence[TextMeasures], decoding: str) -> Limits:
    """Limits from texts of the unsteered model, all decoded in the one way that is named.

    Raises
    ------
    ValueError
        If no control has a perplexity.
    """
    log_perplexities = [m.log_perplexity for m in controls if math.isfinite(m.log_perplexity)]
    if not log_perplexities:
        raise ValueError("the unsteered model wrote nothing: there is nothing to compare with")
    repeated = [m.repetition for m in controls if math.isfinite(m.repetition)]
    low, high = REPETITION_RANGE
    limit = conformal_quantile(repeated, FALSE_ALARMS) if repeated else low
    return Limits(
        repetition=min(max(limit, low), high),
        log_perplexity=conformal_quantile(log_perplexities, FALSE_ALARMS),
        n_controls=len(log_perplexities),
        decoding=decoding,
    )


def conformal_quantile(values: Sequence[float], alpha: float) -> float:
    """The ceil((n + 1) (1 - alpha))-th smallest value, the largest where that is beyond n."""
    rank = conformal_rank(len(values), alpha)
    return float(np.sort(np.asarray(values, dtype=np.float64))[rank - 1])


def conformal_rank(n: int, alpha: float) -> int:
    """The rank of that value: a further one is above it with probability 1 - rank / (n + 1)."""
    return min(math.ceil((n + 1) * (1 - alpha)), n)


def label(measures: TextMeasures, limits: Limits) -> TextLabel:
    """What the robust rule calls one text."""
    if measures.overflow:
        return TextLabel.incoherent
    if measures.empty:
        return TextLabel.empty
    if measures.repetition > limits.repetition:
        return TextLabel.repetitive
    if not measures.log_perplexity <= limits.log_perplexity:
        return TextLabel.incoherent
    return TextLabel.fluent


def robust_regime(
    measures: Sequence[TextMeasures], limits: Limits, scenarios: Sequence[str]
) -> Regime:
    """The robust rule: one label per text, then the published shares."""
    if not measures:
        raise ValueError("no texts")
    n = len(measures)
    labels = [label(m, limits) for m in measures]
    counts = Counter(labels)
    named = (*(kind for kind, _, _ in RULE), TextLabel.fluent)
    shares = {kind.value: counts[kind] / n for kind in named}
    sure = True
    for kind, cut, name in RULE:
        low, high = share_interval([text is kind for text in labels], scenarios)
        sure = sure and (cut < low or high < cut)  # without an interval it is not
        if shares[kind] > cut:
            return Regime(name.value, shares, n, sure)
    return Regime(RegimeName.surgical.value, shares, n, sure)
