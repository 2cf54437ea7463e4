"""Prompts for generation: story templates, one paragraph prompt, neutral topics."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emo.errors import StimuliError, first_of, set_by, shown
from emo.files.json_digests import Subject, json_digest
from emo.stimuli.loading import DATA
from emo.stimuli.yaml_files import read_yaml

BUNDLED_PROMPTS = DATA / "prompts.yaml"
STRUCTURE: dict[str, tuple[str | None, bool]] = {
    "stories": ("{emotion}", True),
    "paragraph": ("{emotion}", False),
    "neutral_topics": (None, True),
    "neutral_story": ("{topic}", False),
}
"""By field: the placeholder that each of its texts has once (None: no placeholder), and whether the
field is a list."""


@dataclass(frozen=True)
class PromptSet:
    """The prompts of a generation run (Jeong 2026, arXiv:2604.11050, section 2.3)."""

    stories: tuple[str, ...]
    """Templates with one ``{emotion}``, used in rotation."""
    paragraph: str
    """The template of the loose protocol."""
    neutral_topics: tuple[str, ...]
    neutral_story: str
    """Template with one ``{topic}``, for the texts that neutral centring subtracts."""
    source: str
    sha256: str
    """Digest of the contents; layout and comments of the file are not part of it."""

    def story_prompts(self, emotion: str) -> tuple[str, ...]:
        """All story templates with the emotion filled in, in file order."""
        return tuple(t.replace("{emotion}", emotion) for t in self.stories)

    def paragraph_prompts(self, emotion: str) -> tuple[str, ...]:
        """The paragraph prompt with the emotion filled in, as a tuple of one."""
        return (self.paragraph.replace("{emotion}", emotion),)

    def neutral_prompts(self) -> tuple[str, ...]:
        """One prompt per neutral topic."""
        return tuple(self.neutral_story.replace("{topic}", t) for t in self.neutral_topics)


@set_by("subparams.prompts_path")
def load_prompts(path: Path | None = None) -> PromptSet:
    """The bundled prompts, or those of a file with the same structure and lists of any length.

    Raises
    ------
    StimuliError
        Naming all problems of the file.
    """
    where = path or BUNDLED_PROMPTS
    raw, problems = read_yaml(where)
    if problems := [*problems, *_problems(raw)]:
        raise StimuliError(where, problems)
    content: dict[str, Any] = {
        name: tuple(text.strip() for text in raw[name]) if many else raw[name].strip()
        for name, (_, many) in STRUCTURE.items()
    }
    digest = json_digest(Subject.content, content)
    return PromptSet(**content, source=str(path or "bundled"), sha256=digest)


def _problems(raw: Any) -> Iterator[str]:
    if not isinstance(raw, dict):
        yield f"must be a mapping with {', '.join(STRUCTURE)}"
        return
    if set(raw) != set(STRUCTURE):
        more = [shown(name) for name in raw if name not in STRUCTURE]
        less = [name for name in STRUCTURE if name not in raw]
        yield "; ".join(
            [f"no such entry: {first_of(more, ', ')}"] * bool(more)
            + [f"missing: {', '.join(less)}"] * bool(less)
        )
    for name, (placeholder, many) in STRUCTURE.items():
        if name not in raw:
            continue
        if not many:
            yield from _text_problems(name, raw[name], placeholder)
        elif not isinstance(raw[name], list) or not raw[name]:
            yield f"{name}: must be a list of texts"
        else:
            first: dict[str, int] = {}
            for i, text in enumerate(raw[name], 1):
                yield from _text_problems(f"{name}, entry {i}", text, placeholder)
                if isinstance(text, str) and first.setdefault(text.strip(), i) != i:
                    yield f"{name}, entry {i}: is the same as entry {first[text.strip()]}"


def _text_problems(where: str, text: Any, placeholder: str | None) -> Iterator[str]:
    if not isinstance(text, str) or not text.strip():
        yield f"{where}: must be a text, not {shown(text)}"
        return
    if placeholder and (n := text.count(placeholder)) != 1:
        yield f"{where}: has {n} times {placeholder}; needed is one"
    # A misspelt placeholder would reach the model unfilled.
    for other in re.findall(r"\{[^{}]*\}", text):
        if other != placeholder:
            yield f"{where}: {shown(other)[1:-1]} is no placeholder here" + (
                f"; {placeholder} is" if placeholder else ""
            )
