"""One model's texts read by several processes (``backend.shards``), gathered in the activation store.

The batches are those of one process; each process reads a contiguous block of them and writes what it
reads into the store, where the process that started it finds the rows. So numbers do not depend on the
number of processes, but for the last bits where an operation has another number of threads. A process
that ends early leaves what it has written.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

from emo.activations.backend import TokenSpan
from emo.activations.opening import open_backend
from emo.activations.reading import fill_store
from emo.activations.store import ActivationStore
from emo.errors import EmoError, ModelError
from emo.pipeline.models import load_model
from emo.runs.plan import Plan

Text = Sequence[TokenSpan]
TextBatch = Sequence[Text]

GPUS = "CUDA_VISIBLE_DEVICES"
"""The environment variable that says which GPUs a process sees."""


@dataclass(frozen=True)
class Block:
    """What one process reads."""

    plan: Plan
    reader: Mapping[str, object]
    """Names the store's folder."""
    batches: Sequence[TextBatch]
    number: int
    """From 1; the first block is read by the process that starts the others."""
    of: int
    threads: int
    """Threads of each process for one operation on the CPU."""

    @property
    def name(self) -> str:
        """How an error names the process."""
        return f"backend.shards={self.of}: worker {self.number} of {self.of}"


@dataclass(frozen=True)
class Worker:
    """A started process, and where its answer comes from."""

    block: Block
    process: BaseProcess
    answer: Connection

    def problem(self) -> str:
        """What went wrong, in one line; empty when all was read."""
        try:
            said = self.answer.recv()
        except EOFError:
            self.process.join()
            return f"{self.block.name} {_end_in_words(self.process.exitcode)}; {_KEPT}; {_FEWER}"
        self.process.join()
        return f"{self.block.name}: {said}" if said else ""


_KEPT = "what was read is kept, and the same command goes on from there"
_FEWER = "take fewer shards if memory was short"


@contextmanager
def shared(
    plan: Plan, reader: Mapping[str, object], batches: Sequence[TextBatch]
) -> Iterator[Sequence[TextBatch]]:
    """The batches that this process is to read, while others read the rest; ends when all have ended.

    Raises
    ------
    ModelError
        If a process was killed, or cannot read its texts. The others have read theirs before.
    """
    n = min(plan.config.backend.shards, len(batches))
    if n < 2:
        yield batches
        return
    import torch

    before = torch.get_num_threads()
    threads = max(1, before // n)
    blocks = [
        Block(plan, reader, part, number, n, threads)
        for number, part in enumerate(contiguous(batches, n), 1)
    ]
    workers = [_start(block) for block in blocks[1:]]
    torch.set_num_threads(threads)
    try:
        yield blocks[0].batches
        problems = [problem for worker in workers if (problem := worker.problem())]
    finally:
        torch.set_num_threads(before)
        for worker in workers:
            worker.process.kill()
            worker.process.join()
    if problems:
        raise ModelError(problems[0])


def contiguous(batches: Sequence[TextBatch], n: int) -> list[Sequence[TextBatch]]:
    """The batches in n blocks, in their order, none empty, with about as many tokens in each.

    Example
    -------
    >>> short, long = [[TokenSpan((1,), 0, 1)]], [[TokenSpan((1,) * 6, 0, 1)]]
    >>> [len(part) for part in contiguous([short] * 6 + [long], 2)]
    [6, 1]
    """
    tokens = [sum(len(text[0].ids) for text in batch) for batch in batches]
    total, seen, place = sum(tokens), 0, 0
    blocks: list[list[TextBatch]] = [[] for _ in range(n)]
    for i, (batch, size) in enumerate(zip(batches, tokens, strict=True)):
        # On to the next block when this one has its share, or when the rest is one batch for each.
        full = seen >= total * (place + 1) / n or len(batches) - i <= n - 1 - place
        if blocks[place] and place + 1 < n and full:
            place += 1
        blocks[place].append(batch)
        seen += size
    return [tuple(block) for block in blocks]


def gpu_of(number: int, visible: str | None, n_gpus: int) -> str:
    """``GPUS`` of a process: the GPUs in turn, the first to the first process.

    Example
    -------
    >>> [gpu_of(number, None, 2) for number in (1, 2, 3)], gpu_of(2, "4,7", 2)
    (['0', '1', '0'], '7')
    """
    names = visible.split(",") if visible else [str(i) for i in range(n_gpus)]
    return names[(number - 1) % len(names)]


def _start(block: Block) -> Worker:
    context = get_context("spawn")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_read_block, args=(block, there), daemon=True)
    with _gpu(block):
        process.start()
    there.close()
    return Worker(block, process, here)


@contextmanager
def _gpu(block: Block) -> Iterator[None]:
    """While it lasts, processes that are started see the GPU of the block alone."""
    if block.plan.device != "cuda":
        yield
        return
    import torch

    visible = os.environ.get(GPUS)
    os.environ[GPUS] = gpu_of(block.number, visible, torch.cuda.device_count())
    try:
        yield
    finally:
        os.environ.pop(GPUS)
        if visible is not None:
            os.environ[GPUS] = visible


def _read_block(block: Block, answer: Connection) -> None:
    """Read one block in a process of its own, and answer with what went wrong, or nothing."""
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # Ctrl-C reaches the first process, which ends this
    try:
        import torch

        torch.set_num_threads(block.threads)
        config = block.plan.config
        backend = open_backend(load_model(block.plan), config.backend)
        store = ActivationStore(config.path(config.paths.store), block.reader)
        fill_store(
            backend,
            _while_wanted(block.batches),
            store,
            config.batch_size,
            config.precision.batched,
        )
    except EmoError as error:
        answer.send(str(error))
    except Exception as error:
        answer.send(f"{type(error).__name__}: {error}")
    else:
        answer.send("")


def _while_wanted(batches: Sequence[TextBatch]) -> Iterator[TextBatch]:
    """The batches, for as long as the process that wants them lives."""
    parent = parent_process()
    for batch in batches:
        if parent is None or parent.is_alive():
            yield batch


def _end_in_words(code: int | None) -> str:
    if code is not None and code < 0:
        return f"was killed ({signal.Signals(-code).name})"
    return f"ended early (exit code {code})"
