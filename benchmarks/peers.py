"""Other libraries that read activations, timed beside this project on the same passages and weights.

``python -m benchmarks.peers`` makes an environment of its own in .cache: a virtual environment with the
libraries of benchmarks/peers.txt, which sees torch and transformers of the running one, so that all
compute with the same versions. Nothing is installed into the running environment. It then runs itself
there and writes ratios of CPU seconds to docs/benchmarks.md.

Read is the last token of each passage at every block. All ways run in turn in one process, from texts
to arrays; what they read is compared. The peers get the model as transformers loads it (sdpa); this
project is timed with its default attention (eager) and with sdpa.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.metadata
import importlib.util
import os
import statistics
import subprocess
import sys
import sysconfig
import time
import venv
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.command import ROOT, loaded_model, options, parser_of, publish, table
from benchmarks.report import conditions
from benchmarks.timing import in_turn
from emo.activations.hf import HFBackend
from emo.activations.reading import forward, texts_of, tokenise
from emo.activations.tl import bridge_of
from emo.config.enums import Readout
from emo.config.resolve import compose
from emo.models.loading import LoadedModel
from emo.stimuli.loading import first_situations, load_stimuli

REQUIREMENTS = Path(__file__).with_name("peers.txt")
AIMS = {
    "steering-vectors": 1.6,
    "repeng": 1.8,
    "transformer-lens, run_with_cache": 2.8,
}
"""How many times as fast as each peer this project is to be, by its default attention."""

Read = np.ndarray
"""Activations [layer, passage, width]."""


@dataclass
class Reader:
    """One way of reading all passages, and its CPU seconds."""

    name: str
    run: Callable[[Sequence[str]], Read]
    note: str = ""
    seconds: list[float] = field(default_factory=list)
    values: Read = field(default_factory=lambda: np.zeros(0))

    def time(self, texts: Sequence[str]) -> None:
        """Read all texts once, and note the CPU seconds."""
        start = time.process_time()
        self.values = self.run(texts)
        self.seconds.append(time.process_time() - start)

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)


def environment(folder: Path) -> Path:
    """The Python of the peers' environment, which is made unless it is there.

    Raises
    ------
    subprocess.CalledProcessError
        If the libraries cannot be installed.
    """
    content = REQUIREMENTS.read_bytes() + sys.version.encode() + sys.prefix.encode()
    place = folder / hashlib.sha256(content).hexdigest()[:12]
    python = place / "bin" / "python"
    finished = place / "installed"
    if not finished.exists():
        venv.create(place, with_pip=False, clear=True)
        asked = ("install", "--quiet", "--no-deps", "--requirement", str(REQUIREMENTS))
        pip = (sys.executable, "-m", "pip", "--python", str(python))
        subprocess.run([*pip, *asked], check=True)
        packages = sysconfig.get_path("purelib", vars={"base": str(place)})
        Path(packages, "shared.pth").write_text(f"{sysconfig.get_path('purelib')}\n{ROOT}\n")
        finished.touch()
    return python


def ours(loaded: LoadedModel, texts: Sequence[str], size: int) -> Read:
    """This project: passages sorted by length, hooks on every block, no output head."""
    backend = HFBackend(loaded)
    spans = tokenise(loaded.tokenizer, texts, Readout.last)
    rows = texts_of(list({span.key: span for span in spans}.values()), causal=True)
    read: dict[str, np.ndarray] = {}
    for start in range(0, len(rows), size):
        batch = rows[start : start + size]
        values = forward(backend, batch, may_halve=False)
        keys = [span.key for text in batch for span in text]
        read |= {key: values[:, i] for i, key in enumerate(keys)}
    return np.stack([read[span.key] for span in spans], axis=1)


def steering_vectors(loaded: LoadedModel, texts: Sequence[str], size: int) -> Read:
    """steering-vectors: passages in pairs, as it takes positive and negative ones."""
    package = importlib.import_module("steering_vectors.train_steering_vector")
    pairs = list(zip(texts[::2], texts[1::2], strict=True))
    first, second = package.extract_activations(
        loaded.model, loaded.tokenizer, pairs, batch_size=size, move_to_cpu=True
    )
    return np.stack(
        [
            torch.stack([torch.cat(first[i]), torch.cat(second[i])], dim=1).flatten(0, 1).numpy()
            for i in sorted(first)
        ]
    )


def repeng(loaded: LoadedModel, texts: Sequence[str], size: int) -> Read:
    """repeng: ``output_hidden_states``, so that the last block is behind the final norm."""
    if not hasattr(np, "float_"):  # repeng 0.4.0 names it, numpy 2 has it no more
        setattr(np, "float_", np.float64)  # noqa: B010 (pyright knows no such attribute)
    extract = importlib.import_module("repeng.extract")
    extract.tqdm.tqdm = lambda items, **_: items  # no bar
    layers = list(range(loaded.model.config.num_hidden_layers))
    read = extract.batched_get_hiddens(loaded.model, loaded.tokenizer, list(texts), layers, size)
    return np.stack([read[i] for i in layers])


def lens(bridge: Any, loaded: LoadedModel, texts: Sequence[str]) -> Read:
    """TransformerLens: ``run_with_cache`` of every passage, as its documentation shows."""
    out = []
    with torch.inference_mode():
        for text in texts:
            _, cache = bridge.run_with_cache(torch.tensor([loaded.tokenizer(text)["input_ids"]]))
            names = (f"blocks.{i}.hook_resid_post" for i in range(bridge.cfg.n_layers))
            out.append(torch.stack([cache[name][0, -1] for name in names]))
    return torch.stack(out, dim=1).float().numpy()


def readers(load: Callable[[str, bool], LoadedModel], size: int) -> list[Reader]:
    """All ways; this project's default is the first.

    ``load`` gives the model in an attention, packed by this project or as transformers loads it.
    """
    eager, own_sdpa, sdpa = load("eager", True), load("sdpa", True), load("sdpa", False)
    out = [
        Reader("emotion-geometry", lambda texts: ours(eager, texts, size), f"batch {size}, eager"),
        Reader(
            "emotion-geometry", lambda texts: ours(own_sdpa, texts, size), f"batch {size}, sdpa"
        ),
        Reader(
            "steering-vectors",
            lambda texts: steering_vectors(sdpa, texts, size),
            f"batch {size}, sdpa",
        ),
        Reader("steering-vectors", lambda texts: steering_vectors(sdpa, texts, 1), "batch 1, sdpa"),
        Reader("repeng", lambda texts: repeng(sdpa, texts, size), f"batch {size}, sdpa"),
    ]
    if importlib.util.find_spec("transformer_lens") is None:
        return out
    own = load("eager", False)  # a bridge changes the modules of its model
    bridge = bridge_of(own)
    name = "transformer-lens, run_with_cache"
    return [*out, Reader(name, lambda texts: lens(bridge, own, texts), "batch 1, eager")]


def cosine(a: Read, b: Read) -> float:
    """Smallest cosine between two readings, all passages, all blocks but the last."""
    a, b = a[:-1].astype(float), b[:-1].astype(float)
    norms = np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1)
    return float(((a * b).sum(axis=-1) / norms).min())


def version(name: str) -> str:
    """A peer's name with its version."""
    package = name.partition(",")[0]
    if package == "emotion-geometry":
        return name
    return f"{name.replace(package, f'{package} {importlib.metadata.version(package)}')}"


def section(every: Sequence[Reader], n_texts: int, model: str, machine: str) -> str:
    """The section of docs/benchmarks.md."""
    first = every[0]
    rows, aims = [], dict(AIMS)
    for reader in every:
        aim = aims.pop(reader.name, None)  # of the first way of each peer
        ratio = reader.median / first.median
        met = "" if aim is None else f"at least {aim:g}: {'yes' if ratio >= aim else 'no'}"
        rows.append(
            f"| {version(reader.name)} | {reader.note} | {reader.median:.2f} | {ratio:.2f} | {met} "
            f"| {cosine(reader.values, first.values):.7f} |"
        )
    head = ("library", "how", "CPU seconds", "over ours", "aim", "smallest cosine to ours")
    return "\n".join(
        [
            "## Other libraries",
            "",
            f"`python -m benchmarks.peers`: the last token of {n_texts} bundled passages at every block "
            f"of {model} in fp32 on the CPU, from texts to arrays. One process, in turn, medians over "
            f"{len(first.seconds)} rounds; the same weights and the same torch and transformers. The "
            "cosine leaves out the last block, which repeng reads behind the final norm.",
            "",
            machine,
            "",
            *table(head, rows),
        ]
    )


def measure(args: Any) -> None:
    """Time all ways in this process, which runs in the peers' environment."""
    machine = conditions()

    def load(attention: str, packed: bool) -> LoadedModel:
        config = compose(
            f"model={args.model}",
            "precision=fp32",
            f"backend.attention={attention}",
            f"backend.packed={packed}",
            "backend.device=cpu",
            f"paths.weights={args.weights}",
            root=ROOT,
        )
        return loaded_model(config)

    texts = [p.text for p in first_situations(load_stimuli(), args.situations).items]
    texts = texts[: len(texts) // 2 * 2]  # pairs
    every = readers(load, args.batch)
    for reader in every:
        reader.run(texts[:2])  # imports, and memory pools
    in_turn([lambda _, reader=reader: reader.time(texts) for reader in every], args.rounds)
    text = section(every, len(texts), args.model, machine)
    print(text) if args.print_only else publish("peers", text)


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the environment, and run the measurement there."""
    parser = parser_of("peers", __doc__)
    parser.add_argument("--model", default="smollm2_135m")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--situations", type=int, default=1, help="of the bundled passages")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--weights", default=".cache/weights", help="paths.weights")
    parser.add_argument(
        "--folder", default=str(ROOT / ".cache" / "peers"), help="of the environment"
    )
    parser.add_argument("--print-only", action="store_true", help="leave the page as it is")
    parser.add_argument("--inside", action="store_true", help="measure in this environment")
    args = options(parser, arguments, rounds=1, situations=1, batch=1)
    if args.inside:
        measure(args)
        return
    python = environment(Path(args.folder))
    given = sys.argv[1:] if arguments is None else list(arguments)
    command = [str(python), "-m", "benchmarks.peers", "--inside", *given]
    offline = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
    raise SystemExit(subprocess.run(command, cwd=ROOT, env=os.environ | offline).returncode)


if __name__ == "__main__":
    main()
