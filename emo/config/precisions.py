"""The traits of every precision: one table that schema, loading, selection and jobs read.

A further precision is a member of :class:`~emo.config.enums.PrecisionName`, a row here, and a file
in ``conf/precision``; an engine that is new gets a branch in :mod:`emo.models.quantised`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum, auto

from emo.config.enums import FloatFormat, PrecisionName


class Engine(StrEnum):
    """The code that holds and multiplies the weights of a precision."""

    plain = auto()
    """PyTorch, weights as floats."""
    llm_int8 = auto()
    """bitsandbytes, LLM.int8."""
    bnb_4bit = auto()
    """bitsandbytes, 4-bit weights that are dequantised for every product."""


@dataclass(frozen=True)
class Traits:
    """What the rest of the program may ask about a precision."""

    engine: Engine
    format: FloatFormat | None = None
    """Format of weights and activations; None: ``compute_dtype`` of the precision's ``group``."""
    group: str = ""
    """Field of ``PrecisionConfig`` with the settings of this precision; empty: it has none."""
    identity: tuple[str, ...] = ()
    """Settings of the group that can change a number."""
    causal: bool = True
    """Whether a token's activation is independent of the tokens behind it and of the batch."""
    rounded_buffers: bool = False
    """Whether buffers that stay in fp32 were rounded to the format once; runs name it since."""

    @property
    def quantised(self) -> bool:
        """Whether weights are stored in fewer bits than they are multiplied in."""
        return self.engine is not Engine.plain


FOUR_BIT = Traits(Engine.bnb_4bit, group="four_bit", identity=("compute_dtype",))

TRAITS: dict[PrecisionName, Traits] = {
    PrecisionName.fp32: Traits(Engine.plain, FloatFormat.fp32),
    PrecisionName.bf16: Traits(Engine.plain, FloatFormat.bf16, rounded_buffers=True),
    PrecisionName.fp16: Traits(Engine.plain, FloatFormat.fp16, rounded_buffers=True),
    PrecisionName.int8: Traits(
        Engine.llm_int8,
        group="int8",
        identity=("threshold", "compute_dtype"),
        causal=False,
    ),
    PrecisionName.nf4: FOUR_BIT,
    PrecisionName.fp4: FOUR_BIT,
}

REFERENCE = PrecisionName.fp32
"""The precision that others are compared with; the only one whose texts no batch changes."""

PUBLISHED = PrecisionName.fp16
"""The precision of everything published but condition D (arXiv:2604.11050, section 4.3)."""


NUDGED = "_nudge"
"""Between a precision and the seed by which its inputs are moved, in what tags and tables call it."""


VARIANTS = ("alone", "shared")
"""Other ways to read INT8: one text at a time, and with the outlier columns of a batch shared."""

RETIRED = ("batched",)
"""Variants of INT8 that runs of earlier versions have in their tags."""


def label(name: PrecisionName, variant: str = "", nudge: int | None = None) -> str:
    """What tags and tables call a precision; variants of INT8 and moved inputs have their own names."""
    text = f"{name}_{variant}" if variant else name.value
    return text if nudge is None else f"{text}{NUDGED}{nudge}"


def as_read(label: str) -> str:
    """What a precision with moved inputs is called without them.

    Example
    -------
    >>> as_read("int8_nudge0"), as_read("int8")
    ('int8', 'int8')
    """
    return label.partition(NUDGED)[0]


def traits_of(label: str) -> Traits | None:
    """The traits of the precision that a run has in its tag; None if there is no such precision."""
    name = as_read(label)
    for variant in RETIRED:
        name = name.removesuffix(f"_{variant}")
    return labels().get(name)


def labels() -> dict[str, Traits]:
    """Every label of inputs that are not moved, with the traits of its precision."""
    plain = {label(name): traits for name, traits in TRAITS.items()}
    variants = {label(name, v): TRAITS[name] for name in names_with_variants() for v in VARIANTS}
    return plain | variants


def names_with_variants() -> tuple[PrecisionName, ...]:
    """The precisions whose numbers depend on what is read together."""
    return tuple(name for name, traits in TRAITS.items() if not traits.causal)


def unquantised() -> tuple[str, ...]:
    """Labels of the precisions that are not quantised: those of conditions A, B and C."""
    return tuple(text for text, traits in labels().items() if not traits.quantised)


def listed_unquantised() -> str:
    """The same for error messages: fp32, bf16, fp16."""
    return ", ".join(unquantised())
