"""What job=read says of texts: sentences, lines for the terminal, and the table of all values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from emo.core.choices import TokenMeasure
from emo.core.token_readings import ReadingSummary, TextSummary, TokenReadings
from emo.files.csv_files import write_csv
from emo.report.runs.extract import RANDOM
from emo.report.runs.terminal import heading

SHOWN_TEXTS = 10
"""Texts that the terminal shows."""
SHOWN_EMOTIONS = 5
COLUMNS = ["text", "position", "token", "layer", "emotion", "value", "mark", "length"]
WHOLE_COLUMNS = ["text", "layer", "emotion", "as_the_run_reads_it", "mean_over_tokens"]


def answer(summary: ReadingSummary, random: bool) -> str:
    """What was found and how far to trust it; ``random`` says that the weights are."""
    sentences = [RANDOM] if random else []
    first = summary.texts[0]
    which = "the text" if len(summary.texts) == 1 else f"the first of {len(summary.texts)} texts"
    where = f"{summary.measure.value}s at layer {summary.layer}"
    if first.means:
        top = listed(first.means[:3])
        sentences.append(f"Over the tokens of {which} the largest mean {where} are: {top}.")
    else:
        sentences.append(f"No token of {which} has a value at layer {summary.layer}.")
    if first.strongest is not None:
        token, position, emotion, value = first.strongest
        at = f"{emotion} at {token.strip()!r}, token {position}"
        sentences.append(f"The largest single one is {number(value)}: {at}.")
    if summary.trust:
        sentences.append(summary.trust)
    return " ".join(sentences)


def terminal_text(summary: ReadingSummary, title: str, note: str) -> str:
    """The lines for the terminal."""
    n = len(summary.texts)
    unit = " in the residual stream's units" * (summary.measure is TokenMeasure.projection)
    lines = heading(
        f"{title}: {n} text{'s' * (n != 1)}, {summary.n_tokens} tokens, "
        f"{summary.measure.value}{unit} on {summary.n_emotions} emotion vectors of run "
        f"{summary.run_id[:8]}",
        note,
    )
    lines.append(f"  layer {summary.layer} ({summary.layer_source}); {_layers(summary.layers)}")
    for text in summary.texts[:SHOWN_TEXTS]:
        lines += _text_lines(text)
    if n > SHOWN_TEXTS:
        lines.append(f"  and {n - SHOWN_TEXTS} more texts in texts.csv")
    lines.append(
        "  means are over the tokens of the text itself, without special tokens and position 0, whose "
        "activations are outliers"
    )
    if summary.trust:
        lines.append(f"  {summary.trust}")
    return "\n".join(lines)


def metrics(summary: ReadingSummary) -> dict[str, Any]:
    """The numbers that scripts get; those of values are of the first text."""
    first = summary.texts[0]
    return {
        "layer": summary.layer,
        "texts": len(summary.texts),
        "tokens": summary.n_tokens,
        "strongest_emotion": first.means[0][0] if first.means else None,
        "strongest_mean": first.means[0][1] if first.means else None,
        "largest_value": first.strongest[3] if first.strongest is not None else None,
    }


def listed(values: Sequence[tuple[str, float]]) -> str:
    """Emotions with their values, in words."""
    return ", ".join(f"{emotion} {number(value)}" for emotion, value in values)


def number(value: float) -> str:
    """A value with its sign, never -0.00: two decimals, of large ones three digits."""
    text = f"{value:+.2f}" if abs(value) < 10 else f"{value:+.3g}"
    return text.replace("-0.00", "+0.00")


def _layers(layers: Sequence[int]) -> str:
    if len(layers) == 1:
        return "the only one kept"
    return f"{len(layers)} layers kept, {layers[0]} to {layers[-1]}"


def _text_lines(text: TextSummary) -> list[str]:
    words = " ".join(text.text.split())
    lines = [f"  {text.name}, {text.n_tokens} tokens: {words[:70]}{'...' * (len(words) > 70)}"]
    if text.means:
        lines.append(f"    mean over tokens  {listed(text.means[:SHOWN_EMOTIONS])}")
        lines.append(f"    the smallest      {listed(text.means[::-1][:2])}")
    if text.whole:
        lines.append(f"    as the run reads  {listed(text.whole[:SHOWN_EMOTIONS])}")
    if text.strongest is not None:
        token, position, emotion, value = text.strongest
        lines.append(
            f"    largest value     {number(value)} {emotion} at {token.strip()!r} ({position})"
        )
    return lines


def write_tokens_csv(readings: TokenReadings, path: Path) -> None:
    """Write a row per text, token, layer and emotion; where a value is not finite the cell is empty."""
    with path.open("w", encoding="utf-8", newline="") as file:
        write_csv(file, COLUMNS, _token_rows(readings))


def _token_rows(readings: TokenReadings) -> Iterator[list[Any]]:
    for text in readings.texts:
        for position, token in enumerate(text.tokens):
            for place, layer in enumerate(readings.layers):
                length = cell(text.lengths[place, position])
                for e, emotion in enumerate(readings.emotions):
                    value = cell(text.values[place, e, position])
                    mark = text.marks[position].value
                    yield [text.name, position, token, layer, emotion, value, mark, length]


def write_texts_csv(readings: TokenReadings, path: Path) -> None:
    """Write a row per text, layer and emotion."""

    def rows() -> Iterator[list[Any]]:
        for text in readings.texts:
            for place, layer in enumerate(readings.layers):
                means = text.mean(place)
                for e, emotion in enumerate(readings.emotions):
                    whole = "" if text.whole is None else cell(text.whole[place, e])
                    yield [text.name, layer, emotion, whole, cell(means[e])]

    with path.open("w", encoding="utf-8", newline="") as file:
        write_csv(file, WHOLE_COLUMNS, rows())


def cell(value: float) -> str:
    """Seven digits, what float32 holds; empty if not finite."""
    return f"{value + 0.0:.7g}" if np.isfinite(value) else ""
