import pytest

from benchmarks import behaviour, command


@pytest.mark.slow
def test_it_runs_on_a_tiny_model_and_writes_its_own_section(monkeypatch, capsys):
    written = {}
    monkeypatch.setattr(command, "write_section", lambda n, text: written.update({n: text}))
    behaviour.main(["--model", "tiny", "--facts", "2", "--alone", "2", "--tokens", "4"])
    text = written["behaviour"]
    assert text in capsys.readouterr().out
    assert "| ours: up to 64 at once, cache kept over turns | asked | 6 |" in text
    assert "| ours: up to 64 at once, cache kept over turns | not asked | 6 |" in text
    assert text.count("| 2 of 2 |") == 4


def test_too_little_is_refused(capsys):
    with pytest.raises(SystemExit):
        behaviour.main(["--facts=0"])
    assert "allowed is at least" in capsys.readouterr().err
