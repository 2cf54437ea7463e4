"""What a finished job has to say about itself, before anything is sent anywhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

DESCRIPTION = "mlflow.note.content"
"""Tag that the UI shows as the run's description, in Markdown."""
PARENT = "mlflow.parentRunId"
"""Tag of a run that is part of a sweep's or a study's run: the id of that one."""
TABLES = "mlflow.loggedArtifacts"
"""Tag that names the artifacts the UI shows as tables."""


@dataclass(frozen=True)
class RunRecord:
    """Everything a finished job has to say about itself."""

    tags: Mapping[str, str]
    params: Mapping[str, str]
    metrics: Mapping[str, float | None]
    curves: Mapping[str, np.ndarray] = field(default_factory=dict)
    """Name -> one value a layer, logged with step = layer."""
    dataset: tuple[str, str, str] | None = None
    """Name, digest and source of the stimuli."""


NOTHING = RunRecord({}, {}, {})
