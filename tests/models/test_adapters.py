"""Adapters: live and merged give W x + B A x, and a base and its tunes share weights."""

from __future__ import annotations

import copy
import importlib.util
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from emo.activations.backend import TokenSpan, pad
from emo.activations.hf import HFBackend
from emo.config.enums import Attention, BackendName, Placement, PrecisionName, Source
from emo.config.schema import BackendConfig, ModelConfig, PrecisionConfig, TinyConfig
from emo.errors import ConfigError, ModelError
from emo.generation.decoding import HFDecoder
from emo.generation.samples import Request
from emo.models import adapters, session
from emo.models.loading import LoadedModel, load
from emo.models.tiny import build
from emo.models.weights import locate, weights_name

needs_peft = pytest.mark.skipif(
    importlib.util.find_spec("peft") is None, reason="the extra adapters is not installed"
)
# PEFT asks transformers by a name that will go.
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")
BASE = ModelConfig(name="tiny", id="tiny", source=Source.tiny, tiny=TinyConfig("llama", 2, 32))
SPANS = [TokenSpan((1, 5, 9, 20), 3, 4), TokenSpan((1, 7), 1, 2)]
TARGETS = ["q_proj", "down_proj"]


def saved(folder: Path, kind: str = "LORA", **settings: Any) -> str:
    """An adapter with random weights for the tiny model, as PEFT saves it."""
    import peft

    model, _ = build("llama", 2, 32, 0)
    own = {"init_lora_weights": False} if kind == "LORA" else {"init_weights": False}
    if kind == "IA3":
        own = {"init_ia3_weights": False, "feedforward_modules": ["down_proj"]}
    config = {"LORA": "LoraConfig", "IA3": "IA3Config", "LOHA": "LoHaConfig", "LOKR": "LoKrConfig"}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        options = {"target_modules": TARGETS, **own, **settings}
        tuned = peft.get_peft_model(model, getattr(peft, config[kind])(**options))
    tuned.save_pretrained(folder)
    return str(folder)


def loaded(model: ModelConfig, folder: Path, precision: str = "fp32") -> LoadedModel:
    chosen = PrecisionConfig(PrecisionName(precision))
    return load(model, locate(model), chosen, Attention.eager, "cpu", folder)


def read(loaded: LoadedModel) -> np.ndarray:
    return HFBackend(loaded).resid_post(pad(SPANS, 0))


@needs_peft
def test_live_and_merged_add_the_product_of_the_two_matrices(tmp_path: Path) -> None:
    from safetensors.torch import load_file

    adapter = saved(tmp_path / "tune", r=4, lora_alpha=12)
    plain = loaded(BASE, tmp_path)
    base = read(plain)
    oracle = copy.deepcopy(plain)
    stored = load_file(Path(adapter, "adapter_model.safetensors"))
    with torch.no_grad():
        for layer, block in enumerate(oracle.model.model.layers):
            for part, name in ((block.self_attn, "q_proj"), (block.mlp, "down_proj")):
                place = "self_attn" if name == "q_proj" else "mlp"
                prefix = f"base_model.model.model.layers.{layer}.{place}.{name}.lora_"
                a, b = (stored[f"{prefix}{m}.weight"] for m in "AB")
                getattr(part, name).weight += 12 / 4 * b @ a
    expected = read(oracle)
    assert np.abs(expected - base).max() > 0.01 * np.abs(base).max()
    for merged in (False, True):
        tuned = loaded(replace(BASE, adapter=adapter, adapter_merged=merged), tmp_path)
        np.testing.assert_allclose(read(tuned), expected, rtol=1e-4, atol=1e-5)


@needs_peft
@pytest.mark.parametrize("kind", adapters.KINDS)
def test_every_kind_gives_the_same_live_and_merged(kind: str, tmp_path: Path) -> None:
    adapter = saved(tmp_path / "tune", kind)
    live, merged = (
        read(loaded(replace(BASE, adapter=adapter, adapter_merged=m), tmp_path))
        for m in (False, True)
    )
    np.testing.assert_allclose(live, merged, rtol=1e-4, atol=1e-5)
    assert np.abs(live - read(loaded(BASE, tmp_path))).max() > 1e-4


@needs_peft
def test_a_base_and_two_tunes_share_one_set_of_weights(tmp_path: Path) -> None:
    first, second = saved(tmp_path / "a"), saved(tmp_path / "b", "LOHA")

    def get(adapter: str | None) -> LoadedModel:
        model = replace(BASE, adapter=adapter)
        return session.get(
            model, locate(model), PrecisionConfig(), Attention.eager, "cpu", tmp_path
        )

    def row(loaded: LoadedModel) -> int:
        return loaded.model.get_input_embeddings().weight.data_ptr()

    session.release()
    base = get(None)
    before, place = read(base), row(base)
    tuned, other = (get(a) for a in (first, first))  # as two jobs ask for it
    values = read(other)
    assert row(tuned) == row(other) == place
    alone = read(loaded(replace(BASE, adapter=first), tmp_path))
    np.testing.assert_array_equal(values, alone)
    third = get(second)
    assert row(third) == place and not np.allclose(read(third), values)
    again = get(None)
    assert row(again) == place
    np.testing.assert_array_equal(read(again), before)
    assert again.weight_count == base.weight_count
    assert not hasattr(again.model, "peft_config")
    session.release()


@needs_peft
def test_a_tune_writes(tmp_path: Path) -> None:
    adapter = saved(tmp_path / "tune")
    request = [Request((0, 5, 6, 7), 0)]
    live, merged = (
        HFDecoder(loaded(replace(BASE, adapter=adapter, adapter_merged=m), tmp_path)).decode(
            request, 8, None
        )
        for m in (False, True)
    )
    assert live == merged
    assert live != HFDecoder(loaded(BASE, tmp_path)).decode(request, 8, None)


@needs_peft
@pytest.mark.parametrize("precision", ["bf16", "int8", "nf4"])
def test_a_live_adapter_runs_in_a_precision(precision: str, tmp_path: Path) -> None:
    adapter = saved(tmp_path / "tune")
    base = loaded(BASE, tmp_path, precision)
    tuned = loaded(replace(BASE, adapter=adapter), tmp_path, precision)
    assert tuned.weight_count.quantised == base.weight_count.quantised
    assert tuned.weight_count.parameters > base.weight_count.parameters
    values = read(tuned)
    assert np.isfinite(values).all() and not np.allclose(values, read(base))


@needs_peft
def test_an_adapter_is_part_of_the_identity(tmp_path: Path) -> None:
    first, second = saved(tmp_path / "a"), saved(tmp_path / "b", r=2)
    models = [
        BASE,
        replace(BASE, adapter=first),
        replace(BASE, adapter=first, adapter_merged=True),
        replace(BASE, adapter=second),
    ]
    names = [weights_name(m.id, locate(m).revision) for m in models]
    assert len(set(names)) == len(models)
    assert all(locate(m).checkpoint_revision == locate(BASE).revision for m in models)
    assert [m.label for m in models] == ["tiny", "tiny+a", "tiny+a", "tiny+b"]
    assert "adapter a (live)" in locate(models[1]).note


@needs_peft
def test_another_models_adapter_is_refused_and_the_base_stays_usable(tmp_path: Path) -> None:
    adapter = saved(tmp_path / "tune")
    wider = replace(BASE, tiny=TinyConfig("llama", 2, 64))
    deeper = replace(BASE, tiny=TinyConfig("llama", 3, 32))
    for model in (wider, deeper):
        with pytest.raises(ModelError, match=r"model\.adapter=.*tune: ") as refused:
            loaded(replace(model, adapter=adapter), tmp_path)
        assert "\n" not in str(refused.value)


def folder_with(folder: Path, settings: dict[str, Any], weights: bytes | None = None) -> str:
    folder.mkdir()
    (folder / "adapter_config.json").write_text(json.dumps(settings))
    if weights is None:
        from safetensors.torch import save

        weights = save({"lora_A": torch.zeros(2)})
    (folder / "adapter_model.safetensors").write_bytes(weights)
    return str(folder)


UNUSABLE = {
    "its peft_type is PROMPT_TUNING; taken are LORA": ({"peft_type": "PROMPT_TUNING"}, None),
    "take model.adapter_merged=true": ({"peft_type": "LORA", "modules_to_save": ["lm_head"]}, None),
    "adapter_model.safetensors is damaged": ({"peft_type": "LORA"}, b"abcdefghijklmnop"),
    "adapter_model.safetensors is empty": ({"peft_type": "LORA"}, b""),
}


@pytest.mark.parametrize("words", UNUSABLE)
def test_an_unusable_adapter_is_refused_before_a_model_is_loaded(
    words: str, tmp_path: Path
) -> None:
    adapter = folder_with(tmp_path / "tune", *UNUSABLE[words])
    with pytest.raises(ModelError) as refused:
        locate(replace(BASE, adapter=adapter))
    assert words in str(refused.value) and "\n" not in str(refused.value)


def test_a_folder_without_weights_or_no_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text("{}")
    with pytest.raises(ModelError, match=r"adapter_model\.safetensors is missing"):
        locate(replace(BASE, adapter=str(tmp_path)))
    with pytest.raises(ModelError, match="no such folder"):
        locate(replace(BASE, adapter=str(tmp_path / "elsewhere")))


def test_without_peft_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    adapter = folder_with(tmp_path / "tune", {"peft_type": "LORA"})
    monkeypatch.setattr(adapters.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pip install 'emotion-geometry\[adapters\]'"):
        locate(replace(BASE, adapter=adapter))


@pytest.mark.parametrize(
    ("settings", "backend", "precision", "words"),
    [
        ({"adapter_merged": True, "adapter": None}, {}, "fp32", "false without model.adapter"),
        ({}, {"placement": Placement.offload}, "fp32", "null with backend.placement=offload"),
        ({"adapter_merged": True}, {}, "nf4", "false with precision=nf4"),
        ({}, {"name": BackendName.tl}, "fp32", "true with backend=tl"),
    ],
)
def test_what_an_adapter_cannot_have_is_refused(
    settings: dict[str, Any], backend: dict[str, Any], precision: str, words: str
) -> None:
    model = replace(BASE, **{"adapter": "some/where", **settings})
    chosen = PrecisionConfig(PrecisionName(precision))
    with pytest.raises(ConfigError) as refused:
        adapters.check(model, BackendConfig(**backend), chosen)
    assert words in str(refused.value)
