"""The values that config fields may take, under the names users type."""

import enum
from enum import Enum, StrEnum, auto


class JobName(StrEnum):
    """What ``python launch.py job=...`` does."""

    extract = auto()
    equivalence = auto()
    precision = auto()
    ablate = auto()
    summarize = auto()
    sync = auto()
    sensitivity = auto()
    steer = auto()
    export = auto()


class Source(StrEnum):
    """Where weights come from."""

    hub = auto()
    smollm2_package = auto()
    gemma3_package = auto()
    tiny = auto()


class Variant(StrEnum):
    """Whether the model was trained to follow instructions."""

    base = auto()
    instruct = auto()


class BackendName(StrEnum):
    """Which code runs the forward pass; auto is the one the model option names."""

    hf = enum.auto()
    tl = enum.auto()
    auto = enum.auto()


class Implementation(StrEnum):
    """Which of TransformerLens's two: transformers' modules wrapped, or a second forward pass."""

    bridge = auto()
    hooked = auto()


class Attention(StrEnum):
    """Attention implementation of transformers; eager hardly depends on batch size."""

    eager = auto()
    sdpa = auto()
    flash_attention_2 = auto()


class Device(StrEnum):
    """Where the model runs; auto takes cuda, then mps, then cpu."""

    auto = enum.auto()
    cpu = enum.auto()
    cuda = enum.auto()
    mps = enum.auto()


class PrecisionName(StrEnum):
    """Number format of weights and activations; the last three quantise the weights only."""

    fp32 = auto()
    bf16 = auto()
    fp16 = auto()
    int8 = auto()
    nf4 = auto()
    fp4 = auto()


class FloatFormat(StrEnum):
    """What a quantised model computes in."""

    fp32 = auto()
    bf16 = auto()
    fp16 = auto()


class MethodName(StrEnum):
    """How texts reach the model."""

    comprehension = auto()
    generation = auto()


class Readout(StrEnum):
    """Which tokens' activation represents a passage."""

    last = auto()
    mean = auto()
    suffix = auto()


class Prompts(StrEnum):
    """Which prompts ask for texts (sub-parameter 1)."""

    stories = auto()
    paragraph = auto()


class Templates(StrEnum):
    """Which of the story templates are used: all, or one half of them (1st, 3rd... or 2nd, 4th...)."""

    all = auto()
    odd = auto()
    even = auto()


class Decoding(StrEnum):
    """How the next token is chosen (sub-parameter 3)."""

    greedy = auto()
    sampled = auto()


class Position(StrEnum):
    """Which tokens of a generated text are read (sub-parameter 5)."""

    mid = auto()
    last = auto()
    mean = auto()
    from_50 = auto()


# "global" is a keyword of Python, hence the functional form: Centring["global"].
Centring = Enum("Centring", [("neutral", "neutral"), ("global", "global"), ("none", "none")])
Centring.__doc__ = """What is subtracted from the per-emotion means (sub-parameter 8).

The mean over neutral stories, the mean of the per-emotion means themselves, or nothing.
"""


class Removal(Enum):
    """What is subtracted from the items before averaging."""

    none = "none"
    situation = "situation"


class Projection(Enum):
    """What acts on activations before any cosine; see :mod:`emo.core.geometry.projections`."""

    none = "none"
    all_but_the_top = "all_but_the_top"
    z_score = "z_score"
    neutral_pcs = "neutral_pcs"


class LayerRule(Enum):
    """The layer at which models are compared: one of the run's three choices, or half depth."""

    published = "published"
    reliability = "reliability"
    accuracy = "accuracy"
    middle = "middle"


class SamplerName(StrEnum):
    """How a study chooses its points. Importances from qmc are the least biased."""

    qmc = auto()
    random = auto()
    grid = auto()
    tpe = auto()


class SteerVector(StrEnum):
    """Which layer's emotion vector is added: each steered layer's own, or the best layer's at all."""

    own = auto()
    best = auto()


class SteerPositions(StrEnum):
    """Which positions are steered: prompt and generated tokens, or generated ones only."""

    all = auto()
    generated = auto()


class SteerControl(Enum):
    """What a steering vector is compared with; see emo.core.steering.text_measures.Direction."""

    opposite = "opposite"
    shuffled = "shuffled"
    random = "random"


class JudgeName(StrEnum):
    """Who scores the emotion of a text: VADER's lexicon, or a local classifier."""

    lexicon = auto()
    hf = auto()


class ExportFormat(StrEnum):
    """What vectors are written as."""

    safetensors = auto()
    repeng = auto()
    gguf = auto()


class ExportScale(StrEnum):
    """Length of an exported vector: 1, or the mean residual norm of its layer."""

    unit = auto()
    residual = auto()


class Output(StrEnum):
    """What is printed at the end."""

    text = auto()
    json = auto()
