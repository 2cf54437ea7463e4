"""The published protocols of generation, and the part of sub-parameters that changes numbers.

Source: Jeong 2026 (arXiv:2604.11050), sections 2.3 and 4.3, for the two that make conditions; Anthropic
2026 (arXiv:2604.07729) for the frontier recipe. ``conf/subparams`` repeats all with comments for users;
a test holds them equal.
"""

from __future__ import annotations

from typing import Any

from emo.config.enums import Centring, Decoding, Position, Prompts
from emo.config.schema import SubparamsConfig, canonical

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
FRONTIER = SubparamsConfig(
    name="frontier",
    prompts=Prompts.topics,
    samples=12,
    decoding=Decoding.sampled,
    position=Position.from_start,
    with_prompt=False,
    layer="two_thirds",
    centring=Centring["global"],
    unit_norm=False,
)
PROTOCOLS = {protocol.name: protocol for protocol in (MATCHED, LOOSE)}
"""By option of the group ``subparams``: those that make the conditions B, C and D."""
OPTIONS = {**PROTOCOLS, FRONTIER.name: FRONTIER}
"""All options of the group ``subparams``."""

OF_TOPICS = ("topics", "leaks")
"""The fields that matter with texts about topics only."""
SUBPARAMETERS: dict[str, tuple[str, ...]] = {
    "prompts": ("prompts",),
    "samples": ("samples",),
    "decoding": ("decoding",),
    "max_new_tokens": ("max_new_tokens",),
    "position": ("position", "with_prompt"),
    "layer": ("layer",),
    "chat_template": ("chat_template",),
    "centring": ("centring", "unit_norm"),
}
"""The eight sub-parameters in the published order, and the fields each consists of."""


def values(sub: SubparamsConfig, name: str) -> tuple[Any, ...]:
    """The values of a sub-parameter; fields that matter with one of its values only count there."""
    return tuple(getattr(sub, f) for f in _fields(sub, name))


def differing(a: SubparamsConfig, b: SubparamsConfig) -> tuple[str, ...]:
    """Names of the sub-parameters that differ."""
    return tuple(name for name in SUBPARAMETERS if values(a, name) != values(b, name))


def differing_fields(a: SubparamsConfig, b: SubparamsConfig) -> tuple[str, ...]:
    """Names of the fields that differ; one that matters with a value only counts if both have that."""
    shared = [f for name in SUBPARAMETERS for f in _fields(a, name) if f in _fields(b, name)]
    return tuple(f for f in shared if getattr(a, f) != getattr(b, f))


def identity(sub: SubparamsConfig) -> dict[str, Any]:
    """The part of the sub-parameters that can change a number, as JSON values."""
    out: dict[str, Any] = {}
    for name in SUBPARAMETERS:
        for field, value in zip(_fields(sub, name), values(sub, name), strict=True):
            if field != "with_prompt" or not value:  # was added when there were runs already
                out[field] = canonical(value)
    for field in replicate_fields(sub):
        out[field] = canonical(getattr(sub, field))
    return out


def replicate_fields(sub: SubparamsConfig) -> tuple[str, ...]:
    """The fields whose other values give a replicate, if they change a text at these settings."""
    fields = {
        "seed": sub.decoding is Decoding.sampled,
        "templates": sub.prompts is not Prompts.paragraph,
    }
    return tuple(field for field, matters in fields.items() if matters)


def _fields(sub: SubparamsConfig, name: str) -> tuple[str, ...]:
    more: dict[str, tuple[str, ...]] = {
        "prompts": OF_TOPICS if sub.prompts is Prompts.topics else (),
        "decoding": ("temperature", "top_p") if sub.decoding is Decoding.sampled else (),
        "position": ("start",) if sub.position is Position.from_start else (),
    }
    return SUBPARAMETERS[name] + more.get(name, ())
