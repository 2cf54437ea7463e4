"""Surface baselines: vectors of texts that know no model, and go the way activations go.

Their RDMs show how much of an agreement between models needs no model at all.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from jaxtyping import Float, Float64
from scipy.sparse import csr_array

from emo.core.choices import unknown
from emo.core.geometry.style import style_counts
from emo.core.records import Activations, StimulusSet

WORD = re.compile(r"\b\w\w+\b")
SPACES = re.compile(r"\s\s+")
CHARACTERS = (3, 5)
"""Shortest and longest character n-gram."""


def words(text: str) -> Iterator[str]:
    """Lower-case words of two or more letters or digits."""
    return iter(WORD.findall(text.lower()))


def character_ngrams(
    text: str, shortest: int = CHARACTERS[0], longest: int = CHARACTERS[1]
) -> Iterator[str]:
    """All runs of characters of the lower-case text, spaces included (several count as one)."""
    text = SPACES.sub(" ", text.lower())
    for n in range(shortest, longest + 1):
        for i in range(len(text) - n + 1):
            yield text[i : i + n]


def tf_idf(texts: Sequence[str], terms: Callable[[str], Iterator[str]]) -> csr_array:
    """TF-IDF vectors of length 1, [text term], terms in alphabetical order.

    Number of occurrences times ln((1 + texts) / (1 + texts with the term)) + 1, scaled to Euclidean
    length 1: scikit-learn's TfidfVectorizer with its defaults. A text without terms is 0.
    """
    counts = [Counter(terms(text)) for text in texts]
    column = {term: i for i, term in enumerate(sorted(set().union(*counts)))}
    indices = [column[term] for count in counts for term in count]
    starts = np.cumsum([0, *map(len, counts)])
    values = np.array([n for count in counts for n in count.values()], dtype=np.float64)
    documents = np.bincount(indices, minlength=len(column))
    values *= (np.log((1 + len(texts)) / (1 + documents)) + 1)[indices]
    matrix = csr_array((values, indices, starts), shape=(len(texts), len(column)))
    matrix.sort_indices()
    length = np.sqrt(matrix.multiply(matrix).sum(axis=1))
    matrix.data /= np.repeat(np.where(length > 0, length, 1), np.diff(matrix.indptr))
    return matrix


def coordinates(vectors: csr_array) -> Float64[np.ndarray, "text axis"]:
    """The same vectors in at most as many dimensions as there are texts.

    All inner products are kept, so means, centres, cosines and splits come out as from the full
    vectors; the axes are the principal ones (not centred), largest first.
    """
    values, axes = np.linalg.eigh((vectors @ vectors.T).toarray())
    keep = values > 1e-12 * max(values.max(), 1.0)
    return (axes[:, keep] * np.sqrt(values[keep]))[:, ::-1]


def tf_idf_words(texts: Sequence[str]) -> Float64[np.ndarray, "text axis"]:
    """TF-IDF of the words."""
    return coordinates(tf_idf(texts, words))


def tf_idf_characters(texts: Sequence[str]) -> Float64[np.ndarray, "text axis"]:
    """TF-IDF of the character n-grams."""
    return coordinates(tf_idf(texts, character_ngrams))


Surface = Callable[[Sequence[str]], Float64[np.ndarray, "text axis"]]
"""One vector per text, from the texts alone and whatever their order."""

SURFACES: dict[str, Surface] = {
    "style_counts": style_counts,
    "tfidf_words": tf_idf_words,
    "tfidf_characters": tf_idf_characters,
}
"""Every surface baseline by its name.

A new one is one function and one entry, held to tests/core/geometry/test_surface_contract.py.
"""

WORDING = ("tfidf_words", "tfidf_characters")
"""The surfaces that the partial rho of the four layers holds fixed: what the texts say."""


def surface_activations(stimuli: StimulusSet, surface: str) -> Activations:
    """The passages as a one-layer "model" that knows their surface only.

    Parameters
    ----------
    stimuli
        The passages; their situations are kept where every passage names one.
    surface
        Name in ``SURFACES``.

    Raises
    ------
    UnknownChoice
        If the surface is not in ``SURFACES``.
    """
    return surface_of(
        [p.text for p in stimuli.items],
        tuple(p.id for p in stimuli.items),
        tuple(p.emotion for p in stimuli.items),
        tuple(str(p.situation) for p in stimuli.items) if stimuli.crossed else None,
        surface,
    )


def surface_of(
    texts: Sequence[str],
    item_ids: tuple[str, ...],
    emotions: tuple[str, ...],
    situations: tuple[str, ...] | None,
    surface: str,
) -> Activations:
    """Labelled texts as a one-layer "model" that knows their surface only.

    There are no neutral sentences in it: anisotropy of word counts says nothing.

    Parameters
    ----------
    texts, item_ids, emotions, situations
        One of each per text; no situations where they are not declared.
    surface
        Name in ``SURFACES``.

    Raises
    ------
    UnknownChoice
        If the surface is not in ``SURFACES``.

    Example
    -------
    >>> labels = ("1", "2", "3"), ("calm", "sad", "sad")
    >>> texts = ["the sea is calm", "rain and rain", "rain again"]
    >>> got = surface_of(texts, *labels, None, "tfidf_words")
    >>> got.values.shape
    (1, 3, 3)
    """
    return labelled(surface_vectors(texts, surface), item_ids, emotions, situations, surface)


def surface_vectors(texts: Sequence[str], surface: str) -> Float64[np.ndarray, "text axis"]:
    """One vector per text.

    Raises
    ------
    UnknownChoice
        If the surface is not in ``SURFACES``.
    """
    if surface not in SURFACES:
        raise unknown("surface", surface, list(SURFACES))
    return SURFACES[surface](texts)


def labelled(
    vectors: Float[np.ndarray, "text axis"],
    item_ids: tuple[str, ...],
    emotions: tuple[str, ...],
    situations: tuple[str, ...] | None,
    name: str,
) -> Activations:
    """Vectors of texts as a one-layer "model"; there are no neutral sentences in it."""
    return Activations(
        values=vectors[None].astype(np.float32),
        item_ids=item_ids,
        emotions=emotions,
        situations=situations,
        neutral=np.zeros((1, 0, vectors.shape[1]), dtype=np.float32),
        position=name,
    )
