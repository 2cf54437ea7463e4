"""The place and the revision of a model's weights, without loading them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import assert_never

from emo.config.enums import Source
from emo.config.schema import ModelConfig
from emo.errors import ConfigError, ModelError
from emo.files.json_digests import Subject, json_digest
from emo.models import gguf
from emo.models.adapters import Adapter, add_adapter
from emo.models.digests import folder_digest
from emo.models.folders import MERGE, Unusable, gguf_of, read_folder
from emo.models.packaged import PACKAGES, package_revision
from emo.models.tiny import check_shape
from emo.redact import without_password
from emo.runs.versions import FOLDER_VERSION

FOLDER = "folder"
BY_CONTENT = (f"{FOLDER}-", "gguf-", "tiny-")
"""Beginnings of revisions that are digests of the weights, and so do not depend on their place."""
HUB_ID = re.compile(r"[\w.-]+(/[\w.-]+)?")


@dataclass(frozen=True)
class Weights:
    """One exact set of weights; ``id`` is for from_pretrained, None if random or packaged."""

    id: str | None
    revision: str
    note: str
    adapter: Adapter | None = None
    untuned: Weights | None = None
    """With an adapter: the weights that it is for."""

    @property
    def base(self) -> Weights:
        """The weights in memory: a live adapter changes none of them."""
        live = self.adapter is not None and not self.adapter.merged
        return self.untuned if live and self.untuned is not None else self

    @property
    def checkpoint_revision(self) -> str:
        """The revision of what is loaded, before an adapter."""
        return self.revision if self.untuned is None else self.untuned.revision

    @property
    def local(self) -> bool:
        """Whether they are in a folder or a GGUF file of the user."""
        return self.id is not None and Path(self.id).is_absolute()

    @property
    def origin(self) -> str | None:
        """The hub id, or "folder" for local weights, whatever their path."""
        return FOLDER if self.local else self.id


def weights_name(model_id: str, revision: str) -> str:
    """A name that two runs share exactly if they have the same weights."""
    return revision if revision.startswith(BY_CONTENT) else f"{model_id}@{revision}"


def locate(
    model: ModelConfig,
    path: Callable[[str], Path] = lambda value: Path(value).expanduser().resolve(),
    cache: Path | None = None,
) -> Weights:
    """The weights of a configured model and its adapter, without loading them.

    ``path`` makes a configured path absolute (:meth:`emo.config.schema.RunConfig.path`); by default
    relative paths begin at the current folder. ``cache`` is ``paths.weights``, which keeps digests of
    large files.

    Raises
    ------
    ConfigError
        If a revision is given where there is only one, or a random model cannot have the shape.
    ModelError
        If the package is missing, the folder is no model, or the hub refuses or cannot be reached;
        the line says what to do.
    """
    return add_adapter(_located(model, path, cache), model, path, cache)


def _located(model: ModelConfig, path: Callable[[str], Path], cache: Path | None) -> Weights:
    """The weights before an adapter."""
    if not model.id.strip() or "://" in model.id:
        raise _no_id(model.id)
    match model.source:
        case Source.hub:
            pass
        case Source.smollm2_package | Source.gemma3_package:
            _refuse_revision(model, f"model.source={model.source.value} has one revision only")
            return Weights(None, package_revision(model.source), PACKAGES[model.source].note)
        case Source.tiny:
            _refuse_revision(model, f"model.source={model.source.value} has one revision only")
            return _random(model)
        case _:
            assert_never(model.source)
    try:
        place = path(model.id)
        if not place.exists():
            return _hub(model, place)
        _refuse_revision(model, "a folder or file holds one revision only")
        return _local(place.resolve(), Path(model.id).name, cache)
    except Unusable as error:
        raise ModelError(f"model.id={model.id}: {error}") from None
    except (OSError, RuntimeError) as error:  # RuntimeError: no such user in ~user
        reason = getattr(error, "strerror", None) or error
        raise ModelError(f"model.id={model.id}: cannot be read: {reason}") from error


def _no_id(id: str) -> ConfigError:
    """The error for an invalid id, without a password that may be in it."""
    shown = without_password(id if "://" in id else f"https://{id}") if "@" in id else id
    return ConfigError("model.id", shown or "''", "a hub id (ORG/NAME), a folder or a GGUF file")


def _hub(model: ModelConfig, place: Path) -> Weights:
    """The weights of a hub id; ``place`` is the path of a folder with that name."""
    meant = Path.cwd() / model.id
    here = (meant.suffix == ".gguf" and meant.is_file()) or (meant / "config.json").is_file()
    of_path = model.id.startswith((".", "/", "~")) or model.id.count("/") > 1
    if of_path or place.suffix == ".gguf" or here:
        hint = (
            f"; relative paths begin at the project's root: give model.id={meant}" if here else ""
        )
        raise ModelError(f"model.id={model.id}: no such folder or GGUF file ({place}){hint}")
    if not HUB_ID.fullmatch(model.id):
        raise _no_id(model.id)
    commit = _hub_revision(model)
    if _has_adapter(model.id, commit):
        raise ModelError(f"model.id={model.id}: a PEFT adapter stands beside the weights; {MERGE}")
    return Weights(model.id, commit, "")


def _random(model: ModelConfig) -> Weights:
    """Random weights, named by the shape of the model."""
    check_shape(model.tiny)
    digest = json_digest(Subject.settings, asdict(model.tiny))[:16]
    return Weights(None, f"tiny-{digest}", "random weights: numbers mean nothing")


def _local(place: Path, name: str, cache: Path | None) -> Weights:
    """The weights in a folder or a GGUF file, named by their content.

    ``name`` is the name of the file before links are followed; in the hub's cache they lead to files
    named by a hash.
    """
    if place.is_file():
        file = place
    elif (file := gguf_of(place)) is not None:
        name = file.name
    if file is not None:
        note = f"{name}, a GGUF file, dequantised: not the original checkpoint"
        return Weights(str(file), gguf.revision_of(file, name, cache), note)
    digest = folder_digest(read_folder(place), cache)
    return Weights(str(place), f"{FOLDER}-v{FOLDER_VERSION}-{digest[:16]}", "")


def _refuse_revision(model: ModelConfig, reason: str) -> None:
    if model.revision is not None:
        raise ConfigError("model.revision", model.revision, f"null: {reason}")


def _hub_revision(model: ModelConfig) -> str:
    """The commit of a hub model, from the hub or, without network, from the local cache."""
    import huggingface_hub as hub
    from huggingface_hub.errors import (
        EntryNotFoundError,
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    where = f"model.id={model.id}"
    licence = f" (licence {model.licence})" if model.licence != "unknown" else ""
    token = "set HF_TOKEN to a token of an account that was granted access"
    local = "or give a local folder: model=hub model.id=PATH"
    try:
        url = hub.hf_hub_url(model.id, "config.json", revision=model.revision)
        commit = hub.get_hf_file_metadata(url).commit_hash
        if commit is not None:
            return commit
        raise OSError("no commit in the answer")
    except GatedRepoError:
        raise ModelError(
            f"{where}: gated; accept its terms{licence} at https://huggingface.co/{model.id} and "
            f"{token}, {local}"
        ) from None
    except RevisionNotFoundError:
        raise ModelError(f"{where}: has no model.revision={model.revision}") from None
    except RepositoryNotFoundError:
        raise ModelError(
            f"{where}: no such model on the hub, or a private one; check the spelling, {token}, "
            f"{local}"
        ) from None
    except EntryNotFoundError:
        if _has_adapter(model.id, model.revision):
            raise ModelError(f"{where}: this is a PEFT adapter; {MERGE}") from None
        raise ModelError(
            f"{where}: has no config.json; not a transformers model (a GGUF file of it can be "
            "downloaded and given as model.id=FILE.gguf)"
        ) from None
    except HFValidationError:
        raise _no_id(model.id) from None
    except Exception as error:  # without network, the error depends on the HTTP library
        cached = hub.try_to_load_from_cache(model.id, "config.json", revision=model.revision)
        if isinstance(cached, str):
            return Path(cached).parent.name
        if isinstance(error, HfHubHTTPError):
            raise ModelError(
                f"{where}: the hub answered with an error ({_status(error)}); try again, {local}"
            ) from error
        gated = f"; the model is gated{licence}: {token}" if model.gated else ""
        raise ModelError(
            f"{where}: the hub cannot be reached and the model is not in the local cache "
            f"(HF_HOME); download it where there is network (hf download {model.id}), {local}"
            f"{gated}"
        ) from None


def _has_adapter(id: str, revision: str | None) -> bool:
    """Whether a hub repository holds a PEFT adapter, as far as the hub or the local cache tells."""
    import huggingface_hub as hub

    name = "adapter_config.json"
    if isinstance(hub.try_to_load_from_cache(id, name, revision=revision), str):
        return True
    try:
        hub.get_hf_file_metadata(hub.hf_hub_url(id, name, revision=revision))
    except Exception:  # no adapter, or no network; the loaded model is checked again
        return False
    return True


def _status(error: Exception) -> object:
    return getattr(getattr(error, "response", None), "status_code", "no status")
