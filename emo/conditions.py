"""The one table of conditions A to D: what makes each, which one a config is, what runs call it.

Source: Jeong 2026 (arXiv:2604.11050), sections 2.3 and 4.3. Conditions A, B and C are published at
fp16; here they are recognised at every precision that is not quantised, because layers 1 and 2 ask
about method and sub-parameters, and a run says its precision besides.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from emo.config import precisions, vector_settings
from emo.config.enums import JobName, MethodName, PrecisionName, Projection, Prompts, Templates
from emo.config.schema import RunConfig, SubparamsConfig, canonical
from emo.core.conditions.four_layer import FORCED, HALVES, NUDGED
from emo.errors import ConfigError
from emo.generation.protocols import OPTIONS, PROTOCOLS, differing_fields, replicate_fields

MOVED = "with inputs moved by one unit in the last place"
NONE = "none"
"""What a run of no condition is tagged with."""


@dataclass(frozen=True)
class Replicate:
    """The one field in which a condition differs from the condition that it replicates."""

    field: str
    value: Any
    words: str
    """What the note of a run says of a value, after the name of the condition."""
    others: bool = False
    """Whether any other value than the protocol's makes the replicate, too."""

    def matches(self, sub: SubparamsConfig, protocol: SubparamsConfig) -> bool:
        """Whether sub-parameters that follow the protocol otherwise are of this replicate."""
        value = getattr(sub, self.field)
        return value != getattr(protocol, self.field) if self.others else value == self.value


@dataclass(frozen=True)
class ConditionRow:
    """One condition of the four-layer table."""

    name: str
    """What tables, commands, ``job.summarize.make`` and the methods text call it."""
    protocol: str = ""
    """Option of the group ``subparams``; empty: the model reads passages (method=comprehension)."""
    replicate: Replicate | None = None
    precision: PrecisionName | None = None
    """None: the common precision of A, B and C, which is not quantised."""
    forced: bool = False
    """Whether it reads the texts that the model writes in the common precision."""
    nudge: int | None = None
    """Seed by which its inputs are moved by one unit in the last place: a replicate that differs in
    nothing but rounding, with any other seed, too. None: they are not moved."""
    tag: str = ""
    """What its runs are tagged with, where several conditions share a tag; empty: the name."""

    @property
    def logged_as(self) -> str:
        """What the runs of the condition are tagged with."""
        return self.tag or self.name

    @property
    def in_words(self) -> str:
        """What it is, for readers who do not know its letter.

        Example
        -------
        >>> by_name("C").in_words, by_name("D'").in_words
        ('the model writes, matched settings', 'D with inputs moved by one unit in the last place')
        """
        if not self.protocol:
            return "the model reads passages"
        if (r := self.replicate) is not None:
            return f"{_whole(self)} {r.words.format(canonical(r.value))}"
        if self.nudge is not None:
            return f"{_whole(self)} {MOVED}"
        words = f"the model writes, {self.protocol} settings"
        if self.precision is None:
            return words
        if self.forced:
            return f"the model in {self.precision} reads the texts that it writes in full precision"
        return f"{words}, in {self.precision}"

    @property
    def sub(self) -> SubparamsConfig:
        """The sub-parameters of the condition."""
        sub = PROTOCOLS[self.protocol]
        if self.replicate is None:
            return sub
        return replace(sub, **{self.replicate.field: self.replicate.value})

    @property
    def overrides(self) -> tuple[str, ...]:
        """What makes the condition on the command line, after ``model=... precision=...``.

        ``{precision}`` stands for the common precision.
        """
        if not self.protocol:
            words = [f"method={MethodName.comprehension}"]
            plain = (s for s in vector_settings.VECTOR_SETTINGS if s.only_with is None)
            words += [f"{s.name}={s.default}" for s in plain if s.group == "method"]
            return (*words, "precision={precision}")
        words = [f"method={MethodName.generation}", f"subparams={self.protocol}"]
        if (r := self.replicate) is not None:
            words.append(f"subparams.{r.field}={canonical(r.value)}")
        words.append(f"precision={self.precision or '{precision}'}")
        if self.forced:
            words.append("subparams.texts_from={precision}")
        if self.nudge is not None:
            words.append(f"precision.nudge={self.nudge}")
        return tuple(words)


SEED = Replicate("seed", 1, "with seed {}", others=True)
ODD, EVEN = (
    Replicate("templates", half, "with the {} half of the templates")
    for half in (Templates.odd, Templates.even)
)

CONDITIONS: tuple[ConditionRow, ...] = (
    ConditionRow("A"),
    ConditionRow("B", "loose"),
    ConditionRow("B'", "loose", SEED),
    ConditionRow("C", "matched"),
    ConditionRow(HALVES[0], "matched", ODD, tag="C'"),
    ConditionRow(HALVES[1], "matched", EVEN, tag="C'"),
    ConditionRow("D", "matched", precision=PrecisionName.int8),
    ConditionRow(FORCED, "matched", precision=PrecisionName.int8, forced=True, tag="D"),
    ConditionRow(NUDGED["D"], "matched", precision=PrecisionName.int8, nudge=0),
    ConditionRow(
        NUDGED[FORCED], "matched", precision=PrecisionName.int8, forced=True, nudge=0, tag="D'"
    ),
)
"""In the order of tables. Those of ``emo.core.conditions.four_layer.CONTRASTS`` are compared."""


def names() -> tuple[str, ...]:
    """All conditions, in the order of tables."""
    return tuple(row.name for row in CONDITIONS)


def by_name(name: str) -> ConditionRow:
    """The row of a condition.

    Raises
    ------
    ConfigError
        If there is no such condition.
    """
    for row in CONDITIONS:
        if row.name == name:
            return row
    raise ConfigError("job.summarize.make", name, names())


def in_common_precision(name: str) -> bool:
    """Whether a condition is in the precision that A, B and C have in common."""
    return by_name(name).precision is None


def overrides(name: str, precision: str) -> str:
    """What makes a condition, as the end of a command line; A, B and C are in ``precision``."""
    return " ".join(by_name(name).overrides).format(precision=precision)


def condition_config(name: str, config: RunConfig) -> RunConfig:
    """The config of job=extract that makes a condition of the configured model.

    Raises
    ------
    ConfigError
        If there is no such condition, or the precision of A, B and C would be quantised.
    """
    row = by_name(name)
    if config.precision.quantised:
        allowed = f"{precisions.listed_unquantised()} with job.summarize.make"
        raise ConfigError("precision", config.precision.label, allowed)
    method = MethodName.generation if row.protocol else MethodName.comprehension
    plain = vector_settings.with_defaults(config)
    made = replace(
        plain,
        job=replace(config.job, name=JobName.extract),
        method=replace(plain.method, name=method),
    )
    if not row.protocol:
        return made
    sub = replace(row.sub, prompts_path=config.subparams.prompts_path)
    if row.forced:
        sub = replace(sub, texts_from=config.precision.name)
    precision = replace(made.precision, nudge=row.nudge)
    if row.precision is not None:
        precision = replace(precision, name=row.precision)
    return replace(made, subparams=sub, precision=precision)


def planned(config: RunConfig) -> dict[str, RunConfig]:
    """The configs of the conditions in ``job.summarize.make``.

    Raises
    ------
    ConfigError
        If there is no such condition, or the precision of A, B and C would be quantised.
    """
    return {name: condition_config(name, config) for name in config.job.summarize.make}


def logged_name(tag: str, method: str, sub: SubparamsConfig, forced: bool) -> str | None:
    """The condition of a logged run from its tag; None if it is none.

    Where several conditions share a tag, the sub-parameters and the teacher-forcing decide.
    """
    story = method != MethodName.comprehension
    rows = [r for r in CONDITIONS if r.logged_as == tag and bool(r.protocol) == story]
    if len(rows) > 1:
        rows = [r for r in rows if r.forced == forced]
    if len(rows) > 1:
        rows = [
            r
            for r in rows
            if r.replicate is None or r.replicate.matches(sub, PROTOCOLS[r.protocol])
        ]
    return rows[0].name if rows else None


@dataclass(frozen=True)
class Recognised:
    """The condition that a run is tagged with, ``none`` if it is none, and why in words."""

    name: str
    note: str


def recognise(config: RunConfig) -> Recognised:
    """The condition (A, B, C, D; B', C' and D' are replicates) from the resolved values.

    Prompts and the thinking of a template are not among these, so that a study with prompts of its own,
    or of models that think, has conditions, too; the note says so then.
    """
    if config.method.name is MethodName.comprehension:
        return _comprehension(config)
    recognised, notes = _generation(config), []
    if (path := config.subparams.prompts_path) is not None:
        notes.append(f"the prompts are the user's own ({Path(path).name})")
    if config.subparams.chat_template and config.model.thinking is not None:
        notes.append(f"the template's thinking is {'on' if config.model.thinking else 'off'}")
    return replace(recognised, note="; ".join([recognised.note, *notes]))


def _comprehension(config: RunConfig) -> Recognised:
    reasons = [
        setting.unlike_a.format(name=setting.name, value=setting.value(config))
        for setting in vector_settings.changed(config)
        if setting.unlike_a
    ]
    if config.precision.quantised:
        reasons.append(f"A is not quantised, this is {config.precision.label}")
    if reasons:
        return Recognised(NONE, "; ".join(reasons))
    return Recognised("A", f"comprehension, {config.precision.label}{_published(config)}")


def _generation(config: RunConfig) -> Recognised:
    reasons = [
        setting.unlike_a.format(name=setting.name, value=setting.value(config))
        for setting in vector_settings.changed(config)
        if setting.group == "method" and setting.unlike_a
    ]
    if reasons:
        return Recognised(NONE, "; ".join(reasons))
    for row in CONDITIONS:
        if row.protocol and _is(row, config):
            return Recognised(row.logged_as, _note(row, config))
    return Recognised(NONE, "; ".join(_unlike(config)))


def _is(row: ConditionRow, config: RunConfig) -> bool:
    """Whether a generation config is of a condition."""
    sub, precision, protocol = config.subparams, config.precision, PROTOCOLS[row.protocol]
    right_precision = (
        not precision.quantised if row.precision is None else precision.name is row.precision
    )
    if differing_fields(sub, protocol) or not right_precision or _forced(config) != row.forced:
        return False
    if (precision.nudge is None) != (row.nudge is None):
        return False
    for field in replicate_fields(sub):
        if row.replicate is not None and row.replicate.field == field:
            if not row.replicate.matches(sub, protocol):
                return False
        elif getattr(sub, field) != getattr(protocol, field):
            return False
    return row.replicate is None or row.replicate.field in replicate_fields(sub)


def _forced(config: RunConfig) -> bool:
    return config.subparams.texts_from not in (None, config.precision.name)


def _note(row: ConditionRow, config: RunConfig) -> str:
    if (r := row.replicate) is not None:
        return f"{_whole(row)} {r.words.format(canonical(getattr(config.subparams, r.field)))}"
    if row.nudge is not None:
        return f"{_whole(row)} {MOVED}{_variant(config)}"
    note = f"{row.protocol}, {config.precision.label}"
    if row.precision is None:
        note += _published(config)
    if row.forced:
        note += f", reading the texts of {config.subparams.texts_from}"
    return note + _variant(config)


def _variant(config: RunConfig) -> str:
    """What is said of INT8 that is not read and written as by default."""
    match config.precision.variant:
        case "alone":
            return "; a variant: one text at a time"
        case "shared":
            return "; a variant: texts in a batch change each other"
        case _:
            return ""


def _whole(row: ConditionRow) -> str:
    """The condition that a row replicates."""
    kind = (row.protocol, row.precision, row.forced)
    return next(
        o.name
        for o in CONDITIONS
        if (o.protocol, o.precision, o.forced) == kind and o.replicate is None and o.nudge is None
    )


def _unlike(config: RunConfig) -> list[str]:
    """Why a generation config is no condition."""
    sub, precision = config.subparams, config.precision
    if sub.prompts is Prompts.topics:
        others = ", ".join(differing_fields(sub, OPTIONS["frontier"]))
        kept = ", no components removed" * (config.vectors.projection is Projection.none)
        return [f"the frontier recipe{f' with other {others}' if others else ''}{kept}"]
    reasons, verb = [], "it differs in"
    for protocol, its in PROTOCOLS.items():
        fields = ", ".join(differing_fields(sub, its)) or "nothing"
        reasons.append(f"from {protocol} ({', '.join(_wholes(protocol))}) {verb} {fields}")
        verb = "in"
    if precision.quantised and precision.name not in {row.precision for row in CONDITIONS}:
        reasons.append(f"no condition has precision {precision.label}")
    for protocol, its in PROTOCOLS.items():
        plain = all(row.precision is None for row in CONDITIONS if row.protocol == protocol)
        if precision.quantised and plain and not differing_fields(sub, its):
            names = ", ".join(_wholes(protocol))
            reasons.append(f"{names} is not quantised, this is {precision.label}")
    if _forced(config):
        reasons.append(f"it reads the texts of {sub.texts_from}")
    if precision.nudge is not None:
        reasons.append(f"its inputs are moved by one unit in the last place ({precision.label})")
    if sub.prompts is Prompts.stories and sub.templates is not Templates.all:
        reasons.append(f"it has the {sub.templates} half of the templates")
    return reasons


def _wholes(protocol: str) -> tuple[str, ...]:
    """The conditions with a protocol that replicate no other, as their runs are tagged."""
    rows = (
        r for r in CONDITIONS if r.protocol == protocol and r.replicate is None and r.nudge is None
    )
    return tuple(dict.fromkeys(row.logged_as for row in rows))


def _published(config: RunConfig) -> str:
    published = precisions.PUBLISHED
    return "" if config.precision.name is published else f" (published at {published})"
