"""Models that see or hear: their language part is read, and writes."""

import numpy as np
import pytest
import torch
import transformers as tf

from emo.activations.backend import pad
from emo.activations.hf import HFBackend, decoder_layers
from emo.activations.reading import tokenise
from emo.config.enums import PrecisionName, Readout
from emo.generation.decoding import HFDecoder
from emo.generation.samples import Request
from emo.models.tiny import train_tokenizer
from tests.models.folders import load_folder, refusal, save_pair

LAYERS = 3
"""Of the language model and, to be taken for each other, of what sees or hears."""
SIZE = 520
TEXT = {
    "vocab_size": SIZE,
    "hidden_size": 64,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 128,
    "max_position_embeddings": 256,
    "bos_token_id": 0,
    "eos_token_id": 1,
    "pad_token_id": 2,
}
ROPE = {"rope_type": "default", "mrope_section": [2, 3, 3], "rope_theta": 10_000.0}
TOKENS = {"image_token_id": SIZE - 1, "video_token_id": SIZE - 2, "vision_start_token_id": SIZE - 3}
SEES = {"hidden_size": 64, "num_attention_heads": 4, "intermediate_size": 64, "patch_size": 4}
TOWER = SEES | {"num_hidden_layers": LAYERS, "image_size": 16}
QWEN = {"depth": LAYERS, "num_heads": 4, "patch_size": 4}


def qwen(config, vision, **text):
    return config(
        text_config=TEXT | {"rope_parameters": ROPE} | text, vision_config=QWEN | vision, **TOKENS
    )


KINDS = {
    "qwen2_vl": lambda: qwen(tf.Qwen2VLConfig, {"embed_dim": 32, "hidden_size": 64}),
    "qwen2_5_vl": lambda: qwen(
        tf.Qwen2_5_VLConfig,
        {
            "hidden_size": 32,
            "intermediate_size": 64,
            "out_hidden_size": 64,
            "fullatt_block_indexes": [1],
        },
    ),
    "qwen3_vl": lambda: qwen(
        tf.Qwen3VLConfig,
        {
            "hidden_size": 32,
            "intermediate_size": 64,
            "out_hidden_size": 64,
            "deepstack_visual_indexes": [0, 1],
            "num_position_embeddings": 16,
        },
        head_dim=16,
    ),
    "llava": lambda: tf.LlavaConfig(
        text_config=tf.LlamaConfig(**TEXT),
        vision_config=tf.CLIPVisionConfig(**TOWER),
        image_token_index=SIZE - 1,
    ),
    "qwen2_audio": lambda: tf.Qwen2AudioConfig(
        text_config=tf.Qwen2Config(**TEXT),
        audio_config={
            "d_model": 32,
            "encoder_layers": LAYERS,
            "encoder_attention_heads": 4,
            "encoder_ffn_dim": 64,
            "num_mel_bins": 8,
        },
        audio_token_index=SIZE - 1,
    ),
}
TEXTS = ("The bus stops here.", "A week has seven days, and a letter arrives on each of them.")


@pytest.fixture(scope="module", params=sorted(KINDS))
def folder(request, tmp_path_factory):
    """A random model of each kind in the hub's layout."""
    torch.manual_seed(0)
    model = tf.AutoModelForMultimodalLM.from_config(KINDS[request.param](), dtype=torch.float32)
    with torch.no_grad():
        for parameter in model.parameters():  # so that tokens differ by more than rounding
            parameter.mul_(3)
    return save_pair(model, train_tokenizer(), tmp_path_factory.mktemp("kinds") / request.param)


def test_the_language_models_blocks_are_read(folder):
    """Not the tower's, of which there are as many; against transformers' own hidden states."""
    loaded = load_folder(folder)
    blocks = decoder_layers(loaded.model)
    assert blocks is loaded.model.get_decoder().layers
    backend = HFBackend(loaded)
    assert (backend.n_layers, backend.hidden) == (LAYERS, 64)
    spans = tokenise(loaded.tokenizer, TEXTS, Readout.last)
    got = backend.resid_post(pad(spans, backend.pad_id))
    for i, span in enumerate(spans):
        with torch.inference_mode():
            states = loaded.model(
                input_ids=torch.tensor([span.ids]), output_hidden_states=True
            ).hidden_states
        for layer in range(LAYERS - 1):  # the last one is taken behind the final norm
            want = states[layer + 1][0, -1].numpy()
            np.testing.assert_allclose(got[layer, i], want, rtol=1e-4, atol=1e-5)


def test_it_writes_what_passes_over_whole_texts_give(folder):
    """One by one and in a batch, with and without a cache."""
    loaded = load_folder(folder).for_writing()
    prompts = [tuple(loaded.tokenizer(text)["input_ids"]) for text in TEXTS]
    written = HFDecoder(loaded).decode([Request(prompt) for prompt in prompts], 6, None)
    for prompt, text in zip(prompts, written, strict=True):
        ids = list(prompt)
        for token in text.tokens:
            with torch.inference_mode():
                best = loaded.model(input_ids=torch.tensor([ids])).logits[0, -1].argmax()
            assert int(best) == token
            ids.append(token)


@pytest.mark.parametrize("precision", [PrecisionName.bf16, PrecisionName.int8])
def test_other_precisions(folder, precision):
    backend = HFBackend(load_folder(folder, precision))
    batch = pad(tokenise(train_tokenizer(), TEXTS[:1], Readout.last), backend.pad_id)
    assert np.isfinite(backend.resid_post(batch)).all()


@pytest.mark.parametrize(
    "config", [tf.T5Config(d_model=64, num_layers=1, num_heads=4), tf.ViTConfig(hidden_size=48)]
)
def test_what_has_no_decoder_of_its_own_is_refused(tmp_path, config):
    path = save_pair(tf.AutoModel.from_config(config), train_tokenizer(), tmp_path / "m")
    message = refusal(path)
    assert message.startswith("it is no decoder-only language model to transformers ")
    assert message.endswith(f"(model of type {config.model_type})")
