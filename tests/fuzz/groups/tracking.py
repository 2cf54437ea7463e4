"""Addresses, servers, databases and folders of tracking stores."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from tests.fuzz.case import Case, May
from tests.fuzz.damage import BYTES, KINDS, put, remove
from tests.fuzz.drawing import chance
from tests.fuzz.groups.tracking_servers import servers
from tests.fuzz.place import SMALL, SUMMARIZE, Place

DATABASE = Path("mlruns", "mlflow.db")
NAMED = ("tracking", "mlruns", "mlflow.db")
RUN = (*SMALL, "seed=11")
"""A run that is not there yet."""

ADDRESSES = {
    "''": "empty",
    "nothing": "a word",
    "nothing://x": "a kind that is none",
    "sqlite:": "half an address",
    "sqlite://": "a database in memory",
    "sqlite:///": "no file",
    "sqlite:///:memory:": "a database in memory, by name",
    "sqlite:////nothing/at/all/x.db": "a folder that is not there",
    "sqlite:////proc/x.db": "a folder that cannot be written",
    "sqlite:////proc/nothing/x.db": "a folder that cannot be made",
    "sqlite:///small.csv": "a file that is no database",
    "sqlite:///mlruns": "a folder",
    "sqlite:///small.csv/x.db": "a file for a folder",
    "sqlite:///a%2Fb%00.db": "a name with a NUL",
    "sqlite:///" + "d" * 300 + ".db": "a name of 300 letters",
    "postgresql://user:hunter2@127.0.0.1:9/db": "a server that is not there",
    "mysql+pymysql://user:hunter2@127.0.0.1:9/db": "a driver that is not there",
    "http://127.0.0.1:9": "a web server that is not there",
    "http://": "no host",
    "'http://[::1'": "half a host",
    "http://127.0.0.1:99999": "a port there is not",
    "http://user:hunter2@127.0.0.1:9": "a web server with a password",
    "'http://127.0.0.1:9/ x'": "a space",
    "https://127.0.0.1:9": "a web server that is not there, by TLS",
    "file:///tmp/nothing": "files",
    "./mlruns": "a folder's path",
    "s3://bucket/x": "a bucket",
    "databricks": "another product",
}


def cases(place: Place) -> list[Case]:
    """All kinds."""
    return [*addresses(), *settings(), *files(), *tables(), *folders(), *servers(), locked()]


def addresses() -> list[Case]:
    """Addresses that lead nowhere, of a project with runs and of a new one."""
    return [
        Case(
            f"address: {name}",
            (*RUN, f"tracking.uri={value}"),
            ("tracking.uri",),
            fresh=bool(i % 2),
        )
        for i, (value, name) in enumerate(ADDRESSES.items())
    ]


def settings() -> list[Case]:
    """The other parameters, and MLflow's own variables."""
    values = {
        "an experiment of spaces": "tracking.experiment='  '",
        "an experiment of 5000 letters": "tracking.experiment=" + "e" * 5000,
        "a parent that is not there": "tracking.parent=nothing",
        "a parent of another form": "tracking.parent=0123456789abcdef0123456789abcdef",
        "a time of nothing": "tracking.timeout_s=0",
        "a time below nothing": "tracking.timeout_s=-5",
    }
    found = [Case(n, (*RUN, v), (v.partition("=")[0],)) for n, v in values.items()]
    variables = {
        "MLFLOW_TRACKING_URI": (
            "nothing://x",
            "http://127.0.0.1:9",
            "sqlite:////proc/nothing/x.db",
        ),
        "MLFLOW_HTTP_REQUEST_TIMEOUT": ("soon",),
    }
    for name, options in variables.items():
        for value in options:
            env = {name: value}
            found.append(
                Case(
                    f"{name}={value}",
                    (*RUN, "output=json"),
                    (name, "tracking.uri"),
                    env=env,
                    may=May.finish,
                )
            )
    return found


def files() -> list[Case]:
    """A database that is damaged, or something else under its name."""
    found = []
    for name, operator in {**BYTES, **KINDS}.items():
        if name in (
            "is gone",
            "has noise behind",
            "lacks its last byte",
            "has a flipped bit in the middle",
            "has a flipped bit at its end",
            "is a link to nothing",
            "is 64 GB of zeros",
        ):
            continue  # a new start, or a database that can be read
        found.append(
            Case(
                f"database {name}",
                RUN,
                NAMED,
                lambda root, o=operator, n=name: o(root / DATABASE, chance(n)),
            )
        )
    return found


def sql(*statements: str) -> Callable[[Path], None]:
    """A database after these statements."""

    def damage(root: Path) -> None:
        with closing(sqlite3.connect(root / DATABASE, isolation_level=None)) as database:
            database.execute("PRAGMA ignore_check_constraints = ON")  # damage keeps no rules
            for statement in statements:
                database.execute(statement)
            database.commit()

    return damage


def tables() -> list[Case]:
    """Databases of another version, or whose tables or rows are damaged."""
    changes = {
        "no runs": sql("alter table runs rename to runs_before"),
        "no experiments": sql("alter table experiments rename to experiments_before"),
        "no tags": sql("drop table tags"),
        "no params": sql("drop table params"),
        "no metrics": sql("drop table metrics"),
        "no tables": sql(
            "pragma writable_schema=1",
            "delete from sqlite_master",
            "pragma writable_schema=0",
            "vacuum",
        ),
        "an older version": sql("update alembic_version set version_num='451aebb31d03'"),
        "an unknown version": sql("update alembic_version set version_num='ffffffffffff'"),
        "no version": sql("delete from alembic_version"),
        "a deleted experiment": sql("update experiments set lifecycle_stage='deleted'"),
        "an experiment in /proc": sql("update experiments set artifact_location='/proc/nothing'"),
        "an experiment of no stage": sql("update experiments set lifecycle_stage='x'"),
    }
    found = [
        Case(
            f"database with {name}",
            (*RUN, "output=json"),
            (*NAMED, "experiment"),
            change,
            may=May.finish if name in MENDED else May.refuse,
        )
        for name, change in changes.items()
    ]
    seen = (*SMALL, "output=json")
    runs = {
        "runs in a bucket": sql("update runs set artifact_uri='s3://bucket/x/artifacts'"),
        "runs in /proc": sql("update runs set artifact_uri='/proc/nothing/artifacts'"),
        "runs nowhere": sql("update runs set artifact_uri=''"),
        "runs of another kind": sql("update runs set artifact_uri='nothing://x'"),
        "runs of no status": sql("update runs set status='DONE'"),
        "runs of no time": sql("update runs set start_time=null, end_time=null"),
        "fingerprints that are gone": sql("delete from tags where key='fingerprint'"),
        "tags of noise": sql("update tags set value=hex(randomblob(40)) where key!='fingerprint'"),
    }
    found += [
        Case(f"database with {n}", seen, (*NAMED, "run"), c, may=May.repair)
        for n, c in runs.items()
    ]
    summary = (*SMALL, *SUMMARIZE, "force=true", "output=json")
    rows = {
        "params of noise": sql("update params set value=hex(randomblob(9))"),
        "params that are gone": sql("delete from params"),
        "sizes of words": sql("update params set value='large' where key='model.size_b'"),
        "conditions of noise": sql("update tags set value='Z' where key='condition'"),
    }
    found += [
        Case(f"database with {n}", summary, (*NAMED, "run", "none"), c, may=May.finish)
        for n, c in rows.items()
    ]
    return found


MENDED = (
    "no tags",
    "an experiment in /proc",
    "an older version",
)
"""What a product may mend, or do without: a store of the project's own is where the project is."""


def folders() -> list[Case]:
    """mlruns and what is in it are something else."""

    def linked(path: str, target: str) -> Callable[[Path], object]:
        def damage(root: Path) -> None:
            remove(root / path)
            (root / path).symlink_to(target)

        return damage

    changes = {
        "mlruns is a file": lambda root: put(root / "mlruns", "x"),
        "mlruns is a link to itself": linked("mlruns", "mlruns"),
        "mlruns is a link to nothing": linked("mlruns", "/nothing/at/all"),
        "mlruns is a link to /proc": linked("mlruns", "/proc"),
        "mlruns is a pipe": lambda root: KINDS["is a pipe"](root / "mlruns", chance("m")),
        "artifacts are a file": lambda root: put(root / "mlruns/artifacts", "x"),
        "artifacts are a link to itself": linked("mlruns/artifacts", "artifacts"),
        "the database's lock is a folder": lambda root: (
            remove(root / "mlruns/.create.lock"),
            (root / "mlruns/.create.lock").mkdir(),
        ),
    }
    return [Case(name, RUN, NAMED, damage) for name, damage in changes.items()]


def locked() -> Case:
    """Another program writes into the database and does not end."""

    def lock(root: Path) -> Callable[[], None]:
        database = sqlite3.connect(root / DATABASE, check_same_thread=False)
        database.execute("begin exclusive")
        return database.close

    return Case("database locked by another program", RUN, NAMED, lock)
