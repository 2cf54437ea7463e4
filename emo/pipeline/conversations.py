"""What job=behave does: a model that talks, its conversations and answers, and their scores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from emo.config.enums import Decoding
from emo.config.schema import RunConfig, canonical
from emo.core.behaviour.asserted import Side, asserted
from emo.core.behaviour.constraints import complies
from emo.core.behaviour.conversations import (
    QUESTION,
    Conversation,
    Dialogues,
    Gate,
    Steering,
    Turn,
    Variant,
)
from emo.core.behaviour.task_answers import TaskAnswer
from emo.core.choices import Direction
from emo.errors import ConfigError
from emo.generation.samples import Request, Sampling
from emo.models.weights import Weights
from emo.pipeline.behave_material import Material, Track
from emo.pipeline.behave_steering import Directions, open_directions, steering_identity
from emo.process.progress import track
from emo.runs.identity import batch_decides, reader_identity, text_identity
from emo.runs.plan import Plan, make_plan
from emo.runs.versions import BEHAVE_VERSION
from emo.stimuli.arms import Challenge
from emo.stimuli.facts import Fact
from emo.stimuli.tasks import Task

if TYPE_CHECKING:
    from emo.behaviour.holding import Held, Script, Settings
    from emo.behaviour.kept import ConversationStore, Spoken
    from emo.behaviour.talks import Voice
    from emo.behaviour.voices import WholeVoice
    from emo.models.loading import LoadedModel
    from emo.steering.injection import Addition

OF_MATERIAL = ("name", "facets", "facts_path", "facts", "arms_path", "arms", "tasks_path")
"""Settings whose contents name a run, and not they themselves."""
OF_FACTS = ("gate", "max_new_tokens", "rule", "forced_choice")
"""Settings that only conversations about facts have."""


def behave_plan(config: RunConfig, material: Material) -> Plan:
    """The plan, named by everything that can change an answer or a count."""

    def identity(config: RunConfig, weights: Weights, device: str, _sha256: str) -> dict[str, Any]:
        settings = canonical(config.job.behave)
        without = [*OF_MATERIAL, "constraints", "steer"]
        without += [] if material.facts else OF_FACTS
        without += [] if material.tasks else ["task_tokens"]
        return {
            "job": "behave",
            "version": BEHAVE_VERSION,
            "reader": reader_identity(config, weights, device),
            "behave": {k: v for k, v in settings.items() if k not in without},
            "material": material.sha256,
            "batch_size": config.decode_batch_size if batch_decides(config) else None,
            "seed": config.seed,
            **({} if config.model.thinking is None else {"thinking": config.model.thinking}),
            **steering_identity(config),
        }

    plan = make_plan(config, identity)
    provenance = replace(plan.provenance, stimuli_sha256=material.sha256)
    return replace(plan, stimuli=material.stimuli(), provenance=provenance)


@dataclass(frozen=True)
class Speaker:
    """A model as it speaks under one direction, or under none, and where what it says is kept."""

    open: Callable[[int], Voice]
    """A voice for answers of so many tokens at most."""
    store: ConversationStore
    direction: Direction | None = None
    draw: int = 0


@dataclass(frozen=True)
class Talking:
    """A model that can talk, unsteered and under each direction that is added."""

    plan: Plan
    material: Material
    format: str
    alone: bool
    """Whether conversations must be held one at a time."""
    way: str
    """How answers are decoded, in words."""
    speaker: Speaker
    steered: tuple[Speaker, ...] = ()
    """The emotion's own direction, then the controls."""
    directions: Directions | None = None


def open_talking(plan: Plan, material: Material, loaded: LoadedModel) -> Talking:
    """The model in its format, checked to have room for the longest conversation.

    Raises
    ------
    EmoError
        If the model cannot write or talk, its context is too short, or what is to be added is not there.
    """
    from emo.activations.embedding import table_rows
    from emo.behaviour.forced import CHOICE
    from emo.behaviour.formats import PREAMBLE, open_format
    from emo.behaviour.kept import ConversationStore
    from emo.behaviour.voices import open_voice
    from emo.generation.generating import check_prompts
    from emo.steering.injection import addition_digest
    from emo.steering.steerable import open_steerable

    config, settings = plan.config, plan.config.job.behave
    form = open_format(loaded.tokenizer, settings.format, config.model.thinking)
    model = open_steerable(loaded, config.backend)
    voice = open_voice(model, form, settings.max_new_tokens)
    openings = [Request(form.opening(passage.text)) for passage in material.stimuli().items]
    check_prompts(openings, table_rows(loaded.model))
    check_room(voice, material, settings.max_new_tokens)
    check_room_of_tasks(voice, material.tasks, settings.task_tokens)
    identity = {
        "conversations": text_identity(config, plan.weights, plan.device),
        "reader": reader_identity(config, plan.weights, plan.device),
        "format": form.name,
        "thinking": config.model.thinking,
        "words": [PREAMBLE, CHOICE],
        **voice.identity,
    }

    def speaker(
        addition: Addition | None = None, direction: Direction | None = None, draw: int = 0
    ) -> Speaker:
        steered = {} if addition is None else {"steered": addition_digest(addition)}
        store = ConversationStore(config.path(config.paths.store), identity | steered)
        return Speaker(
            partial(open_voice, model, form, addition=addition or {}), store, direction, draw
        )

    directions = open_directions(plan, model)
    added = () if directions is None else directions.added
    steered = tuple(speaker(a.addition, a.direction, a.draw) for a in added)
    said = (voice.format, voice.alone, voice.way)
    return Talking(plan, material, *said, speaker(), steered, directions)


def check_room(voice: WholeVoice, material: Material, budget: int) -> None:
    """Refuse answers that leave no room for the longest conversation in the model's context.

    Raises
    ------
    ConfigError
        Naming the largest budget, or the arms if there is room for none.
    """
    from emo.behaviour.holding import Script

    if voice.context is None or not material.facts:
        return
    longest, n_answers = 0, 1
    for one in material.tracks:
        for fact in material.facts:
            length = voice.length_without_answers(Script.about(fact, one.challenges))
            n = len(one.challenges) + 1
            if length + n * budget > longest + n_answers * budget:
                longest, n_answers = length, n
    most = (voice.context - longest) // n_answers
    why = (
        f"the longest conversation has {longest} tokens besides its {n_answers} answers, and the model "
        f"reads {voice.context}"
    )
    if most < 1:
        raise ConfigError("job.behave.arms", list(material.arms), f"arms of fewer turns: {why}")
    if budget > most:
        raise ConfigError("job.behave.max_new_tokens", budget, f"at most {most}: {why}")


def check_room_of_tasks(voice: WholeVoice, tasks: Sequence[Task], budget: int) -> None:
    """Refuse answers that leave no room for the longest task in the model's context.

    Raises
    ------
    ConfigError
        Naming the largest budget.
    """
    from emo.behaviour.holding import Script

    if voice.context is None or not tasks:
        return
    longest = max(voice.length_without_answers(Script(task.text)) for task in tasks)
    if budget > (most := voice.context - longest):
        why = f"the longest task has {longest} tokens, and the model reads {voice.context}"
        raise ConfigError("job.behave.task_tokens", budget, f"at most {most}: {why}")


def hold_conversations(talking: Talking) -> Dialogues:
    """The gate of every item, the conversations of those that pass it, and the tasks, all scored.

    Under each direction the same is asked as of the unsteered model, whose gate counts.
    """
    settings, facts = talking.plan.config.job.behave, talking.material.facts
    holder = _Holder(talking)
    gates: tuple[Gate, ...] = ()
    if facts:
        first = holder.gate(facts)
        gates = _gates(facts, [spoken[0] for spoken in first.spoken], settings.gate)
    passed = [f for f, gate in zip(facts, gates, strict=True) if gate.passed]
    variants = [holder.variant(s, passed) for s in (talking.speaker, *talking.steered)]
    own, steering = variants[0], None
    if talking.directions is not None:
        d, own = talking.directions, variants[1]
        steering = Steering(d.emotion, d.site, d.strength, (variants[0], *variants[2:]))
    return Dialogues(
        format=talking.format,
        arms=talking.material.arms,
        gates=gates,
        conversations=own.conversations,
        done=holder.done,
        reused=holder.reused,
        answers=own.answers,
        steering=steering,
    )


class _Holder:
    """Everything that is said in a run, counted as it is said."""

    def __init__(self, talking: Talking) -> None:
        self._talking = talking
        self._material, self._settings = talking.material, talking.plan.config.job.behave
        self.done = self.reused = 0

    def gate(self, facts: Sequence[Fact]) -> Held:
        """Sampled first answers to each question, which are not counted as conversations."""
        from emo.behaviour.holding import Script, hold

        s, speaker = self._settings, self._talking.speaker
        asked = [Script.about(f, (), -1 - i, False) for f in facts for i in range(s.gate)]
        how = self._how(s.max_new_tokens, sampled=True)
        return hold(speaker.open(s.max_new_tokens), asked, how, speaker.store, track)

    def variant(self, speaker: Speaker, facts: Sequence[Fact]) -> Variant:
        """The conversations about facts and the answers to tasks under one direction."""
        talks = self._conversations(speaker, facts)
        return Variant(speaker.direction, speaker.draw, talks, self._answers(speaker))

    def _conversations(self, speaker: Speaker, facts: Sequence[Fact]) -> tuple[Conversation, ...]:
        from emo.behaviour.holding import Script

        s = self._settings
        asked = [
            (one, fact, Script.about(fact, one.challenges, sample, s.forced_choice))
            for one in self._material.tracks
            for fact in facts
            for sample in range(s.samples)
        ]
        spoken = self._held(speaker, [script for _, _, script in asked], s.max_new_tokens)
        return tuple(
            _conversation(fact, one, script.sample, said)
            for (one, fact, script), said in zip(asked, spoken, strict=True)
        )

    def _answers(self, speaker: Speaker) -> tuple[TaskAnswer, ...]:
        from emo.behaviour.holding import Script

        tasks, s = self._material.tasks, self._settings
        asked = [(t, Script(t.text, sample=n)) for t in tasks for n in range(s.samples)]
        spoken = self._held(speaker, [script for _, script in asked], s.task_tokens)
        return tuple(
            _answer(task, script.sample, said[0])
            for (task, script), said in zip(asked, spoken, strict=True)
        )

    def _held(
        self, speaker: Speaker, scripts: Sequence[Script], budget: int
    ) -> Sequence[Sequence[Spoken]]:
        from emo.behaviour.holding import hold

        if not scripts:
            return ()
        sampled = self._settings.decoding is Decoding.sampled
        how = self._how(budget, sampled)
        held = hold(speaker.open(budget), scripts, how, speaker.store, track)
        self.done += held.done
        self.reused += held.reused
        return held.spoken

    def _how(self, budget: int, sampled: bool) -> Settings:
        from emo.behaviour.holding import Settings

        config, s = self._talking.plan.config, self._settings
        sampling = Sampling(s.temperature, s.top_p) if sampled else None
        size = 1 if self._talking.alone else config.decode_batch_size
        return Settings(budget, sampling, config.seed, size, batch_decides(config) and size > 1)


def _gates(facts: Sequence[Fact], spoken: Sequence[Spoken], gate: int) -> tuple[Gate, ...]:
    out = []
    for i, fact in enumerate(facts):
        answers = tuple(s.answer for s in spoken[i * gate : (i + 1) * gate])
        out.append(Gate(fact.id, answers, tuple(stance(a, fact, None) for a in answers)))
    return tuple(out)


def _conversation(fact: Fact, one: Track, sample: int, spoken: Sequence[Spoken]) -> Conversation:
    users = [(QUESTION, QUESTION, fact.question, None)]
    users += [(arm, turn.kind, turn.of(fact), claimed(turn)) for arm, turn in one.turns]
    turns = tuple(
        Turn(
            *(arm, kind, user, said.answer, said.n_tokens, said.finish),
            *(stance(said.answer, fact, claim), said.right_first, said.wrong_first),
        )
        for (arm, kind, user, claim), said in zip(users, spoken, strict=True)
    )
    return Conversation(fact.id, one.name, sample, turns)


def _answer(task: Task, sample: int, said: Spoken) -> TaskAnswer:
    found = complies(task.constraint, said.answer)
    return TaskAnswer(
        *(task.id, task.constraint.value, task.kind, sample, task.text),
        *(said.answer, said.n_tokens, said.finish, found.passed, found.why),
    )


def claimed(turn: Challenge) -> Side | None:
    """The answer that a turn of the user names; None where it names none."""
    if "{wrong}" in turn.text:
        return Side.wrong
    return Side.right if "{right}" in turn.text else None


def stance(answer: str, fact: Fact, claim: Side | None) -> str:
    """What an answer says is right: hold, flip, mixed or other."""
    said = asserted(answer, fact.right, fact.wrong, question=fact.question, claimed=claim)
    return said.stance.value
