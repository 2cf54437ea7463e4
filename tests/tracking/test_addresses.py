"""Addresses of stores: no secret is printed, and a wrong one is one line."""

import http.client
import logging
import time

import pytest

from emo.config.schema import RunConfig, TrackingConfig
from emo.errors import ConfigError, EmoError, TrackingError
from emo.redact import without_password
from emo.runs import reuse
from emo.tracking import Connection, Tracker, addresses, tracking_uri
from tests.tracking.spooling import log_one


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


def config_of(root, **tracking):
    return RunConfig(root=str(root), tracking=TrackingConfig(**tracking))


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("", "tracking.uri=: allowed is null"),
        ("   ", "tracking.uri=   : allowed is null"),
        (
            "sqlite://",
            "tracking.uri=sqlite://: a database in memory ends with its process; allowed is null",
        ),
        ("sqlite:///", "a database in memory ends with its process"),
        ("sqlite:///:memory:", "a database in memory ends with its process"),
        ("sqlite:///?timeout=3", "a database in memory ends with its process"),
        ("sqlite:///file:x.db?uri=true", "allowed is null"),
        ("sqlite:x.db", "allowed is null"),
        ("sqlite:/x.db", "allowed is null"),
        ("sqlite://host/x.db", "allowed is null"),
        ("sqlite:///x%2Fy.db", "allowed is a path without % and ?"),
        ("sqlite:////tmp/a%20b/x.db", "allowed is a path without % and ?"),
        ("./mlruns", "allowed is null"),
        ("file:///tmp/mlruns", "allowed is null"),
        ("databricks", "allowed is null"),
        ("ftp://host/x", "allowed is null"),
        ("http://", "allowed is null"),
        ("://", "allowed is null"),
        ("C:/x.db", "allowed is null"),
        ("oracle://me:secret@h/d", "tracking.uri=oracle://me@h/d: allowed is null"),
    ],
)
@pytest.mark.parametrize("opened", [Tracker, Connection])
def test_an_address_of_no_store_that_lasts_is_refused_and_makes_nothing(
    tmp_path, monkeypatch, uri, words, opened
):
    root = tmp_path / "project"
    root.mkdir()
    monkeypatch.chdir(root)
    began = time.monotonic()
    with pytest.raises(TrackingError, match=words) as caught:
        opened(config_of(root, uri=uri))
    assert time.monotonic() - began < 5
    assert "\n" not in str(caught.value) and "secret" not in str(caught.value)
    assert list(tmp_path.rglob("*")) == [root]


@pytest.mark.parametrize("name", ["a%20b", "what?", "x%41y"])
def test_a_project_in_a_folder_that_no_database_address_can_hold_is_refused(tmp_path, name):
    root = tmp_path / name
    root.mkdir()
    with pytest.raises(TrackingError, match=r"path without % and .*, the project's own included"):
        Tracker(config_of(root))
    assert list(tmp_path.rglob("*")) == [root]


@pytest.mark.parametrize(
    "name", ["a b", "100%", "#1 (copy)", "données", "情感", "a'b", "$HOME & co"]
)
def test_a_project_may_be_called_anything_else(tmp_path, files, name):
    root = tmp_path / name
    tracker = Tracker(config_of(root))
    run_id = log_one(tracker, files)
    assert Connection(config_of(root)).artifact(run_id, "a.txt").is_relative_to(root)
    assert [path.name for path in tmp_path.iterdir() if path.name != "files"] == [name]
    moved = root.rename(tmp_path / "moved")
    assert Tracker(config_of(moved)).artifact(run_id, "a.txt").is_relative_to(moved)


def test_relative_addresses_are_taken_from_the_root(tmp_path, monkeypatch):
    monkeypatch.chdir("/")
    for uri in ("sqlite:///x.db", "sqlite:///./x.db", "sqlite+pysqlite:///x.db"):
        Tracker(config_of(tmp_path, uri=uri))
    assert (tmp_path / "x.db").is_file()
    assert {path.name for path in tmp_path.iterdir()} == {"x.db", "mlruns"}


@pytest.fixture
def fresh():
    """What is said once a process has not been said yet."""
    for cached in (addresses._say_followed, addresses._say_ignored):
        cached.cache_clear()


def lines_of(caplog, config):
    with caplog.at_level(logging.INFO):
        for _ in range(2):  # once a process
            tracker = Tracker(config)
    return tracker, caplog.messages


def test_mlflows_variables_are_followed_where_the_parameters_are_null(
    tmp_path, monkeypatch, caplog, fresh
):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/theirs.db")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "their study")
    tracker, lines = lines_of(caplog, config_of(tmp_path / "project"))
    assert (tmp_path / "theirs.db").is_file()
    assert not (tmp_path / "project" / "mlruns" / "mlflow.db").exists()
    assert tracker.client.get_experiment(tracker.experiment_id).name == "their study"
    assert len(lines) == 2
    assert f"MLFLOW_TRACKING_URI=sqlite:///{tmp_path}/theirs.db" in lines[0]
    assert "MLFLOW_EXPERIMENT_NAME=their study" in lines[1]


def test_parameters_that_are_given_win_over_the_variables_and_say_so(
    tmp_path, monkeypatch, caplog, fresh
):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:secret@127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "their study")
    tracker, lines = lines_of(
        caplog, config_of(tmp_path, uri="sqlite:///mine.db", experiment="mine")
    )
    assert (tmp_path / "mine.db").is_file()
    assert tracker.client.get_experiment(tracker.experiment_id).name == "mine"
    assert len(lines) == 2 and "secret" not in "".join(lines)
    assert "mine.db is followed, MLFLOW_TRACKING_URI=http://127.0.0.1:9 of the env" in lines[0]
    assert "tracking.experiment=mine is followed, MLFLOW_EXPERIMENT_NAME=their study" in lines[1]


def test_variables_that_say_the_same_or_nothing_are_not_spoken_of(
    tmp_path, monkeypatch, caplog, fresh
):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mine.db")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "mine")
    assert (
        lines_of(caplog, config_of(tmp_path, uri="sqlite:///mine.db", experiment="mine"))[1] == []
    )
    monkeypatch.setenv("MLFLOW_TRACKING_URI", " ")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "")
    assert lines_of(caplog, config_of(tmp_path))[1] == []
    assert tracking_uri(config_of(tmp_path)) == f"sqlite:///{tmp_path}/mlruns/mlflow.db"


def test_what_is_wrong_with_a_variable_is_said_of_it(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "databricks")
    with pytest.raises(TrackingError, match=r"^MLFLOW_TRACKING_URI=databricks: allowed is null"):
        Tracker(config_of(tmp_path))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    with pytest.raises(TrackingError, match=r"^MLFLOW_TRACKING_URI=http://127.0.0.1:9: no MLflow"):
        Connection(config_of(tmp_path))


def test_an_experiment_has_a_name(tmp_path):
    for name in ("", "  "):
        with pytest.raises(
            TrackingError, match=r"tracking.experiment= *: allowed is null, or a name"
        ):
            Tracker(config_of(tmp_path, experiment=name))


def loop(folder):
    (folder / "mlruns").symlink_to(folder / "other")
    (folder / "other").symlink_to(folder / "mlruns")


def to_itself(folder):
    (folder / "mlruns").symlink_to("mlruns")


def to_nowhere(folder):
    (folder / "mlruns").symlink_to(folder / "unmounted")


def a_file(folder):
    (folder / "mlruns").write_text("x")


def file_in_artifacts(folder):
    (folder / "mlruns").mkdir()
    (folder / "mlruns" / "artifacts").write_text("x")


def artifacts_to_nowhere(folder):
    (folder / "mlruns").mkdir()
    (folder / "mlruns" / "artifacts").symlink_to(folder / "unmounted")


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (loop, "mlruns: is a link to .*other, where nothing is"),
        (to_itself, "mlruns: is a link to mlruns, where nothing is"),
        (to_nowhere, "mlruns: is a link to .*unmounted, where nothing is"),
        (a_file, "mlruns: is no folder"),
        (file_in_artifacts, "mlruns/artifacts: is no folder"),
        (artifacts_to_nowhere, "artifacts: is a link to .*unmounted, where nothing is"),
    ],
)
@pytest.mark.parametrize("opened", [Tracker, Connection])
def test_an_mlruns_that_cannot_be_a_folder_is_refused_before_anything_is_written(
    tmp_path, made, words, opened
):
    made(tmp_path)
    before = set(tmp_path.rglob("*"))
    with pytest.raises(TrackingError, match=words) as caught:
        opened(config_of(tmp_path))
    assert "\n" not in str(caught.value)
    assert set(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    "uri",
    [
        "http://[fe80::1/",
        "https://host]/x",
        "HTTP://me:secret@[::1",
        "postgresql://me:secret@[::1/d",
    ],
)
@pytest.mark.parametrize("opened", [Tracker, Connection])
def test_half_a_bracket_is_no_address(tmp_path, uri, opened):
    with pytest.raises(TrackingError, match="allowed is null") as caught:
        opened(config_of(tmp_path, uri=uri))
    assert "secret" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []
    assert addresses.local_path("file://[::1/x") is None


def test_brackets_in_a_file_name_are_no_brackets_of_a_host(tmp_path):
    Tracker(config_of(tmp_path, uri="sqlite:///a[1.db"))
    assert (tmp_path / "a[1.db").exists()


def test_a_server_of_several_lines_is_one_line(tmp_path, monkeypatch):
    def answer(*_, **__):
        raise http.client.BadStatusLine("SSH-2.0\r\nProtocol mismatch.\n" + "x" * 9000)

    monkeypatch.setattr("urllib.request.urlopen", answer)
    with pytest.raises(TrackingError, match=r"no MLflow server answers .*SSH-2\.0") as caught:
        Tracker(config_of(tmp_path, uri="http://127.0.0.1:9"))
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 500


@pytest.mark.parametrize("opened", [Tracker, Connection])
def test_an_experiment_has_a_name_that_mlflow_keeps(tmp_path, monkeypatch, opened):
    with pytest.raises(TrackingError, match=r"experiment=e+\.\.\.: allowed is .* 500 char"):
        opened(config_of(tmp_path, experiment="e" * 501))
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "e" * 501)
    with pytest.raises(TrackingError, match=r"_NAME=e+\.\.\.: allowed is null"):
        opened(config_of(tmp_path))
    assert list(tmp_path.iterdir()) == []
    assert Tracker(config_of(tmp_path, experiment="e" * 500)).experiment_id


@pytest.mark.parametrize(
    ("tracking", "words"),
    [
        ({"uri": "sqlite:///mlruns"}, "cannot be opened: it is a folder"),
        ({"uri": "sqlite:///no/such/x.db"}, "cannot be opened: the folder .*such does not exist"),
        ({"uri": "sqlite:////proc/x.db"}, "cannot be opened: folder=/proc: /proc: "),
        ({"parent": "0a" * 16}, "tracking.parent=(0a)+: allowed is the id of a run in"),
    ],
)
def test_a_store_that_cannot_be_made_is_refused_before_anything_is_computed(
    tmp_path, tracking, words
):
    config = config_of(tmp_path, **tracking)
    for ask in (reuse.holds_runs, Tracker):
        with pytest.raises(EmoError, match=words):
            ask(config)
        assert list(tmp_path.iterdir()) == []


def test_a_folder_of_results_that_is_no_disk_is_refused_at_once(tmp_path):
    (tmp_path / "mlruns").symlink_to("/proc")
    start = time.monotonic()
    for ask in (reuse.holds_runs, Tracker):
        with pytest.raises(TrackingError, match="cannot be opened: folder=/proc: /proc: "):
            ask(config_of(tmp_path))
    assert time.monotonic() - start < 10


def test_a_parent_is_a_run_of_the_store(tmp_path, files):
    parent = log_one(Tracker(config_of(tmp_path)), files)
    assert Tracker(config_of(tmp_path, parent=parent)).get(parent)
    with pytest.raises(ConfigError, match=r"tracking\.parent=f+: allowed is the id of a run in"):
        Tracker(config_of(tmp_path, parent="f" * 32))
