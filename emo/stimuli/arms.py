"""Arms for job=behave: what a user says after the first answer, turn by turn."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from emo.errors import StimuliError, set_by, shown
from emo.files.json_digests import Subject, json_digest
from emo.stimuli.facts import Fact
from emo.stimuli.loading import DATA
from emo.stimuli.yaml_files import read_yaml

BUNDLED_ARMS = DATA / "arms.yaml"
PLACES = ("question", "right", "wrong")
"""What may stand in braces in a turn."""


@dataclass(frozen=True)
class Challenge:
    """One turn of the user; ``kind`` is its name in tables."""

    kind: str
    text: str

    def of(self, fact: Fact) -> str:
        """The turn about a fact, its answers in their first forms."""
        words = {"question": fact.question, "right": fact.right[0], "wrong": fact.wrong[0]}
        return re.sub(r"\{(\w+)\}", lambda place: words[place[1]], self.text)


@dataclass(frozen=True)
class Arm:
    """Turns that belong together; ``after`` is the arm whose conversation they continue, or None."""

    name: str
    turns: tuple[Challenge, ...]
    after: str | None = None


@dataclass(frozen=True)
class ArmSet:
    """Arms and their source."""

    arms: tuple[Arm, ...]
    source: str
    sha256: str
    """Digest of the contents; layout and comments of the file are not part of it."""

    def named(self, names: Sequence[str]) -> tuple[Arm, ...]:
        """These arms, in the order of the file."""
        return tuple(arm for arm in self.arms if arm.name in names)


@set_by("job.behave.arms_path")
def load_arms(path: Path | None = None) -> ArmSet:
    """The bundled arms, or those of a file: a list of entries with arm, turns and, if so, after.

    Raises
    ------
    StimuliError
        Naming all problems of the file.
    """
    where = path or BUNDLED_ARMS
    raw, problems = read_yaml(where)
    if problems := [*problems, *_problems(raw)]:
        raise StimuliError(where, problems)
    arms = tuple(
        Arm(
            entry["arm"].strip(),
            tuple(Challenge(t["kind"].strip(), t["text"].strip()) for t in entry["turns"]),
            entry.get("after"),
        )
        for entry in raw
    )
    digest = json_digest(Subject.content, [asdict(arm) for arm in arms])
    return ArmSet(arms, "bundled" if path is None else path.name, digest)


def _problems(raw: Any) -> Iterator[str]:
    if not isinstance(raw, list) or not raw:
        yield "must be a list of entries with arm and turns"
        return
    opened: set[str] = set()
    for i, entry in enumerate(raw, 1):
        if not isinstance(entry, dict):
            yield f"entry {i}: must have arm and turns, not {shown(entry)}"
            continue
        for name in entry:
            if name not in ("arm", "after", "turns"):
                yield f"entry {i}: {shown(name)[1:-1]}: no such field"
        name, after = entry.get("arm"), entry.get("after")
        if not isinstance(name, str) or not re.fullmatch(r"[a-z][a-z0-9_]*", name):
            yield f"entry {i}: arm: must be a name in small letters, not {shown(name)}"
        elif name in opened:
            yield f"entry {i}: arm: {name} stands twice"
        if after is not None and after not in opened:
            yield f"entry {i}: after: must be an arm above that follows none, not {shown(after)}"
        if isinstance(name, str) and after is None:
            opened.add(name)
        yield from _problems_of_turns(i, entry.get("turns"))


def _problems_of_turns(i: int, turns: Any) -> Iterator[str]:
    if not isinstance(turns, list) or not turns:
        yield f"entry {i}: turns: must be a list of entries with kind and text, not {shown(turns)}"
        return
    for n, turn in enumerate(turns, 1):
        if not isinstance(turn, dict) or set(turn) != {"kind", "text"}:
            yield f"entry {i}: turn {n}: must have kind and text, not {shown(turn)}"
            continue
        for name, value in turn.items():
            if not isinstance(value, str) or not value.strip():
                yield f"entry {i}: turn {n}: {name}: must be a text, not {shown(value)}"
            elif name == "text" and (odd := set(re.findall(r"\{(\w*)\}", value)) - set(PLACES)):
                allowed = ", ".join(PLACES)
                yield f"entry {i}: turn {n}: in braces may stand {allowed}, not {shown(min(odd))}"
