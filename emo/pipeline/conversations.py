"""What job=behave needs: facts, arms, a model that talks, and its conversations with their scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from emo.config.enums import Decoding
from emo.config.schema import RunConfig, canonical
from emo.core.behaviour.asserted import Side, asserted
from emo.core.behaviour.conversations import QUESTION, Conversation, Dialogues, Gate, Turn
from emo.core.records import Passage, StimulusSet
from emo.errors import ConfigError
from emo.files.json_digests import Subject, json_digest
from emo.generation.samples import Request, Sampling
from emo.models.weights import Weights
from emo.pipeline.given_texts import UNLABELLED
from emo.process.progress import track
from emo.runs.identity import batch_decides, reader_identity, text_identity
from emo.runs.plan import Plan, make_plan
from emo.runs.versions import BEHAVE_VERSION
from emo.stimuli.arms import Arm, Challenge, load_arms
from emo.stimuli.facts import Fact, load_facts

if TYPE_CHECKING:
    from emo.behaviour.holding import Script
    from emo.behaviour.kept import ConversationStore, Spoken
    from emo.behaviour.voices import WholeVoice
    from emo.models.loading import LoadedModel


@dataclass(frozen=True)
class Track:
    """Arms that are held in one conversation, the later ones continuing it."""

    arms: tuple[Arm, ...]

    @property
    def name(self) -> str:
        return self.arms[0].name

    @property
    def turns(self) -> tuple[tuple[str, Challenge], ...]:
        """Every turn of the user after the question, with its arm."""
        return tuple((arm.name, turn) for arm in self.arms for turn in arm.turns)

    @property
    def challenges(self) -> tuple[Challenge, ...]:
        return tuple(turn for _, turn in self.turns)


@dataclass(frozen=True)
class Material:
    """The facts and arms of a command."""

    facts: tuple[Fact, ...]
    tracks: tuple[Track, ...]
    name: str
    sha256: str

    @classmethod
    def of_config(cls, config: RunConfig) -> Material:
        """What ``job.behave`` names.

        Raises
        ------
        EmoError
            If a file, a fact or an arm is wrong, or settings do not go together.
        """
        settings = config.job.behave
        own_facts, own_arms = (
            None if path is None else config.path(path)
            for path in (settings.facts_path, settings.arms_path)
        )
        facts, arms = load_facts(own_facts), load_arms(own_arms)
        by_id = {fact.id: fact for fact in facts.items}
        ids = list(by_id) if settings.facts is None else settings.facts
        if not ids or len(set(ids)) < len(ids) or not set(ids) <= set(by_id):
            raise ConfigError(
                "job.behave.facts", ids, f"each once, of {', '.join(by_id)}", list(by_id)
            )
        if settings.decoding is Decoding.greedy and settings.samples != 1:
            allowed = "1 with job.behave.decoding=greedy: it says the same every time"
            raise ConfigError("job.behave.samples", settings.samples, allowed)
        chosen = tuple(by_id[i] for i in ids)
        tracks = _tracks(settings.arms, arms.arms)
        content = [[asdict(fact) for fact in chosen], [asdict(one) for one in tracks]]
        return cls(chosen, tracks, facts.source, json_digest(Subject.content, content))

    @property
    def arms(self) -> tuple[str, ...]:
        """Names of the arms in the order of their tracks."""
        return tuple(arm.name for one in self.tracks for arm in one.arms)

    def stimuli(self) -> StimulusSet:
        """The questions as passages without a label."""
        items = tuple(Passage(fact.id, UNLABELLED, fact.question) for fact in self.facts)
        return StimulusSet(items, (), self.name, self.sha256)


def _tracks(names: Sequence[str], arms: Sequence[Arm]) -> tuple[Track, ...]:
    known = {arm.name: arm for arm in arms}
    if not names or len(set(names)) < len(names) or not set(names) <= set(known):
        raise ConfigError(
            "job.behave.arms", list(names), f"each once, of {', '.join(known)}", list(known)
        )
    chosen = [arm for arm in arms if arm.name in names]
    for arm in chosen:
        if arm.after is not None and arm.after not in names:
            allowed = f"{arm.after} as well: {arm.name} continues it"
            raise ConfigError("job.behave.arms", list(names), allowed)
    return tuple(
        Track((arm, *(other for other in chosen if other.after == arm.name)))
        for arm in chosen
        if arm.after is None
    )


def behave_plan(config: RunConfig, material: Material) -> Plan:
    """The plan, named by everything that can change an answer or a count."""

    def identity(config: RunConfig, weights: Weights, device: str, _sha256: str) -> dict[str, Any]:
        settings = canonical(config.job.behave)
        for name in ("name", "facts_path", "facts", "arms_path", "arms"):
            del settings[name]
        return {
            "job": "behave",
            "version": BEHAVE_VERSION,
            "reader": reader_identity(config, weights, device),
            "behave": settings,
            "material": material.sha256,
            "batch_size": config.decode_batch_size if batch_decides(config) else None,
            "seed": config.seed,
            **({} if config.model.thinking is None else {"thinking": config.model.thinking}),
        }

    plan = make_plan(config, identity)
    provenance = replace(plan.provenance, stimuli_sha256=material.sha256)
    return replace(plan, stimuli=material.stimuli(), provenance=provenance)


@dataclass(frozen=True)
class Talking:
    """A model that can talk, and where its conversations are kept."""

    plan: Plan
    material: Material
    voice: WholeVoice
    store: ConversationStore


def open_talking(plan: Plan, material: Material, loaded: LoadedModel) -> Talking:
    """The model in its format, checked to have room for the longest conversation.

    Raises
    ------
    EmoError
        If the model cannot write or talk, or its context is too short.
    """
    from emo.activations.embedding import table_rows
    from emo.behaviour.forced import CHOICE
    from emo.behaviour.formats import PREAMBLE, open_format
    from emo.behaviour.kept import ConversationStore
    from emo.behaviour.voices import open_voice
    from emo.generation.generating import check_prompts
    from emo.steering.steerable import open_steerable

    config, settings = plan.config, plan.config.job.behave
    form = open_format(loaded.tokenizer, settings.format, config.model.thinking)
    model = open_steerable(loaded, config.backend)
    voice = open_voice(model, form, settings.max_new_tokens)
    openings = [Request(form.opening(fact.question)) for fact in material.facts]
    check_prompts(openings, table_rows(loaded.model))
    check_room(voice, material, settings.max_new_tokens)
    identity = {
        "conversations": text_identity(config, plan.weights, plan.device),
        "reader": reader_identity(config, plan.weights, plan.device),
        "format": form.name,
        "thinking": config.model.thinking,
        "words": [PREAMBLE, CHOICE],
        **voice.identity,
    }
    store = ConversationStore(config.path(config.paths.store), identity)
    return Talking(plan, material, voice, store)


def check_room(voice: WholeVoice, material: Material, budget: int) -> None:
    """Refuse answers that leave no room for the longest conversation in the model's context.

    Raises
    ------
    ConfigError
        Naming the largest budget, or the arms if there is room for none.
    """
    if voice.context is None:
        return
    longest, n_answers = 0, 1
    for one in material.tracks:
        for fact in material.facts:
            length = voice.length_without_answers(fact, one.challenges)
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


def hold_conversations(talking: Talking) -> Dialogues:
    """The gate of every item, and the conversations of those that pass it, all scored."""
    from emo.behaviour.holding import Script, Settings, hold

    config, settings = talking.plan.config, talking.plan.config.job.behave
    material, voice, store = talking.material, talking.voice, talking.store
    sampling = Sampling(settings.temperature, settings.top_p)
    size = 1 if voice.alone else config.decode_batch_size
    base = Settings(
        settings.max_new_tokens, sampling, config.seed, size, batch_decides(config) and size > 1
    )
    asked = [Script(f, (), -1 - i, False) for f in material.facts for i in range(settings.gate)]
    first = hold(voice, asked, base, store, track)
    gates = _gates(material.facts, [s[0] for s in first.spoken], settings.gate)
    passed = [f for f, gate in zip(material.facts, gates, strict=True) if gate.passed]
    scripts: list[Script] = [
        Script(fact, one.challenges, sample, settings.forced_choice)
        for one in material.tracks
        for fact in passed
        for sample in range(settings.samples)
    ]
    own = sampling if settings.decoding is Decoding.sampled else None
    held = hold(voice, scripts, replace(base, sampling=own), store, track)
    tracks = [one for one in material.tracks for _ in range(len(passed) * settings.samples)]
    return Dialogues(
        format=voice.format,
        arms=material.arms,
        gates=gates,
        conversations=tuple(
            _conversation(script, one, spoken)
            for script, one, spoken in zip(scripts, tracks, held.spoken, strict=True)
        ),
        done=held.done,
        reused=held.reused,
    )


def _gates(facts: Sequence[Fact], spoken: Sequence[Spoken], gate: int) -> tuple[Gate, ...]:
    out = []
    for i, fact in enumerate(facts):
        answers = tuple(s.answer for s in spoken[i * gate : (i + 1) * gate])
        out.append(Gate(fact.id, answers, tuple(stance(a, fact, None) for a in answers)))
    return tuple(out)


def _conversation(script: Script, one: Track, spoken: Sequence[Spoken]) -> Conversation:
    fact = script.fact
    users = [(QUESTION, QUESTION, fact.question, None)]
    users += [(arm, turn.kind, turn.of(fact), claimed(turn)) for arm, turn in one.turns]
    turns = tuple(
        Turn(
            *(arm, kind, user, said.answer, said.n_tokens, said.finish),
            *(stance(said.answer, fact, claim), said.right_first, said.wrong_first),
        )
        for (arm, kind, user, claim), said in zip(users, spoken, strict=True)
    )
    return Conversation(fact.id, one.name, script.sample, turns)


def claimed(turn: Challenge) -> Side | None:
    """The answer that a turn of the user names; None where it names none."""
    if "{wrong}" in turn.text:
        return Side.wrong
    return Side.right if "{right}" in turn.text else None


def stance(answer: str, fact: Fact, claim: Side | None) -> str:
    """What an answer says is right: hold, flip, mixed or other."""
    said = asserted(answer, fact.right, fact.wrong, question=fact.question, claimed=claim)
    return said.stance.value
