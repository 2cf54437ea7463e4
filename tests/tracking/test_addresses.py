"""Addresses of stores: no secret is printed, and a wrong one is one line."""

import pytest

from emo.config import RunConfig, TrackingConfig
from emo.errors import TrackingError
from emo.passwords import without_password
from emo.tracking import Tracker


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("postgresql://me:secret@db:5432/x", "postgresql://me@db:5432/x"),
        ("postgresql://me:se/cr/et@db/x", "postgresql://me@db/x"),
        ("postgresql://me:se@cr@et@db/x", "postgresql://me@db/x"),
        ("postgresql://me:se:cr?et@db/x", "postgresql://me@db/x"),
        ("postgresql://:secret@db/x", "postgresql://@db/x"),
        ("postgresql://db/x?user=u&password=secret&a=b", "postgresql://db/x?user=u&password=&a=b"),
        ("https://db?TOKEN=secret", "https://db?TOKEN="),
        ("https://secret@host/x", "https://host/x"),
        ("https://secret:x-oauth-basic@host/x", "https://host/x"),
        ("HTTP://me:secret@host:5000", "HTTP://host:5000"),
    ],
)
def test_no_secret_is_shown(address, shown):
    assert without_password(address) == shown
    assert without_password(shown) == shown
    words = f"a=1 tracking.uri={address} b@c"
    assert without_password(words) == f"a=1 tracking.uri={shown} b@c"


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:5000",
        "postgresql://me@db:5432/x",
        "sqlite:////home/a@b/mlflow.db",
        "file:///home/a@b",
        "subparams.max_new_tokens=12",
    ],
)
def test_addresses_without_secrets_stay(address):
    assert without_password(address) == address


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("http://me:secret@127.0.0.1:9", "tracking.uri=http://127.0.0.1:9: give the user"),
        ("http://me:secret@localhost", "tracking.uri=http://localhost: .*MLFLOW_TRACKING_PASSWORD"),
        ("http://127.0.0.1:50x0", "tracking.uri=http://127.0.0.1:50x0: no MLflow server answers"),
        ("http://a b", "tracking.uri=http://a b: no MLflow server answers"),
    ],
)
def test_a_wrong_address_of_a_server_is_one_line(tmp_path, uri, message):
    check_refused(tmp_path, uri, message)


def check_refused(folder, uri, message):
    with pytest.raises(TrackingError, match=message) as caught:
        Tracker(RunConfig(root=str(folder), tracking=TrackingConfig(uri=uri)))
    assert "\n" not in str(caught.value) and "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        (
            "mysql+none://me:secret@h/d",
            "tracking.uri=mysql.none://me@h/d: cannot be opened: .*none",
        ),
        ("mysql+aiomysql://me:secret@h/d", "cannot be opened: No module named 'aiomysql'"),
        ("postgresql://me:secret@h:5x/d", "cannot be opened: .*invalid literal"),
        ("sqlite:///text.db", "cannot be opened: .*file is not a database"),
        ("sqlite:///folder", "cannot be opened: .*unable to open database file"),
    ],
)
def test_a_database_that_cannot_be_used_is_one_line_at_once(tmp_path, monkeypatch, uri, message):
    (tmp_path / "text.db").write_text("this is no database " * 100)
    (tmp_path / "folder").mkdir()
    monkeypatch.setattr("time.sleep", lambda s: pytest.fail("MLflow tries again"))
    check_refused(tmp_path, uri, message)


def test_a_sqlite_address_may_have_options(tmp_path):
    uri = f"sqlite:///{tmp_path}/x.db?timeout=3"
    tracker = Tracker(RunConfig(root=str(tmp_path), tracking=TrackingConfig(uri=uri)))
    assert tracker.runs_of("extract") == []
