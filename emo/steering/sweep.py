"""All doses through a model: texts from the decoder, every text measured, limits from the controls."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from emo.core.choices import Direction
from emo.core.steering.dose_response import SteeredText, Sweep
from emo.core.steering.regimes import limits
from emo.core.steering.text_measures import (
    TextMeasures,
    distinct_n,
    foreign_share,
    repetition,
)
from emo.errors import ModelError
from emo.generation.generating import Generation, generate
from emo.generation.samples import Finish, Generated, Request, Sampling
from emo.generation.texts import TextStore
from emo.steering.doses import Additions, Dose
from emo.steering.injection import Addition, SteeredRequest, addition_digest, open_decoder
from emo.steering.judging import Judge, naming
from emo.steering.scoring import Likelihood, likelihoods, written
from emo.steering.steerable import Steerable
from emo.stimuli.scenarios import Scenario

Track = Callable[[Iterable[Any], str], Iterable[Any]]

CONTROL_SAMPLING = Sampling(temperature=1.0, top_p=1.0)
"""The unsteered model's own distribution: what it writes when it writes as it was trained to."""


@dataclass(frozen=True)
class Setup:
    """How texts are written and read, besides the doses."""

    generation: Generation
    """Of the greedy texts, steered or not."""
    generated_only: bool
    control_samples: int
    track: Track = lambda items, _: items


def sweep(
    model: Steerable,
    prompts: Mapping[str, tuple[int, ...]],
    doses: Sequence[Dose],
    additions: Additions,
    judge: Judge,
    store: TextStore,
    setup: Setup,
) -> Sweep:
    """Write and measure every dose's text, the unsteered text of every scenario, and the controls.

    ``prompts`` are token ids by scenario id. Finished batches are in the store, so a killed sweep goes
    on where it was; measuring, which is three passes without decoding, is done anew.

    Raises
    ------
    ModelError
        If memory does not suffice, an unsteered logit is not finite, or the unsteered model writes
        nothing.
    """
    scenarios = list({d.scenario.id: d.scenario for d in doses}.values())
    by_digest = {addition_digest(additions.addition(d), setup.generated_only): d for d in doses}

    def request(dose: Dose) -> Request:
        prompt, addition = prompts[dose.scenario.id], additions.addition(dose)
        if not addition:
            return Request(prompt)
        digest = addition_digest(addition, setup.generated_only)
        return SteeredRequest(prompt, 0, digest)

    decoder = open_decoder(
        model, lambda digest: additions.addition(by_digest[digest]), setup.generated_only
    )
    plain = [Request(prompts[s.id]) for s in scenarios]
    greedy = [*plain, *(request(d) for d in doses)]
    texts = generate(decoder, greedy, setup.generation, store, setup.track)
    owners = [s for s in scenarios for _ in range(setup.control_samples)]
    drawn = [Request(r.prompt, i) for r in plain for i in range(setup.control_samples)]
    sampling = replace(setup.generation, sampling=CONTROL_SAMPLING)
    samples = generate(decoder, drawn, sampling, store, setup.track)

    reader = TextReader(model, judge, setup)
    n = len(scenarios)
    base = reader.read(texts.items[:n], scenarios)
    sampled = reader.read(samples.items, owners)
    steered = reader.read(
        texts.items[n:], [d.scenario for d in doses], lambda i: additions.addition(doses[i])
    )
    try:
        found = limits([t.measures(None, None) for t in (*base, *sampled)])
    except ValueError as error:
        raise ModelError(f"steering: {error}") from None
    unsteered = {s.id: t for s, t in zip(scenarios, base, strict=True)}
    return Sweep(
        steered=reader.judged(doses, steered, unsteered),
        openings={s.id: s.text for s in scenarios},
        unsteered={name: t.text for name, t in unsteered.items()},
        sampled={
            s.id: tuple(t.text for t, of in zip(sampled, owners, strict=True) if of is s)
            for s in scenarios
        },
        limits=found,
        done=texts.done + samples.done,
        reused=texts.reused + samples.reused,
        partners=(partners := _used_partners(doses, additions)),
        alike=tuple(e for e, partner in partners.items() if judge.alike(e, partner)),
    )


def _used_partners(doses: Sequence[Dose], additions: Additions) -> dict[str, str]:
    shuffled = [d.emotion for d in doses if d.direction is Direction.shuffled]
    return {emotion: additions.partners[emotion] for emotion in shuffled}


@dataclass(frozen=True)
class _Read:
    """A text and what is measured of it whatever emotion it is judged for."""

    text: str
    tokens: tuple[int, ...]
    foreign: float
    overflow: bool
    likelihood: Likelihood

    def measures(self, score: float | None, named: bool | None) -> TextMeasures:
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
        """Likelihood under the unsteered model; entropy under the addition it was written with."""
        size, track = self._setup.generation.batch_size, self._setup.track
        plain = likelihoods(self._model, texts, batch_size=size, track=track)
        own = plain
        if addition is not None:
            late = self._setup.generated_only
            own = likelihoods(self._model, texts, addition, late, size, track)
        out = []
        for text, scenario, a, b in zip(texts, scenarios, plain, own, strict=True):
            tokens = written(text)
            words = self._tokenizer.decode(list(tokens), skip_special_tokens=True)
            likelihood = Likelihood(a.log_perplexity, b.entropy)
            foreign, over = foreign_share(words, scenario.text), text.finish is Finish.overflow
            out.append(_Read(words, tokens, foreign, over, likelihood))
        return out

    def judged(
        self, doses: Sequence[Dose], steered: Sequence[_Read], unsteered: Mapping[str, _Read]
    ) -> tuple[SteeredText, ...]:
        """Each steered text and its unsteered one, scored for the emotion that was steered to."""
        emotions = [d.emotion for d in doses]
        base = [unsteered[d.scenario.id] for d in doses]
        scores = self._judge.scores([t.text for t in steered], emotions)
        before = self._judge.scores([t.text for t in base], emotions)
        names = naming(list(dict.fromkeys(emotions)))

        def measures(read: _Read, score: float, emotion: str) -> TextMeasures:
            return read.measures(score, names[emotion].search(read.text) is not None)

        return tuple(
            SteeredText(
                scenario=d.scenario.id,
                emotion=d.emotion,
                direction=d.direction.value,
                site=d.site.name,
                strength=d.strength,
                text=read.text,
                measures=measures(read, float(score), d.emotion),
                unsteered=measures(plain, float(score_before), d.emotion),
            )
            for d, read, plain, score, score_before in zip(
                doses, steered, base, scores, before, strict=True
            )
        )
