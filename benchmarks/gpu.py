"""Comprehension of a 7B and an 8B model on an accelerator: seconds, memory, bits, overhead.

``python -m benchmarks.gpu`` builds models of the shapes of Mistral-7B and Llama-3.1-8B with random
weights (times do not depend on their values, and nothing has to be downloaded) and reads the bundled
passages with them. Of packages it needs torch, transformers, numpy and safetensors alone.
``--dry`` runs everything with tiny shapes, on a CPU too. ``--json FILE`` keeps the figures;
``--render FILE --write`` puts kept figures into docs/benchmarks.md, on a machine with the harness.
"""

from __future__ import annotations

import argparse
import csv
import gc
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers

from emo.activations.backend import TokenSpan, pad
from emo.activations.hf import HFBackend
from emo.activations.reading import read, tokenise
from emo.activations.store import ActivationStore
from emo.config.enums import PrecisionName, Readout
from emo.models.loading import LoadedModel, sum_in_fp32
from emo.models.tiny import train_tokenizer
from emo.models.weights import Weights

PASSAGES = Path(__file__).parents[1] / "emo" / "stimuli" / "data" / "sets" / "shown.csv"
NUMBERS = (63, 504)
"""Numbers of passages: those of the published study, and all bundled ones."""
VOCABULARY = 4000
"""Size of the vocabulary that is trained on the passages: it cuts them as finely as a real model's."""
AIM = "3 s for 63 passages of a 7B model on an H200; published: about 5 minutes a 7B model"

GROUPED = {"num_attention_heads": 32, "num_key_value_heads": 8, "num_hidden_layers": 32}
WIDE = {"hidden_size": 4096, "intermediate_size": 14336}
SHAPES: dict[str, tuple[str, dict[str, Any]]] = {
    "Mistral-7B": ("MistralConfig", GROUPED | WIDE | {"vocab_size": 32768, "sliding_window": None}),
    "Llama-8B": ("LlamaConfig", GROUPED | WIDE | {"vocab_size": 128256}),
}
DRY = {"num_attention_heads": 4, "num_key_value_heads": 2, "num_hidden_layers": 2} | {
    "hidden_size": 64,
    "intermediate_size": 128,
    "vocab_size": VOCABULARY,
}


@dataclass(frozen=True)
class Figures:
    """One model, precision, attention, batch size and number of passages."""

    shape: str
    precision: str
    attention: str
    batch_size: int
    n_passages: int
    mean_tokens: float
    seconds: float
    """From token ids to activations in the store, without loading; median of the rounds."""
    bare_seconds: float
    """Seconds of the model alone on the same batches."""
    weights_bytes: int
    peak_over_weights: int | None
    """Largest allocation while reading, minus the weights; None on a device that does not count it."""
    equal_rows: float
    """Share of texts whose activations, batched and alone, are equal bit by bit at every layer."""
    min_cosine: float
    """Smallest cosine between batched and alone, over texts and layers."""

    @property
    def added(self) -> float:
        """Time that the harness adds, as a share of the bare forward pass."""
        return self.seconds / self.bare_seconds - 1


def passages() -> list[str]:
    """Texts of the bundled passages in the order of the file."""
    lines = PASSAGES.read_text(encoding="utf-8").splitlines(keepends=True)
    rows = csv.DictReader(line for line in lines if line.strip() and not line.startswith("#"))
    return [row["text"] for row in rows]


def build(shape: str, precision: str, attention: str, device: str, dry: bool) -> LoadedModel:
    """A model of a shape with random weights, made on the device in a precision."""
    class_name, fields = SHAPES[shape]
    config = getattr(transformers, class_name)(**(fields | DRY if dry else fields))
    dtype = {"fp16": torch.float16, "bf16": torch.bfloat16}[precision]
    sum_in_fp32()
    with torch.device(device):
        torch.manual_seed(0)
        model = transformers.AutoModelForCausalLM.from_config(
            config, dtype=dtype, attn_implementation=attention
        )
    tokenizer = train_tokenizer(passages(), VOCABULARY)
    where = Weights(None, shape, "random weights")
    return LoadedModel(model.eval(), tokenizer, where, device, PrecisionName(precision))


def ours(backend: HFBackend, spans: Sequence[TokenSpan], batch_size: int) -> np.ndarray:
    """Activations as job=extract reads them: batches, hooks, and a fresh store."""
    with tempfile.TemporaryDirectory() as folder:
        store = ActivationStore(Path(folder), {"benchmark": "gpu"})
        return read(backend, spans, store, batch_size)[0]


def bare(model: LoadedModel, backend: HFBackend, spans: Sequence[TokenSpan], size: int) -> None:
    """Run the base model over the batches of :func:`ours` and read nothing."""
    body: Any = model.model.base_model
    ordered = sorted(spans, key=lambda s: (len(s.ids), s.key))
    for i in range(0, len(ordered), size):
        batch = pad(ordered[i : i + size], backend.pad_id)
        with torch.inference_mode():
            body(**backend.inputs(batch), use_cache=False)


def timed(work: Callable[[], object], device: str) -> float:
    """Wall-clock seconds of one call, until the device has finished."""
    synchronise(device)
    start = time.perf_counter()
    work()
    synchronise(device)
    return time.perf_counter() - start


def synchronise(device: str) -> None:
    """Wait until the device has finished."""
    if device == "cuda":
        torch.cuda.synchronize()


def measure(
    loaded: LoadedModel, attention: str, batch_size: int, n_passages: int, rounds: int
) -> Figures:
    """Figures of one setting: :func:`ours` and :func:`bare` in turn, then batched beside alone."""
    backend, cuda = HFBackend(loaded), loaded.device == "cuda"
    texts = passages()[:n_passages]
    spans = tokenise(loaded.tokenizer, texts, Readout.last)
    weights = sum(p.nbytes for p in loaded.model.parameters())
    bare(loaded, backend, spans, batch_size)  # kernels are chosen and memory is pooled
    before = torch.cuda.memory_allocated() if cuda else 0
    if cuda:
        torch.cuda.reset_peak_memory_stats()
    batched = ours(backend, spans, batch_size)
    peak = torch.cuda.max_memory_allocated() - before if cuda else None
    seconds: dict[str, list[float]] = {"ours": [], "bare": []}
    for _ in range(rounds):
        seconds["ours"].append(
            timed(
                lambda: ours(backend, tokenise(loaded.tokenizer, texts, Readout.last), batch_size),
                loaded.device,
            )
        )
        seconds["bare"].append(
            timed(lambda: bare(loaded, backend, spans, batch_size), loaded.device)
        )
    alone = ours(backend, spans, 1)
    return Figures(
        shape=loaded.weights.revision,
        precision=loaded.precision.value,
        attention=attention,
        batch_size=batch_size,
        n_passages=n_passages,
        mean_tokens=statistics.mean(len(s.ids) for s in spans),
        seconds=statistics.median(seconds["ours"]),
        bare_seconds=statistics.median(seconds["bare"]),
        weights_bytes=weights,
        peak_over_weights=peak,
        equal_rows=float((batched == alone).all(axis=(0, 2)).mean()),
        min_cosine=smallest_cosine(batched, alone),
    )


def smallest_cosine(a: np.ndarray, b: np.ndarray) -> float:
    """Smallest cosine between two sets of activations, over layers and texts."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    norms = np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1)
    return float(((a * b).sum(axis=-1) / norms).min())


def everything(args: argparse.Namespace) -> list[Figures]:
    """Figures of every shape and precision, with one model in memory at a time."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    figures = []
    for shape in args.shapes:
        for precision in args.precisions:
            loaded = build(shape, precision, args.attention, device, args.dry)
            for n in NUMBERS:
                for size in args.batch_sizes:
                    figures.append(measure(loaded, args.attention, size, n, args.rounds))
                    print(json.dumps(asdict(figures[-1])), flush=True)
            del loaded
            gc.collect()
            if device == "cuda":
                torch.cuda.empty_cache()
    return figures


def device_name() -> str:
    """The device and the versions that decide a time, in words."""
    cuda = torch.cuda.is_available()
    name = torch.cuda.get_device_name() if cuda else f"CPU, {os.cpu_count()} cores"
    versions = f"torch {torch.__version__}, transformers {transformers.__version__}"
    return f"{name}; {versions}"


def render(figures: Sequence[Figures], device: str, dry: bool) -> str:
    """The section as Markdown."""
    rows = [
        f"| {f.shape} {f.precision} | {f.n_passages} | {f.batch_size} | {f.seconds:.2f} "
        f"| {f.added:+.1%} | {f.weights_bytes / 2**30:.1f} | {_gib(f.peak_over_weights)} "
        f"| {f.equal_rows:.0%} | {f.min_cosine:.6f} |"
        for f in figures
    ]
    tokens = statistics.mean(f.mean_tokens for f in figures)
    return "\n".join(
        [
            "## Comprehension on an accelerator",
            "",
            "**Dry run with tiny shapes: these figures mean nothing.**\n" if dry else "",
            f"{device}. Random weights of the shapes named, {figures[0].attention} attention, bundled "
            f"passages of {tokens:.0f} tokens on average. Seconds: from texts to activations of every "
            "layer in the store, loading left out. Added: over the same batches through the model "
            f"alone. Alone: each text in a batch of its own. Aim: {AIM}.",
            "",
            "| model | passages | batch | seconds | added | weights GiB | peak over weights GiB "
            "| same bits as alone | smallest cosine with alone |",
            "|---|---|---|---|---|---|---|---|---|",
            *rows,
        ]
    )


def _gib(n: int | None) -> str:
    return "not measured" if n is None else f"{n / 2**30:.2f}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure or read figures, print them, and keep them where asked."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__)
    parser.add_argument("--dry", action="store_true", help="tiny shapes: does everything run?")
    parser.add_argument("--shapes", nargs="+", choices=SHAPES, default=list(SHAPES))
    parser.add_argument(
        "--precisions", nargs="+", choices=("fp16", "bf16"), default=["fp16", "bf16"]
    )
    parser.add_argument("--attention", choices=("eager", "sdpa"), default="eager")
    parser.add_argument("--batch-sizes", nargs="+", type=int, default=[16, 64])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, help="keep the figures in this file")
    parser.add_argument("--render", type=Path, help="read figures from this file, measure nothing")
    parser.add_argument("--write", action="store_true", help="write the docs' section")
    args = parser.parse_args(arguments)
    if min(args.batch_sizes) < 1 or args.rounds < 1:
        parser.error("--batch-sizes and --rounds: allowed is at least 1")
    if not (args.dry or args.render or torch.cuda.is_available()):
        parser.error("no CUDA device here; --dry runs it with tiny shapes")
    if args.render:
        kept = json.loads(args.render.read_text(encoding="utf-8"))
    else:
        measured = [asdict(f) for f in everything(args)]
        kept = {"device": device_name(), "dry": args.dry, "figures": measured}
    if args.json:
        args.json.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    text = render([Figures(**f) for f in kept["figures"]], kept["device"], kept["dry"])
    print(text)
    if args.write:
        from benchmarks.report import write_section  # needs what the harness needs

        write_section("gpu", text)


if __name__ == "__main__":
    main()
