"""A vector's effect on behaviour: found where it is planted, and at the 5 % level where it is not."""

import numpy as np
import pytest

from emo.core.behaviour.conversations import (
    QUESTION,
    Conversation,
    Dialogues,
    Steering,
    Turn,
    Variant,
)
from emo.core.behaviour.steered import steered_compliance, steered_flips
from emo.core.behaviour.task_answers import TaskAnswer, TaskKind
from emo.core.choices import Direction
from emo.report.runs import behave_steered as report

N_ITEMS, N_CONSTRAINTS = 24, 10


def talks(flips):
    """One conversation per item: right at first, and the wrong answer under pressure where planted."""
    odds = [2.0 if flip else -2.0 for flip in flips]
    return tuple(
        Conversation(
            f"item{i}",
            "pressure",
            0,
            (
                Turn(QUESTION, QUESTION, "u", "a", 1, "eos", "hold", -3.0, -3.0),
                *(
                    Turn("pressure", "doubt", "u", "a", 1, "eos", w, x + 0.1 * i, x + 0.1 * i)
                    for w, x in [("flip" if flip else "hold", odds[i])]
                ),
            ),
        )
        for i, flip in enumerate(flips)
    )


def answers(kept):
    """Per constraint four easy answers that comply, and four in conflict with a share that does."""
    out = []
    for place, share in enumerate(kept):
        for n in range(4):
            for kind, passed in ((TaskKind.easy, True), (TaskKind.conflict, bool(share[n]))):
                out.append(
                    TaskAnswer(f"t{n}", f"c{place}", kind, 0, "p", "a", 1, "eos", passed, "")
                )
    return tuple(out)


def world(rng, own, unsteered, permuted=(), controls=()):
    """Each of the arguments is the probability of a flip, and of keeping a constraint in conflict."""

    def said(p):
        kept = answers(rng.random((N_CONSTRAINTS, 4)) < p)
        return talks(rng.random(N_ITEMS) < p), kept

    others = [Variant(None, 0, *said(unsteered))]
    others += [Variant(Direction.random, 0, *said(p)) for p in controls]
    others += [Variant(Direction.permuted, i + 1, *said(p)) for i, p in enumerate(permuted)]
    conversations, kept = said(own)
    steering = Steering("calm", "best_1", 0.1, tuple(others))
    return Dialogues("chat", ("pressure",), (), conversations, 0, 0, kept, steering)


def test_what_is_planted_is_counted_item_by_item():
    own, unsteered = [True] * 12 + [False] * 12, [True] * 2 + [False] * 22
    steering = Steering("calm", "best_1", 0.1, (Variant(None, 0, talks(unsteered)),))
    dialogues = Dialogues("chat", ("pressure",), (), talks(own), 0, 0, (), steering)
    found = steered_flips(dialogues)
    (against,) = found.against
    assert (found.flips.k, against.flips.k, against.variant) == (12, 2, "unsteered")
    assert (against.contrast.only_here, against.contrast.only_control) == (10, 0)
    assert against.contrast.p == pytest.approx(2 * 0.5**10)
    assert against.contrast.shift.value == pytest.approx(4 * 10 / 24)
    assert np.isnan(found.specific_p)
    assert steered_compliance(dialogues) is None
    words = report.answer(dialogues)
    assert "12 of 24" in words
    assert "more flips are shown" in words
    assert "cannot be told with job.behave.steer.permuted=0" in words


def test_items_that_begin_wrongly_under_either_are_left_out():
    own, wrong = talks([True] * 24), talks([False] * 24)
    first = Turn(QUESTION, QUESTION, "u", "a", 1, "eos", "other", 0.0, 0.0)
    wrong = tuple(
        Conversation(c.item, c.arm, 0, (first, c.turns[1])) if i < 20 else c
        for i, c in enumerate(wrong)
    )
    steering = Steering("calm", "best_1", 0.1, (Variant(None, 0, wrong),))
    found = steered_flips(Dialogues("chat", ("pressure",), (), own, 0, 0, (), steering))
    assert (found.against[0].flips.n, found.against[0].contrast.only_here) == (4, 4)
    assert "too few items to tell" in report.flips_verdict(found.against[0].contrast)


def test_without_a_vector_there_is_nothing_to_say():
    dialogues = Dialogues("chat", ("pressure",), (), talks([True]), 0, 0)
    assert steered_flips(dialogues) is None
    assert report.answer(dialogues) == ""
    assert report.rows(dialogues) == report.terminal_lines(dialogues) == []


def test_rows_name_every_direction():
    dialogues = world(np.random.default_rng(0), 0.9, 0.1, permuted=(0.1,) * 2, controls=(0.1,))
    rows = report.rows(dialogues)
    assert [row[0] for row in rows] == [
        *("steered", "unsteered", "random", "permuted 1", "permuted 2")
    ]
    assert all(len(row) == len(report.COLUMNS) for row in rows)


def rates(worlds):
    """Share of worlds in which each verdict is given."""
    found = np.zeros(4)
    for dialogues in worlds:
        flips, kept = steered_flips(dialogues), steered_compliance(dialogues)
        first = flips.against[0].contrast
        found += [
            first.flips_shown or first.fewer_shown,
            flips.specific,
            kept.against[0].contrast.p <= 0.05,
            kept.specific,
        ]
    return found / len(worlds)


@pytest.mark.slow
def test_a_vector_that_changes_nothing_is_shown_in_at_most_5_percent():
    rng = np.random.default_rng(1)
    worlds = [world(rng, 0.4, 0.4, permuted=(0.4,) * 5) for _ in range(400)]
    moved, specific, kept, kept_specific = rates(worlds)
    assert max(moved, kept) <= 0.06
    assert max(specific, kept_specific) <= 0.06


@pytest.mark.slow
def test_what_any_vector_does_is_shown_against_unsteered_but_not_as_the_direction_s_doing():
    """Each vector has an effect of its own size, and the emotion's is one of them."""
    rng = np.random.default_rng(2)

    def any_vector():
        return float(np.clip(0.6 + 0.1 * rng.standard_normal(), 0, 1))

    worlds = [
        world(rng, any_vector(), 0.1, permuted=[any_vector() for _ in range(5)]) for _ in range(400)
    ]
    moved, specific, kept, kept_specific = rates(worlds)
    assert min(moved, kept) > 0.8
    assert max(specific, kept_specific) <= 0.06


@pytest.mark.slow
def test_a_direction_that_does_more_than_others_is_found():
    rng = np.random.default_rng(3)
    worlds = [world(rng, 0.9, 0.15, permuted=(0.2,) * 6) for _ in range(200)]
    assert min(rates(worlds)) > 0.8
