import pytest

from benchmarks import command, steering
from benchmarks.steering import Way


def test_ratios_are_per_token_over_the_unsteered_way_of_the_same_block():
    def way(name, seconds, tokens):
        return Way(name, lambda: 0, seconds, tokens)

    ways = [
        way("unsteered", [1.0, 2.0, 9.0], [10, 20, 10]),  # 0.1 s a token
        way("steered", [1.1, 2.4, 1.1], [10, 20, 10]),  # 0.11
        way("bridge, unsteered", [2.0], [10]),
        way("bridge, steered", [2.6], [10]),
    ]
    text = steering.render(ways, "m.", "quiet")
    assert "| unsteered | 10.0 | 1.1 to 10.0 |  |" in text
    assert "| steered | 9.1 | 8.3 to 9.1 | 1.10 (met) |" in text
    assert "| bridge, steered | 3.8 | 3.8 to 3.8 | 1.30 (not met) |" in text


def test_it_runs_on_a_tiny_model_and_writes_its_own_section(monkeypatch, capsys):
    written = {}
    monkeypatch.setattr(command, "write_section", lambda name, text: written.update({name: text}))
    steering.main(["--rounds", "2", "--model", "tiny", "--batch", "3", "--tokens", "4"])
    assert list(written) == ["steering"]
    assert written["steering"] in capsys.readouterr().out
    for name in ("unsteered", "steered at one layer (2)", "steered at all 4 layers", "bridge, "):
        assert f"| {name}" in written["steering"]


def test_counts_below_one_are_refused(capsys):
    with pytest.raises(SystemExit):
        steering.main(["--batch", "0"])
    assert "--batch=0: allowed is at least 1" in capsys.readouterr().err
