"""Where weights lie changes no number: partly on disk, and over two pretended devices."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from accelerate.hooks import AlignDevicesHook, add_hook_to_module

from emo.activations.backend import TokenSpan, pad
from emo.activations.embedding import embedding_means
from emo.activations.hf import HFBackend
from emo.config.enums import (
    Attention,
    BackendName,
    Placement,
    PrecisionName,
    Source,
    SteerNorm,
    SteerPositions,
)
from emo.config.schema import BackendConfig, ModelConfig, PrecisionConfig, TinyConfig
from emo.errors import ConfigError, EmoError, ModelError
from emo.generation.decoding import HFDecoder
from emo.generation.samples import Request
from emo.models import placement
from emo.models.loading import LoadedModel, load
from emo.models.placement import Room
from emo.models.weights import locate
from emo.steering import scoring
from emo.steering.injection import SteeredDecoder, SteeredRequest
from emo.steering.steerable import HFSteerable
from tests.models.two_devices import TwoDevices, place_of, put

SMALL = Room(Placement.offload, cpu_gib=0.0006)
TINY = ModelConfig(name="tiny", id="tiny", source=Source.tiny, tiny=TinyConfig("llama", 4, 64))
SPANS = [TokenSpan((1, 5, 9, 20), 1, 4), TokenSpan((1, 7), 1, 2)]
PROMPTS = [Request((0, 5, 6, 7), 0), Request((0, 9), 0)]


def loaded(model: ModelConfig, folder: Path, room: Room = SMALL) -> LoadedModel:
    return load(model, locate(model), PrecisionConfig(), Attention.eager, "cpu", folder, room)


def on_disk(folder: Path) -> ModelConfig:
    plain = loaded(TINY, folder, Room())
    for part in (plain.model, plain.tokenizer):
        part.save_pretrained(folder / "saved")
    return ModelConfig(name="saved", id=str(folder / "saved"))


def steered(loaded: LoadedModel) -> list[tuple[int, ...]]:
    """Tokens written while a large vector is added behind the first and the last block."""
    vector = np.linspace(-3, 3, 64, dtype=np.float32)
    decoder = SteeredDecoder(
        HFSteerable(loaded), lambda _: {0: vector, 3: -vector}, SteerPositions.generated
    )
    requests = [SteeredRequest(r.prompt, r.sample, addition="both") for r in PROMPTS]
    return [text.tokens for text in decoder.decode(requests, 6, None)]


def norms(loaded: LoadedModel) -> np.ndarray:
    return scoring._norms(HFSteerable(loaded), [r.prompt for r in PROMPTS], SteerNorm.mean)


@pytest.mark.parametrize("architecture", ["llama", "gpt2"])
def test_a_model_that_lies_partly_on_disk_gives_the_same_numbers(
    architecture: str, tmp_path: Path
) -> None:
    shape = TinyConfig(architecture, 4, 64)
    model = replace(TINY, tiny=shape)
    single, split = loaded(model, tmp_path, Room()), loaded(model, tmp_path)
    assert set(split.weight_count.places) == {"cpu", "disk"}
    assert sum(split.weight_count.places.values()) == split.weight_count.bytes
    counted = replace(split.weight_count, places={})
    assert counted == single.weight_count  # tied weights count once
    assert split.weight_count.metrics()["weights_bytes_disk"] > 0
    a, b = (HFBackend(m).resid_post(pad(SPANS, 0)) for m in (single, split))
    np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(*(embedding_means(m.model, SPANS) for m in (single, split)))
    a, b = (HFDecoder(m).decode(PROMPTS, 6, None) for m in (single, split))
    assert a == b
    assert steered(single) == steered(split) != [text.tokens for text in a]
    np.testing.assert_array_equal(norms(single), norms(split))


def test_a_checkpoint_is_read_where_it_lies_and_its_folder_goes_with_the_model(
    tmp_path: Path,
) -> None:
    model = on_disk(tmp_path)
    single, split = loaded(model, tmp_path, Room()), loaded(model, tmp_path)
    assert split.weight_count.places["disk"] > split.weight_count.places["cpu"]
    a, b = (HFBackend(m).resid_post(pad(SPANS, 0)) for m in (single, split))
    np.testing.assert_array_equal(a, b)
    assert list((tmp_path / "offloaded").iterdir())
    del split
    gc.collect()
    assert not list((tmp_path / "offloaded").iterdir())


def test_a_weight_that_is_not_finite_is_found_on_disk(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    model = on_disk(tmp_path)
    path = tmp_path / "saved" / "model.safetensors"
    weights = load_file(path)
    weights["model.layers.3.mlp.up_proj.weight"][0, 0] = float("nan")
    save_file(weights, path, {"format": "pt"})
    with pytest.raises(ModelError, match=r"layers\.3\.mlp\.up_proj\.weight is not finite"):
        loaded(model, tmp_path)
    assert not list((tmp_path / "offloaded").iterdir())


@contextmanager
def split_over_two(loaded: LoadedModel) -> Iterator[LoadedModel]:
    """A tiny model with its last two blocks on a pretended second device, as accelerate places them."""
    model = loaded.model
    second = [*model.model.layers[2:]]
    add_hook_to_module(model, AlignDevicesHook("cpu:0", io_same_device=True))
    for part in (model.model.embed_tokens, *model.model.layers, model.model.norm, model.lm_head):
        add_hook_to_module(part, AlignDevicesHook("cpu:1" if part in second else "cpu:0"))
    put(model, "cpu:0")
    for part in second:
        put(part, "cpu:1")
    object.__setattr__(loaded, "device", "cpu:0")
    with TwoDevices():
        yield loaded


def test_hooks_decoding_and_steering_work_where_a_block_lies(tmp_path: Path) -> None:
    single = loaded(TINY, tmp_path, Room())
    read = HFBackend(single).resid_post(pad(SPANS, 0))
    last = [TokenSpan(s.ids, len(s.ids) - 1, len(s.ids)) for s in SPANS]
    read_last = HFBackend(single).resid_post(pad(last, 0))
    written = HFDecoder(single).decode(PROMPTS, 6, None)
    unsplit = steered(single), norms(single)
    with split_over_two(loaded(TINY, tmp_path, Room())) as split:
        seen: list[str] = []
        for layer in split.model.model.layers:
            layer.register_forward_hook(lambda _m, _a, out: seen.append(place_of(out)))
        np.testing.assert_array_equal(HFBackend(split).resid_post(pad(SPANS, 0)), read)
        assert seen == ["cpu:0", "cpu:0", "cpu:1", "cpu:1"]
        np.testing.assert_array_equal(HFBackend(split).resid_post(pad(last, 0)), read_last)
        assert HFDecoder(split).decode(PROMPTS, 6, None) == written
        assert steered(split) == unsplit[0]
        np.testing.assert_array_equal(norms(split), unsplit[1])


def test_pretended_devices_do_not_meet() -> None:
    with TwoDevices():
        a, b = torch.ones(2, device="cpu:0"), torch.ones(2, device="cpu:1")
        with pytest.raises(RuntimeError, match="two devices"):
            a + b
        assert (a.to(b.device) + b).device == torch.device("cpu:1")


REFUSED = {
    "single, offload here": (BackendConfig(placement=Placement.balanced), PrecisionConfig(), "cpu"),
    "single with backend=tl": (
        BackendConfig(BackendName.tl, placement=Placement.offload),
        PrecisionConfig(),
        "cpu",
    ),
    "single, balanced with precision=int8": (
        BackendConfig(placement=Placement.offload),
        PrecisionConfig(PrecisionName.int8),
        "cpu",
    ),
    "single on mps": (BackendConfig(placement=Placement.offload), PrecisionConfig(), "mps"),
    "null with backend.placement=single": (BackendConfig(cpu_gib=1.0), PrecisionConfig(), "cpu"),
    "null on cpu": (
        BackendConfig(placement=Placement.offload, gpu_gib=1.0),
        PrecisionConfig(),
        "cpu",
    ),
}


@pytest.mark.parametrize("allowed", REFUSED)
def test_what_cannot_be_placed_is_refused_in_one_line(allowed: str) -> None:
    with pytest.raises(ConfigError) as refused:
        placement.check(*REFUSED[allowed])
    assert allowed in str(refused.value) and "\n" not in str(refused.value)


def test_gpus_that_hold_a_part_only_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(placement, "n_gpus", lambda: 2)
    split = loaded(TINY, tmp_path)
    with pytest.raises(ModelError, match=r"do not fit into 2 GPUs; take backend.placement=offload"):
        placement.refuse_overfull(split.model, Room(Placement.balanced), "model=tiny")


def test_torchrun_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCAL_RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(EmoError, match=r"backend\.placement=balanced"):
        placement.check(BackendConfig(), PrecisionConfig(), "cpu")
    monkeypatch.setenv("WORLD_SIZE", "1")
    placement.check(BackendConfig(), PrecisionConfig(), "cpu")
