"""A judge of emotions that is trained here: sentence vectors of a local encoder, and a classifier."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Sequence
from dataclasses import asdict
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from emo.core.records import Passage
from emo.core.steering.text_classifier import Confusion, fitted, left_out_confusion
from emo.errors import ConfigError, set_by
from emo.files.json_digests import Subject, json_digest
from emo.models.digests import folder_digest
from emo.models.folders import Unusable, read_folder
from emo.models.sentences import PACKAGE, packaged_encoder, sentence_vectors
from emo.stimuli.loading import SETS, bundled_sets, read_passages

SETS_FIELD, ENCODER_FIELD = "job.steer.judge_sets", "job.steer.judge_encoder"
VERSION = 1
"""Raise it when the classifier is made otherwise."""


class EmbedderJudge:
    """Probability of the emotion minus the highest probability of another one, -1 to 1.

    The emotions are those of the passages that it was trained on. A score above 0 is the
    classifier's verdict; ``confusion`` says how often that is right on situations it has not seen.
    """

    def __init__(self, folder: Path, passages: Sequence[Passage]) -> None:
        self._folder, self._passages = folder, passages
        texts = [p.text for p in passages]
        self._values = sentence_vectors(folder, texts, ENCODER_FIELD)
        self._labels = [p.emotion for p in passages]
        self._reader = fitted(self._values, self._labels)
        self._columns = {name.lower(): i for i, name in enumerate(self._reader.emotions)}

    @cached_property
    def confusion(self) -> Confusion:
        """What it calls the passages of situations left out."""
        groups = [p.situation or f"{p.emotion}/{p.id}" for p in self._passages]
        return left_out_confusion(self._values, self._labels, groups)

    def scores(self, texts: Sequence[str], emotions: Sequence[str]) -> Float64[np.ndarray, " text"]:
        """Lead of each emotion; NaN for emotions without passages and texts without letters."""
        columns = [self._columns.get(e.lower(), -1) for e in emotions]
        out = np.full(len(texts), np.nan)
        judged = [i for i, t in enumerate(texts) if columns[i] >= 0 and any(c.isalpha() for c in t)]
        distinct = {text: row for row, text in enumerate(sorted({texts[i] for i in judged}))}
        if not distinct:
            return out
        p = self._reader.probabilities(
            sentence_vectors(self._folder, list(distinct), ENCODER_FIELD)
        )
        rows = p[[distinct[texts[i]] for i in judged]]
        asked = np.arange(len(judged)), [columns[i] for i in judged]
        others = rows.copy()
        others[asked] = 0
        out[judged] = rows[asked] - others.max(axis=1)
        return out

    def hears(self, emotion: str) -> bool:
        """Whether it has been trained on passages of the emotion."""
        return emotion.lower() in self._columns

    def alike(self, a: str, b: str) -> bool:
        """Whether the two are one emotion."""
        return self.hears(a) and a.lower() == b.lower()


def training_passages(sets: Sequence[str], root: Path) -> tuple[Passage, ...]:
    """The passages of bundled sets by their names, and of files by their paths.

    Raises
    ------
    ConfigError
        If nothing is named, one is named twice, or one is neither a bundled set nor a file.
    StimuliError
        Naming the problems of a file.
    """
    if not sets or len(set(sets)) < len(sets):
        allowed = f"sets of passages, each once: {', '.join(bundled_sets())}, or a file's path"
        raise ConfigError(SETS_FIELD, list(sets), allowed)
    passages: list[Passage] = []
    for name in sets:
        path = SETS / f"{name}.csv" if name in bundled_sets() else (root / name).expanduser()
        if not path.is_file():
            allowed = f"{', '.join(bundled_sets())}, or the path of a file of passages"
            raise ConfigError(SETS_FIELD, name, allowed, bundled_sets())
        with set_by(SETS_FIELD):
            passages += read_passages(path).items
    return tuple(passages)


def encoder_folder(encoder: Path | None, weights: Path) -> Path:
    """The folder of the sentence encoder: the one named, or the installed package's.

    Raises
    ------
    ConfigError
        If the folder is none, or the package is not installed.
    """
    if encoder is None:
        return packaged_encoder(weights, "job.steer.judge", "embedder")
    if not encoder.is_dir():
        raise ConfigError(ENCODER_FIELD, encoder, "a folder with a sentence encoder")
    return encoder


def embedder_identity(encoder: Path | None, weights: Path, sets: Sequence[str], root: Path) -> str:
    """Names the encoder and the passages: what decides every score.

    Raises
    ------
    EmoError
        As :func:`encoder_folder` and :func:`training_passages`.
    """
    folder = encoder_folder(encoder, weights)
    if encoder is None:
        named = f"{PACKAGE} {importlib.metadata.version(PACKAGE)}"
    else:
        try:
            named = folder_digest(read_folder(folder), weights)
        except Unusable as error:
            allowed = f"a sentence encoder as save_pretrained writes it: {error}"
            raise ConfigError(ENCODER_FIELD, folder, allowed) from None
    trained = [asdict(p) for p in training_passages(sets, root)]
    return f"embedder {VERSION}, {named}, {json_digest(Subject.content, trained)}"
