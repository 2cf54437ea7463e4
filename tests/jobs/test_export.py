"""job=export: what other programs read is what the run holds."""

import dataclasses
import errno
import importlib.util
import json
import os
import re
import sys
import types
from pathlib import Path

import gguf
import numpy as np
import pytest
from safetensors import safe_open

import emo
from emo.cli import run_job
from emo.files import control_vectors
from emo.files.whole import PARTIAL
from tests.conftest import EMOTIONS


def export(tiny, source, *overrides):
    outcome = run_job(tiny("job=export", f"job.export.run={source.run_id}", *overrides))
    assert outcome.error is None
    return {name: Path(path) for name, path in outcome.artifacts.items()}


def units(source):
    v = source.vectors.values
    return v / np.linalg.norm(v, axis=-1, keepdims=True)


def read_gguf(path):
    """As llama.cpp does: architecture, one tensor a layer, float32, named by the layer."""
    reader = gguf.GGUFReader(path)
    fields = {
        name: reader.fields[name].contents()
        for name in (
            "general.architecture",
            "controlvector.model_hint",
            "controlvector.layer_count",
        )
    }
    tensors = {t.name: np.array(t.data) for t in reader.tensors}
    assert {t.tensor_type for t in reader.tensors} == {gguf.GGMLQuantizationType.F32}
    return fields, tensors


def test_safetensors_holds_unit_vectors_and_labels(tiny, source):
    (path,) = export(tiny, source).values()
    with safe_open(path, framework="numpy") as file:
        assert file.get_tensor("vectors") == pytest.approx(units(source))
    assert emo.runs.files.read_vectors(path).emotions == EMOTIONS


def test_safetensors_says_what_it_is(tiny, source):
    for scale in ("unit", "residual"):
        (path,) = export(tiny, source, f"job.export.scale={scale}").values()
        with safe_open(path, framework="numpy") as file:
            labels = json.loads(file.metadata()["labels"])
        lengths = np.linalg.norm(emo.runs.files.read_vectors(path).values, axis=-1)
        assert labels["unit_norm"] == np.allclose(lengths, 1) == (scale == "unit")
        wanted = {"run": source.run_id, "scale": scale, "model": "tiny", "readout": "last"}
        assert labels.items() >= wanted.items()
        assert (labels["projection"], labels["remove"]) == ("none", "none")
        assert labels["revision"] == source.tags["revision"]
        assert "output of decoder block l, counted from 0" in labels["layers"]


@pytest.mark.slow
def test_no_export_takes_the_place_of_another(tiny, source, project):
    other = run_job(tiny("seed=5"))
    assert other.run_id != source.run_id
    names = [
        name
        for run, override in (
            (source, "job.export.scale=unit"),
            (emo.load_run(other.run_id, root=project), "job.export.scale=unit"),
            (source, "job.export.scale=residual"),
            (source, "job.export.emotions=[sad]"),
            (source, "job.export.emotions=[afraid,calm,happy,proud]"),
            (source, "job.export.emotions=[afraid,calm,happy,sad]"),
        )
        for name in export(tiny, run, override)
    ]
    assert len(set(names)) == len(names) == 6
    assert source.run_id[:8] in names[0]
    assert all(part.count("/") == 0 for part in names)


def test_gguf_is_a_llama_cpp_control_vector_without_layer_zero(tiny, source):
    found = export(tiny, source, "job.export.format=gguf")
    assert len(found) == len(EMOTIONS)
    for i, path in enumerate(found.values()):
        fields, tensors = read_gguf(path)
        assert fields == {
            "general.architecture": "controlvector",
            "controlvector.model_hint": "tiny",
            "controlvector.layer_count": 3,
        }
        assert set(tensors) == {"direction.1", "direction.2", "direction.3"}
        for layer in (1, 2, 3):
            assert tensors[f"direction.{layer}"] == pytest.approx(units(source)[layer, i], abs=1e-6)
        assert EMOTIONS[i] in path.name


def test_residual_scale_is_the_layers_mean_norm(tiny, source):
    found = export(
        tiny,
        source,
        "job.export.format=gguf",
        "job.export.scale=residual",
        "job.export.emotions=[sad]",
    )
    ((name, path),) = found.items()
    assert "sad" in name and "residual" in name
    _, tensors = read_gguf(path)
    norms = np.linalg.norm(source.activations.neutral.astype(float), axis=-1).mean(axis=1)
    for layer in (1, 2, 3):
        assert np.linalg.norm(tensors[f"direction.{layer}"]) == pytest.approx(
            norms[layer], rel=1e-5
        )


def repeng_class(monkeypatch):
    """repeng's own reader. It pins numpy below 2, so it is only here where someone installed it."""
    if importlib.util.find_spec("repeng") is None:
        pytest.skip("repeng is not installed: it needs numpy < 2 (docs/steering.md)")
    if not hasattr(np, "float_"):  # named in an annotation of repeng 0.4
        monkeypatch.setattr(np, "float_", np.float64, raising=False)
    from repeng import ControlVector

    return ControlVector


def test_repeng_reads_what_was_written(tiny, source, monkeypatch):
    vector = repeng_class(monkeypatch)
    found = export(tiny, source, "job.export.format=repeng", "job.export.emotions=[sad]")
    (path,) = found.values()
    loaded = vector.import_gguf(path)
    assert loaded.model_type == "tiny"
    assert sorted(loaded.directions) == [0, 1, 2, 3]
    at = EMOTIONS.index("sad")
    for layer, direction in loaded.directions.items():
        assert direction == pytest.approx(units(source)[layer, at], abs=1e-6)


def test_repengs_format_has_every_layer(tiny, source):
    (path,) = export(tiny, source, "job.export.format=repeng", "job.export.emotions=[sad]").values()
    fields, tensors = read_gguf(path)
    assert fields["controlvector.layer_count"] == len(tensors) == 4
    assert "direction.0" in tensors


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("job.export.run=null", "job.export.run=null: allowed is the id"),
        ("job.export.run=nothing", "job.export.run=nothing: not in"),
        (
            "job.export.emotions=[smug]",
            "job.export.emotions=.'smug'.: allowed is each once, of afraid",
        ),
        ("job.export.emotions=[sad,sad]", "job.export.emotions="),
    ],
)
def test_what_is_refused(tiny, source, override, message, project):
    config = tiny("job=export", f"job.export.run={source.run_id}", "job.export.folder=no", override)
    outcome = run_job(config)
    assert outcome.failed
    assert re.search(message, outcome.error), outcome.error
    assert not (project / "no").exists()


def test_z_scored_vectors_are_no_directions_of_the_residual_stream(tiny, project):
    made = run_job(tiny("vectors.projection=z_score"))
    outcome = run_job(tiny("job=export", f"job.export.run={made.run_id}", "job.export.folder=none"))
    assert outcome.error.startswith(
        f"job.export.run={made.run_id}: allowed is a run with vectors in"
    )
    assert outcome.error.endswith("this has vectors.projection=z_score")
    assert not (project / "none").exists()


def test_a_layer_without_direction_is_refused(tiny, source, monkeypatch):
    values = source.vectors.values.copy()
    values[2, 1] = np.nan
    broken = dataclasses.replace(source.vectors, values=values)
    monkeypatch.setattr(emo.runs.files, "read_vectors", lambda _: broken)
    outcome = run_job(tiny("job=export", f"job.export.run={source.run_id}"))
    assert "no direction at layers 2" in outcome.error


def test_missing_gguf_is_one_line(tiny, source, monkeypatch):
    monkeypatch.setitem(sys.modules, "gguf", types.ModuleType("gguf"))
    outcome = run_job(
        tiny("job=export", f"job.export.run={source.run_id}", "job.export.format=gguf")
    )
    assert "the gguf package is missing" in outcome.error


LABELS = (
    "valence+",
    "valence-",
    "a/b",
    "a-b",
    "a b",
    "Sad",
    "sad",
    "sad.repeng",
    "\u00e9",
    "e\u0301",
)


@pytest.mark.parametrize("form", ["gguf", "repeng"])
def test_labels_that_differ_are_files_that_differ(tiny, source, monkeypatch, form):
    values = np.random.default_rng(1).normal(size=(4, len(LABELS), 8))
    relabelled = dataclasses.replace(
        source.vectors, values=values, emotions=LABELS, n_items=(6,) * len(LABELS)
    )
    monkeypatch.setattr(emo.runs.files, "read_vectors", lambda _: relabelled)
    files = export(tiny, source, f"job.export.format={form}", f"job.export.folder=odd_{form}")
    assert len({name.casefold() for name in files}) == len(LABELS)
    for i, path in enumerate(files.values()):  # in the order of the labels
        _, tensors = read_gguf(path)
        unit = values[2, i] / np.linalg.norm(values[2, i])
        assert tensors["direction.2"] == pytest.approx(unit, abs=1e-6)


def test_subsets_that_differ_are_files_that_differ(tiny, source, monkeypatch):
    values = np.random.default_rng(1).normal(size=(4, len(LABELS), 8))
    relabelled = dataclasses.replace(
        source.vectors, values=values, emotions=LABELS, n_items=(6,) * len(LABELS)
    )
    monkeypatch.setattr(emo.runs.files, "read_vectors", lambda _: relabelled)
    subsets = [
        *([a, b] for a in LABELS[:4] for b in LABELS if a != b),
        *([a] for a in LABELS),
        ["a/b", "a-b", "a b", "sad"],
        ["a/b", "a-b", "a b", "Sad"],
    ]
    config = tiny("job=export", f"job.export.run={source.run_id}", "job.export.folder=subsets")
    names = []
    for subset in subsets:
        chosen = dataclasses.replace(config.job.export, emotions=subset)
        outcome = run_job(
            dataclasses.replace(config, job=dataclasses.replace(config.job, export=chosen))
        )
        assert outcome.error is None
        names += outcome.artifacts
    assert len({name.casefold() for name in names}) == len(subsets)
    assert max(map(len, names)) < 200


def test_an_export_that_breaks_off_leaves_the_earlier_one(tiny, source, project, monkeypatch):
    """A disk that is full at the third of five files; then a folder where the last one belongs."""
    options = ("job.export.format=gguf", "job.export.folder=whole")
    before = {path: path.read_bytes() for path in export(tiny, source, *options).values()}
    folder = project / "whole"
    config = tiny(
        "job=export", f"job.export.run={source.run_id}", *options, "job.export.scale=residual"
    )
    real, written = control_vectors.write, []

    def full(values, path, *args, **kwargs):
        written.append(path)
        if len(written) == 3:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(values, path, *args, **kwargs)

    with monkeypatch.context() as m:
        m.setattr(control_vectors, "write", full)
        outcome = run_job(config)
    assert outcome.error == (
        f"job.export.folder={folder}: allowed is a folder that takes the files "
        "(No space left on device); none is written"
    )
    assert {path: path.read_bytes() for path in folder.iterdir()} == before
    obstacle = folder / sorted(path.name for path in before)[-1].replace("unit", "residual")
    obstacle.mkdir()
    assert "takes the files (Is a directory)" in run_job(config).error
    assert {path for path in folder.iterdir() if path.is_file()} == before.keys()
    obstacle.rmdir()
    assert run_job(config).error is None
    assert len(list(folder.iterdir())) == 2 * len(before)


def test_what_a_killed_export_left_is_removed(tiny, source, project):
    left = project / "cleaned" / f"{PARTIAL}left"
    left.mkdir(parents=True)
    os.utime(left, (0, 0))
    (path,) = export(tiny, source, "job.export.folder=cleaned").values()
    assert list(left.parent.iterdir()) == [path]


def test_exported_files_are_for_all_whom_the_umask_lets_read(tiny, source):
    before = os.umask(0o027)
    try:
        for form in ("safetensors", "gguf"):
            folder = f"job.export.folder=umask_{form}"
            for path in export(tiny, source, f"job.export.format={form}", folder).values():
                assert path.stat().st_mode & 0o777 == 0o640
    finally:
        os.umask(before)
