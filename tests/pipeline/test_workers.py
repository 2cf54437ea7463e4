"""Passages of one model read by several processes: the same numbers, and an end that loses nothing."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from emo.activations.backend import TokenSpan
from emo.cli import run_job
from emo.errors import ConfigError, ModelError, StoreError
from emo.models.placement import check
from emo.pipeline import workers
from emo.pipeline.reader import Reader
from emo.pipeline.workers import contiguous, gpu_of
from emo.runs.plan import make_plan

FEW_AT_ONCE = ("backend.batch_size=3",)


def batches_of(*lengths):
    return [[[TokenSpan((1,) * n, 0, 1)]] for n in lengths]


@pytest.mark.parametrize("n", [1, 2, 3, 5])
@pytest.mark.parametrize("lengths", [(1, 1, 1, 1, 50), (50, 1, 1, 1, 1), (2, 3, 4, 5, 6, 7, 8, 9)])
def test_blocks_are_all_batches_in_their_order_and_none_is_empty(n, lengths):
    batches = batches_of(*lengths)
    blocks = contiguous(batches, n)
    assert [b for block in blocks for b in block] == batches
    assert len(blocks) == n and all(blocks)


def test_blocks_of_even_batches_have_about_as_many_tokens():
    lengths = sorted(np.random.default_rng(0).integers(20, 200, 64).tolist())
    sizes = [sum(len(b[0][0].ids) for b in block) for block in contiguous(batches_of(*lengths), 4)]
    assert max(sizes) - min(sizes) <= 2 * max(lengths)


def test_each_worker_has_a_gpu_and_they_go_round():
    assert [gpu_of(k, "3,5,GPU-a", 3) for k in (1, 2, 3, 4)] == ["3", "5", "GPU-a", "3"]


def test_shards_of_a_model_on_several_devices_are_refused(tiny_config):
    backend = tiny_config("backend.placement=offload", "backend.shards=2").backend
    with pytest.raises(
        ConfigError, match=r"backend\.shards=2: .*1 with backend\.placement=offload"
    ):
        check(backend, tiny_config().precision, "cpu")


def test_shards_are_no_part_of_the_identity(tiny_config):
    one, two = (make_plan(tiny_config(f"backend.shards={n}")) for n in (1, 2))
    assert one.provenance.fingerprint == two.provenance.fingerprint


def test_one_batch_starts_no_process(tiny_config, monkeypatch):
    monkeypatch.setattr(workers, "_start", lambda block: pytest.fail("a process was started"))
    Reader(make_plan(tiny_config("backend.shards=4", "backend.batch_size=100"))).read()


def test_a_row_that_no_worker_has_written_is_missed(tiny_config, monkeypatch):
    """A worker that answers and has written nothing: in a store that others empty."""

    class Silent:
        def problem(self):
            return ""

    idle = type("Idle", (), {"kill": lambda self: None, "join": lambda self: None})()
    silent = Silent()
    silent.process = idle
    monkeypatch.setattr(workers, "_start", lambda block: silent)
    reader = Reader(make_plan(tiny_config("backend.shards=2", *FEW_AT_ONCE)))
    with pytest.raises(StoreError, match="texts that a worker has read are not there"):
        reader.read()


@pytest.fixture
def one_thread():
    """One thread per operation here and in the workers: the same operation gives the same bits."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.slow
@pytest.mark.usefixtures("one_thread")
def test_two_workers_read_what_one_reads_to_the_bit(tiny_config, tmp_path):
    one = Reader(make_plan(tiny_config(*FEW_AT_ONCE))).read()
    config = tiny_config(*FEW_AT_ONCE, "backend.shards=2", f"paths.store={tmp_path / 'other'}")
    two = Reader(make_plan(config)).read()
    np.testing.assert_array_equal(one[0].values, two[0].values)
    np.testing.assert_array_equal(one[0].neutral, two[0].neutral)
    assert two[1] == one[1] and one[1].reused == 0


@pytest.mark.slow
@pytest.mark.usefixtures("one_thread")
def test_a_killed_worker_is_one_line_and_the_next_start_goes_on(tiny_config, tmp_path, monkeypatch):
    real, started = workers._start, []

    def killed(block):
        worker = real(block)
        started.append(block)
        if block.number == 2:
            worker.process.kill()
        return worker

    config = tiny_config(*FEW_AT_ONCE, "backend.shards=3")
    with monkeypatch.context() as patched:
        patched.setattr(workers, "_start", killed)
        with pytest.raises(ModelError) as caught:
            Reader(make_plan(config)).read()
    line = str(caught.value)
    assert line.startswith("backend.shards=3: worker 2 of 3 was killed (SIGKILL); what was read is")
    assert "\n" not in line and [b.number for b in started] == [2, 3]
    again, passes = Reader(make_plan(replace(config))).read()
    lost = {s.key for batch in started[0].batches for text in batch for s in text}
    assert passes.done == sum(len(batch) for batch in started[0].batches)
    other = tiny_config(*FEW_AT_ONCE, f"paths.store={tmp_path / 'other'}")
    want, whole = Reader(make_plan(other)).read()
    np.testing.assert_array_equal(again.values, want.values)
    assert 0 < len(lost) < whole.done


@pytest.mark.slow
def test_a_run_with_workers_is_the_run_without(tiny_config):
    first = run_job(tiny_config(*FEW_AT_ONCE, "backend.shards=2"))
    found = run_job(tiny_config(*FEW_AT_ONCE))
    assert (first.status, found.status, found.run_id) == ("finished", "reused", first.run_id)


@pytest.mark.slow
def test_what_a_worker_cannot_do_is_said_in_its_words(tiny_config, monkeypatch):
    real = workers._start

    def nowhere(block):
        config = replace(
            block.plan.config, paths=replace(block.plan.config.paths, store="/proc/no")
        )
        return real(replace(block, plan=replace(block.plan, config=config)))

    monkeypatch.setattr(workers, "_start", nowhere)
    with pytest.raises(
        ModelError, match=r"^backend\.shards=2: worker 2 of 2: paths\.store=/proc/no"
    ):
        Reader(make_plan(tiny_config("backend.shards=2", *FEW_AT_ONCE))).read()
