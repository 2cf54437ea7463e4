"""What job=axes says of one model: sentences, metrics and tables."""

from __future__ import annotations

from math import isfinite

from emo.core.compare.axes import AxisFinding
from emo.core.compare.axes_result import AxesResult
from emo.core.compare.axis_statistics import Measure
from emo.errors import first_of
from emo.files.csv_files import csv_text
from emo.reference.axes import PUBLISHED_AXES
from emo.report.runs.extract import RANDOM
from emo.report.runs.terminal import heading

LEXICAL = "lexical valence"
"""What the mean valence of the words of an emotion's texts is called."""
BEYOND = "beyond what permuted norms give"
CHANCE = "no more than the search finds by chance"
NUMBERS = ("value", "low", "high", "line", "p", "other")
COLUMNS = (
    *("source", "rating", "measure", "held_fixed", "layer", "component", "share"),
    *(*NUMBERS, "note"),
)
"""Of the table of findings."""


def terminal_text(result: AxesResult, title: str, note: str) -> str:
    """Every rating with its findings, the plane, and published figures."""
    n = len(result.emotions) + len(result.unrated)
    lines = [
        *heading(title, note),
        f"  norms: {result.norms}, {len(result.emotions)} of {n} emotions",
    ]
    if result.licence:
        lines.append(f"  licence of the norms: {result.licence}")
    if result.unrated:
        lines.append(f"  without a norm, left out: {first_of(result.unrated, ', ')}")
    if not result.findings:
        lines.append("  no layer has finite activations of all these emotions: nothing to compare")
    for rating in result.ratings:
        lines += _of_rating(result, rating)
    lines += _plane(result)
    return "\n".join([*lines, *_held(result), *_published(result.ratings)])


def answer(result: AxesResult, random: bool = False) -> str:
    """What each rating finds in the geometry, in one sentence per rating."""
    sentences = [RANDOM] if random else []
    for rating in result.ratings:
        rdm, component = (result.finding(rating, m) for m in (Measure.rdm, Measure.component))
        best = rdm if rdm is not None else component
        if best is not None:
            where = "the RDM" if best is rdm else "a component"
            sentences.append(f"{rating.capitalize()} in {where}: {sentence(best)}.")
    if not result.findings:
        sentences.append("No layer has finite activations of all rated emotions.")
    return " ".join(sentences)


def _of_rating(result: AxesResult, rating: str) -> list[str]:
    component = result.finding(rating, Measure.component)
    rdm = result.finding(rating, Measure.rdm)
    lines = [] if component is None else [f"  {rating}: {sentence(component)}", *_other(component)]
    if rdm is not None:
        lines += [f"    RDM: {sentence(rdm)}", *_other(rdm)]
    for measure, words in ((Measure.component, "held fixed"), (Measure.rdm, "held fixed, RDM")):
        fixed = result.finding(rating, measure, fixed=True)
        if fixed is not None:
            lines.append(f"    {' and '.join(fixed.held)} {words}: {sentence(fixed)}")
        elif others := next((f.held for f in result.findings if f.held), ()):
            left = f"nothing of {rating} is left, the words of the texts alone hold it"
            lines.append(f"    {' and '.join(others)} {words}: {left}")
    return lines


def sentence(finding: AxisFinding) -> str:
    """The value with its interval and place, the line of the search, and what that means."""
    name = "rho" if finding.component is None else "r"
    bounds = f" ({finding.low:.2f} to {finding.high:.2f})" if isfinite(finding.low) else ""
    place = f"layer {finding.layer}"
    if finding.component is not None:
        place += f", component {finding.component} ({finding.share or 0:.0%} of variance)"
    meaning = BEYOND if finding.shown else CHANCE
    return (
        f"{name} {finding.value:.2f}{bounds} at {place}; line of the search {finding.line:.2f}, "
        f"p {finding.p:.2g}: {meaning}"
    )


def _other(finding: AxisFinding) -> list[str]:
    if finding.other is None:
        return []
    what = "layer" if finding.component is None else "layer and component"
    return [f"      {what} chosen on other texts: {finding.other:.2f}, on half of the texts"]


def _plane(result: AxesResult) -> list[str]:
    if result.plane is None:
        return []
    plane = result.plane
    first, second = plane.components
    return [
        f"  plane: layer {plane.layer}, components {first} and {second}, turned onto the norms by least "
        f"squares: r {plane.r[0]:.2f} with valence, {plane.r[1]:.2f} with arousal, "
        f"{plane.explained:.0%} of the norms' variance (on the emotions that turned it)"
    ]


def _held(result: AxesResult) -> list[str]:
    """What could not be held fixed, and what lexical valence rests on."""
    if result.findings and not any(f.held for f in result.findings):
        return [
            "  nothing of the texts is held fixed: too few emotions, or texts that do not differ in it"
        ]
    if LEXICAL not in result.per_emotion:
        return [f"  {LEXICAL} is not held fixed: an emotion's texts have no word of the norms"]
    return [f"  {LEXICAL}: {result.words_rated:.0%} of the words of the texts have a norm"]


def _published(ratings: tuple[str, ...]) -> list[str]:
    lines = []
    for rating in ratings:
        rows = [p for p in PUBLISHED_AXES if p.rating == rating]
        words = ", ".join(
            f"{p.r:.2f} {p.model} (component {p.component}, {p.source})" for p in rows
        )
        if rows:
            lines.append(f"  published for {rating}, without interval or test: {words}")
    return lines


def prefix(finding: AxisFinding) -> str:
    """The beginning of a finding's names: ``valence_component``, ``arousal_rdm_fixed``."""
    return f"{finding.rating}_{finding.measure.value}{'_fixed' if finding.held else ''}"


def metrics(result: AxesResult) -> dict[str, float | None]:
    """Every finding by its prefix, the plane, and how many emotions were rated."""
    out: dict[str, float | None] = {
        "emotions_rated": len(result.emotions),
        "emotions_unrated": len(result.unrated),
        "words_rated": result.words_rated,
    }
    for f in result.findings:
        name = prefix(f)
        out |= {name: f.value, f"{name}_layer": f.layer, f"{name}_number": f.component}
        out |= {f"{name}_{field}": getattr(f, field) for field in ("share", *NUMBERS[1:])}
        out[f"{name}_shown"] = float(f.shown)
    if result.plane is not None:
        out |= {
            "plane_valence_r": result.plane.r[0],
            "plane_arousal_r": result.plane.r[1],
            "plane_explained": result.plane.explained,
        }
    return {name: v if v is not None and isfinite(v) else None for name, v in out.items()}


def findings_csv(result: AxesResult) -> str:
    """One row per finding, and one per published figure."""
    rows: list[dict[str, object]] = [
        {
            "source": "this run",
            "rating": f.rating,
            "measure": f.measure.value,
            "held_fixed": " and ".join(f.held),
            "layer": f.layer,
            **{name: _cell(getattr(f, name)) for name in ("component", "share", *NUMBERS)},
        }
        for f in result.findings
    ]
    rows += [
        {
            "source": p.source,
            "rating": p.rating,
            "measure": Measure.component.value,
            "component": p.component,
            "value": p.r,
            "note": f"{p.model}: {p.note}",
        }
        for p in PUBLISHED_AXES
        if p.rating in result.ratings
    ]
    return csv_text(COLUMNS, [[row.get(name, "") for name in COLUMNS] for row in rows])


def layers_csv(result: AxesResult) -> str:
    """The best value of every layer, per finding."""
    rows = [
        (f.rating, f.measure.value, " and ".join(f.held), layer, _cell(float(value)))
        for f in result.findings
        for layer, value in enumerate(f.curve)
    ]
    return csv_text(("rating", "measure", "held_fixed", "layer", "value"), rows)


def emotions_csv(result: AxesResult) -> str:
    """Ratings, covariates and the place in the plane, per emotion."""
    columns = {name.replace(" ", "_"): values for name, values in result.per_emotion.items()}
    if result.plane is not None:
        columns |= {
            "plane_valence": result.plane.valence,
            "plane_arousal": result.plane.arousal,
            "plane_rated_valence": result.plane.rated_valence,
            "plane_rated_arousal": result.plane.rated_arousal,
        }
    rows = [
        (emotion, *(_cell(float(values[i])) for values in columns.values()))
        for i, emotion in enumerate(result.emotions)
    ]
    return csv_text(("emotion", *columns), rows)


def _cell(value: float | None) -> object:
    return "" if value is None or not isfinite(value) else value
