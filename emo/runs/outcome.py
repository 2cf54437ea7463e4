"""What every job gives back to the command line."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from emo.config.enums import Output

if TYPE_CHECKING:
    from emo.report.table import Table

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
    answer: str = ""
    """The beginning of ``table`` that a reader should see first."""
    link: str = ""
    """Address of the run's page in MLflow; empty where there is none."""
    seconds: float | None = None
    """What it took, in the process that ran it."""
    points: Table | None = None
    """What became of each point of a sweep; for the terminal."""

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


def show(outcome: Outcome, output: Output, closing: Sequence[str] = ()) -> None:
    """Print an outcome: JSON as the last line of standard output, or the table and the closing lines."""
    from emo.report import console  # it imports what starting the program should not wait for

    stream = sys.stderr if output is Output.json else sys.stdout
    console.write(outcome.table, stream, outcome.answer)
    if outcome.points is not None:
        console.write_table(outcome.points, stream)
    console.write("\n".join(closing), stream)
    if outcome.failed:
        stream.flush()
        console.write(f"error: {outcome.error}", sys.stderr)
    if output is Output.json:
        sys.stderr.flush()
        print(outcome.to_json(), flush=True)
