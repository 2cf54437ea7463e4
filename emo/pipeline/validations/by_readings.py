"""Validations by reading texts: scenarios, numbers, places of a dialogue and the answer behind."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from emo.activations.backend import TokenSpan
from emo.core.validation.diagonal import diagonal
from emo.core.validation.result import Battery, Scenarios, Turns
from emo.core.validation.table import R_APART
from emo.core.validation.trends import Trends, trend, trends
from emo.core.validation.turns import agreement, prediction
from emo.errors import ArtifactError
from emo.pipeline.axes import Extracted
from emo.pipeline.validations.setting import Setting
from emo.pipeline.validations.vector_readings import (
    half_vectors,
    permuted_readings,
    surface_readings,
)
from emo.process.progress import track
from emo.stimuli.validation_data import Told

LEAST = 3
"""Fewest emotions, or scenarios, that anything is told of."""
DRAWS = 999
"""Most draws of permuted labels."""
SPLITS = 20
"""Random halves of the run's items, for the noise of the vectors."""


def known(setting: Setting, battery: Sequence[Told]) -> list[Told]:
    """The scenarios whose emotion the run has a vector of."""
    return [told for told in battery if told.emotion in setting.emotions]


def scenarios(setting: Setting) -> Scenarios | None:
    """Both batteries at the assistant colon, each against its permuted labels.

    Source: the published matrix is twelve scenarios by twelve emotions, read at the same place.
    """
    batteries = [known(setting, b) for b in (setting.data.first, setting.data.second)]
    if len({told.emotion for told in batteries[0]}) < LEAST:
        setting.notes.append("scenarios: the run has vectors of fewer than three of their emotions")
        return None
    found = [_battery(setting, told, i) for i, told in enumerate(batteries)]
    return Scenarios(*found)


def _battery(setting: Setting, told: Sequence[Told], number: int) -> Battery:
    spans = [setting.dialogue.turn(each.text).at_colon for each in told]
    values = setting.readings.of(spans)
    meant = np.array([setting.emotions.index(each.emotion) for each in told])
    surface = _surface(setting, [each.text for each in told])
    words = float("nan")
    if surface is not None:
        rng = setting.rng("scenarios", "words", number)
        words = diagonal(surface, meant, 99, rng).value
    rng = setting.rng("scenarios", number)
    return Battery(
        ids=tuple(each.id for each in told),
        meant=tuple(each.emotion for each in told),
        readings=tuple(tuple(map(float, row)) for row in values),
        found=diagonal(values, meant, setting.permutations, rng, surface),
        surface=words,
    )


def _surface(setting: Setting, texts: Sequence[str]) -> np.ndarray | None:
    """What the words of texts share with those of the run's own; None, and a note, if unknown.

    Scenarios and passages may share words: a model that knows no emotion matches them then.
    """
    try:
        told = Extracted.read(setting.plan, setting.logged).texts
    except ArtifactError as error:
        setting.notes.append(f"scenarios: not compared with the words alone: {error.problem}")
        return None
    found = surface_readings(setting.loaded, setting.emotions, told, texts)
    if not np.isfinite(found).all():
        setting.notes.append("scenarios: not compared with the words alone: an emotion has no text")
        return None
    return found


def numbers(setting: Setting) -> Trends | None:
    """Readings at the colon over the numbers of every text, in the directions named beforehand.

    Source: six templates in the paper; the controls and the test over texts are this project's.
    """
    found = []
    for text in track(setting.data.numbers, "numbers in texts"):
        named = [(e, 1) for e in text.rises] + [(e, -1) for e in text.falls]
        named = [(e, sign) for e, sign in named if e in setting.emotions]
        if not named:
            continue
        columns = [setting.emotions.index(e) for e, _ in named]
        told, control = (
            setting.readings.of([setting.dialogue.turn(t).at_colon for t in text.filled(template)])
            for template in (text.text, text.control)
        )
        emotions, signs = zip(*named, strict=True)
        found.append(
            trend(
                *(text.id, told[:, columns], control[:, columns], emotions, signs),
                *(min(setting.permutations, 5000), setting.rng("numbers", text.id)),
            )
        )
    if len(found) < LEAST:
        setting.notes.append("numbers: fewer than three texts name an emotion of the run")
        return None
    return trends(found, setting.permutations, setting.rng("numbers"))


def turns(setting: Setting) -> Turns | None:
    """The user's last token, the colon and the answer, over the scenarios of both batteries.

    Source: published are r .11 of the two places, and r .87 and .59 of colon and user's turn with the
    answer. The ceiling, the intervals and the tests are this project's.
    """
    told = known(setting, (*setting.data.first, *setting.data.second))
    if len(told) < LEAST:
        setting.notes.append("turns: fewer than three scenarios have an emotion of the run")
        return None
    placed = [setting.dialogue.turn(each.text) for each in told]
    n, at_user, at_colon = len(told), [t.at_user for t in placed], [t.at_colon for t in placed]
    written = answers(setting, [t.ids for t in placed])
    spans = [
        TokenSpan(t.ids + w, len(t.ids), len(t.ids) + len(w))
        for t, w in zip(placed, written, strict=True)
        if w
    ]
    values = setting.readings.activations([*at_user, *at_colon, *spans])
    cosines = setting.readings.cosines(values)
    user, colon = cosines[:n], cosines[n : 2 * n]
    permuted = _permuted(setting, values)
    there = [i for i, w in enumerate(written) if w]
    predicted = None
    if len(there) >= LEAST:
        rng = setting.rng("turns", "answers")
        places = [permuted[:, there], permuted[:, [n + i for i in there]], permuted[:, 2 * n :]]
        predicted = prediction(
            user[there],
            colon[there],
            cosines[2 * n :],
            np.stack(places, axis=1),
            setting.permutations,
            rng,
        )
    found = agreement(
        *(user, colon, _halves(setting, values[: 2 * n], n), R_APART),
        *(setting.permutations, setting.rng("turns")),
    )
    tokenizer = setting.loaded.tokenizer
    texts = tuple(tokenizer.decode(list(w), skip_special_tokens=True).strip() for w in written)
    return Turns(n, found, predicted, texts)


def _permuted(setting: Setting, values: np.ndarray) -> np.ndarray:
    """Readings by vectors of permuted labels, [draw span emotion]; no draw without activations."""
    try:
        activations = setting.logged.activations
    except ArtifactError:  # said where halves are read
        return np.empty((0, len(values), len(setting.emotions)))
    rng, draws = setting.rng("turns", "labels"), min(setting.permutations, DRAWS)
    return permuted_readings(setting.source, activations, setting.layer, values, draws, rng)


def _halves(setting: Setting, values: np.ndarray, n: int) -> np.ndarray:
    """Readings by vectors of disjoint halves of the run's items, [split half place scenario emotion]."""
    nothing = np.full((1, 2, 2, n, len(setting.emotions)), np.nan)
    try:
        activations = setting.logged.activations
    except ArtifactError as error:
        setting.notes.append(f"turns: no ceiling: {error.problem}")
        return nothing
    rng = setting.rng("turns", "halves")
    pairs = half_vectors(setting.source, activations, setting.layer, SPLITS, rng)
    read = [[setting.readings.cosines(values, v).reshape(2, n, -1) for v in pair] for pair in pairs]
    found = np.array(read)
    if not np.isfinite(found).all():
        setting.notes.append("turns: no ceiling: some emotion has no item in one of two halves")
        return nothing
    return found


def answers(setting: Setting, prompts: Sequence[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """Greedy answers, without their end of text; stored ones are not written again."""
    from emo.generation.decoding import HFDecoder
    from emo.generation.generating import Generation, generate
    from emo.generation.samples import Finish, Request
    from emo.generation.texts import TextStore
    from emo.runs.identity import batch_decides, text_identity

    config, plan = setting.plan.config, setting.plan
    decoder = HFDecoder(setting.loaded)
    settings = Generation(
        max_new_tokens=config.job.validate.max_new_tokens,
        sampling=None,
        seed=0,
        batch_size=config.decode_batch_size,
        batch_decides=batch_decides(config),
    )
    identity = text_identity(config, plan.weights, plan.device) | decoder.way.identity
    store = TextStore(config.path(config.paths.store), identity)
    made = generate(decoder, [Request(ids) for ids in prompts], settings, store, track)
    return [t.tokens[:-1] if t.finish is Finish.eos else t.tokens for t in made.items]
