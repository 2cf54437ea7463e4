"""What a finished job logs about itself, and the names of the tags that a run carries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

DESCRIPTION = "mlflow.note.content"
"""Tag that the UI shows as the description of a run, in Markdown."""
PARENT = "mlflow.parentRunId"
"""Tag of a run that is part of a sweep or of a study: the id of that run."""
TABLES = "mlflow.loggedArtifacts"
"""Tag that names the artifacts that the UI shows as tables."""
PICTURES = "mlflow.loggedImages"
"""Tag of a run that has pictures with a step, in its folder ``images``."""
SOURCE = "mlflow.source.name"
"""Tag that names the program that opened a run."""
JOB = "job"
"""Tag with the name of a run's job, or ``sweep``."""
SWEEP = "sweep"
"""Tag of the run of a sweep: its identity."""
VARIED = "varied"
"""Tag of the run of a sweep: the parameters in which its points differ, with their values."""
FINGERPRINT = "fingerprint"
"""Tag with the digest of everything that decides the numbers of a run."""
CHECKSUMS = "checksums"
"""Tag with the digest of a run's file of checksums; a run has it when all of its files are logged."""
STALE = "stale"
"""Tag of a run whose process ended without closing it: what happened."""
ERROR = "error"
"""Tag of a failed run: the reason in one line."""
SPOOL = "spool"
"""Tag of a run that was made from an entry of the spool: the id of the entry."""


@dataclass(frozen=True)
class RunRecord:
    """Everything that a finished job logs about itself, except its files."""

    tags: Mapping[str, str]
    params: Mapping[str, str]
    metrics: Mapping[str, float | None]
    curves: Mapping[str, np.ndarray] = field(default_factory=dict)
    """Name -> one value per layer, logged with step = layer."""
    dataset: tuple[str, str, str] | None = None
    """Name, digest and source of the stimuli."""


NOTHING = RunRecord({}, {}, {})
"""The record of a run that has not logged anything."""
