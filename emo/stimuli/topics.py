"""Topics and prompts for texts about topics: stories that show an emotion, and neutral texts."""

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

BUNDLED_TOPICS = DATA / "topics.yaml"
LISTS = ("stories", "topics")
ENTRIES = ("stories", "neutral", "topics")


@dataclass(frozen=True)
class TopicSet:
    """The topics and prompts of a run whose texts are about topics.

    The design is that of Anthropic 2026 (arXiv:2604.07729): topics x emotions, a feeling shown and never
    named, first and third person mixed, neutral texts written the same way.
    """

    stories: tuple[str, ...]
    """Templates with ``{topic}`` and ``{emotion}``."""
    neutral: str
    """Template with one ``{topic}``."""
    topics: tuple[str, ...]
    source: str
    sha256: str
    """Digest of the contents; layout and comments of the file are not part of it."""

    def story_prompts(self, emotion: str, n: int) -> list[tuple[str, str]]:
        """Topic and prompt of the first ``n`` topics; the templates take turns by pairs of topics."""
        return [
            (topic, template.replace("{topic}", topic).replace("{emotion}", emotion))
            for i, topic in enumerate(self.topics[:n])
            for template in [self.stories[i // 2 % len(self.stories)]]
        ]

    def neutral_prompts(self, n: int) -> list[tuple[str, str]]:
        """Topic and prompt of the neutral texts about the first ``n`` topics."""
        return [(topic, self.neutral.replace("{topic}", topic)) for topic in self.topics[:n]]


@set_by("subparams.prompts_path")
def load_topics(path: Path | None = None) -> TopicSet:
    """The bundled topics and prompts, or those of a file with the same structure.

    Raises
    ------
    StimuliError
        Naming all problems of the file.
    """
    where = path or BUNDLED_TOPICS
    raw, problems = read_yaml(where)
    if problems := [*problems, *_problems(raw)]:
        raise StimuliError(where, problems)
    content: dict[str, Any] = {
        name: tuple(text.strip() for text in raw[name]) if name in LISTS else raw[name].strip()
        for name in ENTRIES
    }
    digest = json_digest(Subject.content, content)
    return TopicSet(**content, source=str(path or "bundled"), sha256=digest)


def _problems(raw: Any) -> Iterator[str]:
    if not isinstance(raw, dict):
        yield f"must be a mapping with {', '.join(ENTRIES)}"
        return
    if more := [shown(name) for name in raw if name not in ENTRIES]:
        yield f"no such entry with subparams.prompts=topics: {first_of(more, ', ')}"
    if less := [name for name in ENTRIES if name not in raw]:
        yield f"missing: {', '.join(less)}"
    for name in (name for name in LISTS if name in raw):
        if not isinstance(raw[name], list) or len(raw[name]) < (2 if name == "topics" else 1):
            yield f"{name}: must be a list of {'at least two ' * (name == 'topics')}texts"
            continue
        first: dict[str, int] = {}
        for i, text in enumerate(raw[name], 1):
            allowed = ("topic", "emotion") if name == "stories" else ()
            yield from _text_problems(f"{name}, entry {i}", text, allowed)
            if isinstance(text, str) and first.setdefault(text.strip(), i) != i:
                yield f"{name}, entry {i}: is the same as entry {first[text.strip()]}"
    if "neutral" in raw:
        yield from _text_problems("neutral", raw["neutral"], ("topic",))


def _text_problems(where: str, text: Any, placeholders: tuple[str, ...]) -> Iterator[str]:
    """Problems of a text in which each placeholder must stand; the emotion may stand several times."""
    if not isinstance(text, str) or not text.strip():
        yield f"{where}: must be a text, not {shown(text)}"
        return
    for name in placeholders:
        n = text.count(f"{{{name}}}")
        if n < 1 or (name == "topic" and n > 1):
            needed = "one" if name == "topic" else "one at least"
            yield f"{where}: has {n} times {{{name}}}; needed is {needed}"
    for other in re.findall(r"\{[^{}]*\}", text):
        if other[1:-1] not in placeholders:
            there = "; ".join(f"{{{name}}} is" for name in placeholders)
            yield f"{where}: {shown(other)[1:-1]} is no placeholder here{'; ' * bool(there)}{there}"
