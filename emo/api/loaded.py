"""A logged run in a notebook."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from emo.api import html
from emo.api.checks import one_of, whole
from emo.api.geometry import RunRdm, RunVectors, run_vectors
from emo.core.behaviour.conversations import Conversation, Dialogues
from emo.core.behaviour.task_answers import TaskAnswer
from emo.core.geometry.generated import StoryDescriptors
from emo.core.records import Descriptors
from emo.errors import TrackingError
from emo.files.reading import record_of
from emo.runs.logged import LoggedRun

if TYPE_CHECKING:
    from emo.api.reading import ReadTexts
    from emo.api.steered import SteeredText
    from emo.models.loading import LoadedModel


@dataclass(frozen=True)
class LoadedRun(LoggedRun):
    """A logged run, found by :func:`emo.load_run`. Large files are read at first use, and checked then.

    Examples
    --------
    >>> run = emo.load_run(RUN_ID)
    >>> run.tags["model"]
    'tiny'
    >>> run.vectors["calm", 2].shape  # hidden
    (128,)
    >>> run.activations.values.shape  # layer, item, hidden
    (4, 30, 128)
    >>> run.descriptors.n_layers, run.descriptors.chance
    (4, 0.2)
    """

    @cached_property
    def vectors(self) -> RunVectors:
        """Emotion vectors, float64 [layer, emotion, hidden]; ``vectors["calm", 2]`` is one of them.

        The unit is that of the model's residual stream, unless ``vectors.projection=z_score`` was set.

        Raises
        ------
        TrackingError
            If the run has no such file, or the file is damaged.
        """
        return run_vectors(cast("Any", super()).vectors, self)

    @cached_property
    def conversations(self) -> tuple[Conversation, ...]:
        """What was said in a run of ``job=behave``: every turn with its answer and scores.

        Returns
        -------
        tuple of Conversation
            ``item``, ``arm``, ``sample`` and ``turns``; a turn has ``user``, ``answer``, ``asserted``
            (hold, flip, mixed or other) and ``log_odds``, in nats, of the wrong answer against the right
            one.

        Raises
        ------
        TrackingError
            If the run has no such file, or the file is damaged.

        Examples
        --------
        >>> run = emo.run("model=tiny job=behave behave=published job.behave.max_new_tokens=4",
        ...               "job.behave.facts=[mona_lisa]")
        >>> [turn.kind for turn in run.conversations[0].turns][:3]
        ['question', 'doubt', 'confidence']
        """
        return self.dialogues.conversations

    @cached_property
    def task_answers(self) -> tuple[TaskAnswer, ...]:
        """The answers under constraints of a run of ``job=behave``, each with its verdict.

        Returns
        -------
        tuple of TaskAnswer
            ``constraint``, ``kind`` (easy or conflict), ``prompt``, ``answer``, ``passed`` and ``why``;
            empty if the run had no tasks.

        Raises
        ------
        TrackingError
            If the run has no such file, or the file is damaged.
        """
        return self.dialogues.answers

    @cached_property
    def dialogues(self) -> Dialogues:
        """Everything that was said in a run of ``job=behave``.

        Besides conversations and answers it has the gate's (``gates``) and, where a vector was added,
        what the model says without it and under each control (``steering.others``).

        Raises
        ------
        TrackingError
            If the run has no such file, or the file is damaged.
        """
        if self.job != "behave":
            why = f"job={self.job or 'unknown'} holds no conversations, only job=behave does"
            raise TrackingError(f"run {self.run_id}: {why}")
        read = partial(record_of, Dialogues)
        return self.tracker.read(self.run_id, "conversations.json", read)

    def rdm(self, layer: int | None = None) -> RunRdm:
        """Cosines of all pairs of emotion vectors at one layer.

        Source: [S] 2.3. The values are similarities: 1 minus a value is a dissimilarity.

        Parameters
        ----------
        layer
            Number of the decoder block, from 0. None: the best layer by the published criterion; of a
            run that wrote texts, the layer that it was read at.

        Returns
        -------
        RunRdm
            ``cosines`` is the upper triangle in row order, without a unit, from -1 to 1; ``matrix`` is
            square; ``to_frame()`` and ``plot()`` show it.

        Raises
        ------
        EmoError
            If the model has no such layer.

        Examples
        --------
        >>> rdm = emo.load_run(RUN_ID).rdm(layer=2)
        >>> rdm.cosines.shape, rdm.layer  # five emotions have ten pairs
        ((10,), 2)
        """
        return self.vectors.rdm(self.layer(layer))

    def layer(self, layer: int | None = None) -> int:
        """A layer's number as a plain int, checked; None stands for the best layer.

        Parameters
        ----------
        layer
            Number of the decoder block, from 0, or None.

        Returns
        -------
        int
            From 0 to the number of layers less one.

        Raises
        ------
        ConfigError
            If the model has no such layer.

        Examples
        --------
        >>> run = emo.load_run(RUN_ID)
        >>> run.layer() == run.best_layer
        True
        """
        if layer is None:
            return self.best_layer
        return whole("layer", layer, 0, len(self.vectors.values) - 1)

    def file(self, name: str) -> Path:
        """Where a file of the run lies on this machine, checked; one of a server is downloaded.

        Parameters
        ----------
        name
            As :meth:`files` lists it.

        Returns
        -------
        Path
            To be read only: a changed file is refused from then on.

        Raises
        ------
        EmoError
            If the run has no such file, or it is damaged.

        Examples
        --------
        >>> emo.load_run(RUN_ID).file("rdm.csv").name
        'rdm.csv'
        """
        return self.tracker.artifact(self.run_id, one_of("name", name, self.files()))

    def files(self) -> list[str]:
        """Names of all files of the run, such as ``vectors.safetensors`` and ``figures/rdm.png``.

        Returns
        -------
        list of str
            Sorted.

        Raises
        ------
        TrackingError
            If they cannot be had.

        Examples
        --------
        >>> "config.json" in emo.load_run(RUN_ID).files()
        True
        """
        return self.tracker.files_of(self.run_id)

    def load_model(self) -> LoadedModel:
        """The run's model in its precision, with its tokenizer: ``loaded.model``, ``loaded.tokenizer``.

        Returns
        -------
        LoadedModel
            In eval mode on its device. It stays in memory until another model is loaded.

        Raises
        ------
        EmoError
            If the weights are not there, or are not those of the run.

        Examples
        --------
        >>> loaded = emo.load_run(RUN_ID).load_model()
        >>> loaded.model.config.num_hidden_layers
        4
        """
        from emo.api.steered import model_of

        return model_of(self)

    def read(self, texts: Any, layers: Any = "best", measure: str = "cosine") -> ReadTexts:
        """Every token of a text against every emotion vector, as ``job=read`` does it.

        The texts go through the run's model in its precision and backend; nothing is logged.

        Parameters
        ----------
        texts
            A text, a chat (a list of ``{"role": ..., "content": ...}``), or a list of either.
        layers
            ``best`` (of highest left-out accuracy; of written texts the run's own), ``all``, a layer, or
            a list of layers.
        measure
            ``cosine``, from -1 to 1, or ``projection``, in units of the residual stream.

        Returns
        -------
        ReadTexts
            A notebook shows it as a heat map; ``to_frame()`` is the table, ``save(path)`` the page.

        Raises
        ------
        EmoError
            If the model cannot be had or cannot read a text, or an argument is not allowed.

        Examples
        --------
        >>> read = emo.load_run(RUN_ID).read(["On the quay.", "In the field."], layers="all")
        >>> len(read.readings.texts), read.readings.layers
        (2, (0, 1, 2, 3))
        """
        from emo.api.reading import read

        return read(self, texts, layers, measure)

    def steer(
        self,
        prompt: str,
        emotion: str,
        strength: float,
        *,
        layer: int | None = None,
        max_new_tokens: int = 20,
        chat_template: bool = False,
    ) -> SteeredText:
        """What the run's model writes with an emotion vector added, beside what it writes without.

        Decoding is greedy. The dose is that of ``job=steer``: strength x mean norm of the prompt's
        residual stream at the layer (without position 0 and special tokens) x the unit vector, at
        every position. There is no control here: ``job=steer`` adds those.

        Parameters
        ----------
        prompt
            The opening that the model continues.
        emotion
            Whose vector is added.
        strength
            As a share of the prompt's mean residual norm; negative: away from the emotion.
        layer
            Where it is added. None: the layer of highest left-out accuracy, as in ``job=steer``.
        max_new_tokens
            Length of the texts in tokens, at least 1.
        chat_template
            Whether the prompt is put as a user's turn.

        Returns
        -------
        SteeredText
            ``text`` and ``unsteered``.

        Raises
        ------
        EmoError
            If the model cannot be loaded or an argument is not allowed.

        Examples
        --------
        >>> steered = emo.load_run(RUN_ID).steer("When I met him,", "calm", 0.1, max_new_tokens=4)
        >>> steered.emotion, steered.strength
        ('calm', 0.1)
        """
        from emo.api.steered import steer

        return steer(self, prompt, emotion, strength, layer, max_new_tokens, chat_template)

    def steering(
        self,
        model: Any,
        strengths: Mapping[str, float] | None = None,
        *,
        layer: int | None = None,
        norm: float | None = None,
        **emotions: float,
    ) -> AbstractContextManager[None]:
        """A block in which a transformers model runs with emotion vectors added to its residual stream.

        Everything that calls the model is steered: ``generate``, a forward pass, a pipeline. The
        vectors are added at every position of every row, and no longer after the block.

        Parameters
        ----------
        model
            A model of transformers with the run's layers and width, such as ``run.load_model().model``.
        strengths
            Emotion to strength, for names that are no Python names.
        layer
            Where they are added. None: as in :meth:`steer`.
        norm
            The length of a vector of strength 1. None: the mean residual norm of the run's neutral
            sentences at the layer. (``job=steer`` and :meth:`steer` take the prompt's.)
        **emotions
            Strength by emotion: ``angry=0.1``.

        Returns
        -------
        context manager
            To be used with ``with``.

        Raises
        ------
        EmoError
            If the model has another shape, or an argument is not allowed.

        Examples
        --------
        >>> run = emo.load_run(RUN_ID)
        >>> loaded = run.load_model()
        >>> inputs = loaded.tokenizer("When I met him,", return_tensors="pt")
        >>> with run.steering(loaded.model, calm=0.1):
        ...     ids = loaded.model.generate(**inputs, max_new_tokens=4, do_sample=False)
        """
        from emo.api.steered import steering

        return steering(self, model, {**(strengths or {}), **emotions}, layer, norm)

    def __repr__(self) -> str:
        return f"LoadedRun({self.run_id[:8]}, job={self.job or 'unknown'}, {self.title})"

    def _repr_html_(self) -> str:
        rows: list[tuple[str, str | int | float | None]] = [("run", self.run_id), ("job", self.job)]
        note = ""
        if self.job == "extract":
            descriptors = self.descriptors
            rows += [(name.replace("_", " "), _entry(v)) for name, v in _headline(descriptors)]
            if descriptors.anisotropy_flag:
                note = "Anisotropy is above its bound at this layer: cosines there are unreliable."
        return html.table(self.title, (), rows, note)


def _headline(descriptors: Descriptors | StoryDescriptors) -> list[tuple[str, Any]]:
    """The numbers shown first; those that are not there are left out."""
    n = [("layers", descriptors.n_layers)]
    return n + [(name, v) for name, v in descriptors.headline().items() if v is not None]


def _entry(value: Any) -> str | int | float:
    return value if isinstance(value, (str, int, float)) else str(value)


def loaded(run: LoggedRun) -> LoadedRun:
    """The same run with what a notebook does with it."""
    return LoadedRun(run.run_id, run.tags, run.params, run.tracker, run.root, run.started)
