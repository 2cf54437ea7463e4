"""Cosines of any texts with a run's emotion vectors at one layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from emo.activations.backend import TokenSpan
from emo.activations.embedding import embedding_means, table_rows
from emo.activations.opening import open_backend
from emo.activations.reading import Passes, check_texts, digest, read, tokenise
from emo.activations.store import ActivationStore
from emo.config.enums import Readout
from emo.core.choices import TokenMeasure
from emo.core.geometry.label_null import label_orders
from emo.core.records import EmotionVectors
from emo.core.stats.resampling import half_splits, index
from emo.core.token_readings import measured
from emo.pipeline.token_view import VectorSource
from emo.process.progress import track
from emo.runs.identity import reader_identity
from emo.runs.plan import Plan

if TYPE_CHECKING:
    from jaxtyping import Float64

    from emo.core.records import Activations
    from emo.models.loading import LoadedModel


class VectorReadings:
    """Reads spans of tokens, and holds them against the vectors of a run; each text is read once."""

    def __init__(self, plan: Plan, loaded: LoadedModel, source: VectorSource, layer: int) -> None:
        self._plan, self._source, self.layer = plan, source, layer
        self._backend = open_backend(loaded, source.config.backend)
        self._rows = table_rows(loaded.model)
        self.passes = Passes(0, 0)

    @property
    def emotions(self) -> tuple[str, ...]:
        """Of the vectors, in their order."""
        return self._source.vectors.emotions

    def activations(self, spans: Sequence[TokenSpan]) -> Float64[np.ndarray, "span hidden"]:
        """Activations at the layer.

        Raises
        ------
        EmoError
            If a text is longer than the model's context, or does not fit into memory.
        """
        config = self._plan.config
        names = [f"validation text {i + 1}" for i in range(len(spans))]
        model = f"model={config.model.label}"
        check_texts(spans, names, self._backend.context, self._rows, model)
        identity = reader_identity(config, self._plan.weights, self._plan.device)
        if config.precision.batched:  # a text's numbers depend on the texts it is read with
            identity["texts"] = digest(spans)
        values, passes = read(
            self._backend,
            spans,
            ActivationStore(config.path(config.paths.store), identity),
            config.batch_size,
            track,
            fixed_batches=config.precision.batched,
            causal=config.precision.causal,
        )
        self.passes = Passes(self.passes.done + passes.done, self.passes.reused + passes.reused)
        return np.asarray(values[self.layer], dtype=np.float64)

    def cosines(
        self, values: Float64[np.ndarray, "span hidden"], vectors: EmotionVectors | None = None
    ) -> Float64[np.ndarray, "span emotion"]:
        """Cosines of activations, placed as the run places its own, with its vectors or with others."""
        of = self._source.vectors if vectors is None else vectors
        layers = np.broadcast_to(values, (self.layer + 1, *values.shape))
        found = measured(self._source.frame, of, layers, [self.layer], TokenMeasure.cosine)
        return np.asarray(found[0].T, dtype=np.float64)

    def of(self, spans: Sequence[TokenSpan]) -> Float64[np.ndarray, "span emotion"]:
        """Cosines of spans with the run's vectors."""
        return self.cosines(self.activations(spans))


def half_vectors(
    source: VectorSource,
    activations: Activations,
    layer: int,
    n_splits: int,
    rng: np.random.Generator,
) -> list[tuple[EmotionVectors, EmotionVectors]]:
    """Difference-of-means vectors of two disjoint halves of the run's items, at one layer, per split."""
    emotions = source.vectors.emotions
    kept = np.array([e in emotions for e in activations.emotions])
    labels = np.array([emotions.index(e) for e in activations.emotions if e in emotions])
    groups = index([g for g, k in zip(activations.groups, kept, strict=True) if k])[1]
    items = source.frame.placed(activations.values[layer][kept], layer)
    out = []
    for first in half_splits(groups, labels, n_splits, rng):
        one, two = (_vectors(source, items, labels, half, layer) for half in (first, ~first))
        out.append((one, two))
    return out


def permuted_readings(
    source: VectorSource,
    activations: Activations,
    layer: int,
    values: Float64[np.ndarray, "span hidden"],
    n_draws: int,
    rng: np.random.Generator,
) -> Float64[np.ndarray, "draw span emotion"]:
    """Cosines of activations with difference-of-means vectors of the run's items, labels permuted."""
    emotions = source.vectors.emotions
    kept = np.array([e in emotions for e in activations.emotions])
    labels = np.array([emotions.index(e) for e in activations.emotions if e in emotions])
    groups = index([g for g, k in zip(activations.groups, kept, strict=True) if k])[1]
    items = source.frame.placed(activations.values[layer][kept], layer)
    rows = source.frame.placed(values, layer)
    rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    means = (labels[None] == np.arange(len(emotions))[:, None]).astype(np.float64)
    means = means / np.maximum(means.sum(axis=1, keepdims=True), 1)
    out = np.empty((n_draws, len(rows), len(emotions)))
    for draw, order in enumerate(label_orders(groups, labels, n_draws, rng)):
        vectors = means @ items[order]
        vectors = vectors - vectors.mean(axis=0)
        out[draw] = rows @ (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).T
    return out


def surface_readings(
    loaded: LoadedModel,
    emotions: Sequence[str],
    told: Sequence[tuple[str, str]],
    texts: Sequence[str],
) -> Float64[np.ndarray, "text emotion"]:
    """What words alone say: cosines of mean token embeddings of texts with those of labelled texts.

    ``told`` has emotion and text of the run's items. NaN for an emotion without one.
    """
    tokenizer, model = loaded.tokenizer, loaded.model
    known = embedding_means(model, tokenise(tokenizer, [t for _, t in told], Readout.mean_all))
    rows = embedding_means(model, tokenise(tokenizer, list(texts), Readout.mean_all))
    labels = np.array([emotion for emotion, _ in told])
    means = np.array([_mean(known[labels == e].astype(np.float64)) for e in emotions])
    centre = np.nanmean(means, axis=0)
    vectors, rows = means - centre, rows.astype(np.float64) - centre
    with np.errstate(invalid="ignore", divide="ignore"):
        vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)) @ vectors.T


def _vectors(
    source: VectorSource, items: np.ndarray, labels: np.ndarray, half: np.ndarray, layer: int
) -> EmotionVectors:
    n = len(source.vectors.emotions)
    with np.errstate(invalid="ignore"):
        means = np.array([_mean(items[half & (labels == e)]) for e in range(n)])
    centred = means - np.nanmean(means, axis=0)
    values = np.broadcast_to(centred, (layer + 1, *means.shape))
    return EmotionVectors(values, source.vectors.emotions, (1,) * n, "global")


def _mean(rows: np.ndarray) -> np.ndarray:
    return rows.mean(axis=0) if len(rows) else np.full(rows.shape[1], np.nan)
