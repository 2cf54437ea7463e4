"""A run's vectors added to a model: one text beside its unsteered one, and a block around any model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from html import escape
from typing import TYPE_CHECKING, Any

from emo.api.checks import number, one_of, whole
from emo.api.control import directions, neutral_norms
from emo.config.enums import LayerRule, Projection
from emo.core.geometry.generated import StoryDescriptors
from emo.errors import ConfigError, EmoError

if TYPE_CHECKING:
    from emo.api.loaded import LoadedRun
    from emo.models.loading import LoadedModel
    from emo.models.weights import Weights


@dataclass(frozen=True)
class SteeredText:
    """What a model writes with an emotion vector added, and what it writes without.

    Examples
    --------
    >>> steered = emo.load_run(RUN_ID).steer("When I met him,", "sad", 0, max_new_tokens=4)
    >>> steered.text == steered.unsteered  # nothing is added at strength 0
    True
    """

    prompt: str
    text: str
    """What follows the prompt."""
    unsteered: str
    """What follows it without the vector."""
    emotion: str
    strength: float
    """As a share of the prompt's mean residual norm at the layer."""
    layer: int

    def __repr__(self) -> str:
        return (
            f"{self.prompt}\n  unsteered: {self.unsteered}\n"
            f"  {self.emotion} {self.strength:g} at layer {self.layer}: {self.text}"
        )

    def _repr_html_(self) -> str:
        named = f"{self.emotion} {self.strength:g} at layer {self.layer}"
        rows = "".join(
            f"<tr><th scope='row' style='text-align:left'>{escape(name)}</th>"
            f"<td style='text-align:left;white-space:pre-wrap'>{escape(words)}</td></tr>"
            for name, words in (
                ("prompt", self.prompt),
                ("unsteered", self.unsteered),
                (named, self.text),
            )
        )
        return f"<table><tbody>{rows}</tbody></table>"


def model_of(run: LoadedRun) -> LoadedModel:
    """The run's model, refused if its weights are not those of the run.

    Raises
    ------
    EmoError
        If the weights are not there, or are others.
    """
    from emo.models import session
    from emo.models.loading import pick_device
    from emo.models.placement import Room
    from emo.models.weights import locate

    config = replace(run.config, root=run.root)
    weights = locate(config.model, config.path, config.path(config.paths.weights))
    require_weights(run, weights)
    return session.get(
        config.model,
        weights,
        config.precision,
        config.backend.attention,
        pick_device(config.backend.device),
        config.path(config.paths.weights),
        config.backend.label,
        Room.of(config.backend),
    )


def require_weights(run: LoadedRun, weights: Weights) -> None:
    """Refuse weights that are not those that the run read or wrote with.

    Raises
    ------
    EmoError
        Naming both revisions.
    """
    from emo.models.weights import weights_name

    model, revision = (run.tags.get(tag, "unknown") for tag in ("model_id", "revision"))
    if weights_name(model, revision) != weights_name(run.config.model.id, weights.revision):
        raise EmoError(
            f"run {run.run_id}: {run.config.model.id} is here in revision {weights.revision}; the run "
            f"is of revision {revision}"
        )


def steer(
    run: LoadedRun,
    prompt: str,
    emotion: str,
    strength: float,
    layer: int | None,
    max_new_tokens: int,
    chat_template: bool,
) -> SteeredText:
    """See :meth:`emo.api.loaded.LoadedRun.steer`."""
    require_directions(run)
    if not isinstance(prompt, str):
        raise ConfigError("prompt", prompt, "a text")
    strength, budget = number("strength", strength), whole("max_new_tokens", max_new_tokens, 1)
    one_of("emotion", emotion, run.vectors.emotions)
    at = steered_layer(run, layer)
    loaded = model_of(run).for_writing()
    unsteered, text = _written(run, loaded, prompt, (emotion, strength, at), budget, chat_template)
    return SteeredText(prompt, text, unsteered, emotion, strength, at)


def _written(
    run: LoadedRun,
    loaded: LoadedModel,
    prompt: str,
    dose: tuple[str, float, int],
    budget: int,
    chat_template: bool,
) -> tuple[str, str]:
    """The unsteered and the steered continuation, greedy."""
    from emo.activations.embedding import table_rows
    from emo.core.choices import Direction
    from emo.generation.generating import check_prompts, check_room
    from emo.generation.prompting import prompt_ids
    from emo.generation.samples import Request
    from emo.steering.doses import Additions, Dose, Site
    from emo.steering.injection import SteeredRequest, addition_digest, open_decoder
    from emo.steering.scoring import mean_norms, written
    from emo.steering.steerable import open_steerable
    from emo.stimuli.scenarios import Scenario

    emotion, strength, layer = dose
    tokenizer, thinking = loaded.tokenizer, run.config.model.thinking
    ids = prompt_ids(tokenizer, prompt, chat_template, thinking).ids
    if not ids:
        raise ConfigError("prompt", prompt, "a text of at least one token")
    check_prompts([Request(ids)], table_rows(loaded.model))
    check_room([Request(ids)], budget, loaded.context, "max_new_tokens", "prompt")
    model = open_steerable(loaded, run.config.backend)
    norms = mean_norms(model, [ids], 1, [layer])
    scenario = Scenario("prompt", "", emotion, prompt)
    site = Site(str(layer), (layer,))
    additions = Additions(run.vectors, {"prompt": norms[0]}, {}, None, 0)
    addition = additions.addition(Dose(scenario, emotion, Direction.target, site, strength))
    decoder = open_decoder(model, lambda _: addition)
    requests = [Request(ids), SteeredRequest(ids, 0, addition_digest(addition))]
    texts = [decoder.decode([request], budget, None)[0] for request in requests]
    plain, steered = (
        tokenizer.decode(list(written(text)), skip_special_tokens=True) for text in texts
    )
    return plain, steered


def require_directions(run: LoadedRun) -> None:
    """Refuse vectors that are no directions of the residual stream.

    Raises
    ------
    EmoError
        If they are z-scored: each dimension has a scale of its own.
    """
    if run.config.vectors.projection is Projection.z_score:
        raise EmoError(
            f"run {run.run_id}: its vectors are z-scored, so they are no directions of the residual "
            "stream; take a run with vectors.projection=none"
        )


def steered_layer(run: LoadedRun, layer: int | None) -> int:
    """A layer, checked; None stands for that of highest left-out accuracy, as in ``job=steer``."""
    if layer is not None:
        return run.layer(layer)
    descriptors = run.descriptors
    if isinstance(descriptors, StoryDescriptors):
        return descriptors.layer
    try:
        return descriptors.layer_by(LayerRule.accuracy)
    except ValueError:
        return descriptors.best_layer


def steering(
    run: LoadedRun,
    model: Any,
    strengths: Mapping[str, Any],
    layer: int | None,
    norm: float | None,
) -> Any:
    """See :meth:`emo.api.loaded.LoadedRun.steering`."""
    require_directions(run)
    vectors = run.vectors
    if not strengths:
        raise ConfigError("strengths", "none", "a strength for an emotion or more: calm=0.1")
    given = {
        one_of("emotion", name, vectors.emotions): number(f"strength of {name}", strength)
        for name, strength in strengths.items()
    }
    at = steered_layer(run, layer)
    _require_shape(run, model)
    unit = float(neutral_norms(vectors)[at]) if norm is None else number("norm", norm)
    added = sum(s * unit * directions(vectors, name, [at], "unit")[0] for name, s in given.items())
    return _added(model, at, added)


def _require_shape(run: LoadedRun, model: Any) -> None:
    layers, _, hidden = run.vectors.values.shape
    config: Any = getattr(model, "config", None)
    if not hasattr(config, "get_text_config"):
        raise ConfigError("model", type(model).__name__, "a loaded model of transformers")
    text = config.get_text_config()
    shape = (text.num_hidden_layers, text.hidden_size)
    if shape != (layers, hidden):
        raise ConfigError(
            "model",
            f"{type(model).__name__} with {shape[0]} layers of width {shape[1]}",
            f"a model with the run's {layers} layers of width {hidden}",
        )


@contextmanager
def _added(model: Any, layer: int, vector: Any) -> Iterator[None]:
    """A block in which a vector is added to the output of one decoder block."""
    import torch

    from emo.activations.hf import ResidualStream, decoder_layers
    from emo.steering.steerable import edited_blocks

    addition = torch.as_tensor(vector, dtype=torch.float32)

    def edit(stream: torch.Tensor) -> torch.Tensor:
        return stream + addition.to(device=stream.device, dtype=stream.dtype)

    blocks, stream = decoder_layers(model), ResidualStream.of_model(model)
    with edited_blocks(blocks, stream, {layer: edit}):
        yield
