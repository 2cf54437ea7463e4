"""Lines that the terminal texts of several jobs share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import isfinite

from emo.core.flags import ANISOTROPY_FLAG, FLAG_REASONS, ReliabilityFlag
from emo.core.records import LabelNull
from emo.core.stats.intervals import ALPHA


def heading(title: str, note: str) -> list[str]:
    """The title and, unless it is empty, the note below it."""
    return [title, *([f"  note: {note}"] if note else [])]


def aligned(rows: Iterable[tuple[str, str]]) -> list[str]:
    """One line per row: a name and, in a column of their own, the words about it."""
    return [f"  {name:<14} {words}" for name, words in rows]


def anisotropy(value: float, flagged: bool, bounds: tuple[float, float] | None = None) -> str:
    """The anisotropy, with its interval over the neutral sentences and the published flag."""
    words = f"{value:.4f}"
    if bounds is not None and isfinite(bounds[0]):
        words += f" ({bounds[0]:.4f} to {bounds[1]:.4f} over neutral sentences)"
    return f"{words}; {ANISOTROPY_FLAG}" if flagged else words


def reliability_flag(flag: ReliabilityFlag) -> list[tuple[str, str]]:
    """The row below a reliability that says why it is flagged; none where it is not."""
    reason = FLAG_REASONS[flag]
    return [("", f"{flag.value.upper()}: {reason}")] if reason else []


def permuted(nulls: Mapping[str, LabelNull], name: str, layer: int) -> str:
    """What permuted labels give of a descriptor at a layer, as the end of a line; empty for nothing."""
    null = nulls.get(name)
    if null is None or not isfinite(null.p[layer]):
        return ""
    low, high = null.low[layer], null.high[layer]
    return f"; permuted labels {low:.3f} to {high:.3f}, p {null.p[layer]:.3f}"


def beside_permuted(nulls: Mapping[str, LabelNull], name: str, layer: int) -> str:
    """What permuted labels reach, as the end of a sentence; empty for nothing."""
    null = nulls.get(name)
    if null is None or not isfinite(null.high[layer]):
        return ""
    reach = f"{null.high[layer]:.2f}"
    if isfinite(null.p[layer]) and null.p[layer] > ALPHA:
        return f", no more than permuted labels give (up to {reach})"
    return f" (permuted labels reach {reach})"


def emotion_pair(pair: tuple[str, str, float]) -> str:
    """Two emotions with the cosine of their vectors."""
    first, second, cosine = pair
    return f"{first} - {second} (cosine {cosine:+.3f})"


def layer_ranges(layers: Sequence[int]) -> str:
    """Layers in words: runs of consecutive ones as first and last.

    Example
    -------
    >>> layer_ranges([0, 1, 2, 5, 8, 9])
    '0 to 2, 5, 8 to 9'
    """
    runs: list[list[int]] = []
    for layer in sorted(layers):
        if runs and layer == runs[-1][-1] + 1:
            runs[-1].append(layer)
        else:
            runs.append([layer])
    return ", ".join(f"{r[0]} to {r[-1]}" if len(r) > 1 else f"{r[0]}" for r in runs)


def percent(share: float) -> str:
    """A share with one decimal in per cent.

    Example
    -------
    >>> percent(0.25397)
    '25.4 %'
    """
    return f"{100 * share:.1f} %"


def non_finite_layers(n_layers: int, finite_layers: Sequence[int]) -> list[str]:
    """One line that lists the layers with values that are not finite; no line if there are none."""
    others = sorted(set(range(n_layers)) - set(finite_layers))
    return [f"  non-finite layers, left out: {', '.join(map(str, others))}"] if others else []
