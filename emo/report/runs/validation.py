"""What job=validate says: sentences, lines for the terminal, tables and metrics."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from emo.core.validation.findings import RULE, JudgedFinding, Verdict
from emo.core.validation.result import LensTokens, ValidationResult
from emo.core.validation.table import WORDS
from emo.reference.frontier import FRONTIER, SOFRONIEW
from emo.report.runs.extract import RANDOM
from emo.report.runs.terminal import heading
from emo.report.table import records_csv

ENGLISH = (
    "the lens shows tokens of the model's own vocabulary; what a vector promotes in another language is "
    "missed by a reader of English"
)
SHOWN_LENS = 21
"""Emotions whose tokens the terminal shows."""


def answer(result: ValidationResult, random: bool) -> str:
    """What is shown, what is not, what cannot be told; ``random`` says that the weights are."""
    sentences = [RANDOM] if random else []
    by = {v: [j for j in result.findings if j.verdict is v] for v in Verdict}
    n = len(result.findings)
    if n == 0:
        return " ".join([*sentences, "No number could be computed: the notes say why."])
    counts = f"{len(by[Verdict.shown])} are shown, {len(by[Verdict.not_shown])} not shown"
    sentences.append(
        f"Of {n} numbers at layer {result.layer} {counts}, of {len(by[Verdict.unclear])} it cannot be "
        "told."
    )
    if by[Verdict.shown]:
        sentences.append(f"Shown: {'; '.join(_short(j) for j in by[Verdict.shown])}.")
    if by[Verdict.not_shown]:
        sentences.append(f"Not shown: {'; '.join(_short(j) for j in by[Verdict.not_shown])}.")
    return " ".join(sentences)


def _short(j: JudgedFinding) -> str:
    return f"{WORDS[j.finding.name]} {number(j.finding.value)}"


def terminal_text(result: ValidationResult, title: str, note: str) -> str:
    """The lines for the terminal."""
    lines = heading(
        f"{title}: {len(result.emotions)} emotion vectors of run {result.run_id[:8]} validated, layer "
        f"{result.layer} ({result.layer_rule}), {result.form}",
        note,
    )
    lines += [_line(j) for j in result.findings]
    lines.append(f"  {RULE}")
    lines.append(f"  published: {SOFRONIEW}; no figure there has an interval or a test")
    lines += _details(result)
    if result.lens is not None:
        lines += [_lens_line(tokens) for tokens in result.lens.tokens[:SHOWN_LENS]]
        lines.append(f"  {ENGLISH}")
    lines += [f"  note: {note}" for note in result.notes]
    if result.trust:
        lines.append(f"  {result.trust}")
    return "\n".join(lines)


def _line(j: JudgedFinding) -> str:
    f, published = j.finding, FRONTIER[j.finding.name]
    bounds = f" ({number(f.low)} to {number(f.high)})" if math.isfinite(f.low) else ""
    p = f", p {j.corrected:.3f} corrected" if math.isfinite(j.corrected) else ""
    more = f"; replications {published.replications}" if published.replications else ""
    return (
        f"  {j.verdict.value:<14} {WORDS[f.name]}: {number(f.value)}{bounds}{p}, {f.units}; published "
        f"{published.published}{more}"
    )


def _details(result: ValidationResult) -> Iterator[str]:
    """What stands beside the table: shares of first places, single texts, biases, ceilings."""
    if (s := result.scenarios) is not None:
        for name, b in (("first", s.first), ("held-out", s.second)):
            yield (
                f"  scenarios, {name} battery: the own emotion is first in {100 * b.found.first:.0f} % "
                f"(chance {100 * b.found.chance:.0f} %); by the words alone {number(b.surface)} SD"
            )
    if (t := result.numbers) is not None:
        alone = sum(x.rho > 0 and x.p <= 0.05 for x in t.templates)
        yield (
            f"  numbers: {alone} of {len(t.templates)} texts alone follow their number as named (p <= "
            f"0.05 each); mean rho {number(t.rho)} before the control"
        )
    if (turns := result.turns) is not None:
        a = turns.agreement
        yield (
            f"  user's turn and colon: r {number(a.r)} ({number(a.low)} to {number(a.high)}), at most "
            f"{number(a.ceiling)} by the noise of the vectors"
        )
    if (p := result.preference) is not None:
        s = p.scores
        yield (
            f"  preference: answer A by {number(s.bias)} log-odds whatever it is; both orders agree in "
            f"{100 * s.agreeing:.0f} % of pairs; scores explain {100 * s.explained:.0f} %; "
            f"{p.n_discoveries} of {len(p.emotions)} emotions at a false discovery rate of 5 %"
        )
    if (stable := result.layers) is not None:
        yield f"  layers: same items {number(stable.same_mean)}, which texts alone can make"
    lengths = [s.share for s in result.strengths if math.isfinite(s.share)]
    if lengths:
        yield (
            f"  lengths of vectors: {min(lengths):.3f} to {max(lengths):.3f} of the mean residual norm"
        )


def _lens_line(t: LensTokens) -> str:
    return f"  {t.emotion:<14} {_tokens(t.top)}   against {_tokens(t.bottom)}"


def _tokens(tokens: Sequence[str]) -> str:
    return " ".join(token.strip() or repr(token) for token in tokens)


def number(value: float) -> str:
    """Two decimals, of large numbers three digits; ``none`` for what is not finite."""
    if not math.isfinite(value):
        return "none"
    text = f"{value:.2f}" if abs(value) < 100 else f"{value:.3g}"
    return text.replace("-0.00", "0.00")


def metrics(result: ValidationResult) -> dict[str, Any]:
    """The numbers that scripts get."""
    out: dict[str, Any] = {"layer": result.layer}
    for verdict in Verdict:
        key = verdict.value.replace(" ", "_")
        out[key] = sum(j.verdict is verdict for j in result.findings)
    for j in result.findings:
        out[j.finding.name] = j.finding.value
        out[f"{j.finding.name}_p"] = j.corrected
    return out


COLUMNS = (
    *("number", "value (95 %)", "control", "published", "replications", "p (Holm)", "verdict"),
)


def tables(
    result: ValidationResult, by_layer: Mapping[int, Sequence[LensTokens]]
) -> dict[str, str]:
    """CSV files by name: the table, and the values of every part."""
    files = {"validations.csv": records_csv([_row(j) for j in result.findings] or [{"number": ""}])}
    if by_layer:
        rows = [
            {"layer": layer, "emotion": t.emotion, "end": end, "rank": k + 1, "token": token}
            for layer, tokens in by_layer.items()
            for t in tokens
            for end, some in (("top", t.top), ("bottom", t.bottom))
            for k, token in enumerate(some)
        ]
        files["lens.csv"] = records_csv(rows)
    if (s := result.scenarios) is not None:
        rows = [
            {"battery": name, "scenario": i, "meant": m, "emotion": e, "cosine": value}
            for name, b in (("first", s.first), ("held out", s.second))
            for i, m, row in zip(b.ids, b.meant, b.readings, strict=True)
            for e, value in zip(result.emotions, row, strict=True)
        ]
        files["scenarios.csv"] = records_csv(rows)
    if (t := result.numbers) is not None:
        rows = [
            {"text": x.template, "rho": x.rho, "p": x.p, "control": x.control, **x.rhos}
            for x in t.templates
        ]
        names = dict.fromkeys(name for row in rows for name in row)
        files["numbers.csv"] = records_csv([{n: row.get(n, "") for n in names} for row in rows])
    if (p := result.preference) is not None:
        pairs = zip(p.activities, p.scores.elo, strict=True)
        files["activities.csv"] = records_csv([{"activity": a, "elo": e} for a, e in pairs])
        rows = [
            {"emotion": c.name, "r": c.r, "low": c.low, "high": c.high, "p": c.p, "q": q}
            for c, q in zip(p.emotions, p.q, strict=True)
        ]
        files["preference.csv"] = records_csv(rows)
    if (moved := result.preference_steered) is not None:
        rows = [
            {"emotion": x.name, "vector": kind, "r": x.reading}
            | {"elo": x.elo, "low": x.low, "high": x.high}
            for kind, some in (("own", moved.emotions), ("permuted", moved.controls))
            for x in some
        ]
        files["preference_steered.csv"] = records_csv(rows)
    return files


def _row(j: JudgedFinding) -> dict[str, Any]:
    f, published = j.finding, FRONTIER[j.finding.name]
    return {
        "number": f.name,
        "words": WORDS[f.name],
        "value": f.value,
        "low": f.low,
        "high": f.high,
        "nothing": f.nothing,
        "counts_from": f.counts,
        "control": f.control,
        "p": f.p,
        "p_holm": j.corrected,
        "units": f.units,
        "verdict": j.verdict.value,
        "published": published.published,
        "replications": published.replications,
    }


def own_percentile(result: ValidationResult) -> float:
    """Mean percentile of the emotions' own words at the layer; NaN without the lens."""
    return float(np.nan if result.lens is None else result.lens.by_layer[result.layer])
