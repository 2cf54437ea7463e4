"""Store and reading: one pass per distinct text, resume, damage, memory."""

import errno
import hashlib
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import processors

from emo.activations import layer_rows, reading
from emo.activations.backend import OutOfMemory, TokenSpan
from emo.activations.reading import read, tokenise
from emo.activations.store import ActivationStore
from emo.config.enums import Readout
from emo.errors import ModelError, StoreError
from emo.models.tiny import train_tokenizer
from emo.stimuli import texts

TOKENIZER = train_tokenizer()


class CountingBackend:
    """Deterministic numbers from the ids; counts rows, may run out of memory or be killed."""

    n_layers, hidden, pad_id, context = 2, 3, 0, None

    def __init__(self, fits=1000, dies_after=None):
        self.fits, self.dies_after, self.read, self.batches = fits, dies_after, 0, []

    def resid_post(self, batch):
        if len(batch.ids) > self.fits:
            raise OutOfMemory
        if self.dies_after is not None and self.read >= self.dies_after:
            raise KeyboardInterrupt
        self.read += len(batch.ids)
        self.batches.append(batch.ids.shape)
        value = (batch.ids * batch.mask).sum(axis=1)
        return np.stack(
            [np.stack([value * (layer + 1) + k for k in range(3)], 1) for layer in range(2)]
        ).astype(np.float32)


def spans(n=10):
    return [TokenSpan((*range(1, 2 + i % 4), i), 0, 1) for i in range(n)]


@pytest.fixture
def root(tmp_path):
    return tmp_path / "store"


def test_each_distinct_text_is_read_once_and_order_is_kept(root):
    backend = CountingBackend()
    items = spans(10) + spans(4)
    values, passes = read(backend, items, ActivationStore(root, {"m": 1}), 3)
    assert (passes.done, passes.reused, backend.read) == (10, 0, 10)
    assert [int(v) for v in values[0, :, 0]] == [sum(s.ids) for s in items]


def test_what_is_read_into_a_file_is_what_is_read_into_memory(root, monkeypatch):
    items = spans(10) + spans(4)
    want, _ = read(CountingBackend(), items, ActivationStore(root, {"m": 1}), 3)
    monkeypatch.setattr(layer_rows, "IN_MEMORY", 0)
    for reader in ({"m": 1}, {"m": 2}):  # from the store, and from the model
        got, _ = read(CountingBackend(), items, ActivationStore(root, reader), 3)
        assert np.array_equal(got, want) and not got.flags.writeable


def test_texts_are_tokenised_alike_however_many_at_a_time(monkeypatch):
    sentences = [f"A letter came{' again' * (i % 4)}." for i in range(7)]
    want = tokenise(TOKENIZER, sentences, Readout.mean)
    monkeypatch.setattr(texts, "TEXTS", 3)
    assert tokenise(TOKENIZER, sentences, Readout.mean) == want


def test_a_second_reading_does_no_pass(root):
    items = spans()
    first, _ = read(CountingBackend(), items, ActivationStore(root, {"m": 1}), 4)
    backend = CountingBackend()
    second, passes = read(backend, items[::-1], ActivationStore(root, {"m": 1}), 4)
    assert backend.read == 0
    assert (passes.done, passes.reused) == (0, 10)
    assert np.array_equal(first, second[:, ::-1])


def test_another_reader_shares_nothing(root):
    read(CountingBackend(), spans(), ActivationStore(root, {"m": 1}), 4)
    _, passes = read(CountingBackend(), spans(), ActivationStore(root, {"m": 2}), 4)
    assert passes.reused == 0


def test_another_span_of_the_same_text_is_another_row(root):
    both = [TokenSpan((1, 2), 0, 1), TokenSpan((1, 2), 0, 2), TokenSpan((1, 2), 1, 2)]
    assert len({s.key for s in both}) == 3


def test_a_killed_reading_goes_on_where_it_stopped(root, monkeypatch):
    monkeypatch.setattr(reading, "SHARD_BYTES", 2 * 24)  # two rows a shard
    with pytest.raises(KeyboardInterrupt):
        read(CountingBackend(dies_after=6), spans(), ActivationStore(root, {}), 2)
    backend = CountingBackend()
    values, passes = read(backend, spans(), ActivationStore(root, {}), 2)
    assert (passes.done, passes.reused) == (4, 6)
    assert np.array_equal(
        values, read(CountingBackend(), spans(), ActivationStore(root / "x", {}), 5)[0]
    )


def test_out_of_memory_halves_and_goes_on(root, caplog):
    backend = CountingBackend(fits=2)
    values, passes = read(backend, spans(), ActivationStore(root, {}), 8)
    assert passes.done == 10
    assert max(rows for rows, _ in backend.batches) == 2
    assert np.array_equal(
        values, read(CountingBackend(), spans(), ActivationStore(root / "x", {}), 8)[0]
    )
    assert "half as many" in caplog.text


def test_one_text_that_does_not_fit_is_one_line(root):
    with pytest.raises(ModelError, match="single text of"):
        read(CountingBackend(fits=0), spans(), ActivationStore(root, {}), 4)


def test_batches_are_sorted_by_length(root):
    backend = CountingBackend()
    read(backend, spans(), ActivationStore(root, {}), 4)
    widths = [width for _, width in backend.batches]
    assert widths == sorted(widths)


@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "header", "rubbish"])
def test_a_damaged_shard_is_read_again_and_said_so(root, damage, caplog):
    items = spans()
    first, _ = read(CountingBackend(), items, ActivationStore(root, {}), 4)
    (shard,) = root.glob("*/*.safetensors")
    content = bytearray(shard.read_bytes())
    if damage == "flip":
        content[-3] ^= 1
    elif damage == "header":
        content[:8] = b"\xff" * 8
    content = {"cut": content[:-9], "empty": b"", "rubbish": b"x" * 99}.get(damage, content)
    shard.write_bytes(content)
    second, passes = read(CountingBackend(), items, ActivationStore(root, {}), 4)
    assert passes.done == 10
    assert np.array_equal(first, second)
    assert "damaged" in caplog.text
    assert read(CountingBackend(), items, ActivationStore(root, {}), 4)[1].done == 0


def test_shards_are_named_by_their_content(root):
    read(CountingBackend(), spans(), ActivationStore(root, {}), 4)
    (shard,) = root.glob("*/*.safetensors")
    assert hashlib.sha256(shard.read_bytes()).hexdigest() == shard.stem


def test_several_writers_at_once_lose_nothing(root):
    def work(k):
        return read(CountingBackend(), spans(40)[k:], ActivationStore(root, {}), 3)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(6)))
    assert read(CountingBackend(), spans(40), ActivationStore(root, {}), 3)[1].done == 0
    assert not list(root.glob("*/.partial*"))


def test_unwritable_store_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"paths\.store"):
        ActivationStore(tmp_path / "file", {})


def test_full_disk_is_one_line_and_leaves_nothing_half_written(root, monkeypatch):
    place = ActivationStore(root, {})

    def full(_descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StoreError, match="No space left"):
        read(CountingBackend(), spans(), place, 4)
    assert sorted(p.name for p in place.folder.iterdir()) == ["reader.json"]


class BatchDependentBackend(CountingBackend):
    """Numbers that depend on the whole batch, as those of INT8 do."""

    def resid_post(self, batch):
        return super().resid_post(batch) + np.float32(batch.ids.sum())


def test_fixed_batches_are_the_same_whatever_is_stored_already(root, monkeypatch):
    monkeypatch.setattr(reading, "SHARD_BYTES", 3 * 24)  # one batch a shard
    whole, _ = read(
        BatchDependentBackend(), spans(), ActivationStore(root, {"a": 1}), 3, fixed_batches=True
    )
    store = ActivationStore(root, {"b": 1})
    with pytest.raises(KeyboardInterrupt):
        read(BatchDependentBackend(dies_after=6), spans(), store, 3, fixed_batches=True)
    shard = sorted(store.folder.glob("*.safetensors"))[0]
    shard.write_bytes(b"damaged")
    again, passes = read(BatchDependentBackend(), spans(), store, 3, fixed_batches=True)
    assert np.array_equal(whole, again)
    assert (passes.done, passes.reused) == (7, 3)


def test_a_fixed_batch_is_read_whole_or_not_at_all(root):
    """Rows of a batch that are missing are read with the others, not with each other."""
    store = ActivationStore(root, {})
    items = sorted(spans(), key=lambda s: (len(s.ids), s.key))
    store.put([items[0].key], np.zeros((1, 2, 3), dtype=np.float32))
    backend = BatchDependentBackend()
    _, passes = read(backend, items, store, 3, fixed_batches=True)
    assert [rows for rows, _ in backend.batches] == [3, 3, 3, 1]
    assert (passes.done, passes.reused) == (10, 0)


def test_a_fixed_batch_that_does_not_fit_is_refused_instead_of_halved(root):
    with pytest.raises(ModelError, match=r"8 texts at once.*smaller backend\.batch_size"):
        read(CountingBackend(fits=4), spans(), ActivationStore(root, {}), 8, fixed_batches=True)


def test_digest_names_the_set_of_texts():
    assert reading.digest(spans()) == reading.digest(spans()[::-1] + spans()[:2])
    assert reading.digest(spans()) != reading.digest(spans(9))


TEXTS = ("The bus stops here.", "Rain", "It rained </s> again.", "Someone left.</s>")


def tokenizer_with(template):
    """A tokenizer whose post-processor puts special tokens around a text."""
    tokenizer = train_tokenizer()
    ends = [("<s>", tokenizer.bos_token_id), ("</s>", tokenizer.eos_token_id)]
    tokenizer._tokenizer.post_processor = processors.TemplateProcessing(
        single=template, pair=f"{template} $B", special_tokens=ends
    )
    return tokenizer


@pytest.mark.parametrize("template", ["$A </s>", "<s> $A </s>", "<s> $A </s> </s>", "<s> $A", "$A"])
@pytest.mark.parametrize("readout", Readout)
def test_a_text_is_read_in_its_own_tokens_whatever_is_put_around_them(template, readout):
    """What stands in the text is its own, a pasted end of text included."""
    tokenizer = tokenizer_with(template)
    shown = [f"{t} It is" if readout is Readout.suffix else t for t in TEXTS]
    expected = [tuple(ids) for ids in tokenizer(shown, add_special_tokens=False)["input_ids"]]
    got = tokenise(tokenizer, TEXTS, readout, "It is")
    in_front = template.split(" $A")[0] == "<s>"
    assert [s.ids for s in got] == [(tokenizer.bos_token_id,) * in_front + ids for ids in expected]
    for span, ids in zip(got, expected, strict=True):
        assert span.stop == len(span.ids)
        own = {  # without a BOS the text's first token is position 0
            Readout.mean: len(ids) if in_front else max(len(ids) - 1, 1),
            Readout.mean_all: len(ids),
        }
        assert span.ids[span.start : span.stop] == ids[-own.get(readout, 1) :]


@given(st.text(alphabet="ab <>/s\n", max_size=30), st.sampled_from(Readout))
def test_tokenizers_that_put_nothing_behind_a_text_are_read_as_ever(text, readout):
    tokenizer = TOKENIZER
    (span,) = tokenise(tokenizer, [text], readout, "It is")
    shown = f"{text} It is" if readout is Readout.suffix else text
    ids = tokenizer(shown)["input_ids"]
    mean = readout in (Readout.mean, Readout.mean_all) and len(ids) > 1
    assert (span.ids, span.start, span.stop) == (tuple(ids), 1 if mean else len(ids) - 1, len(ids))


def test_what_is_left_out_is_said_in_one_line(caplog):
    caplog.set_level("INFO")
    reading.note_appended(tokenizer_with("<s> $A"))
    assert not caplog.records
    reading.note_appended(tokenizer_with("<s> $A </s>"))
    assert [r.getMessage() for r in caplog.records] == [
        "the tokenizer adds </s> behind every text; it is left out, so that the last token of a text "
        "is its own"
    ]


class Counting:
    """A reader whose numbers say what it has read: sums of the ids up to each position."""

    n_layers, hidden, pad_id, context = 2, 1, 0, None

    def __init__(self):
        self.rows = []

    def resid_post(self, batch):
        self.rows += [tuple(row[m]) for row, m in zip(batch.ids, batch.mask, strict=True)]
        sums = np.where(batch.mask, batch.ids, 0).cumsum(axis=1)
        values = [
            sums[row, a:b].mean() for row, (a, b) in zip(batch.rows, batch.spans, strict=True)
        ]
        return np.stack([values, values]).astype(np.float32)[..., None]


@given(
    st.lists(
        st.tuples(st.lists(st.integers(1, 2), min_size=1, max_size=5), st.integers(0, 4)),
        min_size=1,
        max_size=12,
    ),
    st.booleans(),
    st.integers(1, 3),
)
def test_a_text_is_passed_once_however_often_it_is_read(texts, causal, batch_size):
    spans = [TokenSpan(tuple(ids), offset % len(ids), len(ids)) for ids, offset in texts]
    backend = Counting()
    with tempfile.TemporaryDirectory() as folder:
        store = ActivationStore(Path(folder), {})
        values, passes = read(backend, spans, store, batch_size, causal=causal)
    for span, value in zip(spans, values[0, :, 0], strict=True):
        assert value == np.float32(np.cumsum(span.ids)[span.start : span.stop].mean())
    distinct = {s.ids for s in spans}
    needed = {
        ids
        for ids in distinct
        if not causal or not any(o != ids and o[: len(ids)] == ids for o in distinct)
    }
    assert sorted(backend.rows) == sorted(needed)
    assert passes.done == len(needed)
