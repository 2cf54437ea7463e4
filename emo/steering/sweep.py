"""A sweep over doses: writes every text, measures it, and takes the limits from the controls."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from emo.config.enums import Decoding, SteerNorm, SteerPositions
from emo.core.choices import Direction
from emo.core.steering.dose_response import DoseSweep, SteeredText
from emo.core.steering.regimes import Limits, limits
from emo.core.steering.text_measures import (
    TextMeasures,
    distinct_n,
    foreign_share,
    repetition,
)
from emo.errors import ModelError
from emo.generation.generating import Generation, generate
from emo.generation.samples import Finish, Generated, Request
from emo.generation.texts import TextStore
from emo.steering.doses import Additions, Dose
from emo.steering.injection import (
    Addition,
    SteeredDecoder,
    SteeredRequest,
    addition_digest,
    open_decoder,
)
from emo.steering.judging import Judge, naming, note_unlisted
from emo.steering.scoring import Likelihood, likelihoods, written
from emo.steering.steerable import Steerable
from emo.stimuli.scenarios import Scenario

Track = Callable[[Iterable[Any], str], Iterable[Any]]


@dataclass(frozen=True)
class Setup:
    """How the texts of a sweep are written and read."""

    generation: Generation
    """For all texts, steered or not: limits are of the decoding of the texts that they judge."""
    positions: SteerPositions
    norm: SteerNorm
    track: Track = lambda items, _: items
    second: Judge | None = None
    """Scores the same texts beside the judge."""


def sweep(
    model: Steerable,
    prompts: Mapping[str, tuple[int, ...]],
    doses: Sequence[Dose],
    additions: Additions,
    judge: Judge,
    store: TextStore,
    setup: Setup,
    controls: Sequence[Scenario] = (),
) -> DoseSweep:
    """Every dose's text, the unsteered text of every scenario and of the controls, all measured.

    ``prompts`` are token ids by scenario id. ``controls`` are further scenarios, which are not steered:
    the limits come from the unsteered texts of both, each written once. Finished batches are in the
    store, so a killed sweep continues where it was; the measuring, which is three passes without
    decoding, is repeated.

    Raises
    ------
    ModelError
        If memory does not suffice, an unsteered logit is not finite, or the unsteered model writes
        nothing.
    """
    for hearing in (judge, setup.second):
        if hearing is not None:
            note_unlisted(hearing, [d.emotion for d in doses])
    scenarios = list({d.scenario.id: d.scenario for d in doses}.values())
    openings = [*scenarios, *controls]
    plain = [Request(prompts[s.id]) for s in openings]
    requests = [*plain, *(_request(d, prompts, additions, setup) for d in doses)]
    decoder = _decoder(model, doses, additions, setup)
    texts = generate(decoder, requests, setup.generation, store, setup.track)

    reader = TextReader(model, judge, setup)
    n = len(openings)
    base = reader.read(texts.items[:n], openings)
    steered = reader.read(
        texts.items[n:], [d.scenario for d in doses], lambda i: additions.addition(doses[i])
    )
    unsteered = {s.id: t for s, t in zip(openings, base, strict=True)}
    partners = _used_partners(doses, additions)
    return DoseSweep(
        steered=reader.judged(doses, steered, unsteered),
        openings={s.id: s.text for s in scenarios},
        unsteered={s.id: unsteered[s.id].text for s in scenarios},
        limits=_limits(base, setup.generation),
        done=texts.done,
        reused=texts.reused,
        partners=partners,
        alike=tuple(e for e, partner in partners.items() if judge.alike(e, partner)),
        controls={s.id: unsteered[s.id].text for s in controls},
        norm=setup.norm.value,
    )


def _decoder(
    model: Steerable, doses: Sequence[Dose], additions: Additions, setup: Setup
) -> SteeredDecoder:
    by_digest = {addition_digest(additions.addition(d), setup.positions): d for d in doses}
    return open_decoder(
        model, lambda digest: additions.addition(by_digest[digest]), setup.positions
    )


def _request(
    dose: Dose, prompts: Mapping[str, tuple[int, ...]], additions: Additions, setup: Setup
) -> Request:
    prompt, addition = prompts[dose.scenario.id], additions.addition(dose)
    if not addition:
        return Request(prompt)
    return SteeredRequest(prompt, 0, addition_digest(addition, setup.positions))


def _limits(controls: Sequence[_Read], generation: Generation) -> Limits:
    decoding = Decoding.greedy if generation.sampling is None else Decoding.sampled
    try:
        return limits([text.measures(None, None) for text in controls], decoding.value)
    except ValueError as error:
        raise ModelError(f"steering: {error}") from None


def _used_partners(doses: Sequence[Dose], additions: Additions) -> dict[str, str]:
    shuffled = [d.emotion for d in doses if d.direction is Direction.shuffled]
    return {emotion: additions.partners[emotion] for emotion in shuffled}


@dataclass(frozen=True)
class _Read:
    """A text, and the measures of it that do not depend on an emotion."""

    text: str
    tokens: tuple[int, ...]
    foreign: float
    overflow: bool
    likelihood: Likelihood

    def measures(
        self, score: float | None, named: bool | None, second: float = float("nan")
    ) -> TextMeasures:
        """All measures, with the score for an emotion and whether a word names it (None: no emotion)."""
        return TextMeasures(
            n_tokens=len(self.tokens),
            empty=not self.text.strip(),
            repetition=repetition(self.tokens),
            distinct_1=distinct_n(self.tokens, 1),
            distinct_2=distinct_n(self.tokens, 2),
            foreign=self.foreign,
            log_perplexity=self.likelihood.log_perplexity,
            entropy=self.likelihood.entropy,
            score=float("nan") if score is None else score,
            named=bool(named),
            overflow=self.overflow,
            second_score=second,
        )


class TextReader:
    """Measures texts with one model, judge and tokenizer."""

    def __init__(self, model: Steerable, judge: Judge, setup: Setup) -> None:
        self._model, self._judge, self._setup = model, judge, setup
        self._tokenizer = model.loaded.tokenizer

    def read(
        self,
        texts: Sequence[Generated],
        scenarios: Sequence[Scenario],
        addition: Callable[[int], Addition] | None = None,
    ) -> list[_Read]:
        """The texts with their measures: likelihood without steering, entropy under the addition."""
        size, track = self._setup.generation.batch_size, self._setup.track
        plain = likelihoods(self._model, texts, batch_size=size, track=track)
        steered = plain
        if addition is not None:
            positions = self._setup.positions
            steered = likelihoods(self._model, texts, addition, positions, size, track)
        out = []
        for text, scenario, a, b in zip(texts, scenarios, plain, steered, strict=True):
            tokens = written(text)
            words = self._tokenizer.decode(list(tokens), skip_special_tokens=True)
            likelihood = Likelihood(a.log_perplexity, b.entropy)
            foreign, overflow = foreign_share(words, scenario.text), text.finish is Finish.overflow
            out.append(_Read(words, tokens, foreign, overflow, likelihood))
        return out

    def judged(
        self, doses: Sequence[Dose], steered: Sequence[_Read], unsteered: Mapping[str, _Read]
    ) -> tuple[SteeredText, ...]:
        """Every steered text beside its unsteered one, both scored for the emotion of the dose."""
        emotions = [d.emotion for d in doses]
        base = [unsteered[d.scenario.id] for d in doses]
        scores, before = self._scores(steered, emotions), self._scores(base, emotions)
        names = naming(list(dict.fromkeys(emotions)))

        def measures(read: _Read, score: tuple[float, float], emotion: str) -> TextMeasures:
            return read.measures(score[0], names[emotion].search(read.text) is not None, score[1])

        return tuple(
            SteeredText(
                scenario=d.scenario.id,
                emotion=d.emotion,
                direction=d.direction.value,
                site=d.site.name,
                strength=d.strength,
                text=read.text,
                measures=measures(read, score, d.emotion),
                unsteered=measures(plain, score_before, d.emotion),
                draw=d.draw,
            )
            for d, read, plain, score, score_before in zip(
                doses, steered, base, scores, before, strict=True
            )
        )

    def _scores(self, texts: Sequence[_Read], emotions: Sequence[str]) -> list[tuple[float, float]]:
        """Every text's score by the judge and by the one beside it; NaN where there is none."""
        words, second = [t.text for t in texts], self._setup.second
        first = self._judge.scores(words, emotions)
        beside = [np.nan] * len(texts) if second is None else second.scores(words, emotions)
        return [(float(a), float(b)) for a, b in zip(first, beside, strict=True)]
