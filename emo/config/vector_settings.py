"""The settings that decide what a run's emotion vectors are: one table that all parts iterate.

A further setting is a field of ``VectorsConfig`` or ``MethodConfig`` (or one of another group, such as
``precision.nudge``) and a row here. Run identity,
checks of the command line, selection of logged runs, steering, commands, titles and methods text
take it from the row.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from emo.config.enums import (
    EstimatorName,
    JobName,
    Label,
    MethodName,
    Projection,
    Prompts,
    Readout,
    Removal,
)
from emo.config.logged import config_of
from emo.config.readouts import readout_row
from emo.config.schema import RunConfig, canonical

Words = Mapping[str, str] | Callable[[str], str]
"""What a value is called: by value, or made from it."""

EXTRACTIONS = frozenset(JobName) - {JobName.ablate, JobName.sensitivity, JobName.methods}
"""The jobs that read passages in one way; two others read texts that the model writes, and job=methods
takes readouts and estimators by lists of its own."""


@dataclass(frozen=True)
class VectorSetting:
    """One setting that changes what a run's emotion vectors are."""

    name: str
    """Dotted, as in an override: ``vectors.projection``."""
    default: str
    """The published value, and what runs had that were logged before there was the setting."""
    title: Words
    """What a value adds to the title of a run."""
    methods: Words
    """What a value adds to the methods text of a summary."""
    jobs: frozenset[JobName]
    """The jobs that take another value than the default, with method=comprehension."""
    because: str = ""
    """Why others do not, as the end of the error message."""
    only_with: tuple[str, str] | None = None
    """Another setting and the value of it that this one matters with; None: it always does."""
    unlike_a: str = "{name}={value}"
    """How the note of a run says that another value makes it none of condition A; empty: not at all."""
    generation: bool = False
    """Whether job=extract takes another value with method=generation, too."""
    of_topics: bool = False
    """Whether it takes another value with method=generation where the texts are about topics: these
    have neutral texts written the same way."""
    identified: bool = False
    """Whether the default is part of a run's identity, too. Of a setting that is added it must not
    be: the fingerprints of all earlier runs would change."""

    @property
    def group(self) -> str:
        """The group of the config that has the setting: ``vectors``."""
        return self.name.rsplit(".", 1)[0]

    @property
    def field(self) -> str:
        """The name within its group: ``projection``."""
        return self.name.rsplit(".", 1)[1]

    @property
    def tag(self) -> str:
        """The tag by which a run says what the vectors are that it took from another run."""
        return f"vectors_{self.field}"

    @property
    def default_words(self) -> str:
        """The default as it is written in an override."""
        return "null" if self.default == str(None) else self.default

    def value(self, config: RunConfig) -> str:
        """The value in a config, as it is written in an override."""
        return str(canonical(_get(config, self.name)))

    def allows(self, config: RunConfig) -> bool:
        """Whether the job and the method of a config take another value than the default."""
        topics = self.of_topics and config.subparams.prompts is Prompts.topics
        reads = config.method.name is MethodName.comprehension or self.generation or topics
        return reads and config.job.name in self.jobs

    def title_of(self, config: RunConfig) -> str:
        """What the setting adds to the title of a run."""
        return _words(self.title, self.value(config))

    def methods_of(self, config: RunConfig) -> str:
        """What the setting adds to the methods text of a summary."""
        return _words(self.methods, self.value(config))


VECTOR_SETTINGS: tuple[VectorSetting, ...] = (
    VectorSetting(
        "method.readout",
        default=Readout.last,
        title=lambda value: readout_row(Readout(value)).title,
        methods=lambda value: readout_row(Readout(value)).sentence,
        jobs=EXTRACTIONS,
        because=", which reads at subparams.position",
        unlike_a="A reads the last token, this is {value}",
        identified=True,
    ),
    VectorSetting(
        "method.suffix",
        default="The character is feeling",
        title=lambda _: "",
        methods=lambda _: "",
        jobs=frozenset(JobName),
        only_with=("method.readout", Readout.suffix),
        unlike_a="",
        identified=True,
    ),
    VectorSetting(
        "vectors.remove",
        default=Removal.none.value,
        title={Removal.none.value: "", Removal.situation.value: "situation means removed"},
        methods={
            Removal.none.value: "",
            Removal.situation.value: "situation means were removed first",
        },
        jobs=EXTRACTIONS,
        identified=True,
    ),
    VectorSetting(
        "method.estimator",
        default=EstimatorName.mean_difference,
        title={
            EstimatorName.mean_difference: "",
            EstimatorName.logistic: "logistic probes",
            EstimatorName.pca: "components of differences",
            EstimatorName.lda: "whitened means (LDA)",
        },
        methods={
            EstimatorName.mean_difference: "",
            EstimatorName.logistic: "vectors are weights of one-vs-rest logistic probes (L2, C = 1)",
            EstimatorName.pca: "vectors are leading components of differences (RepE)",
            EstimatorName.lda: "vectors are means in the metric of the covariance within emotions",
        },
        jobs=EXTRACTIONS,
        generation=True,
    ),
    VectorSetting(
        "vectors.projection",
        default=Projection.none.value,
        title={
            Projection.none.value: "",
            Projection.all_but_the_top.value: "leading components removed",
            Projection.z_score.value: "dimensions z-scored",
            Projection.neutral_pcs.value: "components of neutral sentences removed",
        },
        methods=lambda value: f"activations were projected ({value})" * (value != "none"),
        jobs=frozenset(
            {
                *(JobName.extract, JobName.summarize, JobName.axes, JobName.read),
                *(JobName.validate, JobName.steer),
            }
        ),
        of_topics=True,
    ),
    VectorSetting(
        "stimuli.label",
        default=Label.emotion,
        title={Label.emotion: "", Label.situation: "vectors of situations"},
        methods={Label.emotion: "", Label.situation: "passages are labelled by their situations"},
        jobs=frozenset({JobName.extract, JobName.summarize}),
        because="; situation is for job=extract and job=summarize with method=comprehension",
        unlike_a="its vectors are of situations",
    ),
    VectorSetting(
        "precision.nudge",
        default=str(None),
        title=lambda value: "inputs moved by one unit in the last place" * (value != str(None)),
        methods=lambda value: (
            f"the model's inputs were moved by one unit in the last place (seed {value})"
            * (value != str(None))
        ),
        jobs=frozenset({JobName.extract}),
        because="; job=extract reads moved inputs, job=precision with job.precision.nudge",
        unlike_a="its inputs are moved by one unit in the last place ({name}={value})",
        generation=True,
    ),
)


def by_name(name: str) -> VectorSetting:
    """The row of a setting; an unknown name is a KeyError."""
    return {s.name: s for s in VECTOR_SETTINGS}[name]


def _get(config: RunConfig, name: str) -> Any:
    """The value of a field by its dotted name."""
    return functools.reduce(getattr, name.split("."), config)


def applying(values: Mapping[str, str]) -> dict[str, str]:
    """The values that vectors depend on, of the values of all settings by dotted name."""
    return {
        s.name: values[s.name]
        for s in VECTOR_SETTINGS
        if s.only_with is None or values[s.only_with[0]] == s.only_with[1]
    }


def values_of(config: RunConfig) -> dict[str, str]:
    """The values that the vectors of a config depend on, by dotted name."""
    return applying({s.name: s.value(config) for s in VECTOR_SETTINGS})


def values_in_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """The values of the vectors that a run took from another run, from its tags."""
    return applying({s.name: tags.get(s.tag, s.default) for s in VECTOR_SETTINGS})


def changed(config: RunConfig) -> list[VectorSetting]:
    """The settings whose value in a config is not the published one."""
    values = values_of(config)
    return [s for s in VECTOR_SETTINGS if values.get(s.name, s.default) != s.default]


def identity(config: RunConfig) -> dict[str, dict[str, str]]:
    """What of a run's identity the settings decide, by group and field."""
    groups: dict[str, dict[str, str]] = {}
    values = values_of(config)
    for s in VECTOR_SETTINGS:
        if s.name in values and (s.identified or values[s.name] != s.default):
            groups.setdefault(s.group, {})[s.field] = values[s.name]
    return groups


def titles(config: RunConfig) -> list[str]:
    """What the settings add to the title of a run: "last token", "dimensions z-scored"."""
    words = (s.title_of(config) for s in VECTOR_SETTINGS)
    return [text for text in words if text]


def methods_text(config: RunConfig) -> dict[str, str]:
    """What the settings add to the methods text of a summary, by dotted name."""
    words = {s.name: s.methods_of(config) for s in VECTOR_SETTINGS}
    return {name: text for name, text in words.items() if text}


def _words(words: Words, value: str) -> str:
    return words(value) if callable(words) else words[value]


def with_defaults(config: RunConfig) -> RunConfig:
    """The config with the published vectors: every setting that always applies has its default."""
    plain = [s for s in VECTOR_SETTINGS if s.only_with is None]
    defaults = config_of({s.name: s.default for s in plain})
    for s in plain:
        holder = replace(_get(config, s.group), **{s.field: _get(defaults, s.name)})
        config = replace(config, **{s.group: holder})
    return config
