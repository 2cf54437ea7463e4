"""The four ways do what the table says they do; no test asserts a time."""

import time
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from benchmarks import comprehension
from benchmarks.comprehension import (
    EXTRA_REPETITIONS,
    Case,
    Memory,
    Seconds,
    agreement,
    bare,
    measure,
    ours,
    peak_rss,
    render,
    single_passes,
)
from emo.activations.hf import HFBackend
from emo.activations.reading import tokenise
from emo.config.enums import PrecisionName, Readout
from emo.models.loading import LoadedModel
from emo.models.tiny import build
from emo.models.weights import Weights

N_LAYERS = 3
N_TEXTS = 5


@pytest.fixture(scope="module")
def case():
    model, tokenizer = build("llama", N_LAYERS, 64, 0)
    loaded = LoadedModel(model, tokenizer, Weights(None, "t", ""), "cpu", PrecisionName.fp32)
    texts = [f"A letter {'came and went ' * n}on day {n}." for n in range(N_TEXTS)][::-1]
    return Case(loaded, HFBackend(loaded), tokenise(tokenizer, texts, Readout.last), 2)


@pytest.fixture
def forwards(case):
    """Input shapes of every forward of the base model and of the head while a test runs."""
    seen = {"body": [], "head": []}
    model = case.loaded.model

    def body(_module, args, kwargs):
        ids = kwargs["input_ids"] if not args else args[0]
        seen["body"].append(ids.tolist())

    def head(_module, _args):
        seen["head"].append(1)

    handles = [
        model.base_model.register_forward_pre_hook(body, with_kwargs=True),
        model.lm_head.register_forward_pre_hook(head),
    ]
    yield seen
    for handle in handles:
        handle.remove()


def test_peers_give_the_numbers_of_ours_but_for_the_last_block(case):
    a, b = single_passes(case, range(N_LAYERS)), ours(case)
    assert a.shape == b.shape == (N_LAYERS, N_TEXTS, 64)
    assert np.allclose(a[:-1], b[:-1], atol=1e-5)
    assert not np.allclose(a[-1], b[-1], atol=1e-2)
    assert np.array_equal(single_passes(case, [1]), a[1:2])
    assert agreement(case) > 0.999999


def test_agreement_sees_a_single_wrong_passage(case, monkeypatch):
    right = ours(case)
    right[1, 3] = -right[1, 3]
    monkeypatch.setattr(comprehension, "ours", lambda _case: right)
    assert agreement(case) == pytest.approx(-1)


def test_a_peer_runs_the_head_once_a_passage(case, forwards):
    single_passes(case, [0])
    assert forwards["body"] == [[list(s.ids)] for s in case.spans]
    assert len(forwards["head"]) == N_TEXTS


def test_bare_runs_the_very_batches_of_ours_and_neither_runs_the_head(case, forwards):
    ours(case)
    of_ours = forwards["body"][:]
    forwards["body"].clear()
    bare(case)
    assert forwards["body"] == of_ours
    assert [len(batch) for batch in of_ours] == [2, 2, 1]
    assert not forwards["head"]


@pytest.mark.parametrize(
    ("rounds", "full", "repetitions"),
    [(2, False, 2), (3, False, 3), (2, True, N_LAYERS + 4), (1, True, N_LAYERS + 4)],
)
def test_every_way_is_run_as_often_as_it_says(case, monkeypatch, rounds, full, repetitions):
    calls = Counter()

    def counted(name, work):
        def run(*args):
            calls[name] += 1
            calls["layers"] += len(args[1]) if name == "single" else 0
            return work(*args)

        return run

    for name, work in (("single_passes", single_passes), ("ours", ours), ("bare", bare)):
        short = name.removesuffix("_passes")
        monkeypatch.setattr(comprehension, name, counted(short, work))
    seconds = measure(case, rounds, full)
    assert calls["single"] == repetitions + rounds
    assert calls["layers"] == repetitions + rounds * N_LAYERS
    assert (calls["ours"], calls["bare"]) == (rounds, rounds + 1)  # one to warm up
    assert len(seconds.repetitions) == repetitions
    assert len(seconds.one_pass) == len(seconds.ours) == len(seconds.bare) == rounds
    assert seconds.n_repetitions == N_LAYERS + EXTRA_REPETITIONS


SECONDS = Seconds([9.0, 11.0], [8.0, 9.0, 30.0], [3.0, 4.0, 5.0], [2.0, 3.0, 20.0], 34)


def test_ratios_are_of_medians_and_the_published_time_is_scaled(case):
    text = render(case, SECONDS, Memory(1000 << 20, 1400 << 20), 0.9999999, "a machine")
    assert "2 timed, scaled to 34" in text
    assert "| 340.0 | 9.00 to 11.00 each |" in text  # mean of 9 and 11, 34 times
    assert f"| {34 * N_TEXTS} |" in text
    assert "| a / c | 85.00 | at least 90 | no |" in text
    assert "| b / c | 2.25 | at least 2 | yes |" in text
    assert "| c / d | 1.33 | at most 1.1 | no |" in text
    assert "| peak memory of c / loaded process | 1.40 | at most 1.3 | no |" in text
    assert "1000 MiB" in text
    assert "0.999999900" in text
    assert "a machine" in text


def test_aims_can_be_met_and_a_full_run_says_so(case):
    quick = replace(SECONDS, ours=[1.0], n_repetitions=2)
    text = render(case, quick, Memory(1000, 1300), 1.0, "")
    assert "all of them timed" in text
    assert "| a / c | 20.00 | at least 90 | no |" in text
    assert "| c / d | 0.33 | at most 1.1 | yes |" in text
    assert "| 1.30 | at most 1.3 | yes |" in text


def test_peak_memory_sees_what_is_gone_at_the_end():
    with peak_rss() as peak:
        before = peak()
        block = np.ones(64 << 20, dtype=np.uint8)
        for _ in range(500):  # the sampler is a thread: give it the time it needs
            time.sleep(0.01)
            if peak() - before >= len(block) // 2:
                break
        del block
    assert peak() - before >= 32 << 20


def test_no_rounds_is_refused(capsys):
    with pytest.raises(SystemExit):
        comprehension.main(["--rounds=0"])
    assert "--rounds=0: allowed is at least 1" in capsys.readouterr().err
