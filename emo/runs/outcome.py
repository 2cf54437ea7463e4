"""What every job gives back to the command line."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from typing import Any

from emo.config.enums import Output

OUTCOME = "outcome.json"
"""What a job of a sweep leaves in its folder, for when its launcher brings nothing back."""


@dataclass(frozen=True)
class Outcome:
    """Result of one job: for the terminal (``table``) and for scripts (:meth:`to_json`)."""

    status: str
    """finished, reused or failed."""
    fingerprint: str | None = None
    run_id: str | None = None
    metrics: dict[str, Any] = field(default_factory=dict)
    artifacts: dict[str, str] = field(default_factory=dict)
    passes_done: int = 0
    passes_reused: int = 0
    table: str = ""
    error: str | None = None

    @property
    def failed(self) -> bool:
        return self.status == "failed"

    def to_json(self) -> str:
        """One line of JSON with fixed keys, the same for every job."""
        return json.dumps(
            {
                "status": self.status,
                "run_id": self.run_id,
                "fingerprint": self.fingerprint,
                "metrics": self.metrics,
                "artifacts": self.artifacts,
                "forward_passes": {"done": self.passes_done, "reused": self.passes_reused},
                "error": self.error,
            },
            allow_nan=False,
        )

    @classmethod
    def from_json(cls, text: str) -> Outcome:
        """An outcome as :meth:`to_json` wrote it, without its table."""
        content = json.loads(text)
        passes = content.pop("forward_passes")
        return cls(passes_done=passes["done"], passes_reused=passes["reused"], **content)


def show(outcome: Outcome, output: Output) -> None:
    """Print an outcome: JSON as the last line of standard output, or the table."""
    if outcome.table:
        print(outcome.table, file=sys.stderr if output is Output.json else sys.stdout)
    if outcome.failed:
        print(f"error: {outcome.error}", file=sys.stderr)
    if output is Output.json:
        sys.stderr.flush()
        print(outcome.to_json(), flush=True)
