"""The published protocols, and which of them a config is.

Source: Jeong 2026 (arXiv:2604.11050), sections 2.3 and 4.3. Conditions A, B and C are published at
fp16; here they are recognised at every precision that is not quantised, because layers 1 and 2 ask
about method and sub-parameters, and a run says its precision besides.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from emo.config.enums import (
    Centring,
    Decoding,
    MethodName,
    Position,
    PrecisionName,
    Projection,
    Prompts,
    Readout,
    Removal,
    Templates,
)
from emo.config.schema import RunConfig, SubparamsConfig

MATCHED = SubparamsConfig()
LOOSE = SubparamsConfig(
    name="loose",
    prompts=Prompts.paragraph,
    samples=1,
    decoding=Decoding.sampled,
    max_new_tokens=100,
    position=Position.last,
    layer="best",
    chat_template=False,
    centring=Centring["global"],
    unit_norm=False,
)

SUBPARAMETERS: dict[str, tuple[str, ...]] = {
    "prompts": ("prompts",),
    "samples": ("samples",),
    "decoding": ("decoding",),
    "max_new_tokens": ("max_new_tokens",),
    "position": ("position",),
    "layer": ("layer",),
    "chat_template": ("chat_template",),
    "centring": ("centring", "unit_norm"),
}
"""The eight sub-parameters in the published order, and the fields each consists of."""


@dataclass(frozen=True)
class Recognised:
    """The published condition a run is, ``none`` if it is none, and why in words."""

    name: str
    note: str


def values(sub: SubparamsConfig, name: str) -> tuple[Any, ...]:
    """What a sub-parameter is set to; temperature and top-p count where texts are sampled."""
    return tuple(getattr(sub, f) for f in _fields(sub, name))


def differing(a: SubparamsConfig, b: SubparamsConfig) -> tuple[str, ...]:
    """Names of the sub-parameters that are set otherwise."""
    return tuple(name for name in SUBPARAMETERS if values(a, name) != values(b, name))


def differing_fields(a: SubparamsConfig, b: SubparamsConfig) -> tuple[str, ...]:
    """Names of the fields that are set otherwise; temperature and top-p where both sample."""
    shared = [f for name in SUBPARAMETERS for f in _fields(a, name) if f in _fields(b, name)]
    return tuple(f for f in shared if getattr(a, f) != getattr(b, f))


def identity(sub: SubparamsConfig) -> dict[str, Any]:
    """What of the sub-parameters can change a number, as JSON values."""
    out: dict[str, Any] = {}
    for name in SUBPARAMETERS:
        for field, value in zip(_fields(sub, name), values(sub, name), strict=True):
            out[field] = getattr(value, "value", value)
    if sub.decoding is Decoding.sampled:
        out["seed"] = sub.seed
    if sub.prompts is Prompts.stories:
        out["templates"] = sub.templates.value
    return out


def _fields(sub: SubparamsConfig, name: str) -> tuple[str, ...]:
    more = ("temperature", "top_p") if sub.decoding is Decoding.sampled else ()
    return SUBPARAMETERS[name] + (more if name == "decoding" else ())


def recognise(config: RunConfig) -> Recognised:
    """The condition (A, B, C, D; B' and C' are replicates) from the resolved values.

    Prompts and the thinking of a template are not among these, so that a study with prompts of its own,
    or of models that think, has conditions, too; the note says so then.
    """
    if config.method.name is MethodName.comprehension:
        return _comprehension(config)
    found, notes = _generation(config), []
    if (path := config.subparams.prompts_path) is not None:
        notes.append(f"the prompts are the user's own ({Path(path).name})")
    if config.subparams.chat_template and config.model.thinking is not None:
        notes.append(f"the template's thinking is {'on' if config.model.thinking else 'off'}")
    return replace(found, note="; ".join([found.note, *notes]))


def _generation(config: RunConfig) -> Recognised:
    sub, precision = config.subparams, config.precision
    from_matched, from_loose = differing_fields(sub, MATCHED), differing_fields(sub, LOOSE)
    forced = sub.texts_from not in (None, precision.name)
    half = sub.prompts is Prompts.stories and sub.templates is not Templates.all
    if not from_loose and not precision.quantised and not forced:
        if sub.seed:
            return Recognised("B'", f"B with seed {sub.seed}")
        return Recognised("B", f"loose, {precision.label}{_published(precision.name)}")
    if not from_matched and not precision.quantised and not forced:
        if half:
            return Recognised("C'", f"C with the {sub.templates.value} half of the templates")
        return Recognised("C", f"matched, {precision.label}{_published(precision.name)}")
    if not from_matched and precision.name is PrecisionName.int8 and not half:
        note = f"matched, {precision.label}"
        if forced and sub.texts_from is not None:
            note += f", reading the texts of {sub.texts_from.value}"
        if precision.batched:
            note += "; a variant: texts in a batch change each other"
        return Recognised("D", note)
    reasons = [
        f"from matched (C, D) it differs in {_listed(from_matched)}",
        f"from loose (B) in {_listed(from_loose)}",
    ]
    if precision.quantised and precision.name is not PrecisionName.int8:
        reasons.append(f"no condition has precision {precision.label}")
    if precision.quantised and not from_loose:
        reasons.append(f"B is not quantised, this is {precision.label}")
    if forced and sub.texts_from is not None:
        reasons.append(f"it reads the texts of {sub.texts_from.value}")
    if half:
        reasons.append(f"it has the {sub.templates.value} half of the templates")
    return Recognised("none", "; ".join(reasons))


def _comprehension(config: RunConfig) -> Recognised:
    reasons = []
    if config.method.readout is not Readout.last:
        reasons.append(f"A reads the last token, this is {config.method.readout.value}")
    if config.vectors.remove is not Removal.none:
        reasons.append(f"vectors.remove={config.vectors.remove.value}")
    if config.vectors.projection is not Projection.none:
        reasons.append(f"vectors.projection={config.vectors.projection.value}")
    if config.precision.quantised:
        reasons.append(f"A is not quantised, this is {config.precision.label}")
    if reasons:
        return Recognised("none", "; ".join(reasons))
    label = config.precision.label
    return Recognised("A", f"comprehension, {label}{_published(config.precision.name)}")


def _published(precision: PrecisionName) -> str:
    return "" if precision is PrecisionName.fp16 else " (published at fp16)"


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names) or "nothing"
