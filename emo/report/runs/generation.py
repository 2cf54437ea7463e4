"""What a generation run shows: the short table, its texts, and curves over the layers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, assert_never

from emo.config.enums import Decoding
from emo.config.schema import SubparamsConfig
from emo.core.flags import ANISOTROPY_FLAG, ReliabilityFlag, reliability_flag
from emo.core.geometry.generated import StoryDescriptors
from emo.core.records import NEUTRAL
from emo.errors import first_of
from emo.generation.leaking import shares
from emo.generation.positions import is_short, span
from emo.generation.stories import StoryTexts
from emo.report.runs import terminal
from emo.report.runs.extract import RANDOM, valence_sentence
from emo.report.runs.valence import LABEL, valence_panel, valence_row
from emo.report.style import (
    BLUE,
    GREEN,
    GREY,
    HEADING,
    LAYER,
    ORANGE,
    PANEL,
    blank,
    grid,
    legend_below,
    permuted_band,
    whole_layers,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TABLE_TAG = json.dumps([{"path": "texts.json", "type": "table"}])
"""The tag that makes MLflow show the file as a table."""
LEFT_OUT = "left_out"
"""The column with the words for which a text about a topic is left out."""
SHOWN = ("emotion", "text", "prompt_name", "sample", "weight", "n_tokens", "finish", "short")


def terminal_text(d: StoryDescriptors, title: str, note: str = "") -> str:
    """The descriptors of one run as plain text."""
    lines = [*terminal.heading(title, note), *terminal.aligned(_rows(d))]
    return "\n".join([*lines, *terminal.non_finite_layers(d.n_layers, d.finite_layers)])


def _rows(d: StoryDescriptors) -> list[tuple[str, str]]:
    """Names of the descriptors with their values in words."""
    repeated = d.n_effective < d.n_nominal - 1e-9
    warning = " BELOW NOMINAL: repeats add nothing" if repeated else ""
    reliability = (
        f"not available: a single {d.split_unit} per emotion"
        if d.reliability is None
        else f"{d.reliability:.3f} (split halves of the {d.split_unit}s)"
        f"{terminal.permuted(d.nulls, 'reliability', d.layer)}"
    )
    rows = [
        ("layer", f"{d.layer} of {d.n_layers} ({d.layer_source})"),
        ("anisotropy", terminal.anisotropy(d.anisotropy, d.anisotropy_flag)),
        ("RDM std", f"{d.rdm_std:.4f}{terminal.permuted(d.nulls, 'rdm_std', d.layer)}"),
        ("reliability", reliability),
        *terminal.reliability_flag(reliability_flag(d.reliability)),
        valence_row(d.valence, d.split_unit),
        ("nearest pair", terminal.emotion_pair(d.nearest)),
        ("farthest pair", terminal.emotion_pair(d.farthest)),
        (
            "texts",
            f"per emotion: {d.n_nominal:g} nominal, {d.n_distinct:g} distinct, "
            f"{d.n_effective:.3g} effective{warning}",
        ),
        ("centring", f"{d.centring}{', unit norm' if d.unit_norm else ''}"),
    ]
    if d.accuracy is not None:
        beside = terminal.permuted(d.nulls, "accuracy", d.layer)
        place = [name for name, _ in rows].index("valence")
        rows.insert(place, ("accuracy", f"{d.accuracy:.3f} with each topic left out{beside}"))
    if d.n_neutral is not None:
        same = " SOME ARE THE SAME" if d.n_neutral_distinct != d.n_neutral else ""
        kind = "texts, which stand for neutral sentences," if d.written else "stories,"
        rows.append(("neutral", f"{d.n_neutral} {kind} {d.n_neutral_distinct} distinct{same}"))
    if d.written:
        rows.append(("leaks", leaks_in_words(d)))
    if d.n_short:
        rows.append(("too short", f"{d.n_short} texts, read at a substitute for the position"))
    return rows


def leaks_in_words(d: StoryDescriptors) -> str:
    """How many of the texts that were written name their emotion, and of which emotions they are."""
    told = sum(n for emotion, n in d.written.items() if emotion != NEUTRAL)
    words = f"{d.n_leaked} of {told} texts name their emotion or a near synonym"
    most = f" ({first_of(shares(d.leaks, d.written), ', ')})" if d.n_leaked else ""
    neutral = d.leaks.get(NEUTRAL, 0)
    plain = f"; {neutral} of {d.written[NEUTRAL]} neutral texts name one" if neutral else ""
    return words + most + plain


def answer(d: StoryDescriptors, random: bool = False) -> str:
    """What was found, and how far to trust it, in four sentences or so."""
    sentences = [RANDOM] if random else []
    sentences += [_halves(d), _accuracy(d), _texts(d), _leaks(d)]
    if d.anisotropy_flag:
        sentences.append(f"Anisotropy there is {d.anisotropy:.3f} ({ANISOTROPY_FLAG}).")
    sentences.append(valence_sentence(d.valence, d.split_unit))
    return " ".join(sentence for sentence in sentences if sentence)


def _halves(d: StoryDescriptors) -> str:
    where = f"At layer {d.layer} of 0 to {d.n_layers - 1} ({d.layer_source})"
    if d.reliability is None:
        return (
            f"{where} nothing tells how well other texts would give the same RDM: there is a single "
            f"{d.split_unit} per emotion."
        )
    against = terminal.beside_permuted(d.nulls, "reliability", d.layer)
    low = reliability_flag(d.reliability) is ReliabilityFlag.low
    verdict = ": too little to compare this geometry with another" if low else ""
    return (
        f"{where} RDMs from two halves of the {d.split_unit}s agree at {d.reliability:.2f}, "
        f"stepped up{against}{verdict}."
    )


def _accuracy(d: StoryDescriptors) -> str:
    if d.accuracy is None:
        return ""
    against = terminal.beside_permuted(d.nulls, "accuracy", d.layer)
    return (
        f"Of texts about topics left out, {100 * d.accuracy:.0f} % are nearest to the vector of their "
        f"own emotion{against}."
    )


def _leaks(d: StoryDescriptors) -> str:
    if not d.written:
        return ""
    told = sum(n for emotion, n in d.written.items() if emotion != NEUTRAL)
    return f"{d.n_leaked} of {told} texts name their emotion although they are asked not to."


def _texts(d: StoryDescriptors) -> str:
    counts = f"{d.n_nominal:g} texts, {d.n_distinct:g} of them distinct"
    repeated = d.n_effective < d.n_nominal - 1e-9
    worth = f", worth {d.n_effective:.3g} independent ones: repeats add nothing" if repeated else ""
    return f"Each emotion has {counts}{worth}."


def page_rows(
    rows: Sequence[dict[str, Any]], texts: StoryTexts, sub: SubparamsConfig, tokenizer: Any
) -> list[dict[str, Any]]:
    """The rows of :func:`text_rows` with the text cut where its reading begins and ends."""
    out = []
    for row, whole in zip(rows, texts.texts, strict=True):
        text = whole.truncated(sub.max_new_tokens)
        place, first = span(text, sub.position, sub.start), len(text.prompt)

        def letters(stop: int, tokens: Sequence[int] = text.tokens, first: int = first) -> int:
            return len(
                tokenizer.decode(list(tokens[: max(0, stop - first)]), skip_special_tokens=True)
            )

        start, stop = letters(place.start), letters(place.stop)
        written = row["text"]
        cut = {"before": written[:start], "read": written[start:stop], "after": written[stop:]}
        out.append({**row, **cut, "in_prompt": place.stop <= first})
    return out


def text_rows(
    texts: StoryTexts,
    sub: SubparamsConfig,
    tokenizer: Any,
    left_out: Sequence[str] | None = None,
) -> list[dict[str, Any]]:
    """One row per distinct text.

    ``left_out`` has per text the words for which it is left out, empty if it is read.
    """
    seed = _seed(sub)
    rows: list[dict[str, Any]] = []
    for story, whole in zip(texts.stories, texts.texts, strict=True):
        text = whole.truncated(sub.max_new_tokens)
        rows.append(
            {
                "emotion": story.emotion,
                "prompt_name": story.prompt_name,
                "prompt": story.prompt,
                "sample": story.request.sample,
                "weight": story.weight,
                "seed": seed,
                "prompt_ids": list(text.prompt),
                "token_ids": list(text.tokens),
                "n_tokens": len(text.tokens),
                "finish": text.finish.value,
                "short": is_short(text, sub.position, sub.start),
                "text": tokenizer.decode(list(text.tokens), skip_special_tokens=True),
            }
        )
    for row, words in zip(rows, left_out or (), strict=left_out is not None):
        row[LEFT_OUT] = words
    return rows


def _seed(sub: SubparamsConfig) -> int | None:
    """The seed of the texts; None where the decoding draws nothing."""
    match sub.decoding:
        case Decoding.sampled:
            return sub.seed
        case Decoding.greedy:
            return None
        case _:
            assert_never(sub.decoding)


def jsonl(rows: Sequence[dict[str, Any]]) -> str:
    """One JSON object per line."""
    return "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows)


def table_json(rows: Sequence[dict[str, Any]], columns: Sequence[str] = SHOWN) -> str:
    """The columns for a reader, in the form that MLflow shows as a table."""
    data = [[row[name] for name in columns] for row in rows]
    return json.dumps({"columns": list(columns), "data": data}, ensure_ascii=False)


def layer_curves(d: StoryDescriptors, title: str) -> Figure:
    """Curves over the layers, with the layer that the run uses."""
    curves = (
        ("mean_cosine", "mean pairwise cosine of the vectors", BLUE),
        ("rdm_std", "RDM std", GREEN),
        ("anisotropy", f"anisotropy (neutral {'texts' if d.written else 'sentences'})", ORANGE),
        *((("accuracy", "accuracy, topics left out", GREEN),) if d.written else ()),
        *((("valence", LABEL, BLUE),) if d.valence else ()),
    )
    figure = blank(3.4 * len(curves), 3.8)
    panels = figure.subplots(1, len(curves))
    valence_panel(panels[-1], d.valence)
    for panel, (name, label, colour) in zip(panels, curves, strict=True):
        panel.plot(d.curves[name], color=colour, marker="o", ms=3)
        if name in d.nulls:
            permuted_band(panel, d.nulls[name])
        panel.axvline(d.layer, color=GREY, ls="--", lw=1, label=f"layer {d.layer}")
        panel.set_title(label, fontsize=PANEL)
        panel.set_xlabel(LAYER)
        whole_layers(panel)
        grid(panel)
        legend_below(panel, 0.17)
    figure.suptitle(title, fontsize=HEADING)
    return figure
