"""Where the weights of a model lie: on one device, over GPUs, or partly in main memory and on disk.

The map is accelerate's: whole decoder blocks in their order, as many on each place as fit. A block on a
second GPU computes there. A block in main memory or on disk is brought to the first device for its
turn, so that its numbers are those of one device.
"""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, assert_never

from emo.config.enums import Placement
from emo.config.schema import BackendConfig, PrecisionConfig
from emo.errors import ConfigError, EmoError, ModelError

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedModel

SHARE = 0.9
"""Share of the free memory of a place that weights may take, where no size is configured."""
FOLDER = "offloaded"
"""Name of the folder in ``paths.weights`` of weights that cannot be read from their checkpoint."""
DISK, META = "disk", "meta"


@dataclass(frozen=True)
class Room:
    """A placement, and the GiB of weights that each GPU and main memory may hold; None: 90 % of free."""

    placement: Placement = Placement.single
    gpu_gib: float | None = None
    cpu_gib: float | None = None
    packed: bool = True
    """Whether a second copy of weights may be held for a faster product (:mod:`emo.models.packing`)."""

    @classmethod
    def of(cls, backend: BackendConfig) -> Room:
        """The room that a config gives."""
        packed = backend.packed and backend.label != "hooked"  # which runs copies of its own
        return cls(backend.placement, backend.gpu_gib, backend.cpu_gib, packed)


def check(backend: BackendConfig, precision: PrecisionConfig, device: str) -> None:
    """Refuse a placement that this machine, the reader or the precision cannot have.

    Raises
    ------
    ConfigError
        Naming the parameter and what is allowed.
    EmoError
        Under ``torchrun`` with several processes.
    """
    refuse_several_processes()
    placement = backend.placement
    for name in ("gpu_gib", "cpu_gib"):
        value = getattr(backend, name)
        if value is not None and placement is Placement.single:
            raise ConfigError(f"backend.{name}", value, "null with backend.placement=single")
    if placement is not Placement.single and backend.label not in ("hf", "auto"):
        raise _refused(placement, "single with backend=tl, which puts a model on one device")
    if backend.shards > 1 and placement is not Placement.single:
        allowed = f"1 with backend.placement={placement.value}, where one model takes the devices"
        raise ConfigError("backend.shards", backend.shards, allowed)
    match placement:
        case Placement.single:
            pass
        case Placement.balanced:
            if backend.cpu_gib is not None:
                raise ConfigError("backend.cpu_gib", backend.cpu_gib, "null: balanced is GPUs only")
            if device != "cuda" or (n := n_gpus()) < 2:
                n = n_gpus()
                here = f"{n or 'no'} GPU{'' if n == 1 else 's'} that backend.device may take"
                raise _refused(placement, f"single, offload here (this machine has {here})")
        case Placement.offload:
            if precision.quantised:
                name = precision.name.value
                raise _refused(placement, f"single, balanced with precision={name}")
            if device not in ("cuda", "cpu"):
                raise _refused(placement, f"single on {device}; offload runs on cuda, cpu")
            if device == "cpu" and backend.gpu_gib is not None:
                raise ConfigError("backend.gpu_gib", backend.gpu_gib, "null on cpu")
        case _:
            assert_never(placement)


def _refused(placement: Placement, allowed: str) -> ConfigError:
    return ConfigError("backend.placement", placement.value, allowed)


def n_gpus() -> int:
    """Number of CUDA devices that this process sees."""
    import torch

    return torch.cuda.device_count()


def refuse_several_processes() -> None:
    """Refuse a start by ``torchrun``, whose processes would each read every text and log the same run.

    Raises
    ------
    EmoError
        If the environment names more than one process.
    """
    n = os.environ.get("WORLD_SIZE", "1")
    if n not in ("", "1") and "LOCAL_RANK" in os.environ:
        raise EmoError(
            f"WORLD_SIZE={n}: started by torchrun or the like, whose processes would all log one run; "
            "models are not split by tensors here: start one process with backend.placement=balanced"
        )


@contextmanager
def placing(room: Room, device: str, weights_folder: Path) -> Iterator[dict[str, Any]]:
    """The arguments of ``from_pretrained`` that place a model; none for one device.

    Weights that cannot be read from their checkpoint as they are get a folder of their own. It is
    removed with the model, which :func:`keep_folder` binds it to, or at the end of a block that fails.
    """
    logging.getLogger("accelerate.big_modeling").setLevel(logging.ERROR)  # says so again
    match room.placement:
        case Placement.single:
            yield {}
        case Placement.balanced:
            yield {"device_map": "balanced", "max_memory": most(room, device)}
        case Placement.offload:
            parent = weights_folder / FOLDER
            parent.mkdir(parents=True, exist_ok=True)
            folder = tempfile.mkdtemp(prefix="of-a-model-", dir=parent)
            placed = {"device_map": "balanced", "max_memory": most(room, device)}
            try:
                yield {**placed, "offload_folder": folder}
            except BaseException:
                shutil.rmtree(folder, ignore_errors=True)
                raise
        case _:
            assert_never(room.placement)


def keep_folder(model: PreTrainedModel, placed: dict[str, Any]) -> None:
    """Keep the folder of a model's weights as long as the model."""
    if folder := placed.get("offload_folder"):
        weakref.finalize(model, shutil.rmtree, folder, ignore_errors=True)


def most(room: Room, device: str) -> dict[int | str, int]:
    """The largest number of bytes of weights by place: GPUs by number, then ``cpu``."""
    import psutil
    import torch

    out: dict[int | str, int] = {}
    if device == "cuda":
        for number in range(n_gpus()):
            free = torch.cuda.mem_get_info(number)[0]
            out[number] = _bytes(room.gpu_gib, free)
    if room.placement is Placement.offload:
        out["cpu"] = _bytes(room.cpu_gib, psutil.virtual_memory().available)
    return out


def _bytes(gib: float | None, free: int) -> int:
    return int(SHARE * free) if gib is None else int(gib * 2**30)


def place_built(model: PreTrainedModel, placed: dict[str, Any]) -> PreTrainedModel:
    """A model that was built in memory, placed like one from a checkpoint."""
    from accelerate import dispatch_model
    from transformers.integrations.accelerate import _get_device_map

    where: Any = _get_device_map(model, placed["device_map"], placed["max_memory"], None)
    dispatch_model(model, where, offload_dir=placed.get("offload_folder"))
    return model


def refuse_overfull(model: PreTrainedModel, room: Room, subject: str) -> None:
    """Refuse a model of which the GPUs hold only a part, where they should hold it all.

    Raises
    ------
    ModelError
        With the size of the part that found no place.
    """
    if room.placement is not Placement.balanced:
        return
    sizes = places(model)
    if left := sizes.get("cpu", 0) + sizes.get(DISK, 0):
        raise ModelError(
            f"{subject}: {left / 2**30:.1f} of its {sum(sizes.values()) / 2**30:.1f} GiB do not fit "
            f"into {n_gpus()} GPUs; take backend.placement=offload, or a smaller precision"
        )


def places(model: nn.Module) -> dict[str, int]:
    """Bytes of weights by place, such as ``cuda:0``, ``cpu``, ``disk``; tied weights count once."""
    out: dict[str, int] = {}
    for name, weight in distinct_weights(model):
        place = str(weight.device) if weight.device.type != META else _offloaded_to(model, name)
        out[place] = out.get(place, 0) + weight.nbytes
    return out


def distinct_weights(model: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    """Names and weights of a model, tied ones once.

    Offloading leaves an empty stand-in at each place of a tied weight, so these are told by their names.
    """
    tied: Any = getattr(model, "all_tied_weights_keys", None) or {}
    for name, weight in model.named_parameters():
        if weight.device.type != META or name not in tied:
            yield name, weight


def _offloaded_to(model: nn.Module, name: str) -> str:
    """``cpu`` or ``disk``: where the map puts the part that a weight belongs to."""
    where: Any = model.hf_device_map
    part = max((p for p in where if p == "" or f"{name}.".startswith(f"{p}.")), key=len)
    return str(where[part])


def in_words(sizes: dict[str, int]) -> str:
    """The places of a model and their sizes, as ``cpu 0.40 GiB, disk 1.20 GiB``."""
    return ", ".join(f"{place} {size / 2**30:.2f} GiB" for place, size in sorted(sizes.items()))


@contextmanager
def at_hand(module: nn.Module) -> Iterator[None]:
    """A block in which the weights of one module can be read, even if they lie on disk."""
    from accelerate.utils import align_module_device

    with align_module_device(module):
        yield
