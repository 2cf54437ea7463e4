"""Databases of studies: those that are none of Optuna's are refused, and nothing is made of them."""

import sqlite3

import pytest
import sqlalchemy
from optuna.exceptions import StorageInternalError

from emo.errors import ConfigError, EmoError
from emo.study.storage import answering, open_study, study_name, tables, trials_there
from emo.study.trials import completed
from tests.study.test_trials import advance, opened


def database(path, *statements):
    with sqlite3.connect(path) as connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()
    return f"sqlite:///{path}"


def test_a_database_with_other_tables_is_refused_and_left_as_it_is(tmp_path):
    path = tmp_path / "shop.db"
    url = database(path, "create table customers (id integer)", "create table orders (id integer)")
    before = path.read_bytes()
    for open_one in (lambda: open_study(url, "s", ["rho"]), lambda: trials_there(url, "s")):
        with pytest.raises(EmoError) as caught:
            open_one()
        message = str(caught.value)
        assert message.startswith(
            f"job.sensitivity.storage={url}: allowed is a database of its own"
        )
        assert "(customers, orders)" in message
        assert "\n" not in message
    assert path.read_bytes() == before


def test_a_database_that_runs_are_logged_to_is_refused(tmp_path):
    """Also where an earlier version has put Optuna's tables beside MLflow's."""
    from emo.tracking import database as tracking

    path = tmp_path / "mlflow.db"
    tracking.create_whole(path, tmp_path / "artifacts")
    before = path.read_bytes()
    with pytest.raises(EmoError, match="a database of its own: this one has other tables"):
        open_study(f"sqlite:///{path}", "s", ["rho"])
    assert path.read_bytes() == before
    database(path, "create table studies (id integer)", "create table trials (id integer)")
    with pytest.raises(EmoError, match="a database of its own"):
        open_study(f"sqlite:///{path}", "s", ["rho"])


def test_a_database_of_studies_with_a_table_beside_them_is_taken(tmp_path):
    url = f"sqlite:///{tmp_path / 'study.db'}"
    open_study(url, "s", ["rho"])
    database(tmp_path / "study.db", "create table notes (id integer)")
    assert open_study(url, "s", ["rho"]).trials == []


@pytest.mark.parametrize("kept", range(0, 13, 4))
def test_a_database_whose_making_was_killed_is_made_whole(tmp_path, kept):
    """Optuna makes its tables one after the other."""
    url = f"sqlite:///{tmp_path / 'study.db'}"
    open_study(url, "s", ["rho"])
    names = sorted(tables(url))
    for name in names[kept:]:
        database(tmp_path / "study.db", f"drop table {name}")
    study = open_study(url, "s", ["rho"])
    advance(study, 2)
    assert len(completed(study)) == 2


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_a_database_in_memory_is_refused(url):
    with pytest.raises(
        EmoError, match="allowed is a file: a database in memory ends with its process"
    ):
        open_study(url, "s", ["rho"])


@pytest.mark.parametrize("url", ["", "study.db", "mlruns/x.journal", "sqlite:", "://"])
def test_what_is_no_address_is_refused_with_what_is_one(url):
    with pytest.raises(EmoError, match=r"allowed is null \(a journal .* sqlite:///study\.db"):
        open_study(url, "s", ["rho"])


def test_a_file_that_is_no_database_and_a_folder_that_is_not_there_are_one_line(tmp_path):
    path = tmp_path / "text.db"
    path.write_text("nothing of the kind\n" * 100)
    for url, message in (
        (f"sqlite:///{path}", "cannot be opened: "),
        (
            f"sqlite:///{tmp_path / 'none' / 'x.db'}",
            f"the folder {tmp_path / 'none'} does not exist",
        ),
    ):
        with pytest.raises(EmoError) as caught:
            open_study(url, "s", ["rho"])
        assert str(caught.value).startswith(f"job.sensitivity.storage={url}: {message}")
        assert "\n" not in str(caught.value)
    assert path.read_text().startswith("nothing of the kind")
    assert not (tmp_path / "none").exists()


def test_looking_for_trials_makes_nothing(tmp_path):
    assert trials_there(tmp_path / "none" / "s.journal", "s") == 0
    assert trials_there(f"sqlite:///{tmp_path / 'none.db'}", "s") == 0
    assert list(tmp_path.iterdir()) == []
    url = f"sqlite:///{tmp_path / 'some.db'}"
    for storage, study in (
        (tmp_path / "study.journal", opened(tmp_path)),
        (url, open_study(url, "s", ["rho"])),
    ):
        advance(study, 3)
        assert trials_there(storage, "s") == 3
        assert trials_there(storage, "another") == 0


@pytest.mark.parametrize(
    "error",
    [
        sqlalchemy.exc.OperationalError("select 1", {}, Exception("disk is full"), None),
        StorageInternalError("at commit"),
    ],
)
def test_a_database_that_goes_away_is_one_line_without_its_password(error):
    with pytest.raises(EmoError) as caught, answering("postgresql://me:s3cret@db/x"):
        raise error
    assert str(caught.value).startswith(
        "job.sensitivity.storage=postgresql://me@db/x: does not answer: "
    )
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "name",
    ["", "../../evil", "a/b", "a\\b", ".hidden", "-x", "it's", "a\nb", "a\0b", "x" * 65, " a"],
)
def test_names_that_are_no_part_of_a_file_name_are_refused(name):
    with pytest.raises(
        ConfigError, match=r"job\.sensitivity\.name=.*: allowed is at most 64 letters"
    ) as caught:
        study_name(name, "identity")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["sensitivity", "2 layers", "émotion_1", "a.b-c"])
def test_names_in_peoples_own_words_are_taken(name):
    assert study_name(name, "identity").startswith(f"{name}-")
