"""The store of generated texts: damage, shards, several writers, a full disk."""

import errno
import hashlib
import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from emo.errors import StoreError
from emo.generation.generating import generate
from emo.generation.samples import Finish, Generated
from emo.generation.texts import TextStore
from tests.generation.counting import GREEDY, CountingDecoder, requests, run


@pytest.fixture
def root(tmp_path):
    return tmp_path / "texts"


def test_of_several_texts_under_a_key_the_longest_is_served_also_cut(root):
    """So that a prefix is always the prefix of the long text, whatever another machine wrote."""
    store = TextStore(root, {})
    texts = [
        Generated((1,), tuple(range(k, k + n)), Finish.length) for k, n in enumerate((4, 9, 6))
    ]
    for text in texts:
        store.put({"key": text})
    for budget in (3, 6, 9):
        assert store.get({"key": (1,)}, budget) == {"key": texts[1].truncated(budget)}
    assert store.get({"key": (1,)}, 10) == {}


@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "field", "finish", "binary"])
def test_a_damaged_shard_is_set_aside_and_said_so(root, damage, caplog):
    first = run(CountingDecoder(), requests(3), GREEDY, root)
    (shard,) = root.glob("*/*.jsonl")
    content = shard.read_bytes()
    changed = {
        "flip": content.replace(b"3", b"4", 1),
        "cut": content[:-9],
        "empty": b"",
        "field": content.replace(b"tokens", b"takens"),
        "finish": content.replace(b"eos", b"end"),
        "binary": b"\xff\x00" * 9,
    }[damage]
    if damage in ("field", "finish", "binary"):  # even with a name that fits
        shard.unlink()
        shard = shard.with_name(f"{hashlib.sha256(changed).hexdigest()}.jsonl")
    shard.write_bytes(changed)
    second = run(CountingDecoder(), requests(3), GREEDY, root)
    assert (second.done, second.items) == (3, first.items)
    assert "damaged" in caplog.text
    assert run(CountingDecoder(), requests(3), GREEDY, root).done == 0
    assert len(list(root.glob("*/*.damaged"))) == 1


def test_shards_are_jsonl_named_by_their_content(root):
    run(CountingDecoder(), requests(3), GREEDY, root)
    (shard,) = root.glob("*/*.jsonl")
    assert hashlib.sha256(shard.read_bytes()).hexdigest() == shard.stem
    lines = [json.loads(line) for line in shard.read_text().splitlines()]
    assert [sorted(line) for line in lines] == [["finish", "key", "tokens"]] * 3


def test_each_batch_is_saved_as_soon_as_it_is_done(root):
    with pytest.raises(KeyboardInterrupt):
        run(CountingDecoder(dies_after=2), requests(), GREEDY, root)
    decoder = CountingDecoder()
    got = run(decoder, requests(), GREEDY, root)
    assert (got.done, got.reused) == (2, 6)
    assert got.items == tuple(CountingDecoder().decode(requests(), 6, None))


def test_several_writers_at_once_lose_nothing(root):
    with ThreadPoolExecutor(6) as pool:
        work = [
            pool.submit(run, CountingDecoder(), requests(20)[k:], GREEDY, root) for k in range(6)
        ]
        for job in work:
            job.result()
    assert run(CountingDecoder(), requests(20), GREEDY, root).done == 0
    assert not list(root.glob("*/.partial*"))


def test_unwritable_store_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"paths\.store"):
        TextStore(tmp_path / "file", {})


def test_full_disk_is_one_line_and_leaves_nothing_half_written(root, monkeypatch):
    place = TextStore(root, {})

    def full(_descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StoreError, match="No space left"):
        generate(CountingDecoder(), requests(), GREEDY, place)
    assert sorted(p.name for p in place.folder.iterdir()) == ["reader.json"]
