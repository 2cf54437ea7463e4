"""The page of a run that read passages."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Int

from emo.core.choices import Label
from emo.core.flags import FLAGGED_ANISOTROPY
from emo.core.geometry.valence import VALENCE
from emo.core.records import Descriptors, EmotionVectors, StimulusSet
from emo.report.pages.geometry import Choice, Curve, Geometry, geometry_section, shown_layers
from emo.report.pages.page import Page
from emo.report.pages.passages import passages_section
from emo.report.runs.extract import ACCURACIES, CRITERIA

CURVES = {
    "reliability": ("split-half reliability, stepped up", "orange"),
    "accuracy": ("left-out accuracy, raw centroids", "green"),
    "accuracy_z": ("left-out accuracy, z-scored", "green"),
    "accuracy_lda": ("left-out accuracy, LDA", "green"),
    "mean_cosine": ("mean pairwise cosine", "blue"),
    "rdm_std": ("RDM std", "blue"),
    "anisotropy": ("anisotropy (neutral sentences)", "pink"),
    VALENCE: ("valence: rho with the RDM of poles", "pink"),
}
"""Title and colour of every curve, in the order of the panels."""


NESTED = ("reliability", "accuracy", "accuracy_z", "accuracy_lda")
"""What is known of layers that other situations chose."""


def comprehension_page(
    title: str,
    answer: str,
    text: str,
    d: Descriptors,
    vectors: EmotionVectors,
    stimuli: StimulusSet,
    read: Int[np.ndarray, "layer item"],
    poles: Mapping[str, float],
) -> Page:
    """Geometry at every layer, and every passage with what it is read as there.

    ``read`` is :func:`emo.core.geometry.left_out.read_as`; ``poles`` are by emotion.
    """
    kind, other = str(stimuli.label), "situation" if stimuli.label is Label.emotion else "emotion"
    g = geometry_of(d, vectors, poles, kind)
    passages = passages_section(stimuli, read, shown_layers(g), g.start, kind, other)
    return Page(title, answer, (geometry_section(g), passages), text)


def geometry_of(
    d: Descriptors, vectors: EmotionVectors, poles: Mapping[str, float], kind: str, model: str = ""
) -> Geometry:
    """What the section of the geometry shows of a run that read passages."""
    return Geometry(
        vectors=vectors,
        layers=d.finite_layers,
        start=start_layer(d),
        curves=_curves(d),
        choices=_choices(d),
        cards={
            "accuracy": f"of the passages are read as written (chance {d.chance:.3f})",
            "reliability": "reliability: how well RDMs of two halves agree, stepped up",
            "anisotropy": f"anisotropy; above {FLAGGED_ANISOTROPY} the published flag is set",
        },
        poles=poles,
        kind=kind,
        model=model,
    )


def start_layer(d: Descriptors) -> int:
    """The most accurate layer, or the published one where there is no accuracy."""
    choice = d.choices.get("accuracy")
    return d.best_layer if choice is None else choice.layer


def _curves(d: Descriptors) -> list[Curve]:
    lines: dict[str, tuple[float, str]] = dict.fromkeys(ACCURACIES, (d.chance, "chance"))
    lines["mean_cosine"] = (d.analytic_floor, "analytic floor")
    lines["anisotropy"] = (FLAGGED_ANISOTROPY, "published flag")
    if d.valence is not None:
        lines[VALENCE] = (d.valence.line, "line of the search")
    return [
        Curve(
            name,
            title,
            d.curves[name],
            colour,
            d.intervals.get(name),
            d.nulls.get(name),
            lines.get(name),
        )
        for name, (title, colour) in CURVES.items()
        if name in d.curves and np.isfinite(d.curves[name]).any()
    ]


def _choices(d: Descriptors) -> list[Choice]:
    choices = []
    for name, c in d.choices.items():
        if c is None:
            continue
        interval = (c.low, c.high) if np.isfinite(c.share) else (None, None)
        nested = d.nested.get(name)
        elsewhere = {} if nested is None else {CURVES[m][0]: getattr(nested, m) for m in NESTED}
        choices.append(Choice(CRITERIA[name], c.layer, *interval, name, elsewhere))
    if d.valence is not None:
        choices.append(Choice("highest valence", d.valence.layer, curve=VALENCE))
    return choices
