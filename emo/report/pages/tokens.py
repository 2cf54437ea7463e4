"""The page of texts that were read token by token: each token in the colour of its value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float32, Int16

from emo.core.choices import TokenMeasure
from emo.core.token_readings import Mark, ReadingSummary, TokenReading, TokenReadings, ranked
from emo.report.pages.page import Page, Section, fragment, packed
from emo.report.runs.read import number

MOST_TOKENS = 2000
"""Tokens that a page shows; tokens.csv has all."""
MOST_VALUES = 300_000
"""Values that a page holds, 2 bytes each; where there are more, some layers are left out."""
LARGEST, NOTHING = 32_000, -32_768
"""Whole numbers that stand for the largest size of a layer, and for no value."""
TOP = 3
"""Emotions that the table gives per token."""
IN_WORDS = {
    Mark.none: "",
    Mark.first: "position 0",
    Mark.special: "special token",
    Mark.suffix: "suffix",
}


@dataclass(frozen=True)
class Shown:
    """What of the readings fits on the page."""

    texts: tuple[TokenReading, ...]
    places: tuple[int, ...]
    """Places of the shown layers among those that were kept."""


def page(
    readings: TokenReadings, summary: ReadingSummary, title: str, answer: str, text: str
) -> Page:
    """The tokens of every text, with an emotion and a layer to choose, and the top emotions of each."""
    shown = fitting(readings)
    return Page(f"{title}: tokens read", answer, (_section(readings, summary, shown),), text)


def fitting(readings: TokenReadings) -> Shown:
    """The first tokens and, of too many layers, some at even distances with the one shown first."""
    texts: list[TokenReading] = []
    room = MOST_TOKENS
    for text in readings.texts:
        if room <= 0:
            break
        texts.append(text if len(text.tokens) <= room else _cut(text, room))
        room -= len(text.tokens)
    n_tokens = sum(len(text.tokens) for text in texts)
    most = max(1, MOST_VALUES // max(1, n_tokens * len(readings.emotions)))
    places = range(len(readings.layers))
    if len(places) > most:
        some = np.linspace(0, len(places) - 1, most).round().astype(int) if most > 1 else []
        nearest = min(some, key=lambda place: abs(place - readings.place), default=None)
        places = sorted({*(p for p in some if p != nearest), readings.place})
    return Shown(tuple(texts), tuple(int(p) for p in places))


def _cut(text: TokenReading, n: int) -> TokenReading:
    return TokenReading(
        text.name,
        text.text,
        text.tokens[:n],
        text.marks[:n],
        text.values[..., :n],
        text.lengths[..., :n],
        text.whole,
    )


def _section(readings: TokenReadings, summary: ReadingSummary, shown: Shown) -> Section:
    start = shown.places.index(readings.place)
    scales = [readings.largest(place) for place in shown.places]
    emotion = _first_emotion(summary, readings)
    texts = [_text(text, readings, emotion, scales[start]) for text in shown.texts]
    n_tokens = sum(len(text.tokens) for text in shown.texts)
    html = fragment(
        "tokens.html",
        texts=texts,
        layers=[readings.layers[place] for place in shown.places],
        start=start,
        layer=readings.layer,
        emotions=readings.emotions,
        emotion=readings.emotions[emotion],
        scale=number(scales[start]).lstrip("+"),
        measure=readings.measure.value,
        projection=readings.measure is TokenMeasure.projection,
        run=summary.run_id[:8],
        all_tokens=readings.n_tokens,
        n_tokens=n_tokens,
        all_layers=len(readings.layers),
        top=TOP,
    )
    sizes = [_size(shown.texts, place) for place in shown.places]
    data = {
        "layers": [readings.layers[place] for place in shown.places],
        "start": start,
        "emotions": list(readings.emotions),
        "emotion": readings.emotions[emotion],
        "scales": scales,
        "sizes": sizes,
        "largest": LARGEST,
        "nothing": NOTHING,
        "marks": [[IN_WORDS[mark] for mark in text.marks] for text in shown.texts],
        "lengths": [
            [[_rounded(x) for x in text.lengths[p]] for p in shown.places] for text in shown.texts
        ],
        "values": packed(_whole_numbers(shown, sizes)),
        "read": [text.whole is not None for text in shown.texts],
        "whole": packed(_wholes(shown, sizes)),
        "top": TOP,
    }
    return Section("Token by token", html, data, "tokens")


def _first_emotion(summary: ReadingSummary, readings: TokenReadings) -> int:
    """The emotion with the largest mean in the first text."""
    means = summary.texts[0].means
    return readings.emotions.index(means[0][0]) if means else 0


def _size(texts: Sequence[TokenReading], place: int) -> float:
    """The largest size of a value at a layer, marked tokens and texts as the run reads them with it."""
    wholes = [text.whole[place] for text in texts if text.whole is not None]
    values = np.concatenate([*(text.values[place].ravel() for text in texts), *wholes])
    return float(np.max(np.abs(values), initial=0.0, where=np.isfinite(values)))


def _whole_numbers(shown: Shown, sizes: Sequence[float]) -> Int16[np.ndarray, " value"]:
    """Values of layer, text, emotion and token in this order, as shares of the layer's largest size."""
    by_layer = zip(shown.places, sizes, strict=True)
    return np.concatenate(
        [_shares(text.values[place], size) for place, size in by_layer for text in shown.texts]
    )


def _wholes(shown: Shown, sizes: Sequence[float]) -> Int16[np.ndarray, " value"]:
    """Values of layer, text and emotion of the texts as the run reads its own, like those of tokens."""
    wholes = [text.whole for text in shown.texts if text.whole is not None]
    by_layer = zip(shown.places, sizes, strict=True)
    parts = [_shares(whole[place], size) for place, size in by_layer for whole in wholes]
    return np.concatenate(parts) if parts else np.zeros(0, np.int16)


def _shares(values: Float32[np.ndarray, "..."], size: float) -> Int16[np.ndarray, " value"]:
    shares = values.ravel() / (size or 1) * LARGEST
    out = np.full(shares.shape, NOTHING, np.int16)
    finite = np.isfinite(shares)
    out[finite] = np.round(shares[finite]).astype(np.int16)
    return out


def _rounded(value: float) -> float | None:
    return round(float(value), 2) if np.isfinite(value) else None


def _text(
    text: TokenReading, readings: TokenReadings, emotion: int, scale: float
) -> dict[str, Any]:
    """What the template shows of a text at the first layer."""
    place = readings.place
    values = text.values[place]
    tokens = [
        {
            "token": token,
            "mark": IN_WORDS[mark],
            "share": _share(float(value), scale) if mark is Mark.none else None,
            "top": [f"{e} {number(v)}" for e, v in ranked(readings.emotions, column)[:TOP]],
        }
        for token, mark, value, column in zip(
            text.tokens, text.marks, values[emotion], values.T, strict=True
        )
    ]
    means = ranked(readings.emotions, text.mean(place))
    whole = () if text.whole is None else ranked(readings.emotions, text.whole[place])
    return {
        "name": text.name,
        "tokens": tokens,
        "means": ", ".join(f"{e} {number(v)}" for e, v in means[:5]),
        "whole": ", ".join(f"{e} {number(v)}" for e, v in whole[:5]),
    }


def _share(value: float, scale: float) -> float | None:
    """A value as a share of the scale, from -1 to 1; None where there is none."""
    if not np.isfinite(value) or not scale:
        return None
    return round(float(np.clip(value / scale, -1, 1)), 3)
