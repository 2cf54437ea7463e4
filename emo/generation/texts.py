"""Generated texts on disk, content-addressed: what was written once is never generated again.

One folder per reader (everything that decides a text besides prompt, decoding and seed). In it one
JSONL shard a finished batch, named by the sha256 of its bytes; each line holds a text's key, token
ids and finish reason. A killed run resumes at the last finished batch, and several processes may
write at the same time. A shard whose bytes do not match its name is set aside.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from emo.activations.store import reader_folder, write_whole
from emo.errors import StoreError
from emo.generation.samples import Finish, Generated

log = logging.getLogger(__name__)


class TextStore:
    """Generated texts by key, for one reader."""

    def __init__(self, root: Path, reader: Mapping[str, object]) -> None:
        self.folder = reader_folder(root, reader)

    def get(
        self, prompts: Mapping[str, tuple[int, ...]], max_new_tokens: int
    ) -> dict[str, Generated]:
        """The texts that are there, of the keys asked for (each with its prompt).

        The longest text under a key is served, cut to the budget; one that ran out of a smaller
        budget is not.
        """
        longest: dict[str, Generated] = {}
        for path in sorted(self.folder.glob("*.jsonl")):
            for key, tokens, finish in self._read(path):
                known = longest.get(key)
                if key in prompts and (known is None or len(tokens) > len(known.tokens)):
                    longest[key] = Generated(prompts[key], tokens, finish)
        return {
            key: text.truncated(max_new_tokens)
            for key, text in longest.items()
            if text.finish is not Finish.length or len(text.tokens) >= max_new_tokens
        }

    def put(self, texts: Mapping[str, Generated]) -> None:
        """Add one shard."""
        lines = [
            json.dumps({"key": key, "tokens": list(t.tokens), "finish": t.finish.value})
            for key, t in texts.items()
        ]
        content = "".join(f"{line}\n" for line in lines).encode()
        try:
            write_whole(self.folder, content, f"{hashlib.sha256(content).hexdigest()}.jsonl")
        except OSError as error:
            raise StoreError(
                f"paths.store={self.folder.parent}: cannot write {len(content) / 2**20:.1f} MiB "
                f"({error.strerror}); what was generated before is kept"
            ) from error

    def _read(self, path: Path) -> Sequence[tuple[str, tuple[int, ...], Finish]]:
        try:
            content = path.read_bytes()
            if hashlib.sha256(content).hexdigest() != path.stem:
                raise ValueError("checksum")
            lines = map(json.loads, content.splitlines())
            return [(r["key"], tuple(r["tokens"]), Finish(r["finish"])) for r in lines]
        except (OSError, ValueError, KeyError, TypeError):
            log.warning(
                "damaged text store entry %s: set aside, its texts are generated again", path.name
            )
            path.rename(path.with_suffix(".damaged"))
            return []
