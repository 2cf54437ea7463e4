"""Random models of every family that transformers can build small, with weights that show mistakes.

Fresh weights are so small that a block hardly changes its input; scaled up, a lost memory, a stray
padding or a wrong layer moves the numbers by more than any tolerance.
"""

import functools
import inspect
from typing import Any

import torch
import transformers
from transformers.models.auto.configuration_auto import CONFIG_MAPPING
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

from emo.config.enums import PrecisionName
from emo.models.loading import LoadedModel
from emo.models.tiny import train_tokenizer
from emo.models.weights import Weights

N_LAYERS, HIDDEN = 4, 64
MOST_PARAMETERS = 4_000_000
SIZES: dict[str, Any] = {
    **dict.fromkeys(("num_hidden_layers", "n_layer", "n_layers", "num_blocks"), N_LAYERS),
    **dict.fromkeys(("hidden_size", "n_embd", "d_model", "embedding_dim", "lru_width"), HIDDEN),
    **dict.fromkeys(("num_attention_heads", "n_head", "n_heads", "num_heads"), 4),
    **dict.fromkeys(("intermediate_size", "n_inner", "ffn_dim", "d_ff"), 96),
    **dict.fromkeys(("max_position_embeddings", "n_positions"), 256),
    **dict.fromkeys(("num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts"), 4),
    **dict.fromkeys(("moe_intermediate_size", "shared_expert_intermediate_size"), 48),
    **dict.fromkeys(("n_group", "topk_group", "n_shared_experts", "first_k_dense_replace"), 1),
    **dict.fromkeys(("q_lora_rank", "kv_lora_rank"), 32),
    **dict.fromkeys(("head_dim", "global_head_dim", "qk_nope_head_dim", "qk_rope_head_dim"), 16),
    **dict.fromkeys(("v_head_dim", "linear_key_head_dim", "linear_value_head_dim"), 16),
    **dict.fromkeys(("mamba_d_state", "ssm_state_size", "state_size", "time_step_rank"), 8),
    **dict.fromkeys(("mamba_n_heads", "mamba_num_heads", "linear_num_value_heads"), 4),
    **dict.fromkeys(("mamba_d_head", "mamba_head_dim"), 32),
    **dict.fromkeys(("mamba_n_groups", "n_groups"), 1),
    **dict.fromkeys(("num_key_value_heads", "linear_num_key_heads", "num_experts_per_tok"), 2),
    **dict.fromkeys(("sliding_window", "attention_window_size", "chunk_size"), 16),
    "mamba_d_ssm": 128,
    "mamba_expand": 2,
    "mamba_chunk_size": 16,
    "index_head_dim": 16,
    "index_n_heads": 4,
    "index_topk": 64,  # all: of fewer, which of equal scores are taken is left open
    "attention_hidden_size": HIDDEN,
    "word_embed_proj_dim": HIDDEN,
    "hidden_size_per_layer_input": 16,
    "laurel_rank": 8,
    "num_kv_shared_layers": 0,
    "num_global_key_value_heads": 2,
    "use_mamba_kernels": False,
}
LATENT, ROTARY = {"num_key_value_heads": 4}, {"rotary_dim": 8}
OPTIONS: dict[str, dict[str, Any]] = {
    **dict.fromkeys(("axk1", "axk2", "deepseek_v2", "deepseek_v3", "deepseek_v32"), LATENT),
    **dict.fromkeys(("glm4_moe_lite", "glm_moe_dsa", "minicpm3", "youtu"), LATENT),
    **dict.fromkeys(("codegen", "gptj"), ROTARY),
    "bamba": {"attn_layer_indices": [1, 3]},
    "falcon": {"new_decoder_architecture": False},
    "gpt_neo": {"attention_types": [[["global", "local"], 2]], "window_size": 16},
    "granitemoehybrid": {"layer_types": ["mamba", "attention"] * 2},
    "jamba": {"attn_layer_period": 2, "attn_layer_offset": 1, "expert_layer_period": 2},
    "lfm2_moe": {"layer_types": ["conv", "full_attention"] * 2},
    "mamba2": {"num_heads": 8, "head_dim": 16},
    "zaya": {"num_experts_per_tok": 1},
}
NAMES = tuple(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES)


class NotSmall(Exception):
    """A family that these options do not make small."""


def config_of(family: str) -> Any:
    """A small config of a family."""
    kind = CONFIG_MAPPING[family]
    default, known = kind(), inspect.signature(kind.__init__).parameters
    tokenizer = _tokenizer()
    options = {
        **SIZES,
        "vocab_size": len(tokenizer),
        "vocab_size_per_layer_input": len(tokenizer),
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": None,
        "pad_token_id": tokenizer.pad_token_id,
    }
    taken = {k: v for k, v in options.items() if _settable(kind, default, k) or k in known}
    return kind(**(taken | OPTIONS.get(family, {})))


def _settable(kind: type, default: Any, name: str) -> bool:
    attribute = getattr(kind, name, None)
    if isinstance(attribute, property) and attribute.fset is None:
        return False
    try:
        return getattr(default, name, None) is not None
    except Exception:  # such as vary from layer to layer
        return False


def build(
    family: str, seed: int = 0, scale: float = 1.5, dtype: torch.dtype = torch.float32
) -> LoadedModel:
    """A random model of a family; the same for the same arguments.

    Raises
    ------
    NotSmall
        If it would not be small, or has parts that are not installed.
    """
    try:
        config = config_of(family)
        with torch.device("meta"):
            shape: Any = transformers.AutoModelForCausalLM.from_config(config)
    except Exception as error:
        raise NotSmall(f"{family}: {error}") from error
    if sum(p.numel() for p in shape.parameters()) > MOST_PARAMETERS:
        raise NotSmall(family)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model: Any = transformers.AutoModelForCausalLM.from_config(
            config, dtype=torch.float32, attn_implementation="eager"
        ).eval()
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if parameter.ndim > 1:
                    parameter *= scale
                elif "norm" in name or "ln_" in name:
                    parameter += 0.2 * torch.randn_like(parameter)
                parameter.data = parameter.data.to(dtype)
    model.generation_config.eos_token_id = None
    return LoadedModel(model, _tokenizer(), Weights(None, "t", ""), "cpu", _precision(dtype))


def _precision(dtype: torch.dtype) -> PrecisionName:
    return {torch.bfloat16: PrecisionName.bf16, torch.float16: PrecisionName.fp16}.get(
        dtype, PrecisionName.fp32
    )


@functools.cache
def _tokenizer() -> Any:
    return train_tokenizer()
