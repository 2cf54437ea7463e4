"""Checkpoints without an output head: read like any other, asked for no text."""

import numpy as np
import pytest
import safetensors.torch as st
import transformers

from emo.activations.backend import pad
from emo.activations.hf import HFBackend
from emo.activations.opening import open_backend
from emo.activations.reading import tokenise
from emo.config.enums import BackendName, Implementation, PrecisionName, Readout
from emo.config.schema import BackendConfig
from emo.errors import ModelError
from emo.models.tiny import build
from tests.models.folders import load_folder, refusal, save, save_pair

TEXTS = ("The bus stops here.", "A week has seven days, and a letter arrives on each of them.")


@pytest.fixture(scope="module")
def kinds(tmp_path_factory):
    """One model saved whole, without its head, and with a head that classifies."""
    root = tmp_path_factory.mktemp("kinds")
    made = {}
    for family in ("llama", "qwen3"):
        model, tokenizer = build(family, 2, 64, 0)
        save(family, root / family / "whole")
        save_pair(model.model, tokenizer, root / family / "headless")
        reward = transformers.AutoModelForSequenceClassification.from_config(model.config)
        reward.model.load_state_dict(model.model.state_dict())
        save_pair(reward, tokenizer, root / family / "classifier")
        made |= {(family, k): root / family / k for k in ("whole", "headless", "classifier")}
    return made


def resid_post(loaded):
    backend = HFBackend(loaded)
    return backend.resid_post(pad(tokenise(loaded.tokenizer, TEXTS, Readout.last), backend.pad_id))


@pytest.mark.parametrize("kind", ["headless", "classifier"])
@pytest.mark.parametrize("family", ["llama", "qwen3"])
@pytest.mark.parametrize("precision", [PrecisionName.fp32, PrecisionName.int8, PrecisionName.nf4])
def test_what_is_read_is_what_the_whole_model_reads(kinds, family, kind, precision):
    whole = load_folder(kinds[family, "whole"], precision)
    bare = load_folder(kinds[family, kind], precision)
    assert (whole.head, bare.head) == (True, False)
    # The same modules with the same weights; the tolerance is for kernels that vary with alignment.
    np.testing.assert_allclose(resid_post(bare), resid_post(whole), rtol=1e-5, atol=1e-6)


def test_a_head_that_is_not_there_is_not_counted(kinds):
    whole, bare = (load_folder(kinds["llama", k]) for k in ("whole", "headless"))
    head = whole.model.get_output_embeddings().weight.numel()
    assert whole.weight_count.parameters - bare.weight_count.parameters == head


def test_writing_is_refused_in_one_line(kinds):
    whole, bare = (load_folder(kinds["llama", k]) for k in ("whole", "classifier"))
    assert whole.for_writing() is whole
    with pytest.raises(ModelError, match=r"has no output head: .* it writes no text") as caught:
        bare.for_writing()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("implementation", list(Implementation))
def test_transformer_lens_asks_for_a_head(kinds, implementation):
    config = BackendConfig(name=BackendName.tl, implementation=implementation)
    with pytest.raises(ModelError, match="no output head, which TransformerLens asks for"):
        open_backend(load_folder(kinds["llama", "headless"]), config)


def test_a_tied_head_is_there(tmp_path):
    model, tokenizer = build("gemma2", 2, 64, 0)
    assert load_folder(save_pair(model.model, tokenizer, tmp_path / "m")).head


@pytest.mark.parametrize("kind", ["whole", "headless"])
def test_a_decoder_weight_is_missed_with_a_head_and_without(kinds, kind, tmp_path):
    from tests.models.folders import copied

    path = copied(kinds["llama", kind], tmp_path / "m")
    tensors = st.load_file(path / "model.safetensors")
    name = next(n for n in tensors if n.endswith("layers.1.mlp.up_proj.weight"))
    del tensors[name]
    st.save_file(tensors, path / "model.safetensors", {"format": "pt"})
    assert "it lacks model.layers.1.mlp.up_proj.weight; such weights would be random" in refusal(
        path
    )


def test_a_head_of_another_size_is_refused(kinds, tmp_path):
    from tests.models.folders import copied

    path = copied(kinds["llama", "whole"], tmp_path / "m")
    tensors = st.load_file(path / "model.safetensors")
    tensors["lm_head.weight"] = tensors["lm_head.weight"][:-7].clone()
    st.save_file(tensors, path / "model.safetensors", {"format": "pt"})
    assert "has lm_head.weight (505x64 in the checkpoint, 512x64 in the model)" in refusal(path)
