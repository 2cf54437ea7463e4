"""Validations by what the model says next: the logit lens, "He feels", choices between activities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from emo.core.stats.resampling import index
from emo.core.validation.diagonal import diagonal
from emo.core.validation.lens import lens_ranks, percentiles
from emo.core.validation.preference import Preference, preference
from emo.core.validation.result import Feels, Lens, LensTokens
from emo.pipeline.token_texts import shown_tokens
from emo.pipeline.validations.setting import Setting
from emo.process.progress import track
from emo.stimuli.emotion_words import load_emotion_words

if TYPE_CHECKING:
    from emo.steering.injection import Addition

SHOWN = 5
"""Tokens at either end, as published."""
RANDOM = 200
"""Random directions that own words are ranked under."""
FEELS = "He feels"
QUESTION = "Which would you rather do?\nA: {a}\nB: {b}\nAnswer with A or B."
ABOUT_TO = "I am about to {a}."
LEAST = 3
"""Fewest emotions that a match can be told of."""


def words_of(setting: Setting) -> dict[str, tuple[int, ...]]:
    """Emotion -> ids of its words that are one token, with and without a blank and a capital.

    Its words are its name and the labels of ``emotion_words.yaml`` that no other emotion of the run has.
    """
    table, tokenizer = load_emotion_words(), setting.loaded.tokenizer
    labels = {e: (e, *(table[e].labels if e in table else ())) for e in setting.emotions}
    found = {}
    for emotion, own in labels.items():
        others = {w for e, ws in labels.items() if e != emotion for w in ws}
        ids = [single(tokenizer, word) for word in own if word not in others]
        if some := tuple(dict.fromkeys(i for each in ids for i in each)):
            found[emotion] = some
    return found


def single(tokenizer: Any, word: str) -> tuple[int, ...]:
    """Ids of the forms of a word that are one token."""
    forms = [blank + form for blank in (" ", "") for form in (word, word.capitalize())]
    ids = [tokenizer(form, add_special_tokens=False)["input_ids"] for form in forms]
    return tuple(dict.fromkeys(each[0] for each in ids if len(each) == 1))


def lens(setting: Setting) -> tuple[Lens, dict[int, tuple[LensTokens, ...]]]:
    """The lens of every vector at every layer, and the tokens at either end by layer.

    Source: the published lens shows five tokens of twelve emotions. The ranks of the emotions' own words
    and their nulls are this project's.
    """
    from emo.steering.next_token import lens_logits

    words = words_of(setting)
    named = [e for e in setting.emotions if e in words]
    rows = [setting.emotions.index(e) for e in named]
    sets = [words[e] for e in named]
    tokens, by_layer, ranks = {}, [], None
    n_layers = setting.vectors.values.shape[0]
    for layer in track(range(n_layers), "logit lens"):
        norm = setting.source.frame.norm[layer]
        directions = setting.directions(layer) * (norm if np.isfinite(norm) and norm > 0 else 1.0)
        if not np.isfinite(directions).all():
            by_layer.append(float("nan"))
            continue
        logits = lens_logits(setting.model, directions)
        tokens[layer] = tuple(_ends(setting, logits))
        if not named:
            by_layer.append(float("nan"))
            continue
        own = percentiles(logits[rows], sets)
        by_layer.append(float(np.diag(own).mean()))
        if layer == setting.layer and len(named) >= LEAST:
            drawn = lens_logits(setting.model, norm * setting.random_directions(RANDOM, "lens"))
            random = percentiles(drawn, sets)
            ranks = lens_ranks(named, own, random, setting.permutations, setting.rng("lens"))
    if ranks is None:
        setting.notes.append(
            f"lens: {len(named)} emotions have a word that is one token, fewer than {LEAST}: no ranks"
        )
    without = tuple(e for e in setting.emotions if e not in words)
    return Lens(tokens[setting.layer], ranks, tuple(by_layer), without), tokens


def _ends(setting: Setting, logits: np.ndarray) -> list[LensTokens]:
    tokenizer = setting.loaded.tokenizer
    known = logits[:, : len(tokenizer)]  # some models have rows that no token stands for

    def ends(values: np.ndarray) -> np.ndarray:
        """Ids of the largest values, the largest first."""
        some = np.argpartition(-values, SHOWN, axis=1)[:, :SHOWN]
        order = np.argsort(-np.take_along_axis(values, some, axis=1), axis=1, kind="stable")
        return np.take_along_axis(some, order, axis=1)

    def shown(ids: np.ndarray) -> tuple[str, ...]:
        return tuple(shown_tokens(tokenizer, (int(i),))[0] for i in ids)

    return [
        LensTokens(e, shown(top), shown(bottom))
        for e, top, bottom in zip(setting.emotions, ends(known), ends(-known), strict=True)
    ]


def feels(setting: Setting) -> Feels | None:
    """How every vector moves the log-probability of every emotion's word behind "He feels".

    Source: the published matrix is 12 x 12; a replication found random controls to do the same, hence
    the control.
    """
    from emo.generation.prompting import prompt_ids
    from emo.steering.next_token import next_logits

    tokenizer = setting.loaded.tokenizer
    first = {e: single(tokenizer, e)[:1] for e in setting.emotions}
    named = [e for e in setting.emotions if first[e]]
    if len(named) < LEAST:
        setting.notes.append(f"feels: {len(named)} emotions are one token, fewer than {LEAST}")
        return None
    ids = prompt_ids(tokenizer, FEELS, False).ids
    size = setting.scale * setting.plan.config.job.validate.strength
    own = setting.directions(setting.layer)[[setting.emotions.index(e) for e in named]]
    random = setting.random_directions(len(named), "feels")
    added = [{setting.layer: (size * d).astype(np.float32)} for d in np.concatenate([own, random])]
    batch = setting.plan.config.batch_size
    logs = next_logits(setting.model, [ids] * (1 + len(added)), None, batch, [{}, *added])
    words = logs[:, [first[e][0] for e in named]].astype(np.float64)
    shifts, n = words[1:] - words[:1], len(named)
    found = diagonal(shifts[:n], np.arange(n), setting.permutations, setting.rng("feels"))
    control = diagonal(shifts[n:], np.arange(n), 99, setting.rng("feels", "control"))
    matrix = tuple(tuple(map(float, row)) for row in shifts[:n])
    return Feels(tuple(named), matrix, found, control.value)


def choices(setting: Setting) -> np.ndarray:
    """Log-odds of A over B for every ordered pair of activities, [called A, called B]; else 0."""
    activities = [a.text for a in setting.data.activities]
    n = len(activities)
    pairs = [(i, j) for i in range(n) for j in range(n) if i != j]
    prompts = [
        setting.dialogue.ids(QUESTION.format(a=activities[i], b=activities[j])) for i, j in pairs
    ]
    batch = setting.plan.config.batch_size
    parts = [
        log_odds(setting, prompts[k : k + 8 * batch])
        for k in track(range(0, len(prompts), 8 * batch), "choosing between activities")
    ]
    out = np.zeros((n, n))
    for (i, j), value in zip(pairs, np.concatenate(parts), strict=True):
        out[i, j] = value
    return out


def log_odds(
    setting: Setting,
    prompts: Sequence[tuple[int, ...]],
    additions: Sequence[Addition] = (),
    places: Sequence[tuple[int, int]] = (),
) -> np.ndarray:
    """Log-odds of the answer A over B behind every prompt; of steered ones where ``places`` says."""
    from emo.steering.next_token import next_logits

    letters = [letter_ids(setting.loaded.tokenizer, letter) for letter in "AB"]
    kept, batch = [i for ids in letters for i in ids], setting.plan.config.batch_size
    logits = next_logits(setting.model, prompts, kept, batch, additions, places).astype(np.float64)
    split = len(letters[0])
    odds = np.logaddexp.reduce(logits[:, :split], axis=1)
    return odds - np.logaddexp.reduce(logits[:, split:], axis=1)


def letter_ids(tokenizer: Any, letter: str) -> tuple[int, ...]:
    """Ids of an answer of one letter, with and without a blank; a byte always is one token."""
    ids = [
        tokenizer(form, add_special_tokens=False)["input_ids"] for form in (letter, f" {letter}")
    ]
    return tuple(dict.fromkeys(each[-1] for each in ids if len(each) <= 2))


def preferred(setting: Setting) -> Preference | None:
    """Scores of the activities, and the readings on their tokens that go with them.

    Source: the published test has 64 activities; here 24, whole categories exchanged for the null.
    """
    activities = setting.data.activities
    spans = [setting.dialogue.part(ABOUT_TO.format(a=a.text), a.text) for a in activities]
    readings = setting.readings.of(spans)
    odds = choices(setting)
    if not np.isfinite(odds).all() or not np.isfinite(readings).all():
        setting.notes.append("preference: logits or readings are not finite")
        return None
    categories = index([a.category for a in activities])[1]
    return preference(
        *([a.text for a in activities], odds, readings, setting.emotions, setting.poles),
        *(categories, setting.permutations, setting.rng("preference")),
    )
