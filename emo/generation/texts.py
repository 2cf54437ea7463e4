"""Content-addressed store of generated texts: a text is generated once.

Each reader has one folder. A reader is everything that decides a text besides prompt, decoding and
seed. The folder holds one JSONL shard per finished batch, named by the sha256 of its bytes; each line
holds the key of a text, its token ids and why it ended. A killed run resumes at the last finished
batch, and several processes may write at the same time.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from emo.activations.shards import Shards
from emo.generation.samples import Finish, Generated


class TextStore:
    """Generated texts by key, for one reader."""

    def __init__(self, root: Path, reader: Mapping[str, object]) -> None:
        self._shards = Shards(root, reader, ".jsonl")
        self.folder = self._shards.folder

    def get(
        self, prompts: Mapping[str, tuple[int, ...]], max_new_tokens: int
    ) -> dict[str, Generated]:
        """The stored texts among those asked for, by key; ``prompts`` has the prompt of each key.

        The longest text of a key is returned, cut to the budget. A text that ended because a smaller
        budget was used up does not count.
        """
        longest: dict[str, Generated] = {}
        with self._shards.reading() as reading:
            for path in reading.paths:
                for key, tokens, finish in reading.whole(path, _texts) or ():
                    known = longest.get(key)
                    if key in prompts and (known is None or len(tokens) > len(known.tokens)):
                        longest[key] = Generated(prompts[key], tokens, finish)
        return {
            key: text.truncated(max_new_tokens)
            for key, text in longest.items()
            if text.finish is not Finish.length or len(text.tokens) >= max_new_tokens
        }

    def put(self, texts: Mapping[str, Generated]) -> None:
        """Add one shard.

        Raises
        ------
        StoreError
            If it cannot be written.
        """
        lines = [
            json.dumps({"key": key, "tokens": list(t.tokens), "finish": t.finish.value})
            for key, t in texts.items()
        ]
        content = "".join(f"{line}\n" for line in lines).encode()
        self._shards.add(content, "what was generated before is kept")


def _texts(content: bytes) -> list[tuple[str, tuple[int, ...], Finish]]:
    lines = map(json.loads, content.splitlines())
    return [_text(line["key"], line["tokens"], line["finish"]) for line in lines]


def _text(key: object, tokens: list[object], finish: str) -> tuple[str, tuple[int, ...], Finish]:
    ids = [token for token in tokens if isinstance(token, int)]
    if not isinstance(key, str) or len(ids) < len(tokens):
        raise ValueError("a key is a text, and token ids are whole numbers")
    return key, tuple(ids), Finish(finish)
