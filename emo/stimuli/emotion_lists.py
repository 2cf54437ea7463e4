"""The emotions that texts are written about, where these are not the emotions of the passages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from emo.config.schema import PASSAGES, RunConfig
from emo.core.records import NEUTRAL
from emo.errors import ConfigError, StimuliError, set_by, shown
from emo.stimuli.files import read_text
from emo.stimuli.labels import LONGEST_EMOTION, seen_label, text_problems, visible
from emo.stimuli.loading import DATA, MOST_EMOTIONS

LEAST = 3
"""Fewer emotions make no geometry."""


def bundled_lists() -> tuple[str, ...]:
    """Names of the bundled lists, in alphabetical order."""
    return tuple(sorted(path.stem for path in DATA.glob("*.txt")))


def listed_emotions(config: RunConfig) -> tuple[str, ...] | None:
    """The emotions of the configured list, bundled or the user's own; None for those of the passages.

    Raises
    ------
    ConfigError
        If there is no bundled list of this name.
    StimuliError
        Naming all problems of the file.
    """
    name, path = config.emotions.name, config.emotions.path
    if path is not None:
        return read_emotions(config.path(path))
    if name == PASSAGES:
        return None
    if name not in bundled_lists():
        raise ConfigError("emotions.name", name, [PASSAGES, *bundled_lists()])
    return read_emotions(DATA / f"{name}.txt")


@set_by("emotions.path")
def read_emotions(path: Path) -> tuple[str, ...]:
    """The emotions of a file, one per line, in its order; ``#`` begins a comment.

    Raises
    ------
    StimuliError
        Naming all problems of the file, with line numbers.
    """
    lines = read_text(path, 1 << 20).splitlines()
    words = [(i, line.split("#")[0].strip()) for i, line in enumerate(lines, 1)]
    words = [(i, word) for i, word in words if word]
    if problems := list(_problems(words)):
        raise StimuliError(path, problems)
    return tuple(word for _, word in words)


def _problems(words: Sequence[tuple[int, str]]) -> Iterator[str]:
    first: dict[str, int] = {}
    for line, word in words:
        where = f"line {line}: {shown(word)}"
        if not visible(word):
            yield f"{where}: nothing in it can be seen"
        if len(word) > LONGEST_EMOTION:
            yield f"{where}: has {len(word)} characters; at most {LONGEST_EMOTION} are taken"
        yield from (f"{where}: {problem}" for problem in text_problems(word))
        if any(c in word for c in ",;\t"):
            yield f"{where}: one emotion per line, without commas"
        if word == NEUTRAL:
            yield f"{where}: stands for texts without emotion, which are written anyway"
        if first.setdefault(seen_label(word), line) != line:
            yield f"{where}: stands in line {first[seen_label(word)]} already"
    if not LEAST <= len(words) <= MOST_EMOTIONS:
        yield f"has {len(words)} emotions; {LEAST} to {MOST_EMOTIONS} are taken"
