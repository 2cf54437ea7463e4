"""Content-addressed store of conversations: one that is finished is not held again.

One JSONL shard per finished batch, like the store of texts (:mod:`emo.generation.texts`). Scores of
answers are not kept: a better scorer reads the same conversations again.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from emo.activations.shards import Shards
from emo.files.plain_records import from_plain, plain


@dataclass(frozen=True)
class Spoken:
    """One answer, and the log-odds of the forced choice behind it (NaN where it was not asked)."""

    answer: str
    n_tokens: int
    finish: str
    right_first: float
    wrong_first: float


class ConversationStore:
    """Conversations by key, for one model as it holds them."""

    def __init__(self, root: Path, reader: Mapping[str, object]) -> None:
        self._shards = Shards(root, reader, ".jsonl")
        self.folder = self._shards.folder

    def get(self, keys: Collection[str]) -> dict[str, tuple[Spoken, ...]]:
        """The stored conversations among those asked for, by key."""
        found: dict[str, tuple[Spoken, ...]] = {}
        with self._shards.reading() as reading:
            for path in reading.paths:
                whole = reading.whole(path, _conversations) or ()
                found |= {key: spoken for key, spoken in whole if key in keys}
        return found

    def put(self, conversations: Mapping[str, tuple[Spoken, ...]]) -> None:
        """Add one shard.

        Raises
        ------
        StoreError
            If it cannot be written.
        """
        lines = [
            json.dumps({"key": key, "spoken": plain(spoken)}, ensure_ascii=True)
            for key, spoken in conversations.items()
        ]
        content = "".join(f"{line}\n" for line in lines).encode()
        self._shards.add(content, "conversations that were finished before are kept")


def _conversations(content: bytes) -> list[tuple[str, tuple[Spoken, ...]]]:
    lines = map(json.loads, content.splitlines())
    return [
        (from_plain(str, line["key"]), from_plain(tuple[Spoken, ...], line["spoken"]))
        for line in lines
    ]
