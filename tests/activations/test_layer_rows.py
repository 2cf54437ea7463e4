"""What is kept in a file is what would be kept in memory, and the file is in no folder."""

import errno

import numpy as np
import pytest

from emo.activations import layer_rows
from emo.activations.layer_rows import LayerRows
from emo.errors import StoreError


@pytest.fixture(params=[1 << 20, 0], ids=["in memory", "in a file"])
def limit(request, monkeypatch):
    monkeypatch.setattr(layer_rows, "IN_MEMORY", request.param)
    return request.param


def test_rows_stand_in_the_places_they_are_put_in(limit, rng, tmp_path):
    want = rng.normal(size=(3, 7, 5)).astype(np.float32)
    want[:, 6] = want[:, 2]
    rows = LayerRows(3, 7, 5, tmp_path)
    for items in ([4], [2, 6], [0], [5], [1], [3]):
        rows.put(items, want[:, items[0]])
    got = rows.array()
    assert np.array_equal(got, want) and got.dtype == np.float32
    assert got.flags.writeable == (limit > 0)
    assert not list(tmp_path.iterdir())


def test_a_row_that_is_put_in_again_replaces_the_first(limit, tmp_path):
    rows = LayerRows(1, 1, 2, tmp_path)
    rows.put([0], np.zeros((1, 2), np.float32))
    rows.put([0], np.ones((1, 2), np.float32))
    assert rows.array().tolist() == [[[1, 1]]]


def test_nothing_is_a_file_of_nothing(limit, tmp_path):
    assert LayerRows(2, 0, 3, tmp_path).array().shape == (2, 0, 3)


class Full:
    def seek(self, place):
        pass

    def write(self, content):
        raise OSError(errno.ENOSPC, "No space left on device")

    def close(self):
        pass


def test_a_full_disk_is_told_in_one_line(monkeypatch, tmp_path):
    monkeypatch.setattr(layer_rows, "IN_MEMORY", 0)
    monkeypatch.setattr(layer_rows.tempfile, "TemporaryFile", lambda **_: Full())
    rows = LayerRows(1, 1, 2, tmp_path)
    with pytest.raises(StoreError, match=r"No space left on device.*computed before is kept"):
        rows.put([0], np.zeros((1, 2), np.float32))


def test_a_folder_that_takes_no_file_is_told_in_one_line(monkeypatch, tmp_path):
    monkeypatch.setattr(layer_rows, "IN_MEMORY", 0)
    with pytest.raises(StoreError, match=r"paths.store=.*cannot write"):
        LayerRows(1, 1, 2, tmp_path / "missing")
