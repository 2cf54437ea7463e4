"""Where a model's weights are and which revision they are: known before anything heavy loads."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from emo.choices import Source
from emo.config import ModelConfig
from emo.errors import ModelError
from emo.models.packaged import CONVERTER, PACKAGES

SMALL = 1 << 20
SAMPLES, SAMPLE = 512, 1 << 12
"""How many places of a large file are looked at, and how many bytes at each."""


@dataclass(frozen=True)
class Weights:
    """One exact set of weights. ``id`` is what from_pretrained takes (None: built or packaged)."""

    id: str | None
    revision: str
    note: str


def locate(model: ModelConfig) -> Weights:
    """Find a model's weights without loading them.

    Raises
    ------
    ModelError
        If the package is missing, the folder is no model, or the hub cannot be asked or refuses;
        the line says what to do.
    """
    if model.source is Source.tiny:
        shape = json.dumps(asdict(model.tiny), sort_keys=True)
        digest = hashlib.sha256(shape.encode()).hexdigest()[:16]
        return Weights(None, f"tiny-{digest}", "random weights: numbers mean nothing")
    if model.source in PACKAGES:
        package = PACKAGES[model.source]
        revision = f"{package.distribution}-{package.version()}-v{CONVERTER}"
        return Weights(None, revision, package.note)
    folder = Path(model.id).expanduser()
    if folder.is_dir():
        return Weights(str(folder.resolve()), f"folder-{folder_digest(folder)[:16]}", "")
    if model.id.startswith((".", "/", "~")) or model.id.count("/") > 1:
        raise ModelError(f"model.id={model.id}: no such folder")
    return Weights(model.id, _hub_revision(model), "")


def folder_digest(folder: Path) -> str:
    """Digest of a model folder: small files whole; of large ones size, both ends and places between.

    Reading all of a 15 GB checkpoint before each run would cost more than the run. Training or merging
    changes nearly every tensor, hence the places that are looked at; a copy stays the same model.

    Raises
    ------
    ModelError
        If there is no config.json.
    """
    if not (folder / "config.json").is_file():
        raise ModelError(
            f"model.id={folder}: no config.json in this folder; it must be in the layout that "
            "save_pretrained writes"
        )
    digest = hashlib.sha256()
    for path in sorted(p for p in folder.iterdir() if p.is_file()):
        size = path.stat().st_size
        digest.update(f"{path.name}\x1f{size}\x1f".encode())
        with path.open("rb") as file:
            digest.update(file.read(SMALL))
            if size > SMALL:
                for place in range(1, SAMPLES):
                    file.seek(size * place // SAMPLES)
                    digest.update(file.read(SAMPLE))
                file.seek(max(SMALL, size - SMALL))
                digest.update(file.read())
    return digest.hexdigest()


def _hub_revision(model: ModelConfig) -> str:
    """Commit hash of a hub model, from the hub or, without network, from the local cache."""
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
        raise ModelError(f"{where}: has no config.json; not a transformers model") from None
    except HFValidationError:
        raise ModelError(
            f"{where}: neither a folder nor a hub id (ORG/NAME) of this form"
        ) from None
    except Exception as error:  # whatever the HTTP library in use raises without network
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


def _status(error: Exception) -> object:
    return getattr(getattr(error, "response", None), "status_code", "no status")
