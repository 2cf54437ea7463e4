"""A record, and a store that is cut off while it is logged."""

import numpy as np
from mlflow.exceptions import MlflowException

from emo.tracking import RunRecord

RECORD = RunRecord(
    {"colour": "blue"},
    {"seed": "1", "force": "False"},
    {"rho": 0.5, "none": None, "best": np.int64(3)},
    {"curve": np.array([1.0, np.nan, 3.0])},
    ("small", "abc", "small.csv"),
)
TAGS = {"fingerprint": "f1"}


def gone(*_args, **_kwargs):
    raise MlflowException("Connection refused\nand more")


def cut(tracker, monkeypatch, *names):
    for name in names:
        monkeypatch.setattr(tracker.client, name, gone)


def log_one(tracker, files, tags=TAGS, record=RECORD):
    with tracker.run("one", tags) as run_id:
        tracker.log(run_id, record, files)
    return run_id


def all_runs(tracker):
    return tracker.client.search_runs([tracker.experiment_id])
