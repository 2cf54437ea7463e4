"""Models of the user's own through whole jobs: found again, called by their names, or refused."""

import csv
import io
import json
import shutil

import pytest

from emo.cli import run_job
from emo.runs.reuse import open_tracker
from tests.models.folders import change, copied, save, save_pair

STORY = ("method=generation", "subparams=loose", "subparams.max_new_tokens=6")
FEW = ("job=summarize", "job.summarize.permutations=20", "job.summarize.n_bootstrap=20")


@pytest.fixture
def of(tiny_config):
    """The config of a job on a folder."""
    return lambda path, *overrides: tiny_config("model=hub", f"model.id={path}", *overrides)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return save("llama", tmp_path_factory.mktemp("whole") / "checkpoint-100")


def logged(config):
    return [r for job in ("extract", "steer", "ablate") for r in open_tracker(config).runs_of(job)]


def finished(config):
    outcome = run_job(config)
    assert outcome.error is None
    return outcome


def test_a_copy_a_readme_and_another_place_find_the_run_again(of, whole, tmp_path):
    first = finished(of(whole))
    other = copied(whole, tmp_path / "moved")
    (other / "README.md").write_text("mine")
    again = finished(of(other))
    assert (again.status, again.run_id, again.passes_done) == ("reused", first.run_id, 0)


@pytest.mark.slow
def test_a_name_given_later_is_taken(of, whole, caplog):
    first = finished(of(whole))
    caplog.set_level("INFO")
    again = finished(of(whole, "model.name=step 100"))
    assert (again.status, again.run_id) == ("reused", first.run_id)
    (run,) = logged(of(whole))
    assert run.model == "step 100"
    (said,) = [m for m in caplog.messages if "is called step 100 from now on" in m]
    assert "it was logged as checkpoint-100" in said
    assert finished(of(whole)).run_id == first.run_id
    assert logged(of(whole))[0].model == "step 100"  # no name is no other name


@pytest.mark.slow
def test_checkpoints_of_one_folder_name_are_two_models(of, tmp_path):
    paths = [
        save("llama", tmp_path / f"run_{k}" / "checkpoint-100", seed=i) for i, k in enumerate("ab")
    ]
    runs = [finished(of(path)) for path in paths]
    assert runs[0].run_id != runs[1].run_id
    outcome = finished(of(paths[0], *FEW))
    assert outcome.metrics["models"] == 2
    table = open_tracker(of(paths[0])).artifact(outcome.run_id, "tables/descriptors.csv")
    names = {row["model"] for row in csv.DictReader(io.StringIO(table.read_text()))}
    assert names == {"run_a/checkpoint-100", "run_b/checkpoint-100"}


@pytest.mark.slow
def test_the_same_weights_in_two_checkpoints_are_said(of, whole, tmp_path):
    """Another setting that changes no activation makes another folder, and no independent model."""
    other = copied(whole, tmp_path / "other")
    change(other, "generation_config.json", top_k=3)
    for path in (whole, other):
        finished(of(path))
    outcome = finished(of(whole, *FEW))
    page = open_tracker(of(whole)).artifact(outcome.run_id, "summary.html").read_text()
    assert "checkpoint-100 and other have the same activations to the bit" in page or (
        "other and checkpoint-100 have the same activations to the bit" in page
    )


@pytest.fixture(scope="module")
def headless(tmp_path_factory):
    from emo.models.tiny import build

    model, tokenizer = build("llama", 2, 64, 0)
    return save_pair(model.model, tokenizer, tmp_path_factory.mktemp("headless") / "m")


def test_a_model_without_head_is_read(of, headless):
    assert finished(of(headless)).passes_done == 50


@pytest.mark.parametrize(
    "overrides",
    [STORY, (*STORY, "subparams.layer=middle"), ("job=steer",), ("job=ablate",)],
    ids=["best layer", "middle layer", "steer", "ablate"],
)
def test_a_model_without_head_writes_nothing_and_nothing_is_logged(of, headless, overrides):
    outcome = run_job(of(headless, *overrides))
    assert outcome.failed
    assert "its checkpoint has no output head" in outcome.error
    assert "\n" not in outcome.error
    assert logged(of(headless)) == []


def broken_adapter(path):
    (path / "adapter_config.json").write_text("{}")


def broken_pointer(path):
    (path / "model.safetensors").write_text("version https://git-lfs.github.com/spec/v1\n")


def broken_tokenizer(path):
    content = json.loads((path / "tokenizer.json").read_text())
    vocabulary = content["model"]["vocab"]
    content["model"]["vocab"] = {token: i + 1000 for token, i in vocabulary.items()}
    (path / "tokenizer.json").write_text(json.dumps(content))


@pytest.mark.parametrize(
    "break_it",
    [
        broken_adapter,
        broken_pointer,
        broken_tokenizer,
        lambda path: change(path, num_hidden_layers=0),
        lambda path: change(path, num_hidden_layers=10**5),
        lambda path: change(path, num_attention_heads=0),
        lambda path: (path / "generation_config.json").write_text("null"),
    ],
)
def test_a_damaged_folder_is_one_line_and_nothing_is_logged(of, whole, tmp_path, break_it):
    path = copied(whole, tmp_path / "m")
    break_it(path)
    outcome = run_job(of(path))
    assert outcome.failed
    assert outcome.error.startswith(f"model.id={path}: ")
    assert "\n" not in outcome.error
    assert logged(of(path)) == []
    shutil.rmtree(path)
    assert "no such folder" in run_job(of(path)).error
