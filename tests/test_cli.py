"""launch.py as a user calls it."""

import json

import pytest

from tests.conftest import TINY


def test_help_lists_groups_options_and_where_results_go(launch):
    out = launch("--help").out
    for word in ("model: ", "smollm2_135m", "precision: bf16, fp16, fp32", "mlruns/", "make ui"):
        assert word in out


def test_config_is_shown_without_running(launch, tmp_path):
    out = launch("--cfg", "job", "model=mistral7b").out
    assert "id: mistralai/Mistral-7B-Instruct-v0.3" in out
    assert not (tmp_path / "project" / "mlruns").exists()


def test_json_is_the_last_line_of_standard_output(launch, small_csv):
    done = launch(*TINY, f"stimuli.path={small_csv}", "output=json")
    assert done.json["status"] == "finished"
    assert done.json["forward_passes"] == {"done": 50, "reused": 0}
    assert set(done.json["metrics"]) >= {"best_layer", "anisotropy", "rdm_std", "reliability"}
    assert done.json["artifacts"]["rdm.csv"].endswith("rdm.csv")
    again = launch(*TINY, f"stimuli.path={small_csv}", "output=json")
    assert again.json["status"] == "reused"
    assert again.json["run_id"] == done.json["run_id"]


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["model=nope"], "model=nope: allowed is"),
        (["model=tiny", "seed=-1"], "seed=-1"),
        (["model=tiny", "stimuli.path=none.csv"], "cannot be read"),
    ],
)
def test_failures_are_json_too(launch, args, words):
    done = launch(*args, "output=json", check=False)
    assert done.json["status"] == "failed"
    assert words in done.json["error"]
    assert words in done.err


@pytest.mark.slow
def test_table_has_what_a_reader_looks_for(launch, small_csv):
    out = launch(*TINY, f"stimuli.path={small_csv}").out
    for word in (
        "best layer",
        "anisotropy",
        "RDM std",
        "reliability",
        "nearest pair",
        "farthest pair",
        "run ",
        "make ui",
    ):
        assert word in out


@pytest.mark.slow
def test_a_sweep_goes_on_after_a_failure_and_says_so_in_its_exit_code(launch, small_csv):
    done = launch(
        "-m",
        *TINY,
        f"stimuli.path={small_csv}",
        "model.tiny.architecture=mamba,gpt2",
        "output=json",
        check=False,
    )
    jobs = [json.loads(line) for line in done.out.splitlines()]
    assert [job["status"] for job in jobs] == ["failed", "finished", "failed"]  # the sweep last
    assert jobs[-1]["metrics"] == {"points": 2, "finished": 1, "reused": 0, "failed": 1}
    assert "error: model.tiny.architecture=mamba: allowed is llama" in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["model=nope"], "model=nope: allowed is gemma2_2b"),
        (["precision=fp12"], "precision=fp12: allowed is bf16, fp16, fp32"),
        (["nope=1"], "error: nope: no such parameter; in this group there are"),
        (["seed=abc"], "error: seed=abc: Value 'abc' of type 'str' could not be converted"),
        (
            ["job.precisions=[fp64]"],
            "error: job.precisions=[fp64]: Invalid value 'fp64', expected one of [fp32",
        ),
        (
            ["precision.four_bit.type=nf3"],
            "precision.four_bit.type: no such parameter; in this group there are compute_dtype",
        ),
        (["backend.batch_size=0", "model=tiny"], "backend.batch_size=0"),
        (["stimuli.path=none.csv", "model=tiny"], "none.csv: cannot be read"),
        (["model=hub", "model.id=./nowhere"], "no such folder"),
        (["model="], "model"),
        (["a=b=c["], "override a=b=c["),
        (["model=tiny", "backend.device=mps"], "backend.device=mps: allowed is cpu"),
    ],
)
def test_wrong_input_is_one_line_and_writes_nothing(launch, tmp_path, args, words):
    done = launch(*args, check=False)
    errors = [line for line in done.err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert words in errors[0]
    assert "Traceback" not in done.err
    assert done.out == ""
    left = {p.name for p in (tmp_path / "project").iterdir()}
    assert left == {"launch.py", "conf", "emo"}
