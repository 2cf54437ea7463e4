"""The whole harness on an accelerator: contracts, every precision, memory, writing, a precision sweep.

``python -m benchmarks.gpu_harness`` saves a model of Mistral-7B's shape with random weights as on the
hub and uses it as a user would. It needs what the tests need (``make install-dev``); reading of more
shapes with nothing but torch is :mod:`benchmarks.gpu`. The stages are independent, so that a machine
that is lent for minutes can run one of them:

- ``contracts``: the contract suites of reading and steering with their backends on the device and their
  oracles on the CPU;
- ``precisions``: loading, reading, writing and memory of fp16, bf16, INT8 and NF4;
- ``sweep``: ``python launch.py -m precision=fp16,int8``.

``--dry`` runs everything with a tiny shape, on a CPU too. ``--json FILE`` keeps the figures after every
stage; ``--write`` puts them into docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks import gpu
from benchmarks.command import ROOT, parser_of, table
from benchmarks.int8_writing import prompts
from emo.activations.hf import HFBackend
from emo.activations.reading import tokenise
from emo.config.enums import Attention, PrecisionName, Readout
from emo.config.schema import ModelConfig, PrecisionConfig
from emo.generation.decoding import HFDecoder
from emo.generation.samples import Request
from emo.models.loading import LoadedModel, load
from emo.models.translating import quiet
from emo.models.weights import locate

STAGES = ("contracts", "precisions", "sweep")
SHAPE = "Mistral-7B"
PRECISIONS = ("fp16", "bf16", "int8", "nf4")
SUITES = ("tests/activations/test_contract.py", "tests/steering/test_backends.py")
SIZE = 64
"""Texts that are read at once."""
WRITTEN = 16
"""Texts that are written at once."""
LEFT_MIB = 64
"""What a released model may leave on the device: the libraries' work space."""
SECTION = "gpu_harness"
SWEEP = (
    *("-m", "job=extract", "precision=fp16,int8", "model=hub", "model.name=random"),
    *("resampling.n_splits=10", "resampling.n_bootstrap=10", "resampling.n_permutations=0"),
)


@dataclass(frozen=True)
class Whole:
    """One precision of the saved model."""

    precision: str
    load_seconds: float
    seconds: dict[str, float]
    """From texts to activations in the store, by number of passages."""
    bare_seconds: dict[str, float]
    """Of the model alone on the same batches."""
    tokens_per_second: float
    weights_gib: float
    peak_gib: float | None
    """Largest allocation while reading and writing, over the weights; None where it is not counted."""
    left_mib: float | None
    """Allocated on the device after the model was released."""
    same_rows: float
    """Share of texts that have the same bits in a batch and alone."""
    min_cosine: float
    """Smallest cosine to the activations in the first precision, over texts and layers."""


def save_model(folder: Path, device: str, dry: bool) -> Path:
    """A model of the shape with random weights and its tokenizer, as save_pretrained writes them."""
    quiet()
    loaded = gpu.build(SHAPE, "fp16", "eager", device, dry)
    loaded.model.save_pretrained(folder)
    loaded.tokenizer.save_pretrained(folder)
    return folder


def read_all(loaded: LoadedModel) -> np.ndarray:
    """Activations of the passages of the published study."""
    spans = tokenise(loaded.tokenizer, gpu.passages()[: gpu.NUMBERS[0]], Readout.last)
    return gpu.ours(HFBackend(loaded), spans, SIZE)


def tokens_per_second(loaded: LoadedModel, tokens: int) -> float:
    """Speed of writing a batch greedily, its prompts included."""
    decoder = HFDecoder(loaded)
    requests = [Request(prompt) for prompt in prompts(loaded, WRITTEN)]
    decoder.decode(requests, 2, None)
    written: list[Any] = []
    seconds = gpu.timed(
        lambda: written.extend(decoder.decode(requests, tokens, None)), loaded.device
    )
    return sum(len(text.tokens) for text in written) / seconds


def measure(
    folder: Path, precision: str, device: str, first: np.ndarray | None, args: argparse.Namespace
) -> tuple[Whole, np.ndarray]:
    """Figures of one precision, and its activations."""
    cuda = device == "cuda"
    config = ModelConfig(name="hub", id=str(folder))
    gc.collect()  # what is left of the model before
    before = torch.cuda.memory_allocated() if cuda else 0
    start = time.perf_counter()
    weights = locate(config)
    how = PrecisionConfig(PrecisionName(precision))
    loaded = load(config, weights, how, Attention.eager, device, folder.parent / "weights")
    gpu.synchronise(device)
    load_seconds = time.perf_counter() - start
    held = torch.cuda.memory_allocated() - before if cuda else 0
    if cuda:
        torch.cuda.reset_peak_memory_stats()
    figures = [gpu.measure(loaded, "eager", SIZE, n, args.rounds) for n in args.numbers]
    speed = tokens_per_second(loaded, args.tokens)
    peak = torch.cuda.max_memory_allocated() - before - held if cuda else None
    values = read_all(loaded)
    nbytes = sum(p.nbytes for p in loaded.model.parameters())
    del loaded
    gc.collect()
    if cuda:
        torch.cuda.empty_cache()
    left = (torch.cuda.memory_allocated() - before) / 2**20 if cuda else None
    whole = Whole(
        precision=precision,
        load_seconds=load_seconds,
        seconds={str(f.n_passages): f.seconds for f in figures},
        bare_seconds={str(f.n_passages): f.bare_seconds for f in figures},
        tokens_per_second=speed,
        weights_gib=nbytes / 2**30,
        peak_gib=None if peak is None else peak / 2**30,
        left_mib=left,
        same_rows=min(f.equal_rows for f in figures),
        min_cosine=1.0 if first is None else gpu.smallest_cosine(values, first),
    )
    return whole, values


def precisions(folder: Path, device: str, args: argparse.Namespace) -> list[dict[str, Any]]:
    """Figures of every precision, one model in memory at a time."""
    made, first = [], None
    for precision in PRECISIONS:
        whole, values = measure(folder, precision, device, first, args)
        first = values if first is None else first
        made.append(asdict(whole))
        print(json.dumps(made[-1]), flush=True)
    return made


def contracts(device: str, dry: bool) -> dict[str, Any]:
    """Outcome of the contract suites on the device."""
    only = ("-k", "llama") if dry else ()
    command = (sys.executable, "-m", "pytest", "-m", "", *SUITES, *only)
    return run(command, ROOT, r"\d+ passed.*", EMO_TEST_DEVICE=device)


def sweep(folder: Path, project: Path, device: str) -> dict[str, Any]:
    """Outcome of a sweep over two precisions in a project of its own."""
    project.mkdir()
    where = (f"model.id={folder}", f"backend.device={device}")
    return run((sys.executable, "-m", "emo.cli", *SWEEP, *where), project, r".*\bfinished\b.*")


def run(command: Sequence[str], folder: Path, said: str, **environment: str) -> dict[str, Any]:
    """Seconds and exit code of a command, and the last of its lines that matches."""
    start = time.perf_counter()
    env = os.environ | environment
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=env)
    output = done.stdout + done.stderr
    lines = re.findall(said, output)
    if done.returncode:
        print(output[-3000:], file=sys.stderr)
    return {
        "seconds": time.perf_counter() - start,
        "code": done.returncode,
        "said": lines[-1].strip() if lines else "",
    }


def render(kept: dict[str, Any]) -> str:
    """The section as Markdown."""
    lines = ["## The harness on an accelerator", ""]
    if kept["dry"]:
        lines += ["**Dry run with a tiny shape: these figures mean nothing.**", ""]
    lines += [
        f"{kept['device']}. Random weights of the shape of {SHAPE} in a folder as on the hub; reading "
        f"in batches of {SIZE}, eager attention; writing {WRITTEN} greedy texts at once.",
        "",
    ]
    if found := kept.get("contracts"):
        lines += [f"Contract suites: {_outcome(found)}", ""]
    if rows := kept.get("precisions"):
        lines += [*_precision_table([Whole(**row) for row in rows]), ""]
    if found := kept.get("sweep"):
        lines += [f"`emo {' '.join(SWEEP)}`: {_outcome(found)}", ""]
    return "\n".join(lines).rstrip()


def _outcome(found: dict[str, Any]) -> str:
    end = "finished" if not found["code"] else f"ended with {found['code']}"
    said = f" ({found['said']})" if found["said"] else ""
    return f"{end} after {found['seconds']:.0f} s{said}."


def _precision_table(made: Sequence[Whole]) -> list[str]:
    numbers = list(made[0].seconds)
    head = ["precision", "loading s", *(f"{n} passages s, bare" for n in numbers), "tokens/s"]
    head += ["weights GiB", "peak over weights GiB", "left MiB", "same bits as alone"]
    rows = []
    for w in made:
        times = (f"{w.seconds[n]:.2f}, {w.bare_seconds[n]:.2f}" for n in numbers)
        cells = [w.precision, f"{w.load_seconds:.1f}", *times, f"{w.tokens_per_second:.0f}"]
        cells += [f"{w.weights_gib:.2f}", _or_not(w.peak_gib, ".2f"), _or_not(w.left_mib, ".0f")]
        cells += [f"{w.same_rows:.0%}", f"{w.min_cosine:.6f}"]
        rows.append(f"| {' | '.join(cells)} |")
    aim = f"Aim: {gpu.AIM}. Left: after the model was released, at most {LEFT_MIB} MiB is due."
    return [*table([*head, f"smallest cosine to {made[0].precision}"], rows), "", aim]


def _or_not(value: float | None, form: str) -> str:
    return "not measured" if value is None else format(value, form)


def failures(kept: dict[str, Any]) -> list[str]:
    """What is wrong, a line each; empty where everything is as it must be."""
    found = [
        f"{stage}: ended with {kept[stage]['code']}"
        for stage in ("contracts", "sweep")
        if kept.get(stage, {}).get("code")
    ]
    return found + [
        f"{row['precision']}: {row['left_mib']:.0f} MiB are left on the device"
        for row in kept.get("precisions", ())
        if (row["left_mib"] or 0) > LEFT_MIB
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the stages, keep and print their figures; exit code 1 if something is wrong."""
    parser = parser_of(SECTION, __doc__)
    parser.add_argument("--dry", action="store_true", help="a tiny shape: does everything run?")
    parser.add_argument("--stages", nargs="+", choices=STAGES, default=list(STAGES))
    parser.add_argument("--numbers", nargs="+", type=int, default=list(gpu.NUMBERS))
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--tokens", type=int, default=64, help="tokens of each written text")
    parser.add_argument("--folder", type=Path, help="where the model is saved (15 GB); or found")
    parser.add_argument("--json", type=Path, help="keep the figures in this file")
    parser.add_argument("--write", action="store_true", help="write the docs' section")
    args = parser.parse_args(arguments)
    if min(*args.numbers, args.rounds, args.tokens) < 1:
        parser.error("--numbers, --rounds and --tokens: allowed is at least 1")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if not args.dry and device == "cpu":
        parser.error("no CUDA device here; --dry runs it with a tiny shape")
    kept: dict[str, Any] = {"device": gpu.device_name(), "dry": args.dry}
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.folder or Path(temporary, "model")
        for stage in args.stages:
            if stage != "contracts" and not (folder / "config.json").exists():
                save_model(folder, device, args.dry)
            match stage:
                case "contracts":
                    kept[stage] = contracts(device, args.dry)
                case "precisions":
                    kept[stage] = precisions(folder, device, args)
                case _:
                    kept[stage] = sweep(folder, Path(temporary, "project"), device)
            if args.json:
                args.json.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    text = render(kept)
    print(text)
    if args.write:
        from benchmarks.report import write_section

        write_section(SECTION, text)
    if wrong := failures(kept):
        sys.exit("\n".join(wrong))


if __name__ == "__main__":
    main()
