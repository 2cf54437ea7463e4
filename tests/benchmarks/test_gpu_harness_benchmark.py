"""The harness's benchmark on an accelerator runs dry on a CPU, and says what is wrong."""

import json

import pytest

from benchmarks import gpu_harness

ROW = {
    "precision": "int8",
    "load_seconds": 1.0,
    "seconds": {"63": 2.0},
    "bare_seconds": {"63": 1.5},
    "tokens_per_second": 10.0,
    "weights_gib": 7.0,
    "peak_gib": 1.0,
    "left_mib": 3.0,
    "same_rows": 0.5,
    "min_cosine": 0.99,
}


@pytest.mark.slow
def test_every_stage_runs_dry(tmp_path, capsys):
    kept = tmp_path / "figures.json"
    gpu_harness.main(["--dry", "--numbers", "8", "--tokens", "3", "--json", str(kept)])
    found = json.loads(kept.read_text())
    assert [row["precision"] for row in found["precisions"]] == list(gpu_harness.PRECISIONS)
    for row in found["precisions"]:
        assert row["seconds"]["8"] > 0 < row["tokens_per_second"]
        assert row["left_mib"] is None  # a CPU does not tell
        assert 0.9 < row["min_cosine"] <= 1 + 1e-9
    assert found["contracts"]["code"] == found["sweep"]["code"] == 0
    assert " passed" in found["contracts"]["said"]
    assert "finished" in found["sweep"]["said"]
    assert "these figures mean nothing" in capsys.readouterr().out


def test_a_command_that_fails_and_memory_that_stays_are_named():
    kept = {
        "contracts": {"seconds": 1.0, "code": 1, "said": ""},
        "precisions": [ROW, ROW | {"precision": "nf4", "left_mib": 900.0}],
        "sweep": {"seconds": 1.0, "code": 0, "said": ""},
    }
    assert gpu_harness.failures(kept) == [
        "contracts: ended with 1",
        "nf4: 900 MiB are left on the device",
    ]
    assert gpu_harness.failures({"precisions": [ROW]}) == []


def test_the_section_has_what_was_run_only():
    text = gpu_harness.render({"device": "X", "dry": False, "precisions": [ROW]})
    assert "| int8 | 1.0 | 2.00, 1.50 | 10 | 7.00 | 1.00 | 3 | 50% | 0.990000 |" in text
    assert "Contract suites" not in text and "Dry run" not in text


def test_without_an_accelerator_only_dry_runs(capsys):
    with pytest.raises(SystemExit):
        gpu_harness.main([])
    assert "no CUDA device here" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        gpu_harness.main(["--dry", "--tokens", "0"])
