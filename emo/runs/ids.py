"""Signs that stand for the id of a run in its own description, until the run is sent.

A run is described before the store names it; one that waits in the spool is named only when it is
delivered.
"""

from __future__ import annotations

RUN, EXPERIMENT = "⟨run_id⟩", "⟨experiment_id⟩"
"""Stand for the ids of a run and of its experiment."""
LENGTH = 32
"""Characters of a run's id."""


def with_ids(text: str, run_id: str, experiment_id: str) -> str:
    """The text with the ids in the place of their signs."""
    return text.replace(RUN, run_id).replace(EXPERIMENT, experiment_id)


def run_route(run_id: str = RUN) -> str:
    """The address of a run's page, from any other page of the same store."""
    return f"#/experiments/{EXPERIMENT}/runs/{run_id}"
