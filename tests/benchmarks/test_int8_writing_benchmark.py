import pytest

from benchmarks import command, int8_writing
from benchmarks.int8_writing import Writing


def test_ratios_are_of_medians_at_the_same_batch_size():
    def way(name, batch, *milliseconds):
        return Writing(name, batch, None, None, [], list(milliseconds))

    made = [
        way("fp32", 16, 1.0),
        way("fp32", 1, 4.0),
        way("fp16", 16, 2.0, 9.0, 1.0),
        way("fp16", 1, 5.0),
        way("int8", 16, 6.0),
        way("int8", 1, 10.0),
        way("int8, shared", 16, 8.0),
    ]
    text = int8_writing.render(made, 12, "m", "quiet")
    assert "| fp16 | 16 | 2.0 | 1.0 to 9.0 | 2.00 | 1.00 |" in text
    assert "| int8, shared | 16 | 8.0 | 8.0 to 8.0 | 8.00 | 4.00 |" in text
    assert "at a batch of 16: 3.00 (aim: at most 2.5; missed)" in text
    assert "D one text at a time over C in a batch: 5.0." in text


@pytest.mark.slow
def test_it_runs_on_a_tiny_model_and_writes_its_own_section(monkeypatch, capsys):
    written = {}
    monkeypatch.setattr(command, "write_section", lambda name, text: written.update({name: text}))
    int8_writing.main(["--rounds", "1", "--model", "tiny", "--batch", "3", "--tokens", "2"])
    assert list(written) == ["int8_writing"]
    assert written["int8_writing"] in capsys.readouterr().out
    for row in ("fp32 | 3", "fp16 | 1", "int8 | 3", "int8, shared | 3"):
        assert f"| {row} |" in written["int8_writing"]


def test_a_batch_of_one_is_refused(capsys):
    with pytest.raises(SystemExit):
        int8_writing.main(["--batch", "1"])
    assert "--batch=1: allowed is at least 2" in capsys.readouterr().err
