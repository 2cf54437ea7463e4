"""Views of the list of runs: columns and filters that MLflow's page opens with.

A view is a tag of the experiment in MLflow's own, private format (3.17), so that everybody who opens the
store has it. A page that does not understand one shows its standard columns.

Source: the envelope and the fields are those that MLflow's page itself writes for *Save view*.
"""

from __future__ import annotations

import base64
import json
import logging
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from emo.runs.metric_names import CHOSEN

log = logging.getLogger(__name__)

TAG = "mlflow.sharedViewState."
"""Beginning of the experiment tags that hold views."""
SAVED_MS = 1_790_000_000_000
"""Time of saving that the views state; the list has the latest first."""
FIRST, NAME_WIDTH = ("attributes.`Run Name`", "runDateAndNestInfo"), 300
"""The columns that every view has first, and the pixels of the names of runs."""
STANDARD = ("job", "condition", "model", "precision", "readout")
TOO_GOOD = (f"{CHOSEN}/reliability", f"{CHOSEN}/accuracy")
"""Values of comprehension runs; those of generation runs are in the headline."""


@dataclass(frozen=True)
class View:
    """One view of the list of runs."""

    key: str
    """The end of its tag, and what links to it name."""
    name: str
    tags: tuple[str, ...]
    """Tags that are columns, before the metrics."""
    metrics: tuple[str, ...]
    search: str = ""
    """The filter, in MLflow's language; empty: all runs."""
    last: tuple[str, ...] = ()
    """Tags that are columns, behind the metrics."""


VIEWS = (
    View("emo-runs", "All runs", STANDARD, (*TOO_GOOD, "headline/reliability"), last=("valence",)),
    View(
        "emo-extractions",
        "Extractions: passages that were read",
        STANDARD[1:],
        TOO_GOOD,
        "tags.job = 'extract' and tags.method = 'comprehension'",
        ("valence", "anisotropy"),
    ),
    View(
        "emo-conditions",
        "Conditions A to D and their replicates",
        STANDARD[1:],
        (TOO_GOOD[0], "headline/reliability"),
        "tags.job = 'extract' and tags.condition != 'none'",
        ("valence", "anisotropy"),
    ),
    View(
        "emo-steering",
        "Steering",
        ("steer", "model", "precision", "regime_robust", "regime_unsteered_robust"),
        (f"{CHOSEN}/best_success", "headline/cells_surgical", "headline/cells"),
        "tags.job = 'steer'",
    ),
    View(
        "emo-behaviour",
        "Behaviour under pressure",
        ("behave", "model", "precision", "dialogue_format", "behave_steer"),
        ("headline/flips", "headline/flips_control", "headline/yes_saying", "headline/compliance"),
        "tags.job = 'behave'",
    ),
    View(
        "emo-sweeps",
        "Sweeps",
        ("varied",),
        ("headline/points", "headline/finished", "headline/reused", "headline/failed"),
        "tags.job = 'sweep'",
    ),
)
"""The first one opens with ``make ui``."""


def view_tags() -> dict[str, str]:
    """The tags of an experiment that has all views."""
    return {
        f"{TAG}{view.key}": _envelope(view, SAVED_MS - 1000 * place)
        for place, view in enumerate(VIEWS)
    }


def share(client: MlflowClient, experiment_id: str, present: Mapping[str, str]) -> None:
    """Give an experiment the views that it lacks; a store that takes none is left as it is."""
    try:
        for tag, value in view_tags().items():
            if present.get(tag) != value:
                client.set_experiment_tag(experiment_id, tag, value)
    except (MlflowException, OSError) as error:
        log.debug("views cannot be saved: %s", error)


def _envelope(view: View, saved_ms: int) -> str:
    columns = [f"tags.`{name}`" for name in view.tags]
    columns += [f"metrics.`{name}`" for name in view.metrics]
    columns += [f"tags.`{name}`" for name in view.last]
    state = {
        "selectedColumns": columns,
        "columnOrder": [*FIRST, *columns, "duration"],
        "columnWidths": {FIRST[0]: NAME_WIDTH} | {column: _width(column) for column in columns},
        "searchFilter": view.search,
        "startTime": "ALL",
    }
    packed = base64.b64encode(zlib.compress(json.dumps(state).encode())).decode()
    times = {"createdAt": saved_ms, "updatedAt": saved_ms}
    return json.dumps({"name": view.name, **times, "state": f"deflate;{packed}"})


def _width(column: str) -> int:
    """Pixels in which the head of a column can be read, and the name of a model."""
    name = column.split("`")[1]
    return max(150 if name == "model" else 100, 40 + 7 * len(name))
