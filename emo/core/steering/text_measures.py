"""Measures of one steered text, and the directions a steering vector is compared with.

A text is what the model wrote: its token ids without the end-of-text token, and their decoded
characters. Source of the questions: [S 2.5] and [M] (docs/protocol.md); the measures and
controls are this project's.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64
from scipy.optimize import linear_sum_assignment
from scipy.stats import binomtest, t

from emo.core.stats.intervals import LEVEL, expansion
from emo.core.stats.resampling import index, stream

FEWEST = 5
"""With fewer texts (or scenarios, if these are drawn) a mean has no interval."""
N_REPLICATES = 2000

REPEATED_N = 3
"""Length in tokens of the n-grams whose repetition is counted."""


@dataclass(frozen=True)
class TextMeasures:
    """One text, measured. NaN where a text is too short to say (an empty one always is)."""

    n_tokens: int
    empty: bool
    """Nothing but white space and special tokens."""
    repetition: float
    """Share of token 3-grams that occurred before in the text (:func:`repetition`)."""
    distinct_1: float
    distinct_2: float
    foreign: float
    """Share of letters in a script that the prompt has none of (:func:`foreign_share`)."""
    log_perplexity: float
    """Mean negative log-likelihood per token under the unsteered model, in nats."""
    entropy: float
    """Mean entropy of the model's next-token distributions under the addition, in nats.

    Before the repetition penalty that decoding applies where the model has one.
    """
    score: float
    """The judge's score for the emotion that was added; higher is more of it."""
    named: bool
    """Whether a word of the text names that emotion."""
    overflow: bool = False
    """Whether it ended because the steered logits were not finite."""
    second_score: float = float("nan")
    """The score of the judge beside the first one, where there is one."""


def ngrams(tokens: Sequence[int], n: int) -> list[tuple[int, ...]]:
    """All runs of n tokens, in order."""
    return [tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1)]


def distinct_n(tokens: Sequence[int], n: int) -> float:
    """Different n-grams over all n-grams; NaN if there are none. Li et al. 2016, arXiv:1510.03055."""
    runs = ngrams(tokens, n)
    return len(set(runs)) / len(runs) if runs else float("nan")


def repetition(tokens: Sequence[int], n: int = REPEATED_N) -> float:
    """Share of token n-grams that occurred before in the text, 1 - distinct-n; NaN if there are none.

    On tokens it sees what word splitting cannot: repeated Chinese or Japanese without spaces.
    """
    return 1 - distinct_n(tokens, n)


def scripts(text: str) -> dict[str, float]:
    """Share of the text's letters in each Unicode script, most frequent first; empty without letters.

    The script is the first word of a letter's Unicode name (LATIN, CJK, HIRAGANA, CYRILLIC, ...):
    the standard library has no script table, and for letters this agrees with it but for width
    variants, which are normalised away first.
    """
    letters = [c for c in unicodedata.normalize("NFKC", text) if c.isalpha()]
    counts = Counter(unicodedata.name(c, "UNNAMED").split()[0].split("-")[0] for c in letters)
    return {name: n / len(letters) for name, n in counts.most_common()}


def mean_scripts(texts: Sequence[str]) -> dict[str, float]:
    """Mean over texts of :func:`scripts`, largest first; texts without letters are left out."""
    per_text = [shares for text in texts if (shares := scripts(text))]
    total: Counter[str] = Counter()
    for shares in per_text:
        total.update(shares)
    return {name: share / len(per_text) for name, share in total.most_common()}


def foreign_share(text: str, prompt: str) -> float:
    """Share of the text's letters in scripts the prompt has no letter of; NaN without letters.

    Cross-lingual entanglement [M]: steering in English that comes out in Chinese.
    """
    shares = scripts(text)
    if not shares:
        return float("nan")
    known = scripts(prompt)
    return float(sum(share for name, share in shares.items() if name not in known))


def randomly_turned(
    stack: Float[np.ndarray, "layer hidden"], rng: np.random.Generator
) -> Float64[np.ndarray, "layer hidden"]:
    """The vectors of several layers under one random rotation: a control that adds up as they do.

    Lengths and cosines between layers stay. Drawn by layer, directions would be nearly orthogonal,
    and what they add up to in the residual stream far shorter than what similar vectors do. A single
    vector comes out uniform on the sphere.
    """
    _, r = np.linalg.qr(stack.T)
    q, signs = np.linalg.qr(rng.standard_normal((len(r), stack.shape[1])).T)
    q = q * np.sign(np.diag(signs))  # without the signs, QR's convention would show
    return (q @ r).T


def derangement(
    names: Sequence[str],
    rng: np.random.Generator,
    alike: Callable[[str, str], bool] = lambda a, b: False,
) -> dict[str, str]:
    """Another name for every name, each taken once, as few of them alike as can be.

    The matching of least cost, with costs drawn uniformly and far higher ones for partners that
    ``alike`` calls so.

    Raises
    ------
    ValueError
        If there are fewer than two names.
    """
    if len(names) < 2:
        raise ValueError("shuffling needs at least two emotions")
    n = len(names)
    cost = rng.random((n, n))
    cost += [
        [2 * n * (a != b and alike(a, b)) + 4 * n * n * (a == b) for b in names] for a in names
    ]
    _, partner = linear_sum_assignment(cost)
    return {name: names[int(j)] for name, j in zip(names, partner, strict=True)}


def exact_interval(k: int, n: int, level: float = LEVEL) -> tuple[float, float]:
    """Clopper and Pearson's (1934) interval for k successes of n; (0, 1) if n is 0."""
    if n == 0:
        return 0.0, 1.0
    interval = binomtest(k, n).proportion_ci(level, method="exact")
    return float(interval.low), float(interval.high)


def share_interval(
    hits: Sequence[bool], scenarios: Sequence[str], level: float = LEVEL
) -> tuple[float, float]:
    """Interval for the share of hits: exact where every text has a scenario of its own.

    Texts of one scenario share a prompt and are no independent trials: where a scenario has several,
    scenarios are drawn with replacement (:func:`cluster_interval`). If all or none are hits, the
    interval is the exact one of as many trials as there are scenarios.
    """
    k, n, clusters = sum(hits), len(hits), len(set(scenarios))
    if clusters == n:
        return exact_interval(k, n, level)
    if k in (0, n):
        return exact_interval(clusters if k else 0, clusters, level)
    low, high = cluster_interval(np.array(hits, dtype=np.float64), scenarios, level)
    return max(low, 0.0), min(high, 1.0)


def cluster_interval(
    values: Float[np.ndarray, " text"], scenarios: Sequence[str], level: float = LEVEL
) -> tuple[float, float]:
    """Bootstrap interval for the mean, whole scenarios drawn; NaN below ``FEWEST`` scenarios.

    Expanded for the small number of scenarios (:func:`emo.core.stats.intervals.expansion`); NaN as
    well if all scenarios have the same mean, where a bootstrap would be certain.
    """
    names, cluster = index(scenarios)
    n = len(names)
    factor = expansion(np.array([n]), level)
    totals, counts = np.bincount(cluster, weights=values), np.bincount(cluster)
    if n < FEWEST or factor is None or np.ptp(totals / counts) < 1e-12:
        return float("nan"), float("nan")
    drawn = stream(0, "steering", "clusters").multinomial(n, np.full(n, 1 / n), size=N_REPLICATES)
    replicates = drawn @ totals / (drawn @ counts)
    mean = float(values.mean())
    low, high = np.percentile(replicates, [50 * (1 - level), 50 * (1 + level)])
    return mean + factor * (float(low) - mean), mean + factor * (float(high) - mean)


def mean_interval(
    values: Float[np.ndarray, " text"], scenarios: Sequence[str], level: float = LEVEL
) -> tuple[float, float, float]:
    """Mean of the finite values with an interval; NaN where one cannot be had.

    Student's where every text has a scenario of its own, else :func:`cluster_interval`. None below
    ``FEWEST`` texts or if all values are the same: Student's would be absurdly wide or of no width.
    """
    finite = np.isfinite(values)
    good = np.asarray(values, dtype=np.float64)[finite]
    clusters = [s for s, there in zip(scenarios, finite, strict=True) if there]
    if not len(good):
        return float("nan"), float("nan"), float("nan")
    mean = float(good.mean())
    if len(set(clusters)) < len(clusters):
        return mean, *cluster_interval(good, clusters, level)
    if len(good) < FEWEST or np.ptp(good) < 1e-12:
        return mean, float("nan"), float("nan")
    half = float(t.ppf((1 + level) / 2, len(good) - 1) * good.std(ddof=1) / np.sqrt(len(good)))
    return mean, mean - half, mean + half
