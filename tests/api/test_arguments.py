"""Calls from a notebook with a value that cannot be meant: the message names it and what is allowed."""

import numpy as np
import pytest

import emo
from emo.api import LoadedRun
from emo.api.checks import whole
from emo.errors import ConfigError

RUN = LoadedRun("r", {}, {}, tracker=None)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda folder: emo.compose(None), "override=null: allowed is a text"),
        (lambda folder: emo.compose("seed=1", ["seed=2"]), r"override=\['seed=2'\]: allowed"),
        (lambda folder: emo.compose(conf=folder), "conf=.*: allowed is a folder of config groups"),
        (lambda folder: emo.compose(conf=folder / "no"), "conf=.*no: allowed is a folder"),
        (lambda folder: emo.compose(conf=b"conf"), "conf=b'conf': allowed is a path"),
        (lambda folder: emo.compose(root=None), "root=null: allowed is a path"),
        (lambda folder: emo.load_run("0" * 32, root=1.5), "root=1.5: allowed is a path"),
        (lambda folder: emo.load_run("0" * 32, root="a\0b"), "root=a.x00b: allowed is a path"),
        (lambda folder: emo.load_run("0" * 32, uri=folder), "tracking.uri=.*: allowed is None"),
        (lambda folder: emo.compare(RUN, "0" * 32), "b=0{32}: allowed is a run that load_run"),
        (lambda folder: emo.compare(None, RUN), "a=null: allowed is a run that load_run gives"),
        (lambda folder: emo.compare(RUN, RUN, permutations=None), "permutations=null: allowed"),
        (lambda folder: emo.compare(RUN, RUN, permutations=True), "permutations=True: allowed"),
        (lambda folder: emo.compare(RUN, RUN, permutations=-1), "permutations=-1: allowed"),
        (lambda folder: emo.compare(RUN, RUN, seed=-1), "seed=-1: allowed is .* at least 0"),
    ],
)
def test_a_value_that_cannot_be_meant_is_named(tmp_path, call, words):
    with pytest.raises(ConfigError, match=words):
        call(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_numbers_of_numpy_are_whole_numbers():
    assert whole("layer", np.int64(3), 0, 3) == 3
    assert type(whole("layer", np.uint8(3), 0)) is int
    for value in (np.int64(4), np.float64(3), np.bool_(True), "3"):
        with pytest.raises(ConfigError, match="allowed is a whole number from 0 to 3"):
            whole("layer", value, 0, 3)
