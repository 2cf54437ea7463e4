"""Settings of single jobs, ``job.NAME.*``; :mod:`emo.config.schema` holds what makes an extraction."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from emo.config.enums import (
    Decoding,
    DialogueFormat,
    EstimatorName,
    ExportFormat,
    ExportScale,
    Facet,
    FlipRule,
    JobName,
    JudgeName,
    LayerRule,
    MethodName,
    Position,
    PrecisionName,
    Readout,
    SamplerName,
    SteerControl,
    SteerNorm,
    SteerPositions,
    SteerVector,
    TokenMeasure,
    Validation,
)
from emo.core.choices import MARGIN

# What fields of one kind allow; emo.config.checks says what each key means.
DRAWS = {"min": 1, "max": 100_000, "why": "it takes memory and changes no figure that is shown"}
SAMPLES = {"min": 1, "max": 10_000, "why": "that many texts per emotion are never written"}
TOKENS = {"min": 1, "max": 131_072, "why": "no model's context is longer"}
COUNT = {"max": 1_000_000}
SHORT = {"text": "job.read.text"}
"""Names that are shorter on the command line -> the parameters."""
KEYWORDS = {"job.import.": "job.import_."}
"""Beginnings of parameters that a field of a dataclass cannot have, as Python keeps the word."""
READ = {"path": "read"}
WRITTEN = {"path": "written"}


@dataclass(frozen=True)
class SummarizeConfig:
    """job=summarize: what is assembled from logged runs, and how much is resampled for it.

    The runs are those of the configured passages, ``method.readout`` and ``vectors``.
    """

    models: list[str] | None = None
    """Names of the models wanted; None: all that are logged, random ones only among themselves, or the
    one of ``make``."""
    layer: LayerRule = LayerRule.published
    permutations: int = field(
        default=10_000, metadata={"min": 1, "max": 1_000_000, "why": "p is never read that far"}
    )
    """Of Mantel tests, and of families where sizes are correlated."""
    n_bootstrap: int = field(default=2000, metadata=DRAWS)
    """Replicates for intervals on all items; ``resampling`` is for the halves."""
    margin: float = field(default=MARGIN, metadata={"above": 0, "max": 1})
    """Two geometries are alike if the whole interval of disattenuated rho is above this."""
    baselines: list[str] = field(
        default_factory=lambda: ["style_counts", "tfidf_words", "tfidf_characters"]
    )
    """Geometries of the texts themselves that models are shown beside."""
    text_share: bool = True
    """Whether it is computed how much of each model's geometry the baselines' features predict."""
    make: list[str] = field(default_factory=list)
    """Conditions of the configured model that are made first where they are not there yet."""


@dataclass(frozen=True)
class SensitivityConfig:
    """job=sensitivity: a study of which sub-parameter matters."""

    name: str = "sensitivity"
    sampler: SamplerName = SamplerName.qmc
    n_trials: int = field(default=64, metadata={**COUNT, "min": 2})
    """Complete trials the study is to have in all, by however many starts and processes."""
    objectives: list[str] = field(default_factory=lambda: ["relative_rho"])
    """Which measured values importances are computed of."""
    storage: str | None = field(default=None, metadata={"secret": True})
    """Database URL, a SQLite file from the project's root; None: a journal in ``mlruns/studies``."""
    take_over: bool = False
    """Whether trials that other hosts left running are marked FAIL, once their processes are gone."""
    space: dict[str, list[Any]] = field(default_factory=dict)
    """Parameter -> the values it may take; those of one value are held fixed."""
    emotions: int | None = field(default=None, metadata={**COUNT, "min": 3})
    """The first so many emotions, for a quick look; None: all."""


@dataclass(frozen=True)
class SteerConfig:
    """job=steer: which vectors, where, how strongly, against what, judged by whom."""

    name: str = "default"
    run: str | None = None
    """Id of the extraction run whose vectors are added; None: the one of this configuration."""
    layers: Any = "best"
    """all, best, a layer, a range such as 8-15 (steered at once), or a list of these."""
    vector: SteerVector = SteerVector.own
    """own: each layer's vector there; best: the best layer's vector wherever it is added."""
    criterion: LayerRule = LayerRule.accuracy
    """What makes a layer the best; published is mean_cosine."""
    positions: SteerPositions = SteerPositions.all
    strengths: list[float] = field(
        default_factory=lambda: [0.025, 0.05, 0.1, 0.2, 0.4],
        metadata={"min": 0, "max": 1e6, "why": "the model's own part of the sum is lost"},
    )
    """In units of the mean residual norm of the prompt at the steered layer."""
    norm: SteerNorm = SteerNorm.mean
    """mean: without the prompt's position 0 and special tokens; mean_all: over all, as published."""
    max_new_tokens: int = field(default=20, metadata=TOKENS)
    """Greedy tokens per text."""
    chat_template: bool = False
    """Whether the scenario is put as a user's turn instead of an opening to be continued."""
    scenarios_path: str | None = field(default=None, metadata=READ)
    """A YAML file like the bundled one."""
    scenarios: list[str] | None = None
    """Ids of the scenarios used; None: all of the file."""
    emotions: list[str] | None = None
    """Added in every scenario; None: each scenario's own emotion."""
    controls: list[SteerControl] = field(default_factory=lambda: list(SteerControl))
    """Directions steered besides the emotion's own, with the same norm."""
    permuted: int = field(
        default=0, metadata={"min": 0, "max": 1000, "why": "their spread gets no surer by it"}
    )
    """Vectors with permuted dimensions per emotion, as controls: with 5 or more it is tested which
    emotions are direction-specific."""
    damage: bool = True
    """Whether plain texts are read under every dose, for the divergence of the predictions."""
    judge: JudgeName = JudgeName.lexicon
    judge_model: str | None = field(default=None, metadata=READ)
    """judge=hf: folder of a text-classification model."""
    judge_encoder: str | None = field(default=None, metadata=READ)
    """judge=embedder: folder of a sentence encoder; None: the installed package's."""
    judge_sets: list[str] = field(default_factory=lambda: ["shown"])
    """judge=embedder: bundled sets of passages, or files of your own, that it is trained on."""
    second_judge: JudgeName | None = None
    """Scores the same texts beside ``judge``; successes of both and their agreement are given."""


@dataclass(frozen=True)
class ExportConfig:
    """job=export: vectors of a logged run as files for other programs."""

    run: str | None = None
    """Id of an extraction run."""
    format: ExportFormat = ExportFormat.safetensors
    emotions: list[str] | None = None
    """None: all of the run."""
    scale: ExportScale = ExportScale.unit
    """residual: times the mean norm of the run's neutral sentences, so that one scale serves all layers.

    That is not job=steer's strength, which is in units of the mean norm of a prompt's tokens.
    """
    folder: str = field(default="exports", metadata=WRITTEN)
    """Where the files go; taken from the project's root."""


@dataclass(frozen=True)
class ImportConfig:
    """job=import: vectors that another program made, as a logged run."""

    path: str | None = field(default=None, metadata=READ)
    """A .gguf, .pt, .npz or .safetensors file, or a folder of .gguf files."""
    emotions: list[str] | None = None
    """Labels of the vectors, in the order of the file's own; None: those of the file."""


@dataclass(frozen=True)
class PrecisionTableConfig:
    """job=precision: which precisions are compared with fp32, and on how many passages."""

    precisions: list[PrecisionName] = field(default_factory=lambda: list(PrecisionName))
    situations: int | None = field(default=6, metadata={**COUNT, "min": 2})
    """How many situations are read; None: all."""
    nudge: int | None = field(default=0, metadata={"min": 0, "max": 2**63 - 1})
    """Seed of each precision's replicate, whose inputs are moved by one unit in the last place; None: no
    replicates."""


@dataclass(frozen=True)
class AblateConfig:
    """job=ablate: the two levels of what a text costs, and how many emotions are written about."""

    tokens: list[int] = field(default_factory=lambda: [256, 100], metadata=TOKENS)
    """Token budgets of the matched and of the loose level."""
    samples: list[int] = field(default_factory=lambda: [10, 1], metadata=SAMPLES)
    """Samples per emotion of the matched and of the loose level."""
    emotions: int | None = field(default=None, metadata={**COUNT, "min": 3})
    """The first so many emotions, for a quick look; None: all."""


@dataclass(frozen=True)
class AxesConfig:
    """job=axes: components and RDMs of an extraction against ``norms``, over all layers."""

    components: int = field(
        default=3, metadata={"min": 1, "max": 50, "why": "the search gets no surer by it"}
    )
    """Leading principal components that are searched at every layer."""
    permutations: int = field(
        default=10_000, metadata={"min": 99, "max": 1_000_000, "why": "p is never read that far"}
    )
    """Of the norms over the emotions; 99 are the fewest that show something at 0.05 with some power."""


@dataclass(frozen=True)
class MethodsConfig:
    """job=methods: which readings and estimators stand side by side, and at which depth."""

    sources: list[MethodName] = field(default_factory=lambda: list(MethodName))
    """comprehension: the configured passages; generation: texts by ``subparams``."""
    readouts: list[Readout] = field(
        default_factory=lambda: [Readout.mean, Readout.last, Readout.suffix]
    )
    """Of passages; the first is compared with the first of ``positions``."""
    positions: list[Position] = field(
        default_factory=lambda: [Position.mean, Position.mid, Position.last]
    )
    """Of written texts."""
    estimators: list[EstimatorName] = field(default_factory=lambda: list(EstimatorName))
    depth: float = field(default=0.5, metadata={"min": 0, "max": 1, "why": "no layer is deeper"})
    """Share of the layers below the one at which the table stands; it is chosen by nothing else."""


@dataclass(frozen=True)
class ReadConfig:
    """job=read: texts of any kind, token by token, held against the vectors of a run."""

    text: str | None = field(default=None, metadata={"free": True})
    """What is read; on the command line also ``text=``. None: the texts of ``path``."""
    path: str | None = field(default=None, metadata=READ)
    """A file: .txt with one text per line, or .jsonl with a text or a chat per line."""
    run: str | None = None
    """Id of a job=extract run, its beginning, or latest; its model and settings are taken. None: the run
    of this configuration, which is made if it is missing."""
    measure: TokenMeasure = TokenMeasure.cosine
    layers: Any = "all"
    """all, best, a layer, or a list of layers."""
    criterion: LayerRule = LayerRule.accuracy
    """What makes a layer the best, which is shown first; of a generation run it is the run's own."""


@dataclass(frozen=True)
class BehaveSteerConfig:
    """job.behave.steer: the vector that is added while the model answers, and its controls."""

    emotion: str | None = None
    """None: nothing is added."""
    run: str | None = None
    """Id of the extraction run whose vectors are added; None: the one of this configuration."""
    layers: Any = "best"
    """best, all, a layer, or a range such as 8-15 (steered at once)."""
    criterion: LayerRule = LayerRule.accuracy
    """What makes a layer the best."""
    strength: float = field(
        default=0.1,
        metadata={"above": 0, "max": 1e6, "why": "the model's own part of the sum is lost"},
    )
    """In units of the mean residual norm of plain texts at the layer."""
    controls: list[SteerControl] = field(default_factory=lambda: [SteerControl.random])
    """Directions of the same norm under which everything is asked again."""
    permuted: int = field(
        default=0, metadata={"min": 0, "max": 1000, "why": "their spread gets no surer by it"}
    )
    """Vectors with permuted dimensions, as controls: with 5 or more it is tested whether what changes is
    the direction's doing."""


@dataclass(frozen=True)
class BehaveConfig:
    """job=behave: which facts, what a user says about them, how the model answers and what counts."""

    name: str = "default"
    """The option of the group ``behave``; single fields may differ from it."""
    facets: list[Facet] = field(default_factory=lambda: [Facet.epistemic])
    """epistemic: facts under pressure; procedural: constraints in conflict with a task."""
    facts_path: str | None = field(default=None, metadata=READ)
    """A YAML file like the bundled one."""
    facts: list[str] | None = None
    """Ids of the facts used; None: all of the file."""
    arms_path: str | None = field(default=None, metadata=READ)
    """A YAML file like the bundled one."""
    arms: list[str] = field(default_factory=lambda: ["pressure", "order", "control", "support"])
    """Names of the arms used."""
    format: DialogueFormat = DialogueFormat.auto
    gate: int = field(
        default=3, metadata={"min": 0, "max": 1000, "why": "no model answers so often"}
    )
    """Sampled first answers that must all be right for an item to count; 0: no gate."""
    decoding: Decoding = Decoding.greedy
    """Of the conversations; the answers of the gate are sampled."""
    samples: int = field(default=1, metadata=SAMPLES)
    """Conversations per item and arm; 1 with greedy decoding."""
    temperature: float = field(
        default=0.7, metadata={"above": 0, "max": 100, "why": "every token is as likely as another"}
    )
    top_p: float = field(default=0.9, metadata={"above": 0, "max": 1})
    max_new_tokens: int = field(default=60, metadata=TOKENS)
    """Per answer."""
    rule: FlipRule = FlipRule.pressure
    forced_choice: bool = True
    """Whether the model is asked aside, after every answer, which of the two answers is right."""
    tasks_path: str | None = field(default=None, metadata=READ)
    """A YAML file like the bundled one."""
    constraints: list[str] | None = None
    """Names of the constraints used; None: all of the file."""
    task_tokens: int = field(default=200, metadata=TOKENS)
    """Most tokens of an answer to a task."""
    steer: BehaveSteerConfig = field(default_factory=BehaveSteerConfig)


@dataclass(frozen=True)
class ValidateConfig:
    """job=validate: what a run's vectors are shown to do, against controls and published figures."""

    run: str | None = None
    """Id of a job=extract run, its beginning, or latest; its model and settings are taken. None: the run
    of this configuration, which is made if it is missing."""
    which: list[Validation] = field(
        default_factory=lambda: [v for v in Validation if v is not Validation.preference_steered]
    )
    """All but what takes much longer than the others."""
    layer: str = "two_thirds"
    """two_thirds (2 L // 3, the published choice), best (the run's), or a number from 0."""
    permutations: int = field(
        default=10_000, metadata={"min": 99, "max": 1_000_000, "why": "p is never read that far"}
    )
    max_new_tokens: int = field(default=32, metadata=TOKENS)
    """Greedy tokens of each answer to a scenario."""
    strength: float = field(default=0.1, metadata={"above": 0, "max": 1e6})
    """Of what is added for ``feels``, in units of the mean residual norm of the run's neutral
    sentences."""
    preference_strength: float = field(default=0.5, metadata={"above": 0, "max": 1e6})
    """The same for ``preference_steered``; the published one."""


@dataclass(frozen=True)
class UiConfig:
    """job=ui: where MLflow's page of the logged runs is."""

    port: int = field(default=5000, metadata={"min": 1, "max": 65_535})
    """Of this machine; links that runs print name it, too."""


@dataclass(frozen=True)
class BundleConfig:
    """job=bundle: a report with the files of its runs, to hand on."""

    run: str | None = None
    """Id of a job=summarize run; None: the newest."""
    folder: str = field(default="exports", metadata=WRITTEN)
    """Where the bundle goes; taken from the project's root."""
    zip: bool = False
    """Whether it is one file."""


@dataclass(frozen=True)
class JobConfig:
    """Which job runs, and under the name of each job the settings of that one."""

    name: JobName = JobName.extract
    ablate: AblateConfig = field(default_factory=AblateConfig)
    sensitivity: SensitivityConfig = field(default_factory=SensitivityConfig)
    precision: PrecisionTableConfig = field(default_factory=PrecisionTableConfig)
    steer: SteerConfig = field(default_factory=SteerConfig)
    export: ExportConfig = field(default_factory=ExportConfig)
    import_: ImportConfig = field(default_factory=ImportConfig)
    summarize: SummarizeConfig = field(default_factory=SummarizeConfig)
    axes: AxesConfig = field(default_factory=AxesConfig)
    methods: MethodsConfig = field(default_factory=MethodsConfig)
    read: ReadConfig = field(default_factory=ReadConfig)
    behave: BehaveConfig = field(default_factory=BehaveConfig)
    validate: ValidateConfig = field(default_factory=ValidateConfig)
    ui: UiConfig = field(default_factory=UiConfig)
    bundle: BundleConfig = field(default_factory=BundleConfig)


MOVED = {
    "steer": ("job.steer",),
    "export": ("job.export",),
    "job.summary": ("job.summarize",),
    "job.study": ("job.sensitivity",),
    "job.precisions": ("job.precision.precisions",),
    "job.situations": ("job.precision.situations",),
    "job.tokens": ("job.ablate.tokens",),
    "job.samples": ("job.ablate.samples",),
    "job.emotions": ("job.ablate.emotions", "job.sensitivity.emotions"),
}
"""Names of parameters and groups in earlier versions -> the names they have now."""


def moved_to(name: str) -> tuple[str, ...]:
    """The names that a parameter of an earlier version has now; none if it had no other then."""
    for old, new in MOVED.items():
        if name == old or name.startswith(f"{old}."):
            return tuple(each + name.removeprefix(old) for each in new)
    return ()
