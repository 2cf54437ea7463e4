"""TransformerLens's HookedTransformer with the weights of a loaded model, without any processing.

HookedTransformer shares no forward code with transformers, so agreement of the two is evidence that
both compute the right thing. TransformerLens looks models up by their hub names; here the shape
comes from the model's config, so that packaged, local and random models work too.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from emo.errors import ModelError

if TYPE_CHECKING:
    from transformer_lens import HookedTransformer
    from transformers import PreTrainedModel

Shape = dict[str, Any]


class Unmapped(Exception):
    """Raised for a family that is not in FAMILIES, or an option that HookedTransformer lacks."""


def hooked_transformer(model: PreTrainedModel) -> HookedTransformer:
    """A HookedTransformer with a copy of a model's weights, on its device and in its dtype.

    Raises
    ------
    ModelError
        If the family is not in ``FAMILIES``, or HookedTransformer lacks one of the model's options.
    """
    import torch

    try:
        from transformer_lens import HookedTransformer, HookedTransformerConfig
        from transformer_lens.pretrained import weight_conversions
    except ImportError:
        raise ModelError(
            "backend.implementation=hooked: TransformerLens 4 has no HookedTransformer any more; "
            "pip install 'transformer-lens>=3.9,<4', or take backend.implementation=bridge"
        ) from None
    config = model.config.get_text_config()
    weight = next(model.parameters())
    try:
        shape = hooked_shape(config)
        cfg = HookedTransformerConfig(**shape, dtype=weight.dtype, device=str(weight.device))
    except (Unmapped, AssertionError) as error:
        raise ModelError(
            f"model of type {config.model_type}: not mapped to HookedTransformer here ({error}); "
            "take backend.implementation=bridge, or backend=hf"
        ) from None
    with warnings.catch_warnings():
        # Version 4 drops it; it is used here because it is a second implementation.
        warnings.filterwarnings("ignore", "HookedTransformer is deprecated", DeprecationWarning)
        hooked = HookedTransformer(cfg)
    convert = getattr(weight_conversions, FAMILIES[config.model_type].converter)
    with torch.no_grad():
        missing, unexpected = hooked.load_state_dict(convert(model, cfg), strict=False)
    # load_and_process_state_dict would copy all weights to float32, and change none of them.
    unset = set(missing) - {name for name, _ in hooked.named_buffers()} - UNREAD
    if unset or unexpected:
        raise ModelError(
            f"model of type {config.model_type}: TransformerLens's converter left out "
            f"{', '.join(sorted(unset) or unexpected)}; take backend.implementation=bridge"
        )
    return hooked.eval()


def hooked_shape(config: Any) -> Shape:
    """Fields of HookedTransformerConfig for a config of transformers.

    Raises
    ------
    Unmapped
        Naming the family or option that has no counterpart.
    """
    if config.model_type not in FAMILIES:
        raise Unmapped(f"families that are: {', '.join(FAMILIES)}")
    heads = config.num_attention_heads
    family = FAMILIES[config.model_type]
    return {
        "d_model": config.hidden_size,
        "n_layers": config.num_hidden_layers,
        "n_heads": heads,
        "d_head": getattr(config, "head_dim", None) or config.hidden_size // heads,
        "d_vocab": config.vocab_size,
        "n_ctx": getattr(config, "max_position_embeddings", None) or ALIBI_CONTEXT,
        "init_weights": False,
        "original_architecture": family.architecture,
        **family.shape(config),
    }


UNREAD = {"unembed.b_U", "pos_embed.W_pos"}
"""Parameters that some converters leave out and nothing here reads: the bias behind the last block,
and the position embeddings of ALiBi models."""

ALIBI_CONTEXT = 2048
"""HookedTransformerConfig needs a longest sequence; ALiBi models state none."""


def _only(config: Any, **harmless: object) -> None:
    """Refuse options with another value than the one HookedTransformer computes with."""
    for name, value in harmless.items():
        if (given := getattr(config, name, value)) != value:
            raise Unmapped(f"it has no {name}={given}")


def _rotary(config: Any) -> Shape:
    """Fields for rotary embeddings, with the variants of Llama 3 and Gemma 3."""
    rope = config.rope_parameters
    heads = config.num_attention_heads
    d_head = getattr(config, "head_dim", None) or config.hidden_size // heads
    shape: Shape = {"positional_embedding_type": "rotary"}
    if "full_attention" in rope:
        local = rope["sliding_attention"]
        if local["rope_type"] != "default":
            raise Unmapped(f"it has no rope_type={local['rope_type']} in local layers")
        shape["rotary_base_local"] = local["rope_theta"]
        rope = rope["full_attention"]
    shape["rotary_base"] = rope["rope_theta"]
    shape["rotary_dim"] = round(d_head * rope.get("partial_rotary_factor", 1.0))
    match rope["rope_type"]:
        case "default":
            return shape
        case "linear":
            return {**shape, "rotary_scaling_factor": rope["factor"]}
        case "llama3":
            return {**shape, **_llama3(rope)}
        case kind:
            raise Unmapped(f"it has no rope_type={kind}")


def _llama3(rope: Any) -> Shape:
    """Fields for the rotary embeddings of Llama 3, which are scaled by frequency band."""
    return {
        "use_NTK_by_parts_rope": True,
        "NTK_by_parts_low_freq_factor": rope["low_freq_factor"],
        "NTK_by_parts_high_freq_factor": rope["high_freq_factor"],
        "NTK_by_parts_factor": rope["factor"],
        "NTK_original_ctx_len": rope["original_max_position_embeddings"],
    }


def _windows(config: Any) -> Shape:
    """Fields for layers that attend to the last ``sliding_window`` tokens only."""
    window = getattr(config, "sliding_window", None)
    every = ["sliding_attention" if window else "full_attention"] * config.num_hidden_layers
    types = getattr(config, "layer_types", None) or every
    if "sliding_attention" not in types:
        return {}
    return {
        "use_local_attn": True,
        "window_size": window,
        "attn_types": ["local" if t == "sliding_attention" else "global" for t in types],
    }


def _rms(config: Any) -> Shape:
    return {
        "normalization_type": "RMS",
        "final_rms": True,
        "gated_mlp": True,
        "eps": config.rms_norm_eps,
        "d_mlp": config.intermediate_size,
        **_rotary(config),
        **_windows(config),
    }


def _llama(config: Any) -> Shape:
    _only(config, attention_bias=False, mlp_bias=False)
    kv_heads = config.num_key_value_heads
    return {**_rms(config), "act_fn": config.hidden_act, "n_key_value_heads": kv_heads}


def _qwen3(config: Any) -> Shape:
    return {**_llama(config), "use_qk_norm": True}


def _olmo2(config: Any) -> Shape:
    _only(config, num_key_value_heads=config.num_attention_heads)
    return {**_llama(config), "n_key_value_heads": None}


def _gemma(config: Any) -> Shape:
    _only(config, attention_bias=False)
    softcap = getattr(config, "attn_logit_softcapping", None)
    return {
        **_rms(config),
        "act_fn": config.hidden_activation,
        "n_key_value_heads": config.num_key_value_heads,
        "attn_scale": math.sqrt(config.query_pre_attn_scalar),
        "use_normalization_before_and_after": True,
        "use_qk_norm": config.model_type == "gemma3_text",
        **({"attn_scores_soft_cap": softcap} if softcap else {}),
    }


def _gpt2(config: Any) -> Shape:
    return {
        "normalization_type": "LN",
        "eps": config.layer_norm_epsilon,
        "act_fn": config.activation_function,
        "d_mlp": config.n_inner or 4 * config.hidden_size,
        "use_attn_scale": config.scale_attn_weights,
        "scale_attn_by_inverse_layer_idx": config.scale_attn_by_inverse_layer_idx,
    }


def _neox(config: Any) -> Shape:
    _only(config, attention_bias=True)
    return {
        "normalization_type": "LN",
        "eps": config.layer_norm_eps,
        "act_fn": config.hidden_act,
        "d_mlp": config.intermediate_size,
        "parallel_attn_mlp": config.use_parallel_residual,
        **_rotary(config),
    }


def _phi(config: Any) -> Shape:
    _only(config, qk_layernorm=False, num_key_value_heads=config.num_attention_heads)
    return {
        "normalization_type": "LN",
        "eps": config.layer_norm_eps,
        "act_fn": config.hidden_act,
        "d_mlp": config.intermediate_size,
        "parallel_attn_mlp": True,
        **_rotary(config),
    }


def _opt(config: Any) -> Shape:
    _only(
        config,
        do_layer_norm_before=True,
        enable_bias=True,
        layer_norm_elementwise_affine=True,
        word_embed_proj_dim=config.hidden_size,
    )
    return {
        "normalization_type": "LN",
        "eps": 1e-5,
        "act_fn": config.activation_function,
        "d_mlp": config.ffn_dim,
    }


def _bloom(config: Any) -> Shape:
    _only(config, apply_residual_connection_post_layernorm=False)
    return {
        "normalization_type": "LN",
        "eps": config.layer_norm_epsilon,
        "act_fn": "gelu_fast",
        "d_mlp": 4 * config.hidden_size,
        "positional_embedding_type": "alibi",
        "post_embedding_ln": True,
    }


class _Family(NamedTuple):
    architecture: str
    """TransformerLens's name of the family; its forward pass branches on it."""
    converter: str
    shape: Callable[[Any], Shape]


FAMILIES = {
    "llama": _Family("LlamaForCausalLM", "convert_llama_weights", _llama),
    "mistral": _Family("MistralForCausalLM", "convert_mistral_weights", _llama),
    "qwen2": _Family("Qwen2ForCausalLM", "convert_qwen2_weights", _llama),
    "qwen3": _Family("Qwen3ForCausalLM", "convert_qwen3_weights", _qwen3),
    "olmo2": _Family("Olmo2ForCausalLM", "convert_olmo2_weights", _olmo2),
    "gemma2": _Family("Gemma2ForCausalLM", "convert_gemma_weights", _gemma),
    "gemma3_text": _Family("Gemma3ForCausalLM", "convert_gemma_weights", _gemma),
    "gpt2": _Family("GPT2LMHeadModel", "convert_gpt2_weights", _gpt2),
    "gpt_neox": _Family("GPTNeoXForCausalLM", "convert_neox_weights", _neox),
    "phi": _Family("PhiForCausalLM", "convert_phi_weights", _phi),
    "opt": _Family("OPTForCausalLM", "convert_opt_weights", _opt),
    "bloom": _Family("BloomForCausalLM", "convert_bloom_weights", _bloom),
}
"""By transformers' model_type. A test compares each with transformers on a random model."""
