import pytest

from emo.config.enums import Position
from emo.generation.positions import is_short, span
from emo.generation.samples import Finish, Generated


def text(n_prompt, n_generated):
    return Generated(tuple(range(n_prompt)), tuple(range(100, 100 + n_generated)), Finish.length)


@pytest.mark.parametrize(
    ("position", "n_generated", "want"),
    [
        # prompt of 7 tokens: generated ones stand at 7, 8, ...
        (Position.mid, 256, (7 + 128, 7 + 129)),
        (Position.mid, 13, (7 + 6, 7 + 7)),
        (Position.mid, 11, (7 + 5, 7 + 6)),
        (Position.mid, 10, (6, 7)),  # short: the prompt's last token
        (Position.mid, 1, (6, 7)),
        (Position.last, 256, (7 + 255, 7 + 256)),
        (Position.last, 1, (7, 8)),
        (Position.mean, 256, (7, 7 + 256)),
        (Position.mean, 1, (7, 8)),
        (Position.from_50, 256, (7 + 49, 7 + 256)),
        (Position.from_50, 50, (7 + 49, 7 + 50)),
        (Position.from_50, 49, (7, 7 + 49)),  # short: all generated ones
    ],
)
def test_positions(position, n_generated, want):
    got = span(text(7, n_generated), position)
    assert (got.start, got.stop) == want
    assert got.ids == text(7, n_generated).ids


@pytest.mark.parametrize(
    ("start", "n_generated", "want"),
    [(30, 100, (7 + 29, 107)), (30, 30, (7 + 29, 37)), (30, 29, (7, 36)), (1, 1, (7, 8))],
)
def test_the_mean_begins_at_the_token_that_is_asked_for(start, n_generated, want):
    got = span(text(7, n_generated), Position.from_start, start)
    assert (got.start, got.stop) == want
    short = is_short(text(7, n_generated), Position.from_start, start)
    assert short == (n_generated < start)


@pytest.mark.parametrize("n", [1, 49, 50, 80])
def test_from_the_fiftieth_is_from_token_fifty(n):
    assert span(text(3, n), Position.from_50) == span(text(3, n), Position.from_start, 50)


@pytest.mark.parametrize("position", Position)
def test_spans_lie_in_the_sequence_and_shortness_is_said(position):
    longest_short = {Position.mid: 10, Position.from_50: 49, Position.from_start: 49}.get(
        position, 0
    )
    for n in range(1, 70):
        got = span(text(3, n), position)
        assert 0 <= got.start < got.stop <= 3 + n
        assert is_short(text(3, n), position) == (n <= longest_short)


def test_the_fiftieth_generated_token_is_the_first_read():
    got = span(text(3, 80), Position.from_50)
    assert got.ids[got.start] == 100 + 50 - 1


def test_the_end_of_text_token_is_generated_and_can_be_read():
    ended = Generated((1, 2), (*range(10, 21), 0), Finish.eos)
    assert span(ended, Position.last).start == 2 + 11
    assert ended.ids[span(ended, Position.last).start] == 0
    assert span(ended, Position.mid).start == 2 + 6
