"""Random models of many families, with a tokenizer trained on the spot, for tests and dry runs.

Only the weights are meaningless; tokenizer, masks, blocks and norms are the real ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emo.config.schema import TinyConfig
from emo.errors import ConfigError

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

VOCABULARY = 512
CONTEXT = 1024
HEADS = 4
MULTIPLE = 2 * HEADS
"""The width must be a multiple of this: rotary embeddings turn the dimensions of a head in pairs."""
LAYERS = 512
"""Largest number of layers; building more takes long."""
PARAMETERS = 200_000_000
"""Largest number of parameters; it takes 0.8 GB in fp32."""
SEEDS = 1 << 64

_GROUPED = {"num_key_value_heads": 2, "max_position_embeddings": CONTEXT}
_NEOX_LIKE = {"max_position_embeddings": CONTEXT}
ARCHITECTURES: dict[str, tuple[str, dict[str, Any]]] = {
    "llama": ("LlamaConfig", _GROUPED),
    "mistral": ("MistralConfig", _GROUPED | {"sliding_window": None}),
    "qwen2": ("Qwen2Config", _GROUPED),
    "qwen3": ("Qwen3Config", _GROUPED | {"head_dim": 32}),
    "gemma2": ("Gemma2Config", _GROUPED | {"head_dim": 32, "sliding_window": 64}),
    "gemma3": ("Gemma3TextConfig", _GROUPED | {"head_dim": 32, "sliding_window": 64}),
    "gpt2": ("GPT2Config", {"n_positions": CONTEXT}),
    "gpt_neox": ("GPTNeoXConfig", _NEOX_LIKE),
    "phi": ("PhiConfig", _NEOX_LIKE),
    "olmo2": ("Olmo2Config", _NEOX_LIKE),
    "falcon": ("FalconConfig", {"new_decoder_architecture": False}),
    "opt": ("OPTConfig", {"max_position_embeddings": CONTEXT, "ffn_dim": 256}),
    "bloom": ("BloomConfig", {}),
}
"""By family: the config class of transformers, and its fields besides the common ones."""


def check_shape(shape: TinyConfig) -> None:
    """Refuse a model that cannot be built or is not tiny, without building it.

    Raises
    ------
    ConfigError
        Naming the parameter.
    """
    if shape.architecture not in ARCHITECTURES:
        raise ConfigError("model.tiny.architecture", shape.architecture, ARCHITECTURES)
    if shape.hidden % MULTIPLE:
        raise ConfigError("model.tiny.hidden", shape.hidden, f"a multiple of {MULTIPLE}")
    if shape.seed >= SEEDS:
        raise ConfigError("model.tiny.seed", shape.seed, "a number below 2^64")
    if shape.n_layers > LAYERS:
        raise ConfigError("model.tiny.n_layers", shape.n_layers, f"at most {LAYERS}")
    if (size := parameters(shape)) > PARAMETERS:
        allowed = (
            f"a model of at most {PARAMETERS:.0e} parameters; with model.tiny.n_layers="
            f"{shape.n_layers} it would have about {size:.0e}"
        )
        raise ConfigError("model.tiny.hidden", shape.hidden, allowed)


def parameters(shape: TinyConfig) -> int:
    """Approximate number of parameters: per layer 4 (attention) + 6 (MLP) squares of the width."""
    return shape.n_layers * 10 * shape.hidden**2 + 2 * VOCABULARY * shape.hidden


def build(
    architecture: str, n_layers: int, hidden: int, seed: int
) -> tuple[PreTrainedModel, PreTrainedTokenizerFast]:
    """A random model (float32, on CPU) and its tokenizer; equal arguments give equal weights."""
    import torch
    import transformers

    check_shape(TinyConfig(architecture, n_layers, hidden, seed))
    tokenizer = train_tokenizer()
    class_name, extra = ARCHITECTURES[architecture]
    config = getattr(transformers, class_name)(
        vocab_size=len(tokenizer),
        hidden_size=hidden,
        num_hidden_layers=n_layers,
        num_attention_heads=HEADS,
        intermediate_size=2 * hidden,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        **(extra | ({"word_embed_proj_dim": hidden} if architecture == "opt" else {})),
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = transformers.AutoModelForCausalLM.from_config(
            config, dtype=torch.float32, attn_implementation="eager"
        )
        # New norms are all ones (or zeros), which would hide a folded or skipped norm.
        for name, parameter in model.named_parameters():
            if "norm" in name or "ln_" in name:
                torch.nn.init.normal_(parameter, mean=parameter.detach().mean().item(), std=0.2)
    return model.eval(), tokenizer


def train_tokenizer(
    texts: Iterable[str] | None = None, vocabulary: int = VOCABULARY
) -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer that adds a BOS, like Llama's; trained on bundled texts by default."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=["<s>", "</s>", "<pad>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_corpus() if texts is None else texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A $B", special_tokens=[("<s>", 0)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", pad_token="<pad>"
    )


def _corpus() -> Iterator[str]:
    data = Path(__file__).parents[1] / "stimuli" / "data"
    yield (data / "neutral_sentences.yaml").read_text(encoding="utf-8")
    yield (data / "prompts.yaml").read_text(encoding="utf-8")
