"""Logged runs found: one by its id, all by their tags."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from emo.api import html
from emo.api.checks import one_of
from emo.api.loaded import LoadedRun, loaded
from emo.config.checks import as_path
from emo.errors import ConfigError
from emo.runs.logged import find_run, open_store
from emo.tracking import Connection

if TYPE_CHECKING:
    from pandas import DataFrame

COLUMNS = ("job", "condition", "model", "precision", "method", "readout")
"""Tags that a list of runs shows."""


def load_run(run_id: str, root: str | Path = ".", uri: str | None = None) -> LoadedRun:
    """A logged run, found by its id.

    Nothing is written: a store that does not exist is not made, and a read-only store is read.

    Parameters
    ----------
    run_id
        The id, or its first characters: at least four, and no other run's id may begin so. ``latest``:
        the newest finished run of ``job=extract``.
    root
        The project's folder, which holds ``mlruns``.
    uri
        Address of another store, as ``tracking.uri``. None: the store of the project, or what
        ``MLFLOW_TRACKING_URI`` says.

    Returns
    -------
    LoadedRun
        Its large files are read when they are first used.

    Raises
    ------
    TrackingError
        If the store or the run does not exist, or several ids begin so.

    Examples
    --------
    >>> run = emo.load_run(RUN_ID[:8], root=".")
    >>> run.run_id == RUN_ID
    True
    >>> emo.load_run("latest").job
    'extract'
    """
    folder, tracker = _store(root, uri)
    return loaded(find_run(run_id, tracker, folder))


def runs(root: str | Path = ".", uri: str | None = None, **tags: object) -> Runs:
    """The finished runs of a project, the newest first.

    Parameters
    ----------
    root, uri
        As of :func:`load_run`.
    **tags
        What the runs must have: ``model="gpt2"``, ``job="extract"``, ``condition="A"``,
        ``precision="bf16"``, or any other tag that runs are logged with.

    Returns
    -------
    Runs
        A list of runs: ``runs[0]``, ``len(runs)``, ``for run in runs``; ``to_frame()`` gives a table.

    Raises
    ------
    TrackingError
        If the store does not exist or does not answer.
    ConfigError
        If no run has such a tag, or none has that value of it.

    Examples
    --------
    >>> found = emo.runs(job="extract", model="tiny")
    >>> len(found)
    2
    >>> found.to_frame().loc[0, "precision"]
    'fp32'
    >>> emo.runs(modle="tiny")
    Traceback (most recent call last):
    ...
    emo.errors.ConfigError: modle=tiny: allowed is a tag of the runs, ... (did you mean model?)
    """
    folder, tracker = _store(root, uri)
    logged = [
        LoadedRun(
            run.info.run_id,
            dict(run.data.tags),
            dict(run.data.params),
            tracker,
            str(folder),
            run.info.start_time or 0,
        )
        for run in tracker.all_finished()
    ]
    for name, value in tags.items():
        logged = _having(logged, name, value)
    return Runs(logged)


def _store(root: str | Path, uri: str | None) -> tuple[Path, Connection]:
    """The project's folder and its store, which is only read."""
    if not isinstance(uri, (str, type(None))):
        raise ConfigError("tracking.uri", uri, "None, or the address of a store as text")
    folder = as_path("root", root).resolve()
    return folder, open_store(folder, uri)


def _having(logged: list[LoadedRun], name: str, value: object) -> list[LoadedRun]:
    """The runs whose tag has the value; a name or value that no run has is refused."""
    if not logged:
        return []
    values = {run.tags[name] for run in logged if name in run.tags}
    if not values:
        known = {tag for run in logged for tag in run.tags if "." not in tag}
        from emo.config.parameters import did_you_mean

        hint = did_you_mean(name, sorted(known))
        raise ConfigError(name, value, f"a tag of the runs, such as {', '.join(COLUMNS)}{hint}")
    wanted = one_of(name, str(value), sorted(values))
    return [run for run in logged if run.tags.get(name) == wanted]


class Runs(Sequence[LoadedRun]):
    """Logged runs in an order.

    Examples
    --------
    >>> found = emo.runs(job="extract")
    >>> found[0].tags["model"]
    'tiny'
    >>> found
    Runs(2 runs)
    """

    def __init__(self, listed: Iterable[LoadedRun]) -> None:
        self._runs = tuple(listed)

    @overload
    def __getitem__(self, index: int) -> LoadedRun: ...
    @overload
    def __getitem__(self, index: slice) -> Runs: ...
    def __getitem__(self, index: int | slice) -> LoadedRun | Runs:
        """A run by its place, or several as another list."""
        return Runs(self._runs[index]) if isinstance(index, slice) else self._runs[index]

    def __len__(self) -> int:
        return len(self._runs)

    def __iter__(self) -> Iterator[LoadedRun]:
        return iter(self._runs)

    def to_frame(self) -> DataFrame:
        """One row per run: its id, when it was started, and its tags.

        Returns
        -------
        pandas.DataFrame
            ``started`` is in UTC. Tags of MLflow itself are left out.

        Examples
        --------
        >>> emo.runs().to_frame()["model"].unique().tolist()
        ['tiny']
        """
        import pandas

        rows: list[dict[str, Any]] = [
            {
                "run": run.run_id,
                "started": pandas.Timestamp(run.started, unit="ms", tz="UTC"),
                **{tag: run.tags.get(tag) for tag in COLUMNS},
                **{tag: v for tag, v in run.tags.items() if not tag.startswith("mlflow.")},
            }
            for run in self
        ]
        return pandas.DataFrame(rows, columns=None if rows else ["run", "started", *COLUMNS])

    def __repr__(self) -> str:
        return f"Runs({len(self)} run{'' if len(self) == 1 else 's'})"

    def _repr_html_(self) -> str:
        rows = [(run.run_id[:8], *(run.tags.get(tag) for tag in COLUMNS)) for run in self]
        return html.table(f"{len(self)} runs, the newest first", ("run", *COLUMNS), rows)
