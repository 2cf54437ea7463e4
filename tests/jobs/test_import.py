"""job=import: what job=export wrote comes back, and is compared, steered, read and exported again."""

import importlib
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

import emo
from emo.cli import run_job
from emo.errors import ConfigError, EmoError

JOB = importlib.import_module("emo.jobs.import")
LAYERS, HIDDEN = 4, 128


def taken_in(tiny, project, path, *overrides):
    outcome = run_job(tiny("job=import", f"job.import.path={path}", *overrides))
    assert outcome.error is None, outcome.error
    return outcome, emo.load_run(outcome.run_id, root=project)


@pytest.fixture(scope="module", params=["safetensors", "repeng", "gguf"])
def round_trip(request, tiny, project, source):
    """An export of the source in a format, its import, and the first layer that the format has."""
    folder = f"exported_{request.param}"
    words = (f"job.export.run={source.run_id}", f"job.export.folder={folder}")
    exported = run_job(tiny("job=export", *words, f"job.export.format={request.param}"))
    assert exported.error is None
    files = [Path(p) for p in exported.artifacts.values()]
    path = files[0] if request.param == "safetensors" else project / folder
    outcome, run = taken_in(tiny, project, path)
    again, _ = taken_in(tiny, project, path)
    assert (again.status, again.run_id) == ("reused", outcome.run_id)
    assert again.answer == outcome.answer
    return outcome, run, 1 if request.param == "gguf" else 0


def units(run, emotions):
    values = run.vectors.values[:, [run.vectors.emotions.index(e) for e in emotions]]
    return values / np.linalg.norm(values, axis=-1, keepdims=True)


def test_the_vectors_of_a_round_trip_are_the_exported_ones(round_trip, source):
    _, run, first = round_trip
    emotions = source.vectors.emotions
    assert set(run.vectors.emotions) == set(emotions)
    assert units(run, emotions)[first:] == pytest.approx(units(source, emotions)[first:], abs=1e-6)
    assert np.isnan(run.vectors.values[:first]).all()
    assert run.vectors.frame is not None and np.isfinite(run.vectors.frame.centre).all()


def test_what_it_cannot_have_is_said_and_refused(round_trip):
    outcome, run, _ = round_trip
    assert "reliability, accuracy, intervals, nulls" in outcome.answer
    for name in ("activations", "descriptors", "best_layer"):
        with pytest.raises(EmoError, match="its vectors were imported") as caught:
            getattr(run, name)
        assert "\n" not in str(caught.value)


def test_it_is_compared_with_our_runs(round_trip, source):
    _, run, _ = round_trip
    result = emo.compare(source, run, layer=2, permutations=99)
    assert result.rho == pytest.approx(1) and result.mantel_p == 0.01
    assert result.over_items is None and result.disjoint is None
    assert "without interval" in repr(result)
    with pytest.raises(EmoError, match="name a layer"):
        emo.compare(source, run)


@pytest.mark.slow
def test_it_steers_reads_and_exports_as_the_source_does(tiny, project, source):
    folder = "exported_all"
    words = (f"job.export.run={source.run_id}", f"job.export.folder={folder}")
    (path,) = run_job(tiny("job=export", *words)).artifacts.values()
    _, run = taken_in(tiny, project, path)
    steer = ("job=steer", "job.steer.emotions=[calm,happy]", "job.steer.layers=2")
    steer += ("job.steer.scenarios=[neutral_to_hostile]", "job.steer.damage=false")
    steer += ("job.steer.strengths=[0.5]", "job.steer.max_new_tokens=6")
    texts = []
    for run_id in (source.run_id, run.run_id):
        outcome = run_job(tiny(*steer, f"job.steer.run={run_id}"))
        assert outcome.error is None, outcome.error
        swept = emo.load_run(outcome.run_id, root=project).file("steering.json").read_text()
        texts.append([line for line in swept.splitlines() if '"text"' in line])
    assert texts[0] == texts[1] and texts[0]
    refused = run_job(tiny(*steer[:2], f"job.steer.run={run.run_id}"))
    assert "job.steer.criterion=accuracy: allowed is middle, or layers by number" in refused.error
    read = run_job(tiny("job=read", "text=a quiet lake", f"job.read.run={run.run_id}"))
    assert read.error is None and "nothing chooses one" in read.table
    once_more = run_job(tiny("job=export", f"job.export.run={run.run_id}", "job.export.folder=x"))
    assert once_more.error is None


@pytest.mark.slow
def test_a_single_vector_steers_without_the_shuffled_control(tiny, project):
    rows = np.random.default_rng(0).standard_normal((LAYERS, HIDDEN))
    np.savez(project / "one.npz", calm=rows)
    _, run = taken_in(tiny, project, project / "one.npz")
    words = ["job=steer", f"job.steer.run={run.run_id}", "job.steer.emotions=[calm]"]
    words += ["job.steer.layers=1", "job.steer.scenarios=[neutral_to_hostile]"]
    words += ["job.steer.strengths=[0.5]", "job.steer.max_new_tokens=4", "job.steer.damage=false"]
    refused = run_job(tiny(*words))
    assert refused.error and "job.steer.controls=shuffled" in refused.error
    assert run_job(tiny(*words, "job.steer.controls=[random]")).error is None


def test_labels_of_ones_own_take_the_place_of_the_files(tiny, project):
    rows = np.random.default_rng(0).standard_normal((LAYERS, HIDDEN))
    np.savez(project / "two.npz", a=rows, b=-rows)
    _, run = taken_in(tiny, project, project / "two.npz", "job.import.emotions=[calm,sad]")
    assert run.vectors.emotions == ("calm", "sad")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("wide.npz", {"calm": np.ones((LAYERS, HIDDEN + 1))}, "width is 128"),
        ("deep.npz", {"calm": np.ones((LAYERS + 1, HIDDEN))}, "block 4 of calm; the model has 4"),
        ("zero.npz", {"calm": np.zeros((LAYERS, HIDDEN))}, "zero or not finite"),
        ("other.safetensors", {"calm": np.ones((LAYERS, HIDDEN))}, "a file of job=export"),
    ],
)
def test_files_that_do_not_fit_are_refused_before_a_run_is_opened(
    tiny, project, name, content, words
):
    path = project / name
    save_file(content, path) if path.suffix == ".safetensors" else np.savez(path, **content)
    outcome = run_job(tiny("job=import", f"job.import.path={path}"))
    assert outcome.run_id is None
    assert outcome.error.startswith("job.import.path=") and words in outcome.error
    assert "\n" not in outcome.error


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ((), r"^job\.import\.path=null: allowed is a file of vectors"),
        (("job.import.path=small.csv",), r"^job\.import\.path=small\.csv: .*no known kind"),
        (
            ("job.import.path=named.npz", "job.import.emotions=[calm]"),
            r"^job\.import\.emotions=.*a different label for each of 2: a, b",
        ),
    ],
)
def test_requests_that_cannot_be_meant_are_refused(tiny, project, overrides, words):
    np.savez(project / "named.npz", a=np.ones((LAYERS, HIDDEN)), b=np.ones((LAYERS, HIDDEN)))
    with pytest.raises(ConfigError, match=words):
        JOB.check(tiny("job=import", *overrides))
