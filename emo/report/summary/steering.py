"""Steering in a summary: tables of regimes and doses, and three figures per model."""

from __future__ import annotations

import math
from collections.abc import Sequence

from emo.core.steering.dose_response import DoseCell, Mean, Proportion, by_emotion, by_site
from emo.core.steering.regimes import MAJORITY, THIRD, edge
from emo.core.steering.unsteered import all_cells, unsteered_regime, unsteered_texts
from emo.files.names import name_part
from emo.reference import KNIFE_EDGES, published_regime_of
from emo.report.runs.steering import NORMS
from emo.report.runs.steering_figures import dose_response, emotions, regime_map
from emo.report.summary.parts import Drawn, draw_or_say_why
from emo.report.table import Entry, Interval, Table, data_table
from emo.summary.assemble import Summary
from emo.summary.steering import Steered


def steering_tables(s: Summary) -> list[Table]:
    """The regimes of all models, and one table of doses per model; nothing without steering runs."""
    if not s.steering:
        return []
    return [_regimes(s.steering), *(_doses(steered) for steered in s.steering)]


def _name(s: Steered) -> str:
    """The model and the precision as part of a name: a model may be steered in several."""
    return f"{name_part(s.model)}_{name_part(s.precision)}"


def steering_figures(s: Summary) -> list[Drawn]:
    """Three figures per model: dose and response, shift per emotion, map of regimes."""
    return [figure for steered in s.steering for figure in _figures(steered)]


def _doses(s: Steered) -> Table:
    """One row per direction, site and strength."""
    return Table(
        f"steering_{_name(s)}",
        f"Steering: {s.model} ({s.settings})",
        f"Strength x {NORMS[s.sweep.norm]}; strength 0 is the unsteered text, which every other row is "
        "read against. Judged better: texts that the judge scores above zero and above the unsteered "
        "text of the same scenario, among the texts that it can judge. Better and fluent: texts judged "
        "better that the robust rule calls fluent, among the same texts. The 95 % intervals are exact "
        "where each scenario has one text in a row, and otherwise come from drawing whole scenarios; a "
        "mean of fewer than five texts has none. An effect that random directions have as well is not "
        "the emotion's. A question mark after a regime: not sure, because the interval of a share that "
        f"decides it contains its cut-off. Limits from {s.sweep.limits.n_controls} unsteered texts "
        f"({s.sweep.limits.decoding}).",
        (
            *("layers", "strength", "direction", "texts"),
            *("better / judged", "judged better", "fluent / judged", "better and fluent"),
            *("perplexity ratio",),
            *("repetition", "regime, robust", "regime, published", "rules"),
        ),
        tuple(_row(c) for c in all_cells(s.sweep)),
        key=(
            *("layers", "strength", "direction", "better / judged", "judged better"),
            *("better and fluent", "regime, robust"),
        ),
        names=3,
    )


def _figures(s: Steered) -> list[Drawn]:
    """The figures of one model; the table of doses holds the numbers of two of them."""
    doses, ids = _doses(s), (s.run.run_id,)
    return [
        draw_or_say_why(
            f"steering_dose_response_{_name(s)}",
            f"Dose and response: {s.model} ({s.settings})",
            "Against the strength, in mean residual norms of the prompt, from 0 on: the share of texts "
            "judged better than unsteered, the log perplexity ratio under the unsteered model, and "
            "repeated token 3-grams, with 95 % intervals as in the table. Grey: random directions "
            "of the same norm.",
            lambda: (dose_response(s.sweep, s.model), doses),
            ids,
        ),
        draw_or_say_why(
            f"steering_emotions_{_name(s)}",
            f"Shift by emotion: {s.model} ({s.settings})",
            "The judge's score minus its score of the unsteered text of the same scenario; one panel "
            "per emotion and layers. Band: 95 % interval over scenarios, for emotions with five or "
            "more.",
            lambda: (emotions(s.sweep, s.model), _shifts(s)),
            ids,
        ),
        draw_or_say_why(
            f"steering_regimes_{_name(s)}",
            f"Regimes: {s.model} ({s.settings})",
            "Regimes by the published rule, by the robust rule, and by the robust rule for random "
            "directions. Framed: the two rules disagree.",
            lambda: (regime_map(s.sweep, s.model), doses),
            ids,
        ),
    ]


def _shifts(s: Steered) -> Table:
    """The numbers behind the figure of emotions."""
    return data_table(
        ("layers", "strength", "emotion", "direction", "texts", "shift"),
        [
            (d.site, d.strength, d.emotion, d.direction, d.n_texts, _mean(d.shift))
            for d in by_emotion([*unsteered_texts(s.sweep), *s.sweep.steered])
        ],
    )


def _regimes(every: Sequence[Steered]) -> Table:
    """The fourth descriptor: one row per model, precision and site, beside the published regime."""
    rows: list[tuple[Entry, ...]] = []
    for s in every:
        published = published_regime_of(s.run.tags.get("model_id", ""))
        unsteered = unsteered_regime(s.sweep)
        for r in (unsteered, *by_site(s.sweep.steered, s.sweep.limits)):
            steered = r is not unsteered
            study = published if steered else None
            same = None if study is None else "yes" if r.published.name == study else "no"
            robust = r.robust.name + ("" if r.robust.sure else "?")
            layers = r.site if steered else "none (strength 0)"
            nearest = edge(r.published)
            rows.append(
                (
                    *(s.model, s.precision, layers, r.n_texts, robust, r.published.name),
                    *(r.published.shares["repetitive"], r.published.shares["short"]),
                    *(f"{nearest.n_texts} from {nearest.name}", study, same),
                )
            )
    return Table(
        "steering_regime_of_each_model",
        "Steering: regime of each model",
        "Both rules over all texts of the emotions' own vectors at these layers, pooled over strengths "
        "and scenarios; the pooling is this project's reading, and gives the study's five regimes back "
        "on the study's own texts. Strength 0: the model without steering, in this precision; a regime "
        f"that is there already is no effect of steering. Published rule: collapse above {MAJORITY} "
        f"looping texts, else explosive above {THIRD} short ones; to the cut-off: how many texts would "
        f"have to be otherwise for another regime. In the study: {KNIFE_EDGES}; strength 0 was not "
        "recorded. A dash where the study gives no regime.",
        (
            *("model", "precision", "layers", "texts", "regime, robust", "regime, published rule"),
            *("looping", "short", "texts to the cut-off", "in the study", "same by its rule"),
        ),
        tuple(rows),
        key=(
            *("model", "precision", "layers", "texts", "regime, robust", "regime, published rule"),
            "in the study",
        ),
        names=3,
    )


def _row(c: DoseCell) -> tuple[Entry, ...]:
    ratio = c.log_perplexity_ratio
    return (
        c.site,
        c.strength,
        c.direction,
        c.n_texts,
        f"{c.success.k}/{c.success.n}",
        _share(c.success),
        f"{c.fluent_success.k}/{c.fluent_success.n}",
        _share(c.fluent_success),
        Interval(*(math.exp(x) for x in (ratio.value, ratio.low, ratio.high))),
        _mean(c.repetition),
        c.robust.name + ("" if c.robust.sure else "?"),
        c.published.name,
        "disagree" if c.disagree else "agree",
    )


def _share(p: Proportion) -> Interval | None:
    return Interval(p.k / p.n, p.low, p.high) if p.n else None


def _mean(m: Mean) -> Interval:
    return Interval(m.value, m.low, m.high)
