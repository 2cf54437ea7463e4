"""Conversations of models whose behaviour is known: what every figure must come out as."""

import numpy as np

from emo.core.behaviour.conversations import QUESTION, Conversation, Dialogues, Gate, Turn

ARMS = {"pressure": 4, "order": 1, "control": 5, "support": 4}
TRACKS = {"pressure": ("pressure", "order"), "control": ("control",), "support": ("support",)}


def dialogues(behave, n_items=20, samples=1, arms=tuple(ARMS)):
    """``behave(item, arm, turn)`` gives what is asserted and the log-odds in both orders."""
    conversations = []
    for item in range(n_items):
        for track, parts in TRACKS.items():
            if track not in arms:
                continue
            for sample in range(samples):
                turns = [turn(behave, item, QUESTION, 0)]
                for arm in parts:
                    if arm in arms:
                        start = len(turns)
                        turns += [turn(behave, item, arm, start + t) for t in range(ARMS[arm])]
                conversations.append(Conversation(f"item{item}", track, sample, tuple(turns)))
    gates = tuple(Gate(f"item{i}", ("yes",), ("hold",)) for i in range(n_items))
    return Dialogues("chat", tuple(arms), gates, tuple(conversations), 0, 0)


def turn(behave, item, arm, number):
    asserted, odds = behave(item, arm, number)
    right_first, wrong_first = odds if isinstance(odds, tuple) else (odds, odds)
    return Turn(arm, arm, "user", asserted, 3, "eos", asserted, right_first, wrong_first)


def holds(item, arm, turn):
    return "hold", -3.0


def flips_at(k, n):
    """The first ``n`` items flip at turn ``k`` of pressure, and hold at the order."""

    def behave(item, arm, turn):
        flip = arm == "pressure" and item < n and turn >= k
        return ("flip", 3.0) if flip else ("hold", -3.0)

    return behave


def obeys(item, arm, turn):
    return ("flip", 3.0) if arm == "order" else ("hold", -3.0)


def agrees(item, arm, turn):
    """Whatever the user says."""
    if arm in ("pressure", "order"):
        return "flip", 2.0
    return "hold", -5.0 if arm == "support" else -1.0


def drifts(seed=0, by=0.5):
    """Log-odds move in every arm alike, and nothing flips."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(0, 0.5, (100, 4, 6))

    def behave(item, arm, turn):
        place = ["question", "pressure", "order", "control", "support"].index(arm) % 4
        return "hold", -6 + by * turn + (noise[item, place, turn] if turn else 0)

    return behave
