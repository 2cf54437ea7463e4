"""The frozen RunConfig that jobs receive, and the typed schema of every config group.

Defaults here are fallbacks: users see and edit ``conf/``. :mod:`emo.config.resolve` makes a RunConfig
from a command line.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any, assert_never

from emo.config import precisions
from emo.config.enums import (
    Attention,
    BackendName,
    Centring,
    Decoding,
    Device,
    EstimatorName,
    FloatFormat,
    Implementation,
    Label,
    Leaks,
    MethodName,
    NormsName,
    OutlierColumns,
    Output,
    Placement,
    Position,
    PrecisionName,
    Projection,
    Prompts,
    Readout,
    Removal,
    Source,
    Templates,
    Variant,
)
from emo.config.jobs import (
    DRAWS,
    READ,
    SAMPLES,
    TOKENS,
    WRITTEN,
    JobConfig,
)
from emo.config.precisions import TRAITS, Traits
from emo.redact import without_password

SEED = {"min": 0, "max": 2**63 - 1}
PASSAGES = "passages"
"""The emotions of the passages, as the list of emotions that texts are written about."""
BATCH = {"min": 1, "max": 65_536, "why": "no memory holds as many texts"}

SHARDS = {"min": 1, "max": 256, "why": "each process loads the model"}

GIB = {"min": 0, "max": 1e6}


@dataclass(frozen=True)
class TinyConfig:
    """Shape of a random model built on the fly, for tests and dry runs."""

    architecture: str = "llama"
    n_layers: int = field(default=4, metadata={"min": 1})
    hidden: int = field(default=128, metadata={"min": 16})
    seed: int = field(default=0, metadata=SEED)


@dataclass(frozen=True)
class ModelConfig:
    """One model. ``id`` is a hub id, a folder or a GGUF file; packaged and tiny models need none."""

    name: str = "???"
    id: str = field(default="???", metadata={"path": "model"})
    revision: str | None = None
    source: Source = Source.hub
    family: str = "unknown"
    variant: Variant = Variant.base
    size_b: float | None = field(default=None, metadata={"min": 0, "max": 1e6})
    backend: BackendName = BackendName.hf
    licence: str = "unknown"
    gated: bool = False
    thinking: bool | None = None
    """Whether the chat template lets the model think, if it has such a switch; None: its default."""
    tiny: TinyConfig = field(default_factory=TinyConfig)
    adapter: str | None = field(default=None, metadata={"path": "model"})
    """A PEFT adapter of the model: a hub id or a folder."""
    adapter_merged: bool = False
    """Whether the adapter is added to the weights; else it stays beside them, which the base shares."""

    @property
    def label(self) -> str:
        """The name of the model in tables and in the UI; behind + that of its adapter."""
        if self.adapter is None:
            return self._base_label
        return f"{self._base_label}+{Path(without_password(self.adapter)).name}"

    @property
    def _base_label(self) -> str:
        if self.name != "hub":
            return self.name
        name = Path(without_password(self.id)).name
        return name if name not in ("", "..") else Path(self.id).resolve().name or "model"


@dataclass(frozen=True)
class BackendConfig:
    """How the forward pass is run. The batch size changes numbers by rounding, which INT8 amplifies."""

    name: BackendName = BackendName.auto
    implementation: Implementation = Implementation.bridge
    """Forward pass of TransformerLens; other backends have one."""
    attention: Attention = Attention.eager
    device: Device = Device.auto
    placement: Placement = Placement.single
    """Where weights lie if one device does not hold them; it changes no number (backend=hf)."""
    gpu_gib: float | None = field(default=None, metadata=GIB)
    """GiB of weights on each GPU; None: 90 % of what is free."""
    cpu_gib: float | None = field(default=None, metadata=GIB)
    """GiB of weights in main memory with placement=offload; None: 90 % of what is free."""
    batch_size: int = field(default=16, metadata=BATCH)
    """Texts that are read at once."""
    decode_batch_size: int = field(default=64, metadata=BATCH)
    """Texts that are written at once; more than are read, as a decoding step is one token per text."""
    shards: int = field(default=1, metadata=SHARDS)
    """Processes that read passages, each with the model in its memory; it changes no number."""
    packed: bool = True
    """Whether fp32 on a CPU holds a second copy of the weights, with which it is faster; it changes
    numbers by rounding at most."""

    @property
    def label(self) -> str:
        """The name of the backend in tables: hf, bridge or hooked."""
        match self.name:
            case BackendName.tl:
                return self.implementation
            case BackendName.hf | BackendName.auto:
                return self.name
            case unknown:
                assert_never(unknown)


@dataclass(frozen=True)
class Int8Config:
    """LLM.int8 (Dettmers et al. 2022, arXiv:2208.07339) through bitsandbytes."""

    threshold: float = field(default=6.0, metadata={"min": 0, "max": 1e6})
    """Columns with an activation of at least this size are multiplied in ``compute_dtype``."""
    compute_dtype: FloatFormat = FloatFormat.fp16
    """Format of everything that is not an int8 product: embeddings, norms, residual stream."""
    batched: bool = True
    """Whether texts are read and written in batches; a batch moves numbers as far as a last bit does."""
    columns: OutlierColumns = OutlierColumns.own
    """own: each text of a batch has outlier columns of its own. shared: those of the batch, as in the
    library, so that texts change each other's numbers (for job=precision to show)."""


@dataclass(frozen=True)
class FourBitConfig:
    """4-bit weights (Dettmers et al. 2023, arXiv:2305.14314) through bitsandbytes."""

    compute_dtype: FloatFormat = FloatFormat.bf16
    """Format that weights are dequantised to, and format of everything that is not quantised."""


@dataclass(frozen=True)
class PrecisionConfig:
    """A number format, with the settings of the quantised ones."""

    name: PrecisionName = PrecisionName.fp32
    int8: Int8Config = field(default_factory=Int8Config)
    four_bit: FourBitConfig = field(default_factory=FourBitConfig)
    nudge: int | None = field(default=None, metadata=SEED)
    """Seed by which the model's inputs are moved by one unit in the last place; None: they are not."""

    @property
    def traits(self) -> Traits:
        """The row of :data:`emo.config.precisions.TRAITS`."""
        return TRAITS[self.name]

    @property
    def quantised(self) -> bool:
        """Whether the weights are quantised."""
        return self.traits.quantised

    @property
    def compute_dtype(self) -> FloatFormat:
        """Format of the residual stream."""
        return self.traits.format or self._group.compute_dtype

    @property
    def batched(self) -> bool:
        """Whether numbers depend, beyond their last bits, on which texts are read together."""
        return not self.causal and self._group.batched

    @property
    def causal(self) -> bool:
        """Whether later tokens leave a token as it is: the tokens of INT8 share outlier columns."""
        return self.traits.causal

    @property
    def alone(self) -> bool:
        """Whether texts are read and written one at a time, as others would change their numbers."""
        return self.variant == "alone"

    @property
    def variant(self) -> str:
        """Which variant of INT8 it is, of :data:`emo.config.precisions.VARIANTS`; empty: none."""
        if self.causal:
            return ""
        if not self._group.batched:
            return "alone"
        match self._group.columns:
            case OutlierColumns.own:
                return ""
            case OutlierColumns.shared:
                return "shared"
            case unknown:
                assert_never(unknown)

    @property
    def columns(self) -> OutlierColumns:
        """Whose outlier columns a text has; of a text read alone, its own."""
        return OutlierColumns.shared if self.variant == "shared" else OutlierColumns.own

    @property
    def label(self) -> str:
        """What tags and tables call the precision; neither variants nor moved inputs are int8."""
        return precisions.label(self.name, self.variant, self.nudge)

    @property
    def _group(self) -> Any:
        """The settings of this precision alone."""
        return getattr(self, self.traits.group)

    def settings(self) -> dict[str, Any]:
        """What matters for the weights and the arithmetic of the chosen precision, as JSON values."""
        settings: dict[str, Any] = {"name": self.name.value}
        for name in self.traits.identity:
            settings[name] = canonical(getattr(self._group, name))
        if self.traits.rounded_buffers:
            settings["buffers"] = "fp32"
        if self.nudge is not None:
            settings["nudge"] = self.nudge
        return settings


@dataclass(frozen=True)
class MethodConfig:
    """How a passage is shown to the model and read."""

    name: MethodName = MethodName.comprehension
    readout: Readout = Readout.last
    suffix: str = "The character is feeling"
    estimator: EstimatorName = EstimatorName.mean_difference


@dataclass(frozen=True)
class SubparamsConfig:
    """The eight sub-parameters of generation; defaults are ``matched`` (conditions C and D).

    Source: Jeong 2026 (arXiv:2604.11050), sections 2.3 and 4.3.
    """

    name: str = "matched"
    """The option of the group ``subparams``; single fields may differ from it."""
    prompts: Prompts = Prompts.stories
    """1. Five story templates, the one paragraph prompt, or everyday topics."""
    topics: int = field(default=100, metadata={"min": 2, "max": 10_000})
    """1. With prompts=topics: the first so many topics of the list."""
    leaks: Leaks = Leaks.left_out
    """1. With prompts=topics: what becomes of texts that name their emotion or a near synonym."""
    samples: int = field(default=10, metadata=SAMPLES)
    """2. Texts per emotion, the templates taking turns; with prompts=topics per emotion and topic."""
    decoding: Decoding = Decoding.greedy
    """3. The most likely token, or one drawn at ``temperature`` from the nucleus of ``top_p``."""
    temperature: float = field(
        default=0.7, metadata={"min": 0, "max": 100, "why": "every token is as likely as another"}
    )
    top_p: float = field(default=0.9, metadata={"above": 0, "max": 1})
    max_new_tokens: int = field(default=256, metadata=TOKENS)
    """4. Largest number of tokens per text."""
    position: Position = Position.mid
    """5. The tokens at which a text is read."""
    start: int = field(default=50, metadata={"min": 1, "max": 131_072})
    """5. With position=from_start: the first token of the mean, counted from 1."""
    with_prompt: bool = True
    """5. Whether a text is read behind its prompt, which names the emotion; false: alone."""
    layer: str = "middle"
    """6. ``middle`` (L // 2), ``two_thirds`` (2 L // 3), ``best`` (the comprehension run's best), or a
    number from 0."""
    chat_template: bool = True
    """7. Whether a prompt is a user's turn; a model without a template gets the bare prompt."""
    centring: Centring = Centring.neutral
    """8. What is subtracted from the per-emotion means."""
    unit_norm: bool = True
    """8. Whether the centred vectors are scaled to length 1."""
    seed: int = field(default=0, metadata=SEED)
    """Seed of sampled texts; another seed gives a replicate."""
    templates: Templates = Templates.all
    """One half of the story templates, or of the topics, gives a replicate."""
    prompts_path: str | None = field(default=None, metadata=READ)
    """The user's own prompts, a YAML file with the structure of the bundled one."""
    texts_from: PrecisionName | None = None
    """Precision in which the same model writes the texts that are read (teacher-forced); None: the
    precision of the run."""


@dataclass(frozen=True)
class EmotionsConfig:
    """The emotions that texts are written about, with method=generation."""

    name: str = PASSAGES
    """passages: those of the passages; otherwise a bundled list of words."""
    path: str | None = field(default=None, metadata=READ)
    """The user's own list, one emotion per line; ``#`` begins a comment."""


@dataclass(frozen=True)
class VectorsConfig:
    """From item activations to emotion vectors."""

    remove: Removal = Removal.none
    projection: Projection = Projection.none


@dataclass(frozen=True)
class ColumnsConfig:
    """Names of the columns of a passage file; a column that is not called as by default must exist."""

    emotion: str = "emotion"
    passage_id: str = "passage_id"
    text: str = "text"
    situation: str = "situation"


@dataclass(frozen=True)
class StimuliConfig:
    """Passages and neutral sentences; null paths mean the bundled ones."""

    name: str = "shown"
    """Of the bundled set that is read where there is no path."""
    path: str | None = field(default=None, metadata=READ)
    neutral_path: str | None = field(default=None, metadata=READ)
    columns: ColumnsConfig = field(default_factory=ColumnsConfig)
    """Column names are no part of the identity of a run; the passages are."""
    poles: str | None = field(default=None, metadata=READ)
    """Which emotions are pleasant and which unpleasant, a YAML file; None: the bundled one."""
    label: Label = Label.emotion
    """situation: vectors are of the situations, and halves are of the emotions."""


@dataclass(frozen=True)
class NormsConfig:
    """Ratings of words that job=axes holds a geometry against."""

    name: NormsName = NormsName.none
    path: str | None = field(default=None, metadata=READ)
    """The user's own, a CSV file with the columns word, valence, arousal and, if there, dominance."""


@dataclass(frozen=True)
class ResamplingConfig:
    """Numbers of draws for reliability, for the intervals of layer choices and for nulls."""

    n_splits: int = field(default=200, metadata=DRAWS)
    n_bootstrap: int = field(default=200, metadata=DRAWS)
    splits_per_replicate: int = field(default=10, metadata={**DRAWS, "max": 1000})
    n_permutations: int = field(default=100, metadata={**DRAWS, "min": 0, "max": 10_000})
    """0: no nulls."""


@dataclass(frozen=True)
class TrackingConfig:
    """The place where runs are logged."""

    name: str = "local"
    uri: str | None = field(default=None, metadata={"secret": True})
    """None: MLFLOW_TRACKING_URI, else the SQLite file ``mlruns/mlflow.db``."""
    experiment: str | None = None
    """None: MLFLOW_EXPERIMENT_NAME, else ``emotion-geometry``."""
    timeout_s: float = field(default=5.0, metadata={"min": 0.1, "max": 3600})
    parent: str | None = field(
        default=None,
        metadata={
            "form": "[0-9a-f]{32}|spooled",
            "allowed": "the whole id of a run; a sweep sets it, nobody else need",
        },
    )
    """Id of the sweep that a run is part of; the sweep sets it."""


@dataclass(frozen=True)
class PathsConfig:
    """Folders of files that can be made again; relative ones begin at the project's root."""

    store: str = field(default=".cache/activations", metadata=WRITTEN)
    weights: str = field(default=".cache/weights", metadata=WRITTEN)


@dataclass(frozen=True)
class RunConfig:
    """Every setting of one run."""

    job: JobConfig = field(default_factory=JobConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    backend: BackendConfig = field(default_factory=BackendConfig)
    precision: PrecisionConfig = field(default_factory=PrecisionConfig)
    method: MethodConfig = field(default_factory=MethodConfig)
    subparams: SubparamsConfig = field(default_factory=SubparamsConfig)
    emotions: EmotionsConfig = field(default_factory=EmotionsConfig)
    vectors: VectorsConfig = field(default_factory=VectorsConfig)
    stimuli: StimuliConfig = field(default_factory=StimuliConfig)
    norms: NormsConfig = field(default_factory=NormsConfig)
    resampling: ResamplingConfig = field(default_factory=ResamplingConfig)
    tracking: TrackingConfig = field(default_factory=TrackingConfig)
    paths: PathsConfig = field(default_factory=PathsConfig)
    seed: int = field(default=0, metadata=SEED)
    force: bool = False
    output: Output = Output.text
    root: str = "."
    """The project's root, absolute after resolving."""

    @property
    def batch_size(self) -> int:
        """Texts in one forward pass; 1 if texts of one pass change each other's numbers."""
        return 1 if self.precision.alone else self.backend.batch_size

    @property
    def decode_batch_size(self) -> int:
        """Texts that are written at once; 1 if texts of one pass change each other."""
        return 1 if self.precision.alone else self.backend.decode_batch_size

    def text_config(self) -> RunConfig:
        """The config that writes the texts of the run: the run's, or the same in another precision.

        Texts of another precision are written from inputs that are not moved.
        """
        source = self.subparams.texts_from
        if source in (None, self.precision.name):
            return self
        writing = dataclasses.replace(self.precision, name=source, nudge=None)
        return dataclasses.replace(self, precision=writing)

    def path(self, value: str) -> Path:
        """A configured path, made absolute from the project's root."""
        return Path(self.root, Path(value).expanduser()).resolve()


def secret_fields(cls: Any = RunConfig, prefix: str = "") -> tuple[str, ...]:
    """Dotted names of the fields whose values may hold a password."""
    names: list[str] = []
    for f in dataclasses.fields(cls):
        nested = f.default_factory
        if f.metadata.get("secret"):
            names.append(f"{prefix}{f.name}")
        elif dataclasses.is_dataclass(nested):
            names += secret_fields(nested, f"{prefix}{f.name}.")
    return tuple(names)


def public(config: RunConfig) -> dict[str, Any]:
    """A config as JSON values that may be written down or sent to a server.

    Secret fields and the project's root are None; of addresses elsewhere the passwords are left out.
    """
    values: dict[str, Any] = _without_passwords(canonical(config))
    for name in (*secret_fields(), "root"):
        *groups, last = name.split(".")
        node = values
        for group in groups:
            node = node[group]
        node[last] = None
    return values


def _without_passwords(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_passwords(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_without_passwords(each) for each in value]
    return without_password(value) if isinstance(value, str) else value


def canonical(value: Any) -> Any:
    """Dataclasses, enums and tuples as plain JSON values, for fingerprints and logs."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: canonical(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (list, tuple)):
        return [canonical(v) for v in value]
    return value
