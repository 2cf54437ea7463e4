"""Any text against a run's emotion vectors, token by token, in a notebook."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from emo.api.checks import one_of
from emo.config.checks import as_path
from emo.core.choices import TokenMeasure
from emo.core.token_readings import Mark, TokenReading, TokenReadings, summarised
from emo.errors import ConfigError

if TYPE_CHECKING:
    from pandas import DataFrame

    from emo.api.loaded import LoadedRun

TOP = 5
"""Emotions that a notebook shows of a text."""


@dataclass(frozen=True)
class ReadTexts:
    """Texts read token by token: a value for every token, emotion and layer.

    Examples
    --------
    >>> read = emo.load_run(RUN_ID).read("On the quay someone stood.")
    >>> frame = read.to_frame()
    >>> frame.columns.tolist()
    ['text', 'position', 'token', 'mark', 'layer', 'emotion', 'value']
    >>> read
    ReadTexts(1 text, ... tokens, 5 emotions, 1 layer, cosine)
    """

    readings: TokenReadings
    """Values [layer, emotion, token] of each text, with their labels."""
    title: str
    """What run the vectors are of."""

    def to_frame(self) -> DataFrame:
        """One row per text, token, layer and emotion.

        Returns
        -------
        pandas.DataFrame
            ``value`` is the cosine, or the projection in units of the residual stream. ``mark`` is empty
            for a token of the text itself; ``first`` (position 0, the attention sink of many models) and
            ``special`` tokens are no words.

        Examples
        --------
        >>> frame = emo.load_run(RUN_ID).read("On the quay someone stood.").to_frame()
        >>> frame["emotion"].nunique(), bool(frame["value"].abs().max() <= 1)
        (5, True)
        """
        import pandas

        columns = ("text", "position", "token", "mark", "layer", "emotion", "value")
        return pandas.DataFrame(list(self._rows()), columns=columns)

    def _rows(self) -> Iterator[tuple[Any, ...]]:
        got = self.readings
        for text in got.texts:
            for position, (token, mark) in enumerate(zip(text.tokens, text.marks, strict=True)):
                for at, layer in enumerate(got.layers):
                    for e, emotion in enumerate(got.emotions):
                        value = float(text.values[at, e, position])
                        yield text.name, position, token, mark.value, layer, emotion, value

    def save(self, path: str | Path) -> Path:
        """Write the page of ``job=read``: tokens in the colour of an emotion, at any of the layers.

        Parameters
        ----------
        path
            The HTML file. One that is there is replaced.

        Returns
        -------
        Path
            The file, which opens in a browser without network.

        Examples
        --------
        >>> emo.load_run(RUN_ID).read("On the quay.").save("quay.html").name
        'quay.html'
        """
        from emo.report.pages import tokens
        from emo.report.pages.page import render
        from emo.report.runs import read as report

        target = as_path("path", path)
        if not target.parent.is_dir():
            raise ConfigError("path", target, "a file in a folder that exists")
        summary = summarised(self.readings, "", "")
        answer = report.answer(summary, False)
        page = tokens.page(self.readings, summary, self.title, answer, "")
        target.write_text(render(page), encoding="utf-8")
        return target

    def __repr__(self) -> str:
        got = self.readings
        texts, layers = len(got.texts), len(got.layers)
        return (
            f"ReadTexts({texts} text{'' if texts == 1 else 's'}, {got.n_tokens} tokens, "
            f"{len(got.emotions)} emotions, {layers} layer{'' if layers == 1 else 's'}, "
            f"{got.measure.value})"
        )

    def _repr_html_(self) -> str:
        got = self.readings
        head = f"{self.title}: {got.measure.value} at layer {got.layer} ({got.layer_source})"
        parts = [f"<div><b>{escape(head)}</b></div>"]
        parts += [_heat_map(text, got) for text in got.texts]
        note = "Red: towards the emotion, blue: away from it. Grey: position 0 and special tokens."
        return (
            "".join(parts) + f"<div>{note} Of each text the {TOP} emotions of highest mean.</div>"
        )


def _heat_map(text: TokenReading, got: TokenReadings) -> str:
    """The text once per emotion, each token in the colour of its value."""
    mean, most = text.mean(got.place), got.largest(got.place) or 1.0
    order = np.argsort(np.where(np.isfinite(mean), -mean, np.inf))[:TOP]
    rows = []
    for e in order:
        values = text.values[got.place, e]
        tokens = "".join(
            _token(token, mark, float(value) / most, f"{got.emotions[e]} {value:.3f}")
            for token, mark, value in zip(text.tokens, text.marks, values, strict=True)
        )
        label = f"{escape(got.emotions[e])} {mean[e]:.2f}"
        rows.append(
            f"<tr><th scope='row' style='text-align:left;vertical-align:top'>{label}</th>"
            f"<td style='text-align:left;white-space:pre-wrap'>{tokens}</td></tr>"
        )
    return f"<table><tbody>{''.join(rows)}</tbody></table>"


def _token(token: str, mark: Mark, share: float, title: str) -> str:
    """A token on a field of red or blue; its value stands in its title."""
    if mark is not Mark.none or not np.isfinite(share):
        return (
            f"<span style='color:#888' title='{escape(mark.value or title)}'>{escape(token)}</span>"
        )
    colour = "213,94,0" if share >= 0 else "0,114,178"
    field = f"background:rgba({colour},{0.75 * min(abs(share), 1):.2f})"
    return f"<span style='{field}' title='{escape(title)}'>{escape(token)}</span>"


def read(run: LoadedRun, texts: Any, layers: Any, measure: str) -> ReadTexts:
    """See :meth:`emo.api.loaded.LoadedRun.read`."""
    from emo.api.steered import model_of
    from emo.config.enums import LayerRule
    from emo.config.resolve import compose
    from emo.pipeline.token_view import read_tokens, source_of
    from emo.stimuli.free_texts import texts_of

    measure = one_of("measure", measure, [m.value for m in TokenMeasure])
    try:
        given = texts_of(texts)
    except ValueError as error:
        raise ConfigError("texts", texts, f"a text, a chat, or a list of these ({error})") from None
    source = source_of(run, compose(root=run.root), LayerRule.accuracy)
    readings = read_tokens(source, model_of(run), given, layers, TokenMeasure(measure))
    return ReadTexts(readings, run.title)
