"""Studies drawn from planted worlds, and what the program says of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from emo.core.choices import MARGIN
from emo.core.compare.attenuation import Attenuation, on_own_items, on_shared_items
from emo.core.compare.baselines import Baseline, beside_baselines
from emo.core.compare.leaving_out import leaving_out
from emo.core.compare.rdms import mantel
from emo.core.compare.rounding import rho_excess
from emo.core.conditions.ablation import ablation
from emo.core.conditions.replicates import replicate_agreement
from emo.core.conditions.verdicts import Verdict, judge, judge_rounding
from emo.core.geometry.cosines import cosine_matrix, upper
from emo.core.geometry.halves import split_half
from emo.core.geometry.item_sets import ItemSet
from emo.core.records import Activations
from emo.core.stats.correlation import spearman
from emo.core.stats.intervals import ALPHA
from emo.core.stats.resampling import Resampling, stream
from tests.core.conditions.text_worlds import world

N_EMOTIONS = 21
WIDE = 48
"""Dimensions of every planted part."""
ROUNDING = Verdict.beyond_rounding, Verdict.within_rounding
ALIKE = Verdict.as_replicates.value
SHOWN, SAME_P = "agreement is shown", "p <= 0.05 on the same items (given nowhere)"
DISJOINT_P = "p <= 0.05 of disjoint rho"
RESAMPLING = Resampling(n_splits=40, n_bootstrap=40, splits_per_replicate=4)


@dataclass(frozen=True)
class Study:
    """One simulated study: every statement as (made, made and wrong)."""

    statements: Mapping[str, tuple[bool, bool]]
    reliability: float


@dataclass(frozen=True)
class TwoModels:
    """Two models that read the same items, or items of their own."""

    alike: float = 1.0
    """Correlation of the two models' emotion vectors, entry by entry."""
    geometry: float = 1.0
    """Size of the emotion vectors; 0 for none."""
    shared: float = 1.0
    """Size of the part of every single item that both models have."""
    own: float = 1.0
    """Size of each model's own noise."""
    situations: tuple[int, int] = (24, 24)
    apart: bool = False
    """Whether each model reads items of its own."""
    declared: bool = True
    """Whether the situations are declared; otherwise each emotion has a number of items of its own."""
    dominant: float = 1.0
    """How many times larger the first direction is than the others."""
    offset: float = 0.0
    """Size of a constant vector in all activations of the first model."""

    def __call__(self, rng: np.random.Generator) -> Study:
        """One study."""
        vectors = self._vectors(rng)
        sets = self._sets(rng, vectors)
        true = _rdm_rho(vectors) if self.geometry else float("nan")
        if self.apart:
            measured = on_own_items(([sets[0]], [sets[1]]), RESAMPLING)
        else:
            measured = on_shared_items(sets[0], sets[1], RESAMPLING)
        rdms = [s.rdm(sets[0].emotions) for s in sets]
        p = mantel(rdms[0], rdms[1], 400, stream(0, "mantel"))[1]
        shown = p <= ALPHA if self.apart else bool(measured.agreement.low > 0)
        related = bool(self.geometry) and self.alike > 0
        reliability = float(np.mean([split_half(s, RESAMPLING)[1] for s in sets]))
        statements = _verdicts(measured, shown, true)
        statements[SHOWN] = (shown, shown and not related)
        if not self.apart:
            statements[SAME_P] = (p <= ALPHA, False)
            certified = bool(leaving_out(sets, RESAMPLING).p()[0, 1] <= ALPHA)
            statements[DISJOINT_P] = (certified, certified and not related)
        if self.geometry:
            ratio = measured.ratio
            inside = bool(ratio.low <= true <= ratio.high)
            statements["the interval of disattenuated rho holds the true one"] = (True, not inside)
        return Study(statements, reliability)

    def _vectors(self, rng: np.random.Generator) -> list[np.ndarray]:
        first, other = rng.normal(size=(2, N_EMOTIONS, WIDE))
        second = self.alike * first + np.sqrt(1 - self.alike**2) * other
        scale = np.ones(WIDE)
        scale[0] = self.dominant
        return [first * scale, second * scale]

    def _sets(self, rng: np.random.Generator, vectors: list[np.ndarray]) -> list[ItemSet]:
        emotions, groups = self._items(rng, self.situations[0])
        item = rng.normal(size=(len(emotions), WIDE))
        sets = []
        for vector, n in zip(vectors, self.situations, strict=True):
            if self.apart:
                emotions, groups = self._items(rng, n)
                item = rng.normal(size=(len(emotions), WIDE))
            noise = self.own * rng.normal(size=(len(emotions), WIDE))
            values = self.geometry * vector[emotions] + self.shared * item + noise
            values = values + (self.offset if not sets else 0.0)
            sets.append(ItemSet.make(_activations(values, emotions, groups, self.declared), 0))
        return sets

    def _items(self, rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        if self.declared:
            return np.tile(np.arange(N_EMOTIONS), n), np.repeat(np.arange(n), N_EMOTIONS)
        counts = rng.integers(n // 2, 2 * n, size=N_EMOTIONS)
        emotions = np.repeat(np.arange(N_EMOTIONS), counts)
        return emotions, np.arange(len(emotions))


@dataclass(frozen=True)
class SurfaceOnly:
    """Two models that hold nothing but the surface of the texts, or a geometry besides."""

    geometry: float = 0.0

    def __call__(self, rng: np.random.Generator) -> Study:
        """One study."""
        model = TwoModels(shared=0.0)
        emotions, groups = model._items(rng, 24)
        surface, inner = rng.normal(size=(2, N_EMOTIONS, WIDE))
        item = rng.normal(size=(len(emotions), WIDE))
        sets = []
        for inside in (self.geometry, self.geometry, 0.0):
            noise = rng.normal(size=(len(emotions), WIDE))
            values = surface[emotions] + inside * inner[emotions] + item + noise
            sets.append(ItemSet.make(_activations(values, emotions, groups, True), 0))
        got = beside_baselines(
            {"a": sets[0], "b": sets[1]}, [Baseline("surface", (sets[2],))], RESAMPLING
        )
        low = float(got.beyond[0].unexplained.low)
        beyond = low > 0
        reliability = float(np.mean([split_half(s, RESAMPLING)[1] for s in sets[:2]]))
        wrong = beyond and not self.geometry
        return Study({"agreement beyond the surface is shown": (beyond, wrong)}, reliability)


@dataclass(frozen=True)
class Ablated:
    """Four sub-parameters: two rewrite the texts, two read them anew; one may move the geometry."""

    moved: int | None = None

    def __call__(self, rng: np.random.Generator) -> Study:
        """One study."""
        points = world(rng, 2, 2, moved=self.moved, by=1.5, n=N_EMOTIONS - 1, text=1.0)
        agreement = replicate_agreement(points[0].items, points, 10, 0)
        names = ("first", "second", "third", "fourth")
        found = ablation(names, agreement)
        told = () if found.effects is None else found.effects.told
        true = () if self.moved is None else (names[self.moved],)
        false = any(name not in true for name in told)
        statements = {"a sub-parameter without effect is told from noise": (false, false)}
        if true:
            ranked = found.effects is not None and true[0] in told
            statements["the sub-parameter with an effect is told from noise"] = (ranked, False)
        reliability = split_half(points[0].items, RESAMPLING)[1]
        return Study(statements, reliability)


@dataclass(frozen=True)
class Rounded:
    """C, D and D' of layer 3: the same prompts, D and D' with rounding of their own."""

    changed: float = 0.0
    """How far D's weights turn the geometry, in radians."""
    rounding: float = 0.5
    prompts: int = 5

    def __call__(self, rng: np.random.Generator) -> Study:
        """One study."""
        model = TwoModels()
        emotions, groups = model._items(rng, self.prompts)
        geometry, other = rng.normal(size=(2, N_EMOTIONS, WIDE))
        texts = rng.normal(size=(len(emotions), WIDE))
        turned = np.cos(self.changed) * geometry + np.sin(self.changed) * other
        values = [geometry[emotions] + texts]
        for _ in range(2):
            rounding = self.rounding * rng.normal(size=(len(emotions), WIDE))
            values.append(turned[emotions] + texts + rounding)
        c, d, moved = (ItemSet.make(_activations(v, emotions, groups, True), 0) for v in values)
        verdict, _ = judge_rounding(rho_excess(c, d, moved), "")
        beyond = verdict is Verdict.beyond_rounding
        statements = {verdict_of.value: (verdict is verdict_of, False) for verdict_of in ROUNDING}
        statements[Verdict.beyond_rounding.value] = (beyond, beyond and not self.changed)
        return Study(statements, split_half(c, RESAMPLING)[1])


def _verdicts(measured: Attenuation, shown: bool, true: float) -> dict[str, tuple[bool, bool]]:
    """The three verdicts; NaN for a true rho where there is no geometry: then both are wrong."""
    verdict, _ = judge(measured, shown, ("first", "second"), MARGIN)
    wrong = {
        Verdict.as_replicates: not true >= MARGIN,
        Verdict.reduced: not true < MARGIN,
        Verdict.undecided: False,
    }
    return {v.value: (verdict is v, verdict is v and wrong[v]) for v in wrong}


def _rdm_rho(vectors: list[np.ndarray]) -> float:
    """Spearman of the two models' true RDMs."""
    a, b = (upper(cosine_matrix(v - v.mean(axis=0))) for v in vectors)
    return float(spearman(a, b))


def _activations(
    values: np.ndarray, emotions: np.ndarray, groups: np.ndarray, declared: bool
) -> Activations:
    return Activations(
        values=values[None].astype(np.float32),
        item_ids=tuple(f"{g}_{e}" for g, e in zip(groups, emotions, strict=True)),
        emotions=tuple(f"e{e}" for e in emotions),
        situations=tuple(f"s{g}" for g in groups) if declared else None,
        neutral=np.zeros((1, 0, values.shape[1]), np.float32),
        position="last",
    )
