"""Options of the program and words of a command, in any order, before Hydra reads them."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emo.errors import EmoError
from emo.launch.arguments import checked
from tests.conftest import ROOT


@pytest.mark.parametrize(
    ("given_words", "meant"),
    [
        (["seed=1", "-m", "model=tiny,gpt2"], ["-m", "seed=1", "model=tiny,gpt2"]),
        (["seed=1", "model=tiny,gpt2", "-m"], ["-m", "seed=1", "model=tiny,gpt2"]),
        (["model=tiny", "--cfg", "job", "seed=1"], ["--cfg", "job", "model=tiny", "seed=1"]),
        (["-c", "job", "model=tiny", "-p", "model"], ["-c", "job", "-p", "model", "model=tiny"]),
        (["seed=1", "--info"], ["seed=1", "--info"]),
        (["--help", "seed=1"], ["--help", "seed=1"]),
        (["-sc", "query=bash"], ["query=bash", "-sc"]),
        ([], []),
    ],
)
def test_options_are_put_where_hydra_reads_them(given_words, meant):
    assert checked(given_words, ROOT) == meant


def test_a_config_that_is_shown_has_no_password_and_hides_none():
    uri = "tracking.uri=postgresql://me:hunter2@db"
    assert checked(["--cfg", "job", uri], ROOT) == ["--cfg", "job", uri.replace(":hunter2", "")]
    (word,) = checked([uri], ROOT)
    assert word.startswith("tracking.uri=${oc.env:EMO_HIDDEN_")


OPTIONS = [
    "-m",
    "-r",
    "-c",
    "-p",
    "-i",
    "-h",
    "-x",
    "--cfg",
    "--cfg=job",
    "--resolve",
    "--multirun",
]
WORDS = [
    "seed=1",
    "seed=1,2",
    "job",
    "model",
    "all",
    "",
    "-",
    "--",
    "=",
    "~seed",
    "tiny",
    "-sc",
    "a=b",
]


@given(st.lists(st.sampled_from([*OPTIONS, *WORDS]) | st.text(max_size=5), max_size=5))
def test_random_commands_are_taken_or_refused_in_one_line(words):
    if "--version" in words:
        return
    try:
        taken = checked(words, ROOT)
    except EmoError as error:
        assert str(error).strip()
        assert "\n" not in str(error)
    else:
        assert all(isinstance(word, str) for word in taken)


def test_a_folder_of_options_is_looked_into(tmp_path):
    with pytest.raises(EmoError, match=r"--config-dir=.*: no such folder"):
        checked(["--config-dir", str(tmp_path / "none")], ROOT)
    (tmp_path / "model").mkdir()
    Path(tmp_path / "model" / "mine.yaml").touch()
    words = ["--config-dir", str(tmp_path), "model=mine"]
    assert checked(words, ROOT) == words
