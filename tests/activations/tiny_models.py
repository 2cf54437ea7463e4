"""Tiny random models with options of their families, and what two readers make of them."""

import copy

import numpy as np
import torch
import transformers

from emo.activations.backend import pad
from emo.activations.hf import HFBackend
from emo.activations.reading import tokenise
from emo.activations.tl import TLBackend
from emo.config.enums import Implementation, PrecisionName, Readout
from emo.models.loading import LoadedModel
from emo.models.tiny import build
from emo.models.weights import Weights

LONG = "Someone opened the door of the shop, looked at the clock and went away again. " * 4


def loaded(architecture, n_layers=3, **options):
    """A tiny random model, with options of its config changed before the weights are drawn."""
    model, tokenizer = build(architecture, n_layers, 64, 0)
    if options:
        config = copy.deepcopy(model.config)
        for name, value in options.items():
            setattr(config, name, value)
        changed = transformers.AutoModelForCausalLM.from_config(
            config, dtype=torch.float32, attn_implementation="eager"
        ).eval()
        if not RESHAPING & options.keys():
            changed.load_state_dict(model.state_dict())
        model = changed
    with torch.no_grad():  # attention that prefers some tokens: fresh weights look at all alike
        for name, parameter in model.named_parameters():
            if name.endswith(("q_proj.weight", "k_proj.weight", "c_attn.weight")):
                parameter *= 8
    return LoadedModel(model, tokenizer, Weights(None, "t", ""), "cpu", PrecisionName.fp32)


RESHAPING = {"n_inner", "head_dim", "num_key_value_heads"}


def batch_of(model):
    return pad(tokenise(model.tokenizer, [LONG], Readout.last), 0)


def both(model):
    """The same text through transformers and through HookedTransformer."""
    reference = HFBackend(model).resid_post(batch_of(model))
    return reference, TLBackend(model, Implementation.hooked).resid_post(batch_of(model))


def apart(a, b):
    return (np.linalg.norm(a - b, axis=-1) / np.linalg.norm(b, axis=-1)).max()


LLAMA3 = {
    "rope_type": "llama3",
    "rope_theta": 10000.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 32,
}
LINEAR = {
    "full_attention": {"rope_type": "linear", "rope_theta": 1e6, "factor": 8.0},
    "sliding_attention": {"rope_type": "default", "rope_theta": 1e4},
}
