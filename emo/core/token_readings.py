"""Texts held against the emotion vectors of a run, token by token."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

import numpy as np
from jaxtyping import Bool, Float, Float32, Float64

from emo.core.choices import TokenMeasure
from emo.core.frames import ResidualFrame
from emo.core.records import EmotionVectors


class Mark(StrEnum):
    """What sets a token apart from the text itself."""

    none = ""
    first = "first"
    """Position 0, the attention sink of many models: its activation is that of no word."""
    special = "special"
    """A token of the tokenizer's or of a chat template's own."""
    suffix = "suffix"
    """Of the suffix that the run's readout puts behind every text."""


@dataclass(frozen=True)
class TokenReading:
    """One text, with the value of every token at every layer that was kept.

    ``values`` are cosines or projections, as :class:`emo.core.choices.TokenMeasure` says. NaN where an
    activation is not finite.
    """

    name: str
    text: str
    """As it was given; of a chat as the model's template writes it."""
    tokens: tuple[str, ...]
    marks: tuple[Mark, ...]
    values: Float32[np.ndarray, "layer emotion token"]
    lengths: Float32[np.ndarray, "layer token"]
    """Length of the token's activation in units of the mean length of the run's neutral sentences."""
    whole: Float32[np.ndarray, "layer emotion"] | None
    """The text read as the run reads its own; None for a chat, and where the text is too short."""

    @property
    def unmarked(self) -> Bool[np.ndarray, " token"]:
        """Whether a token is one of the text itself, and not its first."""
        return np.array([mark is Mark.none for mark in self.marks], dtype=bool)

    def mean(self, place: int) -> Float64[np.ndarray, " emotion"]:
        """Mean value per emotion over the unmarked tokens at a layer; NaN where there are none."""
        values = self.values[place][:, self.unmarked].astype(np.float64)
        finite = np.isfinite(values)
        total = np.where(finite, values, 0).sum(axis=1)
        count = finite.sum(axis=1)
        return np.where(count > 0, total / np.maximum(count, 1), np.nan)


@dataclass(frozen=True)
class TokenReadings:
    """Texts, each with its tokens, and what the axes of their values are."""

    texts: tuple[TokenReading, ...]
    emotions: tuple[str, ...]
    layers: tuple[int, ...]
    """Numbers of the layers that were kept, in the order of the first axis."""
    layer: int
    """The one that is shown first."""
    layer_source: str
    """How it was chosen, in words."""
    measure: TokenMeasure

    @property
    def place(self) -> int:
        """Where the layer that is shown first stands on the first axis."""
        return self.layers.index(self.layer)

    @property
    def n_tokens(self) -> int:
        """Tokens of all texts."""
        return sum(len(text.tokens) for text in self.texts)

    def largest(self, place: int) -> float:
        """The largest size of a value over the unmarked tokens at a layer; 0 if there is none."""
        sizes = [np.abs(text.values[place][:, text.unmarked]).ravel() for text in self.texts]
        joined = np.concatenate(sizes) if sizes else np.zeros(0)
        return float(np.max(joined, initial=0.0, where=np.isfinite(joined)))


@dataclass(frozen=True)
class TextSummary:
    """One text at the layer that is shown first."""

    name: str
    text: str
    """Its beginning."""
    n_tokens: int
    means: tuple[tuple[str, float], ...]
    """Emotion and mean value over the unmarked tokens, the largest first."""
    whole: tuple[tuple[str, float], ...]
    """Emotion and value of the text read as the run reads its own, the largest first; may be empty."""
    strongest: tuple[str, int, str, float] | None
    """The unmarked token with the largest value: the token, its position, the emotion, the value."""


@dataclass(frozen=True)
class ReadingSummary:
    """What a run of job=read is told by; the values of all tokens are in its tables."""

    run_id: str
    """Of the run whose vectors were read against."""
    n_emotions: int
    layers: tuple[int, ...]
    layer: int
    layer_source: str
    measure: TokenMeasure
    n_tokens: int
    trust: str
    """How far the vectors can be trusted at that layer; empty if nothing is known."""
    texts: tuple[TextSummary, ...]


BEGINNING = 200
"""Characters of a text in its summary."""


def summarised(readings: TokenReadings, run_id: str, trust: str) -> ReadingSummary:
    """The readings without the values of single tokens."""
    return ReadingSummary(
        run_id=run_id,
        n_emotions=len(readings.emotions),
        layers=readings.layers,
        layer=readings.layer,
        layer_source=readings.layer_source,
        measure=readings.measure,
        n_tokens=readings.n_tokens,
        trust=trust,
        texts=tuple(_summary(text, readings) for text in readings.texts),
    )


def _summary(text: TokenReading, readings: TokenReadings) -> TextSummary:
    place, emotions = readings.place, readings.emotions
    values = np.where(text.unmarked, text.values[place], np.nan)
    strongest = None
    if np.isfinite(values).any():
        emotion, token = np.unravel_index(np.nanargmax(values), values.shape)
        value = float(values[emotion, token])
        strongest = (text.tokens[token], int(token), emotions[emotion], value)
    return TextSummary(
        name=text.name,
        text=text.text[:BEGINNING],
        n_tokens=len(text.tokens),
        means=ranked(emotions, text.mean(place)),
        whole=() if text.whole is None else ranked(emotions, text.whole[place]),
        strongest=strongest,
    )


def ranked(
    emotions: Sequence[str], values: Float[np.ndarray, " emotion"]
) -> tuple[tuple[str, float], ...]:
    """Emotions with their values, the largest first; those without a finite value are left out."""
    order = np.argsort(-values, kind="stable")
    return tuple((emotions[int(i)], float(values[i])) for i in order if np.isfinite(values[i]))


def measured(
    frame: ResidualFrame,
    vectors: EmotionVectors,
    activations: Float[np.ndarray, "layer row hidden"],
    layers: Sequence[int],
    measure: TokenMeasure,
) -> Float32[np.ndarray, "kept emotion row"]:
    """The measure of every activation on every emotion vector, at the layers that are kept.

    Source: the projection on concept vectors token by token is that of Sofroniew et al. 2026,
    arXiv:2604.07729; the cosine is that of the same two vectors.

    Parameters
    ----------
    frame
        Where the vectors are.
    vectors
        One per emotion and layer.
    activations
        Of all layers, as the model gives them.
    layers
        Numbers of the layers that are kept.
    measure
        ``cosine``, from -1 to 1; ``projection``, in the units of the residual stream.

    Returns
    -------
    Float32[np.ndarray, "kept emotion row"]
        NaN where an activation or a vector is not finite, or zero.

    Example
    -------
    >>> values = np.array([[[1.0, 0.0], [0.0, 2.0]]])
    >>> vectors = EmotionVectors(values, ("calm", "sad"), (1, 1), "none")
    >>> frame = ResidualFrame(np.zeros((1, 2)), np.ones(1))
    >>> token = np.array([[[3.0, 4.0]]], dtype=np.float32)
    >>> measured(frame, vectors, token, [0], TokenMeasure.cosine).round(2).tolist()
    [[[0.6000000238418579], [0.800000011920929]]]
    >>> measured(frame, vectors, token, [0], TokenMeasure.projection).tolist()
    [[[3.0], [4.0]]]
    """
    out = np.empty((len(layers), len(vectors.emotions), activations.shape[1]), dtype=np.float32)
    for place, layer in enumerate(layers):
        rows = frame.placed(activations[layer], layer)
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            directions = vectors.values[layer]
            directions = directions / np.linalg.norm(directions, axis=1, keepdims=True)
            values = directions @ rows.T
            match measure:
                case TokenMeasure.projection:
                    pass
                case TokenMeasure.cosine:
                    values = values / np.linalg.norm(rows, axis=1)
                case _:
                    assert_never(measure)
        out[place] = np.where(np.isfinite(values), values, np.nan)
    return out


def lengths(
    frame: ResidualFrame,
    activations: Float[np.ndarray, "layer row hidden"],
    layers: Sequence[int],
) -> Float32[np.ndarray, "kept row"]:
    """Length of every activation over the mean length of the run's neutral sentences."""
    kept = activations[list(layers)].astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        sizes = np.linalg.norm(kept, axis=-1) / frame.norm[list(layers), None]
    return sizes.astype(np.float32)
