"""The storage of a study: a journal file or a database, refused if it cannot be one."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import optuna
import sqlalchemy
from optuna.exceptions import StorageInternalError
from optuna.samplers import RandomSampler
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.study import StudyDirection
from optuna.trial import TrialState
from sqlalchemy.exc import SQLAlchemyError

from emo.errors import ConfigError, EmoError
from emo.redact import without_password
from emo.study.journal import AFRESH, Journal
from emo.study.space import Space, place_of

NAME = re.compile(r"\w[\w. -]{0,63}")
"""Allowed names of studies; a name is part of a file's name, of a lock's name and of a search."""
OPTUNA = {"studies", "trials"}
"""Tables of every database with studies."""
OF_OPTUNA = re.compile(r"(study|studies|trial).*|version_info|alembic_version")
"""Names of all tables of Optuna; a kill may leave some of them."""
MLFLOW = {"experiments", "runs"}
"""Tables of MLflow, whose ``alembic_version`` Optuna would take for its own."""
DATABASES = (
    "null (a journal in mlruns/studies), or the URL of a database: sqlite:///study.db, "
    "postgresql://USER@HOST/DB"
)


def study_name(name: str, identity: str) -> str:
    """A name that no study of another question, model or space has.

    Raises
    ------
    ConfigError
        If the name cannot be part of a file's name.
    """
    if not NAME.fullmatch(name):
        allowed = (
            "at most 64 letters, digits, '_', '-', '.' and blanks, the first a letter or digit"
        )
        raise ConfigError("job.sensitivity.name", repr(name), allowed)
    return f"{name}-{hashlib.sha256(identity.encode()).hexdigest()[:12]}"


def open_study(storage: Path | str, name: str, objectives: Sequence[str]) -> optuna.Study:
    """The study in a journal file (a path) or a database (a URL), made if it does not exist.

    Raises
    ------
    EmoError
        If the storage cannot be opened, is damaged, or holds something else.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with _opening(storage):
        return optuna.create_study(
            storage=_storage(storage),
            study_name=name,
            directions=[StudyDirection.MAXIMIZE] * len(objectives),
            sampler=RandomSampler(),  # draws no parameter when a trial is asked for
            load_if_exists=True,
        )


def trials_there(storage: Path | str, name: str) -> int:
    """The number of complete trials of a study; 0 if the study does not exist. Nothing is made.

    Raises
    ------
    EmoError
        If the storage cannot be opened, is damaged, or holds something else.
    """
    with _opening(storage):
        if not (storage.exists() if isinstance(storage, Path) else tables(storage) >= OPTUNA):
            return 0
        try:
            study = optuna.load_study(study_name=name, storage=_storage(storage))
        except KeyError:  # other studies
            return 0
        return len(study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)))


def tables(url: str) -> set[str]:
    """The tables of a database; none if a SQLite file does not exist, which is not made.

    Raises
    ------
    EmoError
        If it is no database, cannot be opened, or holds anything but studies.
    """
    parameter = f"job.sensitivity.storage={without_password(url)}"
    try:
        parsed = sqlalchemy.make_url(url)
    except SQLAlchemyError:
        raise EmoError(f"{parameter}: allowed is {DATABASES}") from None
    if parsed.get_backend_name() == "sqlite":
        if parsed.database in (None, "", ":memory:"):
            raise EmoError(
                f"{parameter}: allowed is a file: a database in memory ends with its process"
            )
        if not Path(parsed.database).parent.is_dir():
            raise EmoError(f"{parameter}: the folder {Path(parsed.database).parent} does not exist")
        if not Path(parsed.database).exists():
            return set()
    engine = sqlalchemy.create_engine(parsed)
    try:
        names = set(sqlalchemy.inspect(engine).get_table_names())
    finally:
        engine.dispose()
    foreign = sorted(name for name in names if not OF_OPTUNA.fullmatch(name))
    if foreign and (names >= MLFLOW or not names >= OPTUNA):
        few = ", ".join(foreign[:3])
        raise EmoError(
            f"{parameter}: allowed is a database of its own: this one has other tables ({few})"
        )
    return names


def check_whole(study: optuna.Study, storage: Path | str, space: Space, n_objectives: int) -> None:
    """Refuse a study with complete trials that lack something.

    Raises
    ------
    EmoError
        If there is one: a line of the journal, or a row of the database, is missing.
    """
    for trial in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)):
        lacking = [name for name in space.varied if name not in trial.params]
        if len(trial.values) != n_objectives:
            lacking.append("its values")
        if lacking:
            problem = (
                f"trial {place_of(trial)} of study {study.study_name} lacks {', '.join(lacking)}"
            )
            how = (
                AFRESH
                if isinstance(storage, Path)
                else "give another job.sensitivity.name to begin anew"
            )
            raise EmoError(without_password(f"job.sensitivity.storage={storage}: {problem}; {how}"))


@contextmanager
def answering(storage: Path | str) -> Iterator[None]:
    """A block in which an error of the database becomes one line."""
    try:
        yield
    except (StorageInternalError, SQLAlchemyError) as error:
        raise _refused(storage, "does not answer", error) from error


@contextmanager
def _opening(storage: Path | str) -> Iterator[None]:
    """A block in which every error of opening a storage becomes one line."""
    try:
        yield
    except EmoError:
        raise
    except Exception as error:
        journal = isinstance(storage, Path) and not isinstance(error, OSError)
        what = f"its lines do not fit together; {AFRESH}" if journal else "cannot be opened"
        raise _refused(storage, what, error) from error


def _refused(storage: Path | str, what: str, error: Exception) -> EmoError:
    cause = error.__cause__ if isinstance(error, StorageInternalError) else None
    first = (str(cause or error) or type(error).__name__).splitlines()[0]
    return EmoError(without_password(f"job.sensitivity.storage={storage}: {what}: {first}"))


def _storage(where: Path | str) -> BaseStorage:
    if isinstance(where, str):
        tables(where)
        return RDBStorage(where)
    where.parent.mkdir(parents=True, exist_ok=True)
    return JournalStorage(Journal(where))
