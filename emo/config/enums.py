"""The values that config fields may take, under the names users type."""

from enum import Enum

from emo.core.choices import (
    Centring,
    FloatFormat,
    LayerRule,
    Projection,
    Removal,
    SteerControl,
    Variant,
)

__all__ = [
    "Centring",
    "FloatFormat",
    "LayerRule",
    "Projection",
    "Removal",
    "SteerControl",
    "Variant",
]
"""What the core computes with is defined there, and offered to config fields from here."""


class JobName(Enum):
    """What ``python launch.py job=...`` does."""

    extract = "extract"
    equivalence = "equivalence"
    precision = "precision"
    ablate = "ablate"
    summarize = "summarize"
    sync = "sync"
    sensitivity = "sensitivity"
    steer = "steer"
    export = "export"


class Source(Enum):
    """Where weights come from."""

    hub = "hub"
    smollm2_package = "smollm2_package"
    gemma3_package = "gemma3_package"
    tiny = "tiny"


class BackendName(Enum):
    """Which code runs the forward pass; auto is the one the model option names."""

    hf = "hf"
    tl = "tl"
    auto = "auto"


class Implementation(Enum):
    """Which of TransformerLens's two: transformers' modules wrapped, or a second forward pass."""

    bridge = "bridge"
    hooked = "hooked"


class Attention(Enum):
    """Attention implementation of transformers; eager hardly depends on batch size."""

    eager = "eager"
    sdpa = "sdpa"
    flash_attention_2 = "flash_attention_2"


class Device(Enum):
    """Where the model runs; auto takes cuda, then mps, then cpu."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"
    mps = "mps"


class PrecisionName(Enum):
    """Number format of weights and activations; the last three quantise the weights only."""

    fp32 = "fp32"
    bf16 = "bf16"
    fp16 = "fp16"
    int8 = "int8"
    nf4 = "nf4"
    fp4 = "fp4"


class MethodName(Enum):
    """How texts reach the model."""

    comprehension = "comprehension"
    generation = "generation"


class Readout(Enum):
    """Which tokens' activation represents a passage."""

    last = "last"
    mean = "mean"
    suffix = "suffix"


class Prompts(Enum):
    """Which prompts ask for texts (sub-parameter 1)."""

    stories = "stories"
    paragraph = "paragraph"


class Templates(Enum):
    """Which of the story templates are used: all, or one half of them (1st, 3rd... or 2nd, 4th...)."""

    all = "all"
    odd = "odd"
    even = "even"


class Decoding(Enum):
    """How the next token is chosen (sub-parameter 3)."""

    greedy = "greedy"
    sampled = "sampled"


class Position(Enum):
    """Which tokens of a generated text are read (sub-parameter 5)."""

    mid = "mid"
    last = "last"
    mean = "mean"
    from_50 = "from_50"


class SamplerName(Enum):
    """How a study chooses its points. Importances from qmc are the least biased."""

    qmc = "qmc"
    random = "random"
    grid = "grid"
    tpe = "tpe"


class SteerVector(Enum):
    """Which layer's emotion vector is added: each steered layer's own, or the best layer's at all."""

    own = "own"
    best = "best"


class SteerPositions(Enum):
    """Which positions are steered: prompt and generated tokens, or generated ones only."""

    all = "all"
    generated = "generated"


class JudgeName(Enum):
    """Who scores the emotion of a text: VADER's lexicon, or a local classifier."""

    lexicon = "lexicon"
    hf = "hf"


class ExportFormat(Enum):
    """What vectors are written as."""

    safetensors = "safetensors"
    repeng = "repeng"
    gguf = "gguf"


class ExportScale(Enum):
    """Length of an exported vector: 1, or the mean residual norm of its layer."""

    unit = "unit"
    residual = "residual"


class Output(Enum):
    """What is printed at the end."""

    text = "text"
    json = "json"
