"""The accelerator benchmark runs dry on a CPU, with nothing installed but what it states."""

import json
import subprocess
import sys

import numpy as np
import pytest

from benchmarks import gpu
from tests.conftest import ROOT

FORBIDDEN = (
    *("hydra", "omegaconf", "mlflow", "jaxtyping", "beartype", "scipy", "pandas", "matplotlib"),
    *("sklearn", "psutil", "bitsandbytes", "transformer_lens", "accelerate", "optuna", "pytest"),
)

BLOCKED = f"""
import sys
for name in {FORBIDDEN!r}:
    sys.modules[name] = None  # importing it fails, looking for it finds nothing
import runpy
sys.argv = ["gpu", *sys.argv[1:]]
runpy.run_module("benchmarks.gpu", run_name="__main__")
"""


@pytest.fixture(scope="module")
def dry_run(tmp_path_factory):
    kept = tmp_path_factory.mktemp("gpu") / "figures.json"
    command = ["--dry", "--rounds", "1", "--batch-sizes", "32", "--json", str(kept)]
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED, *command], capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    return json.loads(kept.read_text()), done.stdout, kept


@pytest.mark.slow
def test_it_needs_torch_transformers_numpy_and_safetensors_only(dry_run):
    figures = dry_run[0]["figures"]
    assert {(f["shape"], f["precision"], f["n_passages"]) for f in figures} == {
        (shape, precision, n)
        for shape in ("Mistral-7B", "Llama-8B")
        for precision in ("fp16", "bf16")
        for n in (63, 504)
    }
    for f in figures:
        assert f["seconds"] > 0 < f["bare_seconds"]
        assert f["peak_over_weights"] is None  # a CPU does not tell
        assert 50 < f["mean_tokens"] < 70
        assert f["equal_rows"] == 1  # eager attention in half precision: same bits on a CPU
        assert f["min_cosine"] == pytest.approx(1)


@pytest.mark.slow
def test_a_dry_run_says_that_its_figures_mean_nothing(dry_run):
    _, printed, _ = dry_run
    assert "these figures mean nothing" in printed
    assert "| Llama-8B bf16 | 504 | 32 |" in printed
    assert "CPU" in printed


@pytest.mark.slow
def test_kept_figures_are_rendered_elsewhere(dry_run, monkeypatch, capsys):
    from benchmarks import report

    raw, printed, path = dry_run
    written = {}
    monkeypatch.setattr(report, "write_section", lambda name, text: written.update({name: text}))
    monkeypatch.setattr(gpu, "everything", None)  # measuring anything would fail
    gpu.main(["--render", str(path), "--write"])
    assert written["gpu"] in printed
    assert written["gpu"] in capsys.readouterr().out
    assert raw["dry"]


def test_without_an_accelerator_only_dry_runs(capsys):
    with pytest.raises(SystemExit):
        gpu.main([])
    assert "no CUDA device here; --dry" in capsys.readouterr().err


def test_passages_are_the_bundled_ones():
    from emo.stimuli.loading import load_stimuli

    assert gpu.passages() == [p.text for p in load_stimuli().items]


def test_full_shapes_have_the_sizes_they_are_named_after():
    import torch
    import transformers

    for shape, billions in (("Mistral-7B", 7.25), ("Llama-8B", 8.03)):
        class_name, fields = gpu.SHAPES[shape]
        with torch.device("meta"):
            model = transformers.AutoModelForCausalLM.from_config(
                getattr(transformers, class_name)(**fields)
            )
        assert sum(p.numel() for p in model.parameters()) / 1e9 == pytest.approx(billions, abs=0.01)


def test_added_and_smallest_cosine():
    a = np.array([[[1.0, 0], [1, 0]]])
    assert gpu.smallest_cosine(a, np.array([[[2.0, 0], [1, 1]]])) == pytest.approx(0.5**0.5)
    base = {"shape": "x", "precision": "fp16", "attention": "eager", "batch_size": 1}
    rest = {"n_passages": 1, "mean_tokens": 1.0, "weights_bytes": 1, "peak_over_weights": 2**30}
    f = gpu.Figures(**base, **rest, seconds=1.1, bare_seconds=1.0, equal_rows=0.5, min_cosine=0.9)
    assert f.added == pytest.approx(0.1)
    assert "| 1.10 | +10.0% | 0.0 | 1.00 | 50% | 0.900000 |" in gpu.render([f], "d", dry=False)
    assert "mean nothing" not in gpu.render([f], "d", dry=False)
