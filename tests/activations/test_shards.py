"""Shards of a store: damage of any kind costs a computation, never a number or another user's shard."""

import errno
import hashlib
import json
import os
import stat
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save

from emo.activations import shards
from emo.activations.shards import Shards
from emo.activations.store import ActivationStore
from emo.files.whole import DAY_S, PARTIAL
from emo.generation.samples import Finish, Generated
from emo.generation.texts import TextStore

VALUES = np.arange(12, dtype=np.float32).reshape(2, 2, 3)
TEXT = Generated((1,), (2, 3), Finish.eos)


class Activations:
    """The store of activations, with two rows in it."""

    @staticmethod
    def open(root):
        return ActivationStore(root, {"m": 1})

    @staticmethod
    def put(store):
        store.put(["a", "b"], VALUES)

    @staticmethod
    def get(store):
        return {key: row.tolist() for key, row in store.get(["a", "b"]).items()}


class Texts:
    """The store of texts, with one in it."""

    @staticmethod
    def open(root):
        return TextStore(root, {"m": 1})

    @staticmethod
    def put(store):
        store.put({"a": TEXT})

    @staticmethod
    def get(store):
        return store.get({"a": (1,)}, 9)


@pytest.fixture(params=[Activations, Texts])
def kind(request):
    return request.param


def filled(kind, root):
    store = kind.open(root)
    kind.put(store)
    (shard,) = (p for p in store.folder.iterdir() if p.name != "reader.json")
    return store, shard


@pytest.mark.parametrize("code", [errno.EACCES, errno.EMFILE, errno.EIO, errno.ESTALE])
def test_a_shard_that_cannot_be_had_is_left_alone_and_said_in_one_line(
    kind, tmp_path, monkeypatch, caplog, code
):
    store, shard = filled(kind, tmp_path)
    whole = kind.get(store)
    real = Path.open

    def refuse(path, *args, **kwargs):
        if path == shard:
            raise OSError(code, os.strerror(code), str(path))
        return real(path, *args, **kwargs)

    with monkeypatch.context() as m:
        m.setattr(Path, "open", refuse)
        assert kind.get(store) == {}
        kind.put(store)  # what was computed again
    (line,) = caplog.messages
    assert f"paths.store={tmp_path}: 1 entries cannot be read ({store.folder.name}/" in line
    assert os.strerror(code) in line
    assert shard.exists()
    assert kind.get(store) == whole
    assert len(caplog.messages) == 1


def test_shards_are_for_all_whom_the_umask_lets_read(kind, tmp_path):
    before = os.umask(0o027)
    try:
        store, shard = filled(kind, tmp_path / "store")
    finally:
        os.umask(before)
    assert stat.S_IMODE(shard.stat().st_mode) == 0o640
    assert stat.S_IMODE((store.folder / "reader.json").stat().st_mode) == 0o640


def test_two_that_meet_the_same_damage_both_go_on(kind, tmp_path, monkeypatch):
    store, shard = filled(kind, tmp_path)
    shard.write_bytes(b"damage")
    real = Path.rename

    def second(path, target):
        real(path, target)  # another process was quicker
        return real(path, target)

    with monkeypatch.context() as m:
        m.setattr(Path, "rename", second)
        assert kind.get(store) == {}
    kind.put(store)
    assert kind.get(store)


def test_a_good_shard_that_took_the_place_of_a_damaged_one_stays(kind, tmp_path, monkeypatch):
    store, shard = filled(kind, tmp_path)
    whole, content = kind.get(store), shard.read_bytes()
    shard.write_bytes(b"damage")
    real = shards._set_aside

    def late(path, inode):
        aside = path.with_suffix(".damaged")
        path.rename(aside)
        path.write_bytes(content)  # another process has set it aside and computed it again
        assert path.stat().st_ino != aside.stat().st_ino
        real(path, inode)

    with monkeypatch.context() as m:
        m.setattr(shards, "_set_aside", late)
        kind.get(store)
    assert kind.get(store) == whole


def test_many_readers_of_one_damaged_shard(tmp_path):
    store = ActivationStore(tmp_path, {})
    store.put(["a"], np.ones((1, 64, 4096), dtype=np.float32))
    (shard,) = store.folder.glob("*.safetensors")
    content = bytearray(shard.read_bytes())
    content[-1] ^= 1
    shard.write_bytes(content)
    results, start = [], threading.Barrier(4)

    def read():
        start.wait()
        results.append(store.get(["a"]))

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [{}] * 4
    assert len(list(store.folder.glob("*.damaged"))) == 1


@pytest.mark.parametrize("thing", ["folder", "pipe", "nowhere"])
def test_what_is_no_file_is_not_waited_for(kind, tmp_path, thing):
    store, shard = filled(kind, tmp_path)
    shard.unlink()
    if thing == "folder":
        shard.mkdir()
    elif thing == "pipe":
        os.mkfifo(shard)
    else:
        shard.symlink_to("/nowhere/at/all")
    assert kind.get(store) == {}
    kind.put(store)
    assert kind.get(store)


@given(data=st.data())
def test_no_damage_gives_another_number_or_ends_a_job(data, tmp_path_factory):
    kind = data.draw(st.sampled_from([Activations, Texts]))
    store, shard = filled(kind, tmp_path_factory.mktemp("store"))
    whole, content = kind.get(store), shard.read_bytes()
    offset = data.draw(st.integers(0, len(content) - 1))
    damage = data.draw(st.sampled_from(["flip", "cut", "longer", "garbage", "header"]))
    garbage = data.draw(st.binary(max_size=40))
    flipped = bytearray(content)
    flipped[offset] ^= 1 << data.draw(st.integers(0, 7))
    shard.write_bytes(
        {
            "flip": bytes(flipped),
            "cut": content[:offset],
            "longer": content + garbage + b"\0",
            "garbage": garbage,
            "header": data.draw(st.integers(0, 2**64 - 1)).to_bytes(8, "little") + content[8:],
        }[damage]
    )
    assert kind.get(store) in ({}, whole)  # a cut of nothing, a header of the right length
    kind.put(store)
    assert kind.get(store) == whole


DEEP = "[" * 10**5
HEADERS = [
    json.dumps({"keys": keys}) for keys in (None, "a", '["a"', "[[1], [2]]", '{"a": 1}', "[1, 2]")
]


@pytest.mark.parametrize("header", [*HEADERS, DEEP, "[]", "null", "{}"])
def test_headers_of_the_wrong_types_are_damage_even_under_a_name_that_fits(tmp_path, header):
    store, shard = filled(Activations, tmp_path)
    shard.unlink()
    words = header if header[0] == "[" else f'{{"__metadata__": {header}}}'
    content = len(words).to_bytes(8, "little") + words.encode() + b"\0" * 8
    named = store.folder / f"{hashlib.sha256(content).hexdigest()}.safetensors"
    named.write_bytes(content)
    assert Activations.get(store) == {}
    assert not named.exists()


@pytest.mark.parametrize("key", [["a"], {"a": 1}, None, 1])
def test_keys_of_texts_are_texts(tmp_path, key):
    store = Texts.open(tmp_path)
    content = json.dumps({"key": key, "tokens": [1], "finish": "eos"}).encode() + b"\n"
    (store.folder / f"{hashlib.sha256(content).hexdigest()}.jsonl").write_bytes(content)
    assert Texts.get(store) == {}
    assert len(list(store.folder.glob("*.damaged"))) == 1


def test_a_shard_with_fewer_rows_than_keys_is_damage(tmp_path):
    store = Activations.open(tmp_path)
    content = save({"resid_post": VALUES}, {"keys": json.dumps(["a", "b", "c"])})
    (store.folder / f"{hashlib.sha256(content).hexdigest()}.safetensors").write_bytes(content)
    assert Activations.get(store) == {}


def test_what_killed_writers_left_is_removed_by_a_later_start(kind, tmp_path):
    store, _ = filled(kind, tmp_path)
    leftovers = [tmp_path / f"{PARTIAL}new", store.folder / f"{PARTIAL}of-an-older-version"]
    for path in leftovers:
        path.write_bytes(b"half")
        os.utime(path, (0, DAY_S))
    Shards(tmp_path, {"another": "reader"}, ".x")
    assert not leftovers[0].exists()
    kind.open(tmp_path)
    assert not leftovers[1].exists()
