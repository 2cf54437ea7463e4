"""The texts of a command of job=read."""

from __future__ import annotations

from dataclasses import dataclass

from emo.config.schema import RunConfig
from emo.core.records import Passage, StimulusSet
from emo.stimuli.free_texts import FreeText, digest_of, load_texts, texts_of

UNLABELLED = "unlabelled"
"""Stands as the emotion of texts that have no label, in the file of what was read."""


@dataclass(frozen=True)
class Given:
    """The texts of a command, and the parameter that they are from."""

    texts: tuple[FreeText, ...]
    parameter: str
    name: str
    sha256: str

    @classmethod
    def of_config(cls, config: RunConfig) -> Given:
        """The texts that job.read names."""
        read = config.job.read
        if read.path is None:
            texts, parameter, name = texts_of(read.text), "job.read.text", "text"
        else:
            path = config.path(read.path)
            parameter, name = f"job.read.path={read.path}", path.name
            texts = load_texts(path, "job.read.path")
        return cls(texts, parameter, name, digest_of(texts))

    def stimuli(self) -> StimulusSet:
        """The texts as passages without a label."""
        items = tuple(
            Passage(t.name, UNLABELLED, t.text or "\n".join(f"{r}: {c}" for r, c in t.messages))
            for t in self.texts
        )
        return StimulusSet(items, (), self.name, self.sha256)
