"""The values that config fields may take, under the names that users type.

A member that is called ``auto`` hides the function of that name, hence ``enum.auto()`` beside it.
"""

import enum
from enum import StrEnum, auto

from emo.core.choices import (
    Centring,
    EstimatorName,
    Facet,
    FloatFormat,
    Label,
    LayerRule,
    OutlierColumns,
    Projection,
    Removal,
    SteerControl,
    TokenMeasure,
    Variant,
)

__all__ = [
    "Centring",
    "EstimatorName",
    "Facet",
    "FloatFormat",
    "Label",
    "LayerRule",
    "OutlierColumns",
    "Projection",
    "Removal",
    "SteerControl",
    "TokenMeasure",
    "Variant",
]
"""What the core computes with is defined there, and offered to config fields from here."""


class JobName(StrEnum):
    """The jobs of ``python launch.py job=...``."""

    extract = auto()
    equivalence = auto()
    precision = auto()
    ablate = auto()
    summarize = auto()
    sync = auto()
    sensitivity = auto()
    steer = auto()
    export = auto()
    locals()["import"] = "import"  # a keyword of Python, hence JobName("import")
    axes = auto()
    methods = auto()
    read = auto()
    behave = auto()
    validate = auto()
    ui = auto()
    bundle = auto()


class Source(StrEnum):
    """The places that weights come from."""

    hub = auto()
    smollm2_package = auto()
    gemma3_package = auto()
    tiny = auto()


class BackendName(StrEnum):
    """The code that runs the forward pass; auto takes what the model option names."""

    hf = enum.auto()
    tl = enum.auto()
    auto = enum.auto()


class Implementation(StrEnum):
    """The two of TransformerLens: wrapped modules of transformers, or a forward pass of its own."""

    bridge = auto()
    hooked = auto()


class Attention(StrEnum):
    """Attention implementations of transformers; eager hardly depends on the batch size."""

    eager = auto()
    sdpa = auto()
    flash_attention_2 = auto()


class Device(StrEnum):
    """The device that runs the model; auto takes cuda, then mps, then cpu."""

    auto = enum.auto()
    cpu = enum.auto()
    cuda = enum.auto()
    mps = enum.auto()


class Placement(StrEnum):
    """Where weights lie: on one device, over all GPUs, or in main memory and on disk too."""

    single = auto()
    balanced = auto()
    offload = auto()


class PrecisionName(StrEnum):
    """Number formats of weights and activations; :mod:`emo.config.precisions` has their traits."""

    fp32 = auto()
    bf16 = auto()
    fp16 = auto()
    int8 = auto()
    nf4 = auto()
    fp4 = auto()


class MethodName(StrEnum):
    """The two sources of texts: passages that are read, or texts that the model writes."""

    comprehension = auto()
    generation = auto()


class Readout(StrEnum):
    """The tokens whose activation represents a passage."""

    last = auto()
    mean = auto()
    mean_all = auto()
    suffix = auto()


class Prompts(StrEnum):
    """The prompts that ask for texts (sub-parameter 1)."""

    stories = auto()
    paragraph = auto()
    topics = auto()


class Leaks(StrEnum):
    """What becomes of texts about topics that name their emotion: they are left out, or kept."""

    left_out = auto()
    kept = auto()


class Templates(StrEnum):
    """The templates or topics that are used: all, the 1st, 3rd... (odd), or the 2nd, 4th... (even)."""

    all = auto()
    odd = auto()
    even = auto()


class Decoding(StrEnum):
    """The rule that chooses the next token (sub-parameter 3)."""

    greedy = auto()
    sampled = auto()


class Position(StrEnum):
    """The tokens of a generated text that are read (sub-parameter 5)."""

    mid = auto()
    last = auto()
    mean = auto()
    from_50 = auto()
    from_start = auto()


class NormsName(StrEnum):
    """Ratings of words by people: those of ``norms.path`` (none), or those of an installed package."""

    none = auto()
    warriner = auto()


class SamplerName(StrEnum):
    """The rule that chooses the points of a study; importances from qmc are the least biased."""

    qmc = auto()
    random = auto()
    grid = auto()
    tpe = auto()


class SteerVector(StrEnum):
    """The vector that is added at a layer: that of the layer itself, or everywhere that of the best."""

    own = auto()
    best = auto()


class SteerPositions(StrEnum):
    """The positions that are steered: all tokens, or generated tokens only."""

    all = auto()
    generated = auto()


class SteerNorm(StrEnum):
    """The tokens of a prompt whose mean norm is the unit of strength; mean_all has position 0 in it."""

    mean = auto()
    mean_all = auto()


class JudgeName(StrEnum):
    """The judge of the emotion of a text: the lexicon of VADER, a local classifier (hf), or one that is
    trained on labelled passages over a sentence encoder (embedder)."""

    lexicon = auto()
    hf = auto()
    embedder = auto()


class DialogueFormat(StrEnum):
    """How job=behave puts turns to a model; auto takes its chat template, or plain lines without one."""

    auto = enum.auto()
    chat = enum.auto()
    plain = enum.auto()


class FlipRule(StrEnum):
    """The turns whose flips are the headline: those of pressure alone, or any (published)."""

    pressure = auto()
    any = enum.auto()


class Validation(StrEnum):
    """What job=validate can ask of emotion vectors; docs/validate.md says what each is."""

    lens = auto()
    scenarios = auto()
    numbers = auto()
    turns = auto()
    preference = auto()
    preference_steered = auto()
    components = auto()
    layers = auto()
    feels = auto()


class ExportFormat(StrEnum):
    """File formats of exported vectors."""

    safetensors = auto()
    repeng = auto()
    gguf = auto()


class ExportScale(StrEnum):
    """Length of an exported vector: 1, or the mean residual norm of its layer."""

    unit = auto()
    residual = auto()


class Output(StrEnum):
    """The form of what is printed at the end."""

    text = auto()
    json = auto()
