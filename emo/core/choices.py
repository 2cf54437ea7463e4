"""The closed choices that the core computes with, under the names that users type and files hold.

Every choice is a ``StrEnum``: a member equals its name as text, so the core takes either. Text comes in
through :func:`chosen`, which refuses what is no member; ``match`` with ``assert_never`` takes it from
there, so that a new member is refused by the type checker until every place that must know it does.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TypeVar, assert_never

MARGIN = 0.8
"""Disattenuated rho from which two geometries count as alike, where no other margin is asked for."""

Choice = TypeVar("Choice", bound=StrEnum)


class UnknownChoice(ValueError):
    """A name that is not among the allowed ones; the message lists those."""


def chosen(choice: type[Choice], value: object, parameter: str) -> Choice:
    """The member of a choice that a text names.

    Parameters
    ----------
    choice
        The enum.
    value
        A member or its text. ``None`` is refused: nothing is named by the text "none".
    parameter
        What the error calls the parameter.

    Raises
    ------
    UnknownChoice
        If no member has this name.

    Example
    -------
    >>> chosen(Removal, "situation", "remove").value
    'situation'
    >>> chosen(Removal, "pca", "remove")
    Traceback (most recent call last):
    ...
    emo.core.choices.UnknownChoice: remove=pca: allowed is none, situation
    """
    for member in choice:
        if isinstance(value, str) and value == member:
            return member
    raise unknown(parameter, value, [member.value for member in choice])


def unknown(parameter: str, value: object, allowed: list[str]) -> UnknownChoice:
    """The error of a name that is not among the allowed ones."""
    return UnknownChoice(f"{parameter}={value}: allowed is {', '.join(allowed)}")


# "global" is a keyword of Python, hence the functional form: Centring["global"].
Centring = StrEnum("Centring", [("neutral", "neutral"), ("global", "global"), ("none", "none")])
Centring.__doc__ = """What is subtracted from the per-emotion vectors (sub-parameter 8).

The vector of the neutral stories, the mean of the per-emotion vectors themselves, or nothing.
"""


class Label(StrEnum):
    """What passages are labelled by: vectors are of it, and halves are of the other."""

    emotion = "emotion"
    situation = "situation"


class EstimatorName(StrEnum):
    """From labelled items to one vector per emotion; see :mod:`emo.core.geometry.estimators`."""

    mean_difference = "mean_difference"
    logistic = "logistic"
    pca = "pca"
    lda = "lda"


DEFAULT_ESTIMATOR = EstimatorName.mean_difference.value
"""The published one, taken where none is named."""


class Removal(StrEnum):
    """What is subtracted from the items before vectors are estimated."""

    none = "none"
    situation = "situation"


class Projection(StrEnum):
    """What acts on activations before any cosine; see :mod:`emo.core.geometry.projections`."""

    none = "none"
    all_but_the_top = "all_but_the_top"
    z_score = "z_score"
    neutral_pcs = "neutral_pcs"


class TokenMeasure(StrEnum):
    """How much of an emotion vector there is in the activation of a token, from the vectors' centre."""

    cosine = "cosine"
    """Of the angle between the two, from -1 to 1; the length of neither counts."""
    projection = "projection"
    """Length of the activation along the vector, in the units of the residual stream."""


class Criterion(StrEnum):
    """The curves over depth whose best layer is chosen and logged for every run."""

    mean_cosine = "mean_cosine"
    """Mean pairwise cosine of the centred vectors, the published criterion; the lowest is the best."""
    reliability = "reliability"
    accuracy = "accuracy"

    @property
    def lower_is_better(self) -> bool:
        """Whether the best layer is the one with the lowest value."""
        return self is Criterion.mean_cosine


class LayerRule(StrEnum):
    """The layer at which models are compared: one of the run's three choices, or half depth."""

    published = "published"
    reliability = "reliability"
    accuracy = "accuracy"
    middle = "middle"

    @property
    def criterion(self) -> Criterion | None:
        """The criterion that the rule follows; None for half depth, which follows none."""
        match self:
            case LayerRule.published:
                return Criterion.mean_cosine
            case LayerRule.reliability:
                return Criterion.reliability
            case LayerRule.accuracy:
                return Criterion.accuracy
            case LayerRule.middle:
                return None
            case _:
                assert_never(self)


class Variant(StrEnum):
    """Whether the model was trained to follow instructions."""

    base = "base"
    instruct = "instruct"


class FloatFormat(StrEnum):
    """What a model, or a quantised one's products, are computed in."""

    fp32 = "fp32"
    bf16 = "bf16"
    fp16 = "fp16"


class OutlierColumns(StrEnum):
    """Whose outliers decide which columns of activations LLM.int8 multiplies as floats."""

    own = "own"
    """Those of the text: each text of a batch has columns of its own."""
    shared = "shared"
    """Those of all texts of the batch, padding included: as bitsandbytes has it."""


class Direction(StrEnum):
    """What steering adds: the emotion's own vector, or a control of the same norm."""

    target = "target"
    opposite = "opposite"
    """The emotion's vector with its sign changed."""
    shuffled = "shuffled"
    """The vector of another emotion."""
    random = "random"
    """The emotion's vectors of all steered layers under one random rotation."""
    permuted = "permuted"
    """The emotion's vectors of all steered layers under one permutation of their dimensions."""


class SteerControl(StrEnum):
    """What a steering vector is compared with: every :class:`Direction` but the target and permuted
    ones, of which there are several (``job.steer.permuted``)."""

    opposite = "opposite"
    shuffled = "shuffled"
    random = "random"

    @property
    def direction(self) -> Direction:
        """The direction of this control."""
        return Direction(self.value)


class Facet(StrEnum):
    """What job=behave measures: right answers under pressure, or constraints in conflict with a task."""

    epistemic = "epistemic"
    procedural = "procedural"
