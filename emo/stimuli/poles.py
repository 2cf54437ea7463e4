"""Which emotions are pleasant and which unpleasant: what valence is measured by.

A file of one's own has one line per emotion, ``happy: pleasant``, or entries as the bundled file has
(``happy: {pole: pleasant, labels: [joy]}``), so that a copy of that can be edited.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emo.errors import StimuliError, set_by, shown
from emo.files.json_digests import Subject, json_digest
from emo.stimuli.emotion_words import EMOTION_WORDS
from emo.stimuli.yaml_files import read_yaml

POLES = {"pleasant": 1.0, "unpleasant": -1.0, "none": 0.0}
"""The words of a file, and what valence takes them for."""


@dataclass(frozen=True)
class Poles:
    """Poles by emotion: 1 pleasant, -1 unpleasant, 0 neither."""

    values: Mapping[str, float]
    """By the emotion in lower case."""
    source: str
    sha256: str
    """Digest of the contents; order, layout and labels of classifiers are not part of it."""

    def of(self, emotions: Sequence[str]) -> dict[str, float]:
        """The poles of those of the emotions that have an entry, whatever its case."""
        return {e: self.values[e.lower()] for e in emotions if e.lower() in self.values}


@set_by("stimuli.poles")
def load_poles(path: Path | None = None) -> Poles:
    """The bundled poles, or those of a file.

    Raises
    ------
    StimuliError
        Naming all problems of the file.
    """
    where = path or EMOTION_WORDS
    raw, problems = read_yaml(where)
    if problems := [*problems, *_problems(raw)]:
        raise StimuliError(where, problems)
    values = {emotion.lower(): POLES[_word(entry)] for emotion, entry in raw.items()}
    digest = json_digest(Subject.content, dict(sorted(values.items())))
    return Poles(values, str(path or "bundled"), digest)


def _word(entry: Any) -> Any:
    """What an entry says the pole is."""
    return entry.get("pole") if isinstance(entry, dict) else entry


def _problems(raw: Any) -> Iterator[str]:
    allowed = ", ".join(POLES)
    if not isinstance(raw, dict) or not raw:
        yield f"must be a mapping of emotions to poles ({allowed})"
        return
    first: dict[str, str] = {}
    for emotion, entry in raw.items():
        if (other := first.setdefault(emotion.lower(), emotion)) != emotion:
            yield f"{shown(emotion)}: is the same emotion as {shown(other)}"
        if isinstance(entry, dict) and (more := [k for k in entry if k not in ("pole", "labels")]):
            yield f"{shown(emotion)}: no such entry: {shown(more[0])}"
        word = _word(entry)
        if not isinstance(word, str) or word not in POLES:
            yield f"{shown(emotion)}: its pole is {shown(word)}; allowed is {allowed}"
