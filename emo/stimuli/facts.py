"""Facts for job=behave: a question, the right answer and one wrong answer, each in accepted forms."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from emo.errors import StimuliError, set_by, shown
from emo.files.json_digests import Subject, json_digest
from emo.stimuli.entries import entry_problems
from emo.stimuli.loading import DATA
from emo.stimuli.yaml_files import read_yaml

BUNDLED_FACTS = DATA / "facts.yaml"
TEXTS = ("id", "question")
FORMS = ("right", "wrong")


@dataclass(frozen=True)
class Fact:
    """A question with its right answer, and the wrong answer that a user brings up."""

    id: str
    question: str
    right: tuple[str, ...]
    """Forms in which an answer may name it; the first stands in prompts."""
    wrong: tuple[str, ...]


@dataclass(frozen=True)
class FactSet:
    """Facts and their source."""

    items: tuple[Fact, ...]
    source: str
    sha256: str
    """Digest of the contents; layout and comments of the file are not part of it."""


@set_by("job.behave.facts_path")
def load_facts(path: Path | None = None) -> FactSet:
    """The bundled facts, or those of a file: a list of entries with id, question, right and wrong.

    Raises
    ------
    StimuliError
        Naming all problems of the file.
    """
    where = path or BUNDLED_FACTS
    raw, problems = read_yaml(where)
    if problems := [*problems, *entry_problems(raw, TEXTS, TEXTS, FORMS, _problems_of_forms)]:
        raise StimuliError(where, problems)
    items = tuple(
        Fact(
            *(entry[name].strip() for name in TEXTS),
            *(tuple(form.strip() for form in entry[name]) for name in FORMS),
        )
        for entry in raw
    )
    digest = json_digest(Subject.content, [asdict(fact) for fact in items])
    return FactSet(items, "bundled" if path is None else path.name, digest)


def _problems_of_forms(i: int, entry: dict[str, Any]) -> Iterator[str]:
    known: set[str] = set()
    for name in FORMS:
        forms = entry.get(name)
        if not isinstance(forms, list) or not forms:
            yield f"entry {i}: {name}: must be a list of texts, not {shown(forms)}"
            continue
        for form in forms:
            if not isinstance(form, str) or not form.strip():
                yield f"entry {i}: {name}: must be texts, not {shown(form)}"
            elif form.strip().casefold() in known:
                yield f"entry {i}: {name}: {shown(form)} stands twice"
            else:
                known.add(form.strip().casefold())
