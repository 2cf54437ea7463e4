"""The texts of job=validate: scenarios, numbers in texts, activities; each file has its card."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cache

import yaml

from emo.files.json_digests import Subject, json_digest
from emo.stimuli.loading import DATA

SCENARIOS = DATA / "validation_scenarios.yaml"
NUMBERS = DATA / "validation_numbers.yaml"
ACTIVITIES = DATA / "validation_activities.yaml"
HOLE = "{x}"


@dataclass(frozen=True)
class Told:
    """What a user tells, and the emotion that it is meant to be felt with."""

    id: str
    emotion: str
    text: str


@dataclass(frozen=True)
class NumberText:
    """A text with a number in it, and which readings were to rise or fall with the number."""

    id: str
    text: str
    """With :data:`HOLE` where the number stands."""
    values: tuple[str, ...]
    """In rising order."""
    rises: tuple[str, ...]
    falls: tuple[str, ...]
    control: str
    """The same numbers where nothing is at stake."""

    def filled(self, template: str) -> tuple[str, ...]:
        """A template once per number."""
        return tuple(template.replace(HOLE, value) for value in self.values)


@dataclass(frozen=True)
class Activity:
    """Something to do, as a phrase that stands behind "to"."""

    category: str
    text: str


@dataclass(frozen=True)
class ValidationData:
    """All texts of job=validate."""

    first: tuple[Told, ...]
    second: tuple[Told, ...]
    """The battery that is held out."""
    numbers: tuple[NumberText, ...]
    activities: tuple[Activity, ...]

    @property
    def sha256(self) -> str:
        """Digest of the contents; layout and comments of the files are not part of it."""
        return json_digest(Subject.content, asdict(self))


@cache
def validation_data() -> ValidationData:
    """The bundled texts."""
    scenarios, numbers, activities = (
        yaml.safe_load(path.read_text(encoding="utf-8"))
        for path in (SCENARIOS, NUMBERS, ACTIVITIES)
    )
    return ValidationData(
        first=tuple(Told(**entry) for entry in scenarios["first"]),
        second=tuple(Told(**entry) for entry in scenarios["second"]),
        numbers=tuple(
            NumberText(
                entry["id"],
                entry["text"],
                tuple(map(str, entry["values"])),
                tuple(entry["rises"]),
                tuple(entry["falls"]),
                entry["control"],
            )
            for entry in numbers
        ),
        activities=tuple(
            Activity(category, text) for category, texts in activities.items() for text in texts
        ),
    )
