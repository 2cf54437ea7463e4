"""What the words of an emotion's texts say by themselves: how many they are, how pleasant they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float64

from emo.core.geometry.style import TOKEN


def text_length(
    texts: Sequence[str], labels: Sequence[str], emotions: Sequence[str]
) -> Float64[np.ndarray, " emotion"]:
    """Mean number of words of each emotion's texts."""
    counts: dict[str, list[int]] = {e: [] for e in emotions}
    for text, label in zip(texts, labels, strict=True):
        if label in counts:
            counts[label].append(len(TOKEN.findall(text)))
    return np.array([np.mean(counts[e]) for e in emotions], dtype=np.float64)


def lexical_norm(
    texts: Sequence[str],
    labels: Sequence[str],
    emotions: Sequence[str],
    norm: Mapping[str, float],
) -> tuple[Float64[np.ndarray, " emotion"], float]:
    """Mean norm of the words of each emotion's texts, and the share of all their words that has a norm.

    Words are compared as they are written, in lower case: no inflected form is traced to its lemma. NaN
    for an emotion none of whose words has a norm.

    Example
    -------
    >>> norm = {"glad": 8.0, "rain": 5.0, "wept": 2.0}
    >>> texts = ("Glad of rain.", "She wept.")
    >>> values, share = lexical_norm(texts, ("happy", "sad"), ("happy", "sad"), norm)
    >>> values.tolist(), share
    ([6.5, 2.0], 0.6)
    """
    found: dict[str, list[float]] = {e: [] for e in emotions}
    n_words = 0
    for text, label in zip(texts, labels, strict=True):
        if label not in found:
            continue
        words = [word.lower() for word in TOKEN.findall(text)]
        n_words += len(words)
        found[label] += [norm[word] for word in words if word in norm]
    values = [np.mean(found[e]) if found[e] else np.nan for e in emotions]
    share = sum(map(len, found.values())) / n_words if n_words else 0.0
    return np.array(values, dtype=np.float64), share
