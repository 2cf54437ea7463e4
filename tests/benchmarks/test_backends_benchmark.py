import pytest

from benchmarks import backends, command, timing
from benchmarks.timing import Way


def test_ratios_are_of_medians_over_hf_at_the_same_batch_size():
    def way(name, batch, mebibytes, *seconds):
        return Way(name, batch, mebibytes << 20, None, list(seconds))

    ways = [
        way("hf", 16, 7, 1.0, 9.0, 2.0),
        way("hf", 1, 7, 4.0),
        way("bridge", 16, 7, 3.0),
        way("bridge", 1, 7, 5.0),
        way("hooked", 16, 15, 1.0),
        way("hooked", 1, 15, 10.0),
    ]
    text = backends.render(ways, 21, "m", "quiet")
    assert "| hf | 16 | 2.00 | 1.00 to 9.00 | 1.00 | 7 |" in text
    assert "| bridge | 16 | 3.00 | 3.00 to 3.00 | 1.50 | 7 |" in text
    assert "| hooked | 1 | 10.00 | 10.00 to 10.00 | 2.50 | 15 |" in text


@pytest.mark.slow
def test_it_runs_on_a_tiny_model_and_writes_its_own_section(monkeypatch, capsys):
    pytest.importorskip("transformer_lens")
    written, seen = {}, []
    monkeypatch.setattr(command, "write_section", lambda name, text: written.update({name: text}))
    real = timing.read

    def read(backend, spans, store, batch_size):
        seen.append((type(getattr(backend, "model", None)).__name__, len(spans), batch_size))
        return real(backend, spans, store, batch_size)

    monkeypatch.setattr(timing, "read", read)
    backends.main(["--rounds", "1", "--model", "tiny"])
    assert list(written) == ["backends"]
    assert written["backends"] in capsys.readouterr().out
    readers = list(dict.fromkeys(kind for kind, _, _ in seen))
    assert readers[1:] == ["TransformerBridge", "HookedTransformer"] != readers[:1]
    assert [rest for _, *rest in seen] == [[21, 16], [21, 1]] * 3
    mebibytes = {line.split("|")[1].strip(): line.split("|")[-2] for line in rows(written)}
    assert mebibytes["hf"] == mebibytes["bridge"]
    assert int(mebibytes["hooked"]) > 1.5 * int(mebibytes["hf"])


def rows(written):
    return [
        line
        for line in written["backends"].splitlines()
        if line.startswith(("| hf", "| bridge", "| hooked"))
    ]


@pytest.mark.parametrize("option", ["rounds", "situations"])
def test_less_than_one_is_refused(option, capsys):
    with pytest.raises(SystemExit):
        backends.main([f"--{option}", "0"])
    assert f"--{option}=0: allowed is at least 1" in capsys.readouterr().err
