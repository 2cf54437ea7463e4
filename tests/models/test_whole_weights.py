"""What is loaded is what transformers loads, whole, or one line says why not."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch as st
import torch
import transformers

from emo.activations.backend import pad
from emo.activations.hf import HFBackend
from emo.activations.reading import tokenise
from emo.config.enums import Attention, PrecisionName, Readout, Source
from emo.config.schema import ModelConfig, PrecisionConfig, TinyConfig
from emo.core.compare.readers import tolerance
from emo.errors import ModelError
from emo.models import loading
from emo.models.loading import LoadedModel, load
from emo.models.tiny import ARCHITECTURES, build
from emo.models.weights import Weights, locate

TEXTS = (
    "The bus stops here.",
    "A week has seven days, and a letter arrives on each of them but one. " * 6,
)
SHORT = {
    PrecisionName.bf16: torch.bfloat16,
    PrecisionName.fp16: torch.float16,
    PrecisionName.fp32: torch.float32,
}


def save(family, path, seed=0):
    model, tokenizer = build(family, 2, 64, seed)
    model.save_pretrained(path)
    tokenizer.save_pretrained(path)
    return path


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Families as local folders, made once each."""
    root = tmp_path_factory.mktemp("hub")

    def folder(family):
        path = root / family
        return path if path.is_dir() else save(family, path)

    return folder


@pytest.fixture
def copy(saved, tmp_path):
    """A folder that a test may break."""
    return lambda family: Path(shutil.copytree(saved(family), tmp_path / family))


def loaded(path, precision=PrecisionName.fp32):
    config = ModelConfig(name="hub", id=str(path))
    chosen = PrecisionConfig(precision)
    return load(config, locate(config), chosen, Attention.eager, "cpu", path.parent)


def tiny(family, precision):
    shape = TinyConfig(family, 2, 64)
    config = ModelConfig(name="tiny", id="tiny", source=Source.tiny, tiny=shape)
    chosen = PrecisionConfig(precision)
    return load(config, locate(config), chosen, Attention.eager, "cpu", Path())


def plain(path, precision):
    """The same folder as transformers alone loads it."""
    model = transformers.AutoModelForCausalLM.from_pretrained(
        path, dtype=SHORT[precision], attn_implementation="eager"
    ).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(path)
    return LoadedModel(model, tokenizer, Weights(None, "t", ""), "cpu", precision)


def resid_post(model):
    """In the attention of transformers, which a loaded model need not have."""
    model.model.set_attn_implementation("eager")
    return stream(model)


def stream(model):
    """In the attention that the model has."""
    backend = HFBackend(model)
    return backend.resid_post(pad(tokenise(model.tokenizer, TEXTS, Readout.last), backend.pad_id))


def refusal(path, precision=PrecisionName.fp32):
    with pytest.raises(ModelError) as caught:
        loaded(path, precision)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(f"model.id={path}: ")
    return str(caught.value)


@pytest.mark.parametrize("precision", SHORT)
@pytest.mark.parametrize("family", ["llama", "gemma3", "gpt_neox", "phi"])
def test_numbers_are_those_of_transformers_to_the_bit(saved, family, precision):
    """Rotary frequencies stay in fp32: rounded, they turn far tokens by another angle."""
    want, got = plain(saved(family), precision), loaded(saved(family), precision)
    tensors = [dict(m.model.named_buffers()) for m in (want, got)]
    assert tensors[0].keys() == tensors[1].keys()
    for name, buffer in tensors[0].items():
        assert buffer.dtype == tensors[1][name].dtype, name
        assert torch.equal(buffer, tensors[1][name]), name
    assert {p.dtype for p in got.model.parameters()} == {SHORT[precision]}
    assert np.array_equal(resid_post(want), resid_post(got))
    assert np.array_equal(resid_post(want), resid_post(tiny(family, precision)))


@pytest.mark.parametrize("precision", SHORT)
@pytest.mark.parametrize("family", ["llama", "gemma3", "gpt_neox", "phi"])
@pytest.mark.parametrize("products", [True, False])
def test_as_it_is_loaded_a_model_rounds_otherwise_at_most(
    saved, family, precision, products, monkeypatch
):
    """With the attention that it gets here, on a CPU with products in 16 bits and on one without."""
    monkeypatch.setattr(loading, "has_products", lambda _: products)
    want, got = plain(saved(family), precision), loaded(saved(family), precision)
    a, b = (stream(m).astype(float) for m in (want, got))
    apart = np.linalg.norm(a - b, axis=-1) / np.linalg.norm(a, axis=-1)
    assert apart.max() <= tolerance(precision.value)


def test_rounded_frequencies_are_other_numbers(saved):
    """The test above can fail."""
    path, bf16 = saved("llama"), PrecisionName.bf16
    model = plain(path, bf16)
    want = resid_post(model)
    model.model.to(torch.bfloat16)
    assert not np.array_equal(resid_post(model), want)


@pytest.mark.parametrize("family", sorted(ARCHITECTURES))
def test_every_family_comes_back_from_a_folder(saved, family):
    """None of them lacks a tensor in its own checkpoint: tied heads are no missing ones."""
    model, _ = build(family, 2, 64, 0)
    got = loaded(saved(family)).model.state_dict()
    assert all(torch.equal(tensor, got[name]) for name, tensor in model.state_dict().items())


def test_a_base_model_with_a_tied_head_is_whole(saved, tmp_path):
    """Saved without its head, names without prefix: transformers puts both back."""
    model, tokenizer = build("gemma2", 2, 64, 0)
    path = tmp_path / "base"
    model.model.save_pretrained(path)
    tokenizer.save_pretrained(path)
    assert np.array_equal(resid_post(loaded(path)), resid_post(loaded(saved("gemma2"))))


@pytest.mark.parametrize("precision", [PrecisionName.fp32, PrecisionName.int8, PrecisionName.nf4])
def test_missing_tensors_are_refused(copy, precision, capfd):
    path = copy("llama")
    tensors = st.load_file(path / "model.safetensors")
    for name in [n for n in tensors if "layers.1.mlp" in n]:
        del tensors[name]
    st.save_file(tensors, path / "model.safetensors", {"format": "pt"})
    message = refusal(path, precision)
    assert "lacks model.layers.1.mlp.down_proj.weight, model.layers.1.mlp.gate" in message
    assert "and 1 more; such weights would be random" in message
    assert "LOAD REPORT" not in "".join(capfd.readouterr())


def test_renamed_tensors_are_missing_ones(copy):
    path = copy("gpt2")
    tensors = st.load_file(path / "model.safetensors")
    tensors = {name.replace("h.0.ln_1", "h.0.norm"): t for name, t in tensors.items()}
    st.save_file(tensors, path / "model.safetensors", {"format": "pt"})
    assert "lacks transformer.h.0.ln_1.bias, transformer.h.0.ln_1.weight;" in refusal(path)


def test_more_layers_than_the_checkpoint_has(copy):
    path = copy("qwen2")
    config = json.loads((path / "config.json").read_text())
    config |= {"num_hidden_layers": 3, "layer_types": ["full_attention"] * 3}
    (path / "config.json").write_text(json.dumps(config))
    assert "lacks model.layers.2." in refusal(path)


@pytest.mark.parametrize("precision", [PrecisionName.fp32, PrecisionName.int8, PrecisionName.nf4])
def test_tensors_of_another_shape_are_refused(copy, precision):
    path = copy("llama")
    config = json.loads((path / "config.json").read_text())
    (path / "config.json").write_text(json.dumps(config | {"intermediate_size": 96}))
    words = r"has model.layers.0.mlp.down_proj.weight \(64x128 in the checkpoint, 64x96 in the m"
    with pytest.raises(ModelError, match=words) as caught:
        loaded(path, precision)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("keep", [0.7, 0.001, 0])
def test_a_truncated_pickle_is_one_line(copy, keep):
    path = copy("llama")
    torch.save(st.load_file(path / "model.safetensors"), path / "pytorch_model.bin")
    (path / "model.safetensors").unlink()
    assert loaded(path).model is not None
    content = (path / "pytorch_model.bin").read_bytes()
    (path / "pytorch_model.bin").write_bytes(content[: int(keep * len(content))])
    message = refusal(path)
    assert "cannot be loaded: " in message if keep else "pytorch_model.bin is empty" in message


@pytest.mark.parametrize("precision", list(PrecisionName))
def test_what_is_quantised_already_is_refused(copy, precision):
    path = copy("llama")
    config = json.loads((path / "config.json").read_text())
    config["quantization_config"] = {"quant_method": "gptq", "bits": 4}
    (path / "config.json").write_text(json.dumps(config))
    assert "quantised already (gptq); take the checkpoint" in refusal(path, precision)


@pytest.mark.parametrize("family", sorted(ARCHITECTURES))
def test_a_folder_without_tokenizer_is_named_as_such(saved, tmp_path, family):
    for name in ("config.json", "model.safetensors"):
        shutil.copy(saved(family) / name, tmp_path / name)
    assert "its tokenizer " in refusal(tmp_path)


def test_a_broken_tokenizer_is_named(copy):
    path = copy("llama")
    content = (path / "tokenizer.json").read_text()
    (path / "tokenizer.json").write_text(content[: len(content) // 2])
    assert "its tokenizer cannot be loaded: " in refusal(path)


@pytest.mark.parametrize("precision", [PrecisionName.fp16, PrecisionName.bf16])
def test_a_loaded_model_lets_no_device_sum_in_16_bits(tmp_path, precision):
    cuda = torch.backends.cuda.matmul
    names = [f"allow_{n}_reduced_precision_reduction" for n in ("fp16", "bf16")]
    for name in names:
        setattr(cuda, name, True)
    loaded(save("llama", tmp_path / "model"), precision)
    assert not any(getattr(cuda, name) for name in names)
