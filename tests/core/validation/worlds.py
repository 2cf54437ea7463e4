"""Synthetic models whose every number of the table of job=validate is known: none holds, or all."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from emo.core.geometry.label_null import label_orders
from emo.core.stats.resampling import half_splits
from emo.core.validation.components import components
from emo.core.validation.diagonal import diagonal
from emo.core.validation.layers import layer_stability
from emo.core.validation.lens import lens_ranks, percentiles
from emo.core.validation.preference import preference
from emo.core.validation.result import Battery, Feels, Lens, Scenarios, Turns, ValidationResult
from emo.core.validation.steered_preference import steered_preference
from emo.core.validation.table import R_APART, STABLE
from emo.core.validation.trends import trend, trends
from emo.core.validation.turns import agreement, prediction

EMOTIONS = (
    *("blissful", "happy", "loving", "proud", "calm"),
    *("hostile", "sad", "afraid", "angry", "guilty"),
    *("reflective", "nervous"),
)
POLES = np.array([1.0] * 5 + [-1.0] * 5 + [0.0] * 2)
N, HIDDEN, SITUATIONS, LAYERS, VOCABULARY = len(EMOTIONS), 64, 12, 5, 240
LABELS, GROUPS = np.tile(np.arange(N), SITUATIONS), np.repeat(np.arange(SITUATIONS), N)
MEANT = np.repeat(np.arange(N), 2)
CATEGORIES = np.repeat(np.arange(8), 3)
FELT = 2.5
"""What is felt in a dialogue, in what the emotion adds to an item."""
PERMUTATIONS = 399
"""As few as a verdict over the eighteen numbers of the table allows: 18 / 400 is below 0.05."""


class Kind(StrEnum):
    """What a synthetic model has of emotions."""

    nothing = "nothing"
    """No emotion in it: the vectors are noise."""
    unused = "unused"
    """Every emotion has a direction of its own, of which nothing that the table asks is true."""
    all = "all"
    """Every claim of the table is true."""


@dataclass(frozen=True)
class Model:
    """Activations of labelled items, and what the emotions add to an activation."""

    kind: Kind
    truth: np.ndarray
    """By emotion: what it adds at the layer that is read."""
    items: np.ndarray
    """[layer, item, hidden]"""
    unembedding: np.ndarray
    """[token, hidden]; token e is the word of emotion e."""

    @property
    def read(self) -> np.ndarray:
        """The items at the layer that is read."""
        return self.items[-1]

    @property
    def vectors(self) -> np.ndarray:
        """Difference-of-means vectors of length 1."""
        return vectors_of(self.read, LABELS)

    def cosines(self, x: np.ndarray, vectors: np.ndarray | None = None) -> np.ndarray:
        """Readings of activations."""
        x = x - self.read.mean(axis=0)
        x = x / np.linalg.norm(x, axis=-1, keepdims=True)
        return x @ (self.vectors if vectors is None else vectors).T


def vectors_of(items: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Centred means of the items of every emotion, of length 1."""
    means = np.array([items[labels == e].mean(axis=0) for e in range(N)])
    means = means - means.mean(axis=0)
    return means / np.linalg.norm(means, axis=1, keepdims=True)


def made(kind: Kind, rng: np.random.Generator) -> Model:
    """A model. All layers read the same texts, so that their noise is shared in every kind."""
    axes = np.linalg.qr(rng.normal(size=(HIDDEN, HIDDEN)))[0]
    own = rng.normal(size=(LAYERS, N, HIDDEN))
    match kind:
        case Kind.nothing:
            truth = 0 * own
        case Kind.unused:
            truth = 0.8 * own  # a geometry of its own at each layer, without a leading axis
        case Kind.all:
            arousal = np.resize([1.0, -1.0], N)
            one = 2.4 * POLES[:, None] * axes[0] + 1.8 * arousal[:, None] * axes[1] + 0.35 * own[0]
            truth = np.broadcast_to(one, own.shape)
    shared = rng.normal(size=(len(LABELS), HIDDEN))
    shared = shared + 2 * rng.normal(size=(SITUATIONS, HIDDEN))[GROUPS]
    noise = 0.3 * rng.normal(size=(LAYERS, *shared.shape))
    unembedding = rng.normal(size=(VOCABULARY, HIDDEN))
    if kind is Kind.all:
        unembedding[:N] += 2 * own[0]
    return Model(kind, truth[-1], truth[:, LABELS] + shared + noise, unembedding)


def validated(model: Model, rng: np.random.Generator) -> ValidationResult:
    """The parts of the table, by the functions that job=validate calls."""
    feels, lens = spoken(model, rng)
    batteries, colons = zip(*(battery(model, rng) for _ in range(2)), strict=True)
    return ValidationResult(
        run_id="planted",
        layer=LAYERS - 1,
        layer_rule="",
        form="",
        emotions=EMOTIONS,
        trust="",
        strengths=(),
        findings=(),
        notes=(),
        lens=lens,
        scenarios=Scenarios(*batteries),
        numbers=counted(model, rng),
        turns=spoken_to(model, np.concatenate(colons), rng),
        preference=(preferred := liked(model, rng)),
        preference_steered=moved(model, [c.r for c in preferred.emotions], rng),
        components=components(
            *(model.read, LABELS, GROUPS, EMOTIONS, POLES.tolist(), PERMUTATIONS, rng)
        ),
        layers=layer_stability(model.items, tuple(range(LAYERS)), LABELS, GROUPS, STABLE, 6, rng),
        feels=feels,
    )


def spoken(model: Model, rng: np.random.Generator) -> tuple[Feels, Lens]:
    """Words under vectors, in a vocabulary some of whose words every vector promotes."""
    words = [[e] for e in range(N)]
    levels = rng.normal(size=VOCABULARY)
    random = rng.normal(size=(200, HIDDEN))
    random = random / np.linalg.norm(random, axis=1, keepdims=True)
    ranks, drawn = (
        percentiles(d @ model.unembedding.T + levels, words) for d in (model.vectors, random)
    )
    lens = Lens((), lens_ranks(EMOTIONS, ranks, drawn, PERMUTATIONS, rng), (), ())
    shifts = [
        d @ model.unembedding[:N].T + rng.normal(size=N) + rng.normal(size=(N, 1)) / 2
        for d in (model.vectors, random[:N])
    ]
    found, control = (diagonal(s, np.arange(N), PERMUTATIONS, rng) for s in shifts)
    return Feels(EMOTIONS, (), found, control.value), lens


def battery(model: Model, rng: np.random.Generator) -> tuple[Battery, np.ndarray]:
    """Scenarios at the colon, two per emotion. Their words match the emotions' in every kind."""
    told = FELT * model.truth[MEANT] * (model.kind is Kind.all)
    at_colon = told + 2 * rng.normal(size=told.shape)
    words = np.eye(N)[MEANT] + 0.5 * rng.normal(size=(len(MEANT), N))
    readings = model.cosines(at_colon) + 0.1 * words
    found = diagonal(readings, MEANT, PERMUTATIONS, rng, words)
    surface = diagonal(words, MEANT, 99, rng).value
    return Battery((), EMOTIONS, (), found, surface), at_colon


def counted(model: Model, rng: np.random.Generator):
    """Ten texts of six numbers, which the model writes along a direction of its own."""
    magnitude, found = rng.normal(size=HIDDEN), []
    for text in range(10):
        up, down = (text % 5, 5 + text % 5) if text % 2 else (5 + text % 5, text % 5)
        effect = (model.truth[up] - model.truth[down]) * (model.kind is Kind.all) / 2
        number = np.arange(6)[:, None]
        base = rng.normal(size=HIDDEN)
        told, plain = (
            base + number * (rng.uniform(0.2, 0.6) * magnitude + e) + rng.normal(size=(6, HIDDEN))
            for e in (effect, 0 * effect)
        )
        read, control = (model.cosines(x)[:, [up, down]] for x in (told, plain))
        names = (EMOTIONS[up], EMOTIONS[down])
        found.append(trend(f"text {text}", read, control, names, (1, -1), 49, rng))
    return trends(found, 2000, rng)


def spoken_to(model: Model, colon: np.ndarray, rng: np.random.Generator) -> Turns:
    """Places and answers. Without a claim that holds, texts go on as they were, in every direction."""
    n = len(colon)
    if model.kind is Kind.all:
        felt = FELT * model.truth[rng.permutation(np.resize(np.arange(N), n))]
        user = felt + 2 * rng.normal(size=colon.shape)
        answer = FELT * model.truth[np.resize(MEANT, n)] + 2 * rng.normal(size=colon.shape)
    else:
        user = colon + rng.normal(size=colon.shape)
        answer = colon + rng.normal(size=colon.shape)
    at_user, at_colon, in_answer = (model.cosines(x) for x in (user, colon, answer))
    orders = label_orders(GROUPS, LABELS, 199, rng)
    drawn = [vectors_of(model.read[order], LABELS) for order in orders]
    permuted = np.array([[model.cosines(x, v) for x in (user, colon, answer)] for v in drawn])
    halves = []
    for first in half_splits(GROUPS, LABELS, 6, rng):
        two = [vectors_of(model.read[h], LABELS[h]) for h in (first, ~first)]
        halves.append([[model.cosines(x, v) for x in (user, colon)] for v in two])
    return Turns(
        n=n,
        agreement=agreement(at_user, at_colon, np.array(halves), R_APART, PERMUTATIONS, rng),
        prediction=prediction(at_user, at_colon, in_answer, permuted, PERMUTATIONS, rng),
        answers=(),
    )


def liked(model: Model, rng: np.random.Generator):
    """24 activities; scores and readings differ between categories in every kind."""
    score = rng.normal(size=8)[CATEGORIES] + 0.5 * rng.normal(size=24)
    log_odds = score[:, None] - score[None, :] + 2.0 + rng.normal(size=(24, 24))
    activations = rng.normal(size=(8, HIDDEN))[CATEGORIES] + 0.5 * rng.normal(size=(24, HIDDEN))
    if model.kind is Kind.all:
        activations += score[:, None] * (POLES @ model.truth) / 4
    readings = model.cosines(activations)
    names = [f"activity {k}" for k in range(24)]
    poles = POLES.tolist()
    return preference(names, log_odds, readings, EMOTIONS, poles, CATEGORIES, PERMUTATIONS, rng)


def moved(model: Model, readings: list[float], rng: np.random.Generator):
    """Shifts of activities under vectors; without an effect they are those of any direction."""
    effect = 100 * POLES * (model.kind is Kind.all)
    other = rng.normal(size=N) / 3
    own, controls = (
        planted[:, None]
        + 30 * rng.normal(size=(N, 1))
        + 20 * rng.normal(size=(N, 8))[:, CATEGORIES]
        + 20 * rng.normal(size=(N, 24))
        for planted in (effect, 0 * effect)
    )
    read, poles = (np.array(readings), other), POLES.tolist()
    return steered_preference(
        EMOTIONS, own, controls, read, poles, CATEGORIES, 0.5, PERMUTATIONS, rng
    )
