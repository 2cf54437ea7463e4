"""What every job gives back to the command line."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any


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
