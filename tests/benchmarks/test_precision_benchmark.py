import pytest

from benchmarks import command, precision, timing
from benchmarks.timing import Way


def test_ratios_are_of_medians_at_the_same_batch_size():
    def way(name, batch, *seconds):
        return Way(name, batch, 7 << 20, None, list(seconds))

    ways = [
        way("fp32", 16, 1.0, 9.0, 2.0),
        way("fp32", 1, 4.0),
        way("fp16", 16, 4.0),
        way("fp16", 1, 5.0),
        way("int8", 16, 3.0),
        way("int8", 1, 10.0),
        way("nf4", 16, 6.0),
        way("nf4", 1, 7.0),
    ]
    text = precision.render(ways, 21, "m", "quiet")
    assert "| fp32 | 16 | 2.00 | 1.00 to 9.00 | 1.00 | 0.50 | 7 |" in text
    assert "| int8 | 1 | 10.00 | 10.00 to 10.00 | 2.50 | 2.00 | 7 |" in text
    assert (
        "int8 takes 0.8 times as long as fp16 and 1.5 times as long as fp32; nf4 1.5 and 3.0"
        in text
    )


@pytest.mark.slow
def test_it_runs_on_a_tiny_model_and_writes_its_own_section(monkeypatch, capsys):
    written, seen = {}, []
    monkeypatch.setattr(command, "write_section", lambda name, text: written.update({name: text}))
    real = timing.read
    monkeypatch.setattr(
        timing, "read", lambda b, s, store, n: seen.append((len(s), n)) or real(b, s, store, n)
    )
    precision.main(["--rounds", "1", "--model", "tiny"])
    assert list(written) == ["precision"]
    assert written["precision"] in capsys.readouterr().out
    assert seen == [(21, 16), (21, 1)] * 4
    for name in ("fp32", "fp16", "int8", "nf4"):
        assert f"| {name} | 16 |" in written["precision"]


def test_rounds_below_one_are_refused(capsys):
    with pytest.raises(SystemExit):
        precision.main(["--rounds", "0"])
    assert "--rounds=0: allowed is at least 1" in capsys.readouterr().err
