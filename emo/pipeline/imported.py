"""Vectors from a file as emotion vectors of a model, in the frame of its neutral sentences."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from emo.config.schema import RunConfig
from emo.core.frames import ResidualFrame
from emo.core.records import Activations, EmotionVectors
from emo.errors import ConfigError, DamagedFile
from emo.files.foreign_vectors import (
    Directions,
    ImportedSet,
    Malformed,
    arranged,
    digest_of,
    read_foreign,
)
from emo.runs.files import read_vectors

PATH, LABELS = "job.import.path", "job.import.emotions"
IMPORTED = "imported"
"""Estimator and centring of vectors of which neither is known."""
SAFETENSORS = ".safetensors"


@dataclass(frozen=True)
class Given:
    """A file of vectors, read before anything is written."""

    name: str
    format: str
    sha256: str
    own: EmotionVectors | None
    """Of a file that job=export wrote."""
    directions: dict[str, Directions]
    """Of a file of another program, by label."""

    def vectors(self, n_layers: int, hidden: int) -> EmotionVectors:
        """The vectors for a model of this shape; their frame is None where the file has none.

        Raises
        ------
        ConfigError
            If the file does not fit the model.
        """
        if self.own is not None:
            if self.own.values.shape[::2] != (n_layers, hidden):
                layers, _, width = self.own.values.shape
                allowed = (
                    f"vectors of {n_layers} layers of width {hidden}; it has {layers} of {width}"
                )
                raise ConfigError(PATH, self.name, allowed)
            return self.own
        try:
            values = arranged(self.directions, n_layers, hidden)
        except Malformed as error:
            raise ConfigError(PATH, self.name, f"vectors that fit the model: it {error}") from None
        none = (0,) * len(self.directions)
        return EmotionVectors(
            values, tuple(self.directions), none, centring=IMPORTED, estimator=IMPORTED
        )


def given_vectors(config: RunConfig) -> Given:
    """The vectors that ``job.import.path`` names, with the labels that are asked for.

    Raises
    ------
    ConfigError
        If no file is named, it holds no vectors, or the labels do not fit it.
    """
    settings = config.job.import_
    if settings.path is None:
        raise ConfigError(PATH, None, "a file of vectors, or a folder of .gguf files")
    path = config.path(settings.path)
    try:
        if path.suffix == SAFETENSORS and path.is_file():
            own = read_vectors(path)
            labels = _labels(own.emotions, settings.emotions)
            own = EmotionVectors(**{**vars(own), "emotions": labels})
            return Given(path.name, "safetensors", digest_of(path), own, {})
        found = read_foreign(path)
    except DamagedFile as error:
        raise ConfigError(PATH, settings.path, f"a file of job=export: {error.reason}") from None
    except Malformed as error:
        raise ConfigError(PATH, settings.path, f"a file of vectors: it {error}") from None
    except OSError as error:
        raise ConfigError(PATH, settings.path, f"a file to read: {error.strerror}") from None
    labels = _labels(tuple(found.directions), settings.emotions)
    named = dict(zip(labels, found.directions.values(), strict=True))
    return Given(path.name, found.format, digest_of(path), None, named)


def _labels(found: tuple[str, ...], asked: list[str] | None) -> tuple[str, ...]:
    """The labels: those asked for, in the order of the file's own."""
    labels = found if asked is None else tuple(asked)
    if len(labels) != len(found) or len(set(labels)) < len(labels):
        allowed = f"a different label for each of {len(found)}: {', '.join(found)}"
        raise ConfigError(LABELS, asked, allowed)
    if not labels or any(not label.strip() or not label.isprintable() for label in labels):
        allowed = f"texts for the vectors {', '.join(found)}, whose labels cannot be taken"
        raise ConfigError(LABELS, asked, allowed)
    return labels


def framed(vectors: EmotionVectors, activations: Activations) -> EmotionVectors:
    """The vectors with a frame: the file's own, or the neutral sentences' mean and norm."""
    if vectors.frame is not None:
        return vectors
    neutral = activations.neutral.astype(np.float64)
    frame = ResidualFrame(neutral.mean(axis=1), np.linalg.norm(neutral, axis=-1).mean(axis=1))
    return EmotionVectors(**{**vars(vectors), "frame": frame})


def described(given: Given, vectors: EmotionVectors, framed_here: bool) -> ImportedSet:
    """What the run tells of the vectors."""
    n_layers, n, hidden = vectors.values.shape
    length = np.linalg.norm(vectors.values, axis=-1, keepdims=True)
    units = vectors.values / length
    with np.errstate(invalid="ignore"):
        sums = np.einsum("lid,ljd->l", units, units)
        cosines = (sums - n) / (n * (n - 1)) if n > 1 else np.full(n_layers, np.nan)
    there = np.isfinite(vectors.values).all(axis=(1, 2))
    return ImportedSet(
        given.name,
        given.format,
        given.sha256,
        vectors.emotions,
        tuple(int(layer) for layer in np.flatnonzero(there)),
        n_layers,
        hidden,
        tuple(float(c) for c in cosines),
        "the mean of the neutral sentences" if framed_here else "the file's own",
    )
