"""Any text against a run's emotion vectors, token by token: what job=read and notebooks share."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from emo.activations.backend import Backend, TokenSpan
from emo.activations.opening import open_backend
from emo.activations.reading import forward
from emo.config.enums import BackendName, LayerRule, TokenMeasure
from emo.config.resolve import INSTALL_TL, tl_installed
from emo.config.schema import RunConfig, VectorsConfig
from emo.core.frames import ResidualFrame
from emo.core.geometry.framing import residual_frame
from emo.core.geometry.generated import StoryDescriptors
from emo.core.records import EmotionVectors
from emo.core.token_readings import TokenReading, TokenReadings, lengths, measured
from emo.errors import ArtifactError, ConfigError, TrackingError
from emo.pipeline.token_texts import TokenText, token_texts
from emo.process.progress import track
from emo.stimuli.free_texts import FreeText

if TYPE_CHECKING:
    from emo.models.loading import LoadedModel
    from emo.runs.logged import LoggedRun

log = logging.getLogger(__name__)

BATCH_BYTES = 256 << 20
"""Activations that are held at a time; a longer text goes through the model once per so many."""
MOST_VALUES = 20_000_000
"""Values of tokens on vectors that are kept: tables of more are read by nobody."""


@dataclass(frozen=True)
class VectorSource:
    """The vectors of a run, and how its texts were read."""

    run_id: str
    config: RunConfig
    """The run's model, precision, backend and readout; the places are those of this project."""
    vectors: EmotionVectors
    frame: ResidualFrame
    layer: int
    """The run's best layer."""
    layer_source: str
    """How it was chosen, in words."""
    trust: Mapping[int, str]
    """By layer one sentence on how far its vectors can be trusted, where something is known."""


def source_of(run: LoggedRun, config: RunConfig, rule: LayerRule) -> VectorSource:
    """What tokens are read against, from a run of job=extract.

    Parameters
    ----------
    run
        The run; of one that was logged before vectors had a frame the activations are read, too.
    config
        Of this project: the places, the device, and the texts.
    rule
        Which layer of a comprehension run is the best.

    Raises
    ------
    EmoError
        If a file of the run is missing or damaged, or TransformerLens is needed and missing.
    """
    logged = run.config
    if logged.backend.name is BackendName.tl and not tl_installed():
        needed = f"a run of transformers: TransformerLens, which read it, is missing: {INSTALL_TL}"
        raise ConfigError("job.read.run", run.run_id, needed)
    layer, how, trust = _best_layer(run, rule)
    reading = replace(
        config,
        model=logged.model,
        precision=logged.precision,
        backend=replace(logged.backend, device=config.backend.device),
        method=logged.method,
        subparams=logged.subparams,
        vectors=VectorsConfig(),  # they are in the frame
    )
    frame = run.vectors.frame or _frame_from_activations(run, logged)
    return VectorSource(run.run_id, reading, run.vectors, frame, layer, how, trust)


def _frame_from_activations(run: LoggedRun, config: RunConfig) -> ResidualFrame:
    vectors = run.vectors
    try:
        activations = run.activations
    except ArtifactError as error:
        raise TrackingError(
            f"run {run.run_id}: its vectors have no centre beside them, and {error.problem}; the "
            "command that made it, with force=true, makes it with a centre"
        ) from error
    projection = config.vectors.projection.value
    return residual_frame(activations, projection, vectors.centring)


def _best_layer(run: LoggedRun, rule: LayerRule) -> tuple[int, str, dict[int, str]]:
    """The layer that is shown first, how it was chosen, and by layer how far its vectors are right."""
    if run.imported:
        return (
            len(run.vectors.values) // 2,
            f"{WORDS[LayerRule.middle]}, as nothing chooses one",
            {},
        )
    d = run.descriptors
    if isinstance(d, StoryDescriptors):
        if d.reliability is None:
            return d.layer, "the run's own", {}
        halves = f"Two halves of the run's texts agree there at {d.reliability:.2f}."
        return d.layer, "the run's own", {d.layer: halves}
    try:
        layer, how = d.layer_by(rule), WORDS[rule]
    except ValueError:
        layer, how = d.best_layer, f"{WORDS[LayerRule.published]}, as there is none by {rule.value}"
    trust = {
        number: f"There {100 * accuracy:.0f} % of the run's own passages, left out, are nearest to "
        f"their own emotion (chance {100 * d.chance:.0f} %)."
        for number, accuracy in enumerate(d.curves["accuracy"])
        if np.isfinite(accuracy)
    }
    return layer, how, trust


WORDS = {
    LayerRule.published: "the published criterion",
    LayerRule.reliability: "most reliable over halves of the passages",
    LayerRule.accuracy: "most accurate on passages left out",
    LayerRule.middle: "the middle",
}
"""How a layer was chosen, in words."""


def layers_of(value: Any, n_layers: int, best: int) -> tuple[int, ...]:
    """The numbers of the layers that ``job.read.layers`` means, in rising order.

    Raises
    ------
    ConfigError
        If it is none of all, best, a layer, and a list of layers.
    """
    match value:
        case "all":
            return tuple(range(n_layers))
        case "best":
            return (best,)
    wanted = value if isinstance(value, (list, tuple)) else [value]
    names = {str(layer): layer for layer in range(n_layers)}
    if not wanted or any(isinstance(v, bool) or str(v) not in names for v in wanted):
        allowed = f"all, best, a layer from 0 to {n_layers - 1}, or a list of layers"
        raise ConfigError("job.read.layers", value, allowed)
    return tuple(sorted({names[str(v)] for v in wanted}))


class TokenReader:
    """Tokens of texts for the model of a run's vectors, checked before anything is written.

    Raises
    ------
    EmoError
        If the backend cannot take the model, a text cannot be read by it, or the layers are none of its.
    """

    def __init__(
        self,
        source: VectorSource,
        loaded: LoadedModel,
        texts: Sequence[FreeText],
        layers: Any = "all",
        parameter: str = "job.read.text",
    ) -> None:
        self.source = source
        config = source.config
        self.backend: Backend = open_backend(loaded, config.backend)
        self.weights = loaded.weight_count
        vectors = source.vectors.values
        if vectors.shape[::2] != (self.backend.n_layers, self.backend.hidden):
            allowed = "a run whose vectors have this model's layers and width"
            raise ConfigError("job.read.run", source.run_id, allowed)
        self.layers = layers_of(layers, self.backend.n_layers, source.layer)
        self.texts = token_texts(texts, loaded, config, parameter)
        self._batch_size = config.batch_size
        self._may_halve = not config.precision.batched  # in INT8 another batch has other last bits
        n_tokens = sum(len(text.ids) for text in self.texts)
        n_values = n_tokens * len(self.layers) * vectors.shape[1]
        if n_values > MOST_VALUES:
            allowed = (
                f"fewer layers, or shorter texts: {n_tokens} tokens at {len(self.layers)} layers on "
                f"{vectors.shape[1]} vectors are {n_values} values, at most {MOST_VALUES} are kept"
            )
            raise ConfigError("job.read.layers", layers, allowed)

    def read(self, measure: TokenMeasure) -> TokenReadings:
        """The value of every token on every vector, from one pass over the texts."""
        source = self.source
        shape = (len(self.layers), len(source.vectors.emotions))
        values = [np.full((*shape, len(t.ids)), np.nan, np.float32) for t in self.texts]
        sizes = [np.full((shape[0], len(t.ids)), np.nan, np.float32) for t in self.texts]
        wholes = [None if t.whole is None else np.empty(shape, np.float32) for t in self.texts]
        for batch in track(list(self._batches()), "reading tokens"):
            items = forward(self.backend, [spans for _, spans in batch], may_halve=self._may_halve)
            found = measured(source.frame, source.vectors, items, self.layers, measure)
            long = lengths(source.frame, items, self.layers)
            item = 0
            for number, spans in batch:
                for span in spans:
                    whole = wholes[number]
                    if span is self.texts[number].whole and whole is not None:
                        whole[:] = found[:, :, item]
                    else:
                        values[number][:, :, span.start] = found[:, :, item]
                        sizes[number][:, span.start] = long[:, item]
                    item += 1
        first = source.layer if source.layer in self.layers else self.layers[0]
        return TokenReadings(
            texts=tuple(
                TokenReading(t.name, t.text, t.tokens, t.marks, v, s, w)
                for t, v, s, w in zip(self.texts, values, sizes, wholes, strict=True)
            ),
            emotions=source.vectors.emotions,
            layers=self.layers,
            layer=first,
            layer_source=source.layer_source if first == source.layer else "as asked for",
            measure=measure,
        )

    def _batches(self) -> Iterator[list[tuple[int, list[TokenSpan]]]]:
        """Number of a text and the spans that are read of it, as many as are read at once."""
        most = max(1, BATCH_BYTES // (4 * self.backend.n_layers * self.backend.hidden))
        batch: list[tuple[int, list[TokenSpan]]] = []
        room = most
        for number, text in enumerate(self.texts):
            spans = _spans(text)
            for i in range(0, len(spans), most):
                part = spans[i : i + most]
                full = len(batch) == self._batch_size
                if batch and (full or len(part) > room):
                    yield batch
                    batch, room = [], most
                batch.append((number, part))
                room -= len(part)
        if batch:
            yield batch


def _spans(text: TokenText) -> list[TokenSpan]:
    spans = [TokenSpan(text.ids, i, i + 1) for i in range(len(text.ids))]
    return spans if text.whole is None else [*spans, text.whole]


def read_tokens(
    source: VectorSource,
    loaded: LoadedModel,
    texts: Sequence[FreeText],
    layers: Any = "all",
    measure: TokenMeasure = TokenMeasure.cosine,
) -> TokenReadings:
    """Cosine or projection of every token of every text on every emotion vector.

    Parameters
    ----------
    source
        Of :func:`source_of`.
    loaded
        The model of ``source.config`` in its precision.
    texts
        Of :func:`emo.stimuli.free_texts.texts_of`.
    layers
        ``all``, ``best``, a layer, or a list of layers.
    measure
        ``cosine``, from -1 to 1, or ``projection``, in the residual stream's units.

    Raises
    ------
    EmoError
        If the backend cannot take the model, a text cannot be read by it, or the layers are none of its.
    """
    return TokenReader(source, loaded, texts, layers).read(measure)
