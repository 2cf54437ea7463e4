"""What job=behave asks: facts with the turns of a user, and tasks under constraints."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass

from emo.config.enums import Decoding, Facet
from emo.config.jobs import BehaveConfig
from emo.config.schema import RunConfig
from emo.core.records import Passage, StimulusSet
from emo.errors import ConfigError
from emo.files.json_digests import Subject, json_digest
from emo.pipeline.given_texts import UNLABELLED
from emo.stimuli.arms import Arm, Challenge, load_arms
from emo.stimuli.facts import Fact, load_facts
from emo.stimuli.tasks import Task, load_tasks


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
    """The facts, arms and tasks of a command."""

    facts: tuple[Fact, ...]
    tracks: tuple[Track, ...]
    tasks: tuple[Task, ...]
    name: str
    sha256: str

    @classmethod
    def of_config(cls, config: RunConfig) -> Material:
        """What ``job.behave`` names.

        Raises
        ------
        EmoError
            If a file, a fact, an arm or a task is wrong, or settings do not go together.
        """
        settings = config.job.behave
        _check(settings)
        facts, tracks, tasks, sources = (), (), (), []
        if Facet.epistemic in settings.facets:
            facts, source = _facts(config)
            tracks = _tracks(settings.arms, _arms(config))
            sources.append(source)
        content = [[asdict(fact) for fact in facts], [asdict(one) for one in tracks]]
        if Facet.procedural in settings.facets:
            tasks, source = _tasks(config)
            sources.append(source)
            content.append([asdict(task) for task in tasks])
        name = ", ".join(dict.fromkeys(sources))
        return cls(facts, tracks, tasks, name, json_digest(Subject.content, content))

    @property
    def arms(self) -> tuple[str, ...]:
        """Names of the arms in the order of their tracks."""
        return tuple(arm.name for one in self.tracks for arm in one.arms)

    def stimuli(self) -> StimulusSet:
        """The questions and the tasks as passages without a label."""
        asked = [(fact.id, fact.question) for fact in self.facts]
        asked += [(task.id, task.text) for task in self.tasks]
        items = tuple(Passage(name, UNLABELLED, text) for name, text in asked)
        return StimulusSet(items, (), self.name, self.sha256)


def _check(settings: BehaveConfig) -> None:
    """Refuse settings that do not go together."""
    facets = [facet.value for facet in settings.facets]
    if not facets or len(set(facets)) < len(facets):
        raise ConfigError("job.behave.facets", facets, f"each once, of {', '.join(Facet)}")
    if Facet.procedural not in settings.facets:
        for name in ("tasks_path", "constraints"):
            if (value := getattr(settings, name)) is not None:
                allowed = "null without procedural in job.behave.facets"
                raise ConfigError(f"job.behave.{name}", value, allowed)
    if settings.decoding is Decoding.greedy and settings.samples != 1:
        allowed = "1 with job.behave.decoding=greedy: it says the same every time"
        raise ConfigError("job.behave.samples", settings.samples, allowed)


def _facts(config: RunConfig) -> tuple[tuple[Fact, ...], str]:
    """The facts asked for, and where they are from."""
    settings = config.job.behave
    facts = load_facts(None if settings.facts_path is None else config.path(settings.facts_path))
    by_id = {fact.id: fact for fact in facts.items}
    ids = _each_once("job.behave.facts", settings.facts, by_id)
    return tuple(by_id[i] for i in ids), facts.source


def _arms(config: RunConfig) -> tuple[Arm, ...]:
    own = config.job.behave.arms_path
    return load_arms(None if own is None else config.path(own)).arms


def _tasks(config: RunConfig) -> tuple[tuple[Task, ...], str]:
    """The tasks of the constraints asked for, and where they are from."""
    settings = config.job.behave
    tasks = load_tasks(None if settings.tasks_path is None else config.path(settings.tasks_path))
    known = dict.fromkeys(task.constraint.value for task in tasks.items)
    names = _each_once("job.behave.constraints", settings.constraints, known)
    return tuple(task for name in names for task in tasks.items if task.constraint == name), (
        tasks.source
    )


def _each_once(
    parameter: str, names: Sequence[str] | None, known: Collection[str]
) -> Sequence[str]:
    """The names asked for, or all that are known."""
    names = list(known) if names is None else names
    if not names or len(set(names)) < len(names) or not set(names) <= set(known):
        raise ConfigError(parameter, list(names), f"each once, of {', '.join(known)}", list(known))
    return names


def _tracks(names: Sequence[str], arms: Sequence[Arm]) -> tuple[Track, ...]:
    _each_once("job.behave.arms", names, [arm.name for arm in arms])
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
