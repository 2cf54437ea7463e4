"""Scenarios for steering: openings that a model continues, each with the emotion to steer to."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from emo.errors import StimuliError, set_by
from emo.files.json_digests import Subject, json_digest
from emo.stimuli.entries import entry_problems
from emo.stimuli.loading import DATA
from emo.stimuli.yaml_files import read_yaml

BUNDLED_SCENARIOS = DATA / "scenarios.yaml"
FIELDS = ("id", "mood", "emotion", "text")


@dataclass(frozen=True)
class Scenario:
    """An opening, and the emotion to steer it to."""

    id: str
    mood: str
    """The mood of the opening, for readers; no number depends on it."""
    emotion: str
    """The emotion whose vector is added."""
    text: str


@dataclass(frozen=True)
class ScenarioSet:
    """Scenarios and their source."""

    items: tuple[Scenario, ...]
    source: str
    sha256: str
    """Digest of the contents; layout and comments of the file are not part of it."""


@set_by("job.steer.scenarios_path")
def load_scenarios(path: Path | None = None) -> ScenarioSet:
    """The bundled scenarios, or those of a file: a list of entries with id, mood, emotion and text.

    Raises
    ------
    StimuliError
        Naming all problems of the file.
    """
    where = path or BUNDLED_SCENARIOS
    raw, problems = read_yaml(where)
    if problems := [*problems, *entry_problems(raw, FIELDS, ("id", "text"))]:
        raise StimuliError(where, problems)
    items = tuple(Scenario(**{name: entry[name].strip() for name in FIELDS}) for entry in raw)
    digest = json_digest(Subject.content, [asdict(s) for s in items])
    return ScenarioSet(items, str(path or "bundled"), digest)
