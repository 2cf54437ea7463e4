"""Batches, the text store, resuming: with a decoder that counts, and with a killed process."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from emo.errors import ConfigError, ModelError
from emo.generation.generating import check_room
from emo.generation.samples import Finish, Request, Sampling
from tests.generation.counting import GREEDY, SAMPLED, CountingDecoder, requests, run


@pytest.fixture
def root(tmp_path):
    return tmp_path / "texts"


def test_each_distinct_request_is_generated_once_and_order_is_kept(root):
    decoder = CountingDecoder()
    wanted = requests()[::-1] + requests(3)
    got = run(decoder, wanted, GREEDY, root)
    assert [t.prompt for t in got.items] == [r.prompt for r in wanted]
    assert (got.done, got.reused, decoder.n_texts) == (8, 0, 8)
    assert got.items == tuple(CountingDecoder().decode(wanted, 6, None))


def test_a_second_run_generates_nothing_whatever_the_batch_size_and_order(root):
    first = run(CountingDecoder(), requests(), GREEDY, root)
    decoder = CountingDecoder()
    second = run(decoder, requests()[::-1], replace(GREEDY, batch_size=5), root)
    assert (second.done, second.reused, decoder.n_texts) == (0, 8, 0)
    assert second.items == first.items[::-1]


def test_only_what_is_new_is_generated(root):
    run(CountingDecoder(), requests(5), GREEDY, root)
    got = run(CountingDecoder(), requests(8), GREEDY, root)
    assert (got.done, got.reused) == (3, 5)


def test_a_smaller_budget_is_served_as_the_prefix_with_the_right_finish(root):
    run(CountingDecoder(), requests(), replace(GREEDY, max_new_tokens=20), root)
    decoder = CountingDecoder()
    got = run(decoder, requests(), GREEDY, root)
    assert decoder.n_texts == 0
    assert got.items == tuple(CountingDecoder().decode(requests(), 6, None))
    assert [t.finish for t in got.items] == [Finish.eos] * 4 + [Finish.length] * 4
    assert [len(t.tokens) for t in got.items] == [3, 4, 5, 6, 6, 6, 6, 6]


def test_a_larger_budget_generates_again_only_what_had_not_ended(root):
    run(CountingDecoder(), requests(), GREEDY, root)
    decoder = CountingDecoder()
    larger = replace(GREEDY, max_new_tokens=20)
    got = run(decoder, requests(), larger, root)
    assert decoder.n_texts == 4
    assert got.items == tuple(CountingDecoder().decode(requests(), 20, None))
    # Now both lengths are there: either is served, in whatever order the shards are read.
    for settings in (GREEDY, larger):
        again = run(CountingDecoder(dies_after=0), requests(), settings, root)
        want = CountingDecoder().decode(requests(), settings.max_new_tokens, None)
        assert again.items == tuple(want)


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"sampling": Sampling(0.71)},
        {"sampling": Sampling(top_p=0.91)},
        {"sampling": None},
    ],
    ids=str,
)
def test_sampled_texts_belong_to_seed_and_settings(root, change):
    run(CountingDecoder(), requests(), SAMPLED, root)
    assert run(CountingDecoder(), requests(), SAMPLED, root).done == 0
    assert run(CountingDecoder(), requests(), replace(SAMPLED, **change), root).done == 8


def test_another_sample_prompt_or_reader_shares_nothing(root):
    (one,) = requests(1)
    run(CountingDecoder(), [one], SAMPLED, root)
    for other in (replace(one, sample=1), replace(one, prompt=(*one.prompt, 1))):
        assert run(CountingDecoder(), [other], SAMPLED, root).done == 1
    assert run(CountingDecoder(), [one], SAMPLED, root, {"m": 2}).done == 1


def test_greedy_texts_have_no_seed(root):
    run(CountingDecoder(), requests(), GREEDY, root)
    assert run(CountingDecoder(), requests(), replace(GREEDY, seed=9), root).done == 0


def test_batches_follow_from_the_set_of_requests(root):
    a, b = CountingDecoder(), CountingDecoder()
    run(a, requests(), GREEDY, root / "a")
    run(b, requests()[::-1] + requests(2), GREEDY, root / "b")
    assert a.batches == b.batches
    assert [len(x) for x in a.batches] == [3, 3, 2]
    lengths = [len(r.prompt) for batch in a.batches for r in batch]
    assert lengths == sorted(lengths)


MIXED = replace(GREEDY, batch_decides=True)


def test_where_the_batch_decides_it_is_generated_whole_or_served_whole(root):
    first = run(CountingDecoder(mixes=True), requests(), MIXED, root)
    decoder = CountingDecoder(mixes=True)
    assert run(decoder, requests(), MIXED, root).items == first.items
    assert decoder.n_texts == 0
    # Another batch size, or one request less, is another batch, another text, another entry.
    for wanted, settings in ((requests(), replace(MIXED, batch_size=4)), (requests(7), MIXED)):
        fresh = run(CountingDecoder(mixes=True), wanted, settings, root / "fresh")
        shared = run(CountingDecoder(mixes=True), wanted, settings, root)
        assert shared.items == fresh.items
        assert shared.items != first.items[: len(wanted)]


def test_where_the_batch_decides_a_lost_batch_is_generated_with_all_its_members(root):
    first = run(CountingDecoder(mixes=True), requests(), MIXED, root)
    next(root.glob("*/*.jsonl")).unlink()
    # A text of a shorter budget is missing from its batch only: still the whole batch runs.
    longer = replace(MIXED, max_new_tokens=20)
    for settings in (MIXED, longer):
        decoder = CountingDecoder(mixes=True)
        got = run(decoder, requests(), settings, root)
        assert {len(b) for b in decoder.batches} <= {2, 3}
        fresh = run(CountingDecoder(mixes=True), requests(), settings, root / str(settings))
        assert got.items == fresh.items
    assert run(CountingDecoder(dies_after=0), requests(), MIXED, root).items == first.items


def test_where_the_batch_decides_a_group_is_the_same_whatever_else_is_asked_for(root):
    wanted, more = requests(5), [*requests(8)[5:], requests(1)[0]]  # the last is asked for twice
    alone = run(CountingDecoder(mixes=True), wanted, MIXED, root, groups=["a"] * 5)
    decoder = CountingDecoder(mixes=True)
    both = run(decoder, wanted + more, MIXED, root, groups=["a"] * 5 + ["b"] * 4)
    assert both.items[:5] == alone.items
    assert both.items[-1] == alone.items[0]
    assert [set(batch) for batch in decoder.batches] == [set(more[:3])]
    assert (both.done, both.reused) == (3, 5)


def test_where_the_batch_does_not_decide_groups_share_batches(root):
    decoder = CountingDecoder()
    run(decoder, requests(6), GREEDY, root, groups=list("abcabc"))
    assert [len(batch) for batch in decoder.batches] == [3, 3]


@pytest.mark.parametrize("settings", [GREEDY, MIXED], ids=["greedy", "batches decide"])
def test_a_decoder_that_must_write_alone_gets_one_text_at_a_time(root, settings):
    decoder = CountingDecoder(mixes=True)
    decoder.alone = True
    got = run(decoder, requests(), settings, root, groups=list("abababab"))
    assert [len(batch) for batch in decoder.batches] == [1] * 8
    assert len(list(root.glob("*/*.jsonl"))) == 8  # each is saved as soon as it is written
    fewer = run(CountingDecoder(dies_after=0), requests(3), replace(settings, batch_size=1), root)
    assert fewer.items == got.items[:3]


def test_batch_one_needs_no_batch_in_its_identity(root):
    run(CountingDecoder(mixes=True), requests(), replace(MIXED, batch_size=1), root)
    got = run(CountingDecoder(), requests(5), replace(MIXED, batch_size=1), root)
    assert got.done == 0


def test_out_of_memory_halves_and_goes_on(root, caplog):
    decoder = CountingDecoder(fits=2)
    got = run(decoder, requests(), replace(GREEDY, batch_size=8), root)
    assert [len(b) for b in decoder.batches] == [2] * 4
    assert got.items == tuple(CountingDecoder().decode(requests(), 6, None))
    assert "half as many" in caplog.text


def test_what_was_done_before_memory_ran_out_is_kept(root):
    class Leaks(CountingDecoder):
        def decode(self, wanted, *args):
            self.fits = 2 if len(self.batches) < 2 else 0
            return super().decode(wanted, *args)

    with pytest.raises(ModelError, match=r"single text of 3 \+ 6 tokens"):
        run(Leaks(), requests(6), replace(GREEDY, batch_size=4), root)
    assert run(CountingDecoder(), requests(6), GREEDY, root).reused == 4


def test_a_batch_that_decides_is_not_halved_silently(root):
    with pytest.raises(ModelError, match=r"with 3 texts at once.*backend\.decode_batch_size"):
        run(CountingDecoder(fits=2), requests(), MIXED, root)


def test_more_tokens_than_the_model_reads_are_refused_before_anything_runs(root):
    decoder = CountingDecoder()
    with pytest.raises(
        ConfigError, match=r"prompts_path=a prompt of 3 tokens.*fewer than 3 tokens"
    ):
        check_room([Request((1, 2, 3))], 1, 3)
    with pytest.raises(ConfigError, match=r"max_new_tokens=98.*at most 97.*3 tokens.*reads 100"):
        run(decoder, requests(), replace(GREEDY, max_new_tokens=98), root)
    assert decoder.batches == []
    run(decoder, requests(), replace(GREEDY, max_new_tokens=97), root)
    with pytest.raises(ConfigError, match="at least 1"):
        run(decoder, requests(), replace(GREEDY, max_new_tokens=0), root)


def test_nothing_asked_nothing_done(root):
    assert run(CountingDecoder(), [], GREEDY, root).items == ()


# Killed in the middle of a batch by a signal that nothing can catch.

KILLED = """
import os, signal, sys
from pathlib import Path
from emo.config.enums import PrecisionName
from emo.generation.decoding import HFDecoder
from emo.generation.generating import Generation, generate
from emo.generation.samples import Request, Sampling
from emo.generation.texts import TextStore
from emo.models.loading import LoadedModel
from emo.models.tiny import build
from emo.models.weights import Weights

def texts(root, die_at=None):
    model, tokenizer = build("llama", 2, 64, 0)
    model.generation_config.eos_token_id = None
    steps = 0
    def count(*_):
        nonlocal steps
        steps += 1
        if steps == die_at:
            os.kill(os.getpid(), signal.SIGKILL)
    loaded = LoadedModel(model, tokenizer, Weights(None, "t", ""), "cpu", PrecisionName.fp32)
    decoder = HFDecoder(loaded)
    model.register_forward_pre_hook(count)
    wanted = [Request((0, 5 + i, 9), s) for i in range(4) for s in range(2)]
    settings = Generation(10, Sampling(1.0, 0.95), 0, 2, False)
    got = generate(decoder, wanted, settings, TextStore(Path(root), {"m": 1}))
    return got, steps
"""


@pytest.mark.slow
def test_a_killed_process_loses_the_running_batch_and_resumes_with_the_same_texts(root, tmp_path):
    script = tmp_path / "killed.py"
    script.write_text(KILLED + "\ntexts(sys.argv[1], die_at=25)\n")
    done = subprocess.run(
        [sys.executable, str(script), str(root)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()[-2000:]
    names: dict = {}
    exec(KILLED, names)
    undisturbed, steps = names["texts"](root / "undisturbed")
    assert steps == 40  # four batches of ten steps
    assert len({t.tokens for t in undisturbed.items}) == 8
    resumed, steps = names["texts"](root)
    assert (resumed.reused, resumed.done, steps) == (4, 4, 20)
    assert resumed.items == undisturbed.items
