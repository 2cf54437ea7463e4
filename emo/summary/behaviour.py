"""Behaviour in a summary: which speakers are compared in what they do, and the geometry beside them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from jaxtyping import Float64

from emo.core.behaviour.facets import Measure, MeasureContrast, Told, compared
from emo.core.compare.cross_model import UNKNOWN, ModelRun, Universality, base_instruct
from emo.core.compare.distances import FEWEST, Relation, over_groups, relation, without_missing
from emo.core.compare.leaving_out import LeavingOut, leaving_out
from emo.core.records import LabelMismatch
from emo.core.stats.corrections import holm
from emo.core.stats.intervals import Estimates
from emo.core.stats.resampling import Resampling, stream
from emo.summary.behaviour_runs import Speaker

Readings = Callable[[str, str], ModelRun | None]
"""From a model's name and a precision to what it read of the summary's passages in that precision."""


class PairKind(StrEnum):
    """What differs between the two sides of a pair."""

    models = "two models"
    versions = "base and instruct"
    precisions = "two precisions"
    steering = "steered and unsteered"


@dataclass(frozen=True)
class Shared:
    """What the geometries of a pair, or of each of several, share on other passages."""

    rho: Estimates
    """Disjoint rho, with its interval over items and emotions."""
    over_ceiling: Estimates
    """The same over its ceiling, with Fieller's interval over items."""

    def at(self, i: int, j: int) -> Shared:
        """Of two of several geometries."""
        return Shared(self.rho[i, j], self.over_ceiling[i, j])


@dataclass(frozen=True)
class Pair:
    """Two speakers on one measure."""

    kind: PairKind
    first: Speaker
    second: Speaker
    contrast: MeasureContrast
    p_holm: float
    """Corrected over the pairs on the measure (Holm 1979)."""
    shared: Shared | None
    """None where no geometry of both in the precision they answered in is known, or the two sides have
    the same vectors."""

    @property
    def told(self) -> Told:
        """What is shown of the pair, corrected over the pairs."""
        return self.contrast.told(self.p_holm)


@dataclass(frozen=True)
class OnMeasure:
    """Everyone on one measure."""

    facet: str
    name: str
    unit: str
    speakers: tuple[tuple[Speaker, Measure], ...]
    pairs: tuple[Pair, ...]
    over_models: Relation | None
    """Distances of behaviour and of geometry, models as units; None for fewer than three."""
    over_families: Relation | None
    """The same with families as units; None where every model is of a family of its own."""

    @property
    def deciding(self) -> Relation | None:
        """The relation whose units can be taken for independent."""
        return self.over_families or self.over_models


def behaviour(
    speakers: Sequence[Speaker],
    cross_model: Universality | None,
    models: Sequence[ModelRun],
    readings: Readings,
    permutations: int,
    resampling: Resampling,
) -> tuple[OnMeasure, ...]:
    """Every measure that a speaker has, in the order of the speakers' measures.

    Parameters
    ----------
    speakers
        The runs of job=behave, each with the measures of one facet.
    cross_model
        The models' geometries beside each other; None where there is no such study.
    models
        The models of the summary, each at the precision it is compared in.
    readings
        Asked for geometries in other precisions.
    permutations
        Orders that are drawn where there are too many models for all.
    resampling
        Number of divisions, and the seed.
    """
    shared = _Geometry(cross_model, models, readings, resampling)
    names = dict.fromkeys((m.facet, m.name) for s in speakers for m in s.measures)
    place = {m.name: i for i, m in enumerate(models)}
    out = []
    for facet, name in names:
        found = [(s, m) for s in speakers if (m := s.measure(facet, name)) is not None]
        found.sort(key=lambda x: (place.get(x[0].model, len(place)), x[0].steering != ""))
        mains = _mains([s for s, _ in found], models)
        pairs = _pairs(found, mains, models, shared)
        rng = stream(resampling.seed, "behaviour", facet, name)
        related = _relations(pairs, mains, models, shared, permutations, rng)
        out.append(OnMeasure(facet, name, found[0][1].unit, tuple(found), tuple(pairs), *related))
    return tuple(out)


def _mains(speakers: Sequence[Speaker], models: Sequence[ModelRun]) -> dict[str, Speaker]:
    """Of every model the unsteered speaker in the precision of its geometry, else the newest."""
    compared_in = {m.name: m.precision for m in models}
    plain = [s for s in speakers if not s.steering]
    plain.sort(key=lambda s: s.run.started, reverse=True)
    plain.sort(key=lambda s: compared_in.get(s.model) != s.precision)  # stable: newest first
    mains: dict[str, Speaker] = {}
    for s in plain:
        mains.setdefault(s.model, s)
    return {s.model: mains[s.model] for s in speakers if s.model in mains}


def _pairs(
    found: Sequence[tuple[Speaker, Measure]],
    mains: Mapping[str, Speaker],
    models: Sequence[ModelRun],
    shared: _Geometry,
) -> list[Pair]:
    measure = {s.name: m for s, m in found}
    listed = list(_listed([s for s, _ in found], mains, models))
    contrasts = [compared(measure[a.name], measure[b.name]) for _, a, b in listed]
    corrected = holm(np.array([c.p for c in contrasts], dtype=np.float64))
    return [
        Pair(kind, a, b, c, float(p), None if kind is PairKind.steering else shared.of(a, b))
        for (kind, a, b), c, p in zip(listed, contrasts, corrected, strict=True)
    ]


def _listed(
    speakers: Sequence[Speaker], mains: Mapping[str, Speaker], models: Sequence[ModelRun]
) -> list[tuple[PairKind, Speaker, Speaker]]:
    """Every pair of models in their main precision, then every model with itself otherwise.

    A model's other precisions stand beside its main one, and what it says under a vector beside what it
    says without one in the same precision.
    """
    versions = {frozenset((models[i].name, models[j].name)) for i, j in base_instruct(models)}
    out = []
    for a, b in itertools.combinations(mains.values(), 2):
        kind = PairKind.versions if {a.model, b.model} in versions else PairKind.models
        out.append((kind, a, b))
    plain = {(s.model, s.precision): s for s in speakers if not s.steering}
    for s in speakers:
        main, unsteered = mains.get(s.model), plain.get((s.model, s.precision))
        if not s.steering and main is not None and s is not main:
            out.append((PairKind.precisions, s, main))
        if s.steering and unsteered is not None:
            out.append((PairKind.steering, s, unsteered))
    return out


class _Geometry:
    """What two speakers' geometries share, each in the precision that it answered in."""

    def __init__(
        self,
        cross_model: Universality | None,
        models: Sequence[ModelRun],
        readings: Readings,
        resampling: Resampling,
    ) -> None:
        self.readings, self.resampling = readings, resampling
        self.compared_in = {m.name: m.precision for m in models}
        self.place = {m.name: i for i, m in enumerate(cross_model.models if cross_model else ())}
        self.kept: dict[tuple[str, str], Shared | None] = {}
        self.of_study = None if cross_model is None else _all_shared(cross_model.left_out)

    def of(self, a: Speaker, b: Speaker) -> Shared | None:
        """None where one of them is not known, or the two cannot be compared."""
        key = (a.name, b.name)
        if key not in self.kept:
            self.kept[key] = self._made(a, b)
        return self.kept[key]

    def _made(self, a: Speaker, b: Speaker) -> Shared | None:
        if self.of_study is not None and a.model != b.model and self._in_study(a, b):
            i, j = (self.place[s.model] for s in (a, b))
            return self.of_study.at(i, j)
        read = [self.readings(s.model, s.precision) for s in (a, b)]
        sets = [m.items() for m in read if m is not None]
        if len(sets) < 2:
            return None
        try:
            return _all_shared(leaving_out(sets, self.resampling)).at(0, 1)
        except LabelMismatch:
            return None

    def distances(self, names: Sequence[str]) -> Float64[np.ndarray, "model model"]:
        """1 less disjoint rho over its ceiling; NaN for a model that is not in the study."""
        out = np.full((len(names), len(names)), np.nan)
        if self.of_study is not None:
            inside = [i for i, name in enumerate(names) if name in self.place]
            at = [self.place[names[i]] for i in inside]
            out[np.ix_(inside, inside)] = 1 - self.of_study.over_ceiling.value[np.ix_(at, at)]
        return out

    def _in_study(self, *speakers: Speaker) -> bool:
        known = self.place.keys() & {s.model for s in speakers}
        return len(known) == 2 and all(self.compared_in[s.model] == s.precision for s in speakers)


def _all_shared(found: LeavingOut) -> Shared:
    """Of every two sets, [set set]."""
    return Shared(found.rho(), found.disattenuated())


def _relations(
    pairs: Sequence[Pair],
    mains: Mapping[str, Speaker],
    models: Sequence[ModelRun],
    shared: _Geometry,
    permutations: int,
    rng: np.random.Generator,
) -> tuple[Relation | None, Relation | None]:
    """Distances of behaviour against distances of geometry: over models, and over families."""
    known = [m for m in models if m.name in mains and mains[m.name].precision == m.precision]
    names = [m.name for m in known]
    doing, geometry = _behaviour_distances(pairs, names), shared.distances(names)
    kept = without_missing(doing, geometry)
    if len(kept) < FEWEST:
        return None, None
    doing, geometry = (d[np.ix_(kept, kept)] for d in (doing, geometry))
    over_models = relation([names[i] for i in kept], doing, geometry, permutations, rng)
    families = [known[i].name if known[i].lineage == UNKNOWN else known[i].lineage for i in kept]
    if len(set(families)) == len(families):
        return over_models, None
    units, doing = over_groups(doing, families)
    _, geometry = over_groups(geometry, families)
    return over_models, relation(units, doing, geometry, permutations, rng)


def _behaviour_distances(
    pairs: Sequence[Pair], names: Sequence[str]
) -> Float64[np.ndarray, "model model"]:
    """How far two models are apart on the items of both, whatever the sign; NaN where there are none."""
    out = np.full((len(names), len(names)), np.nan)
    np.fill_diagonal(out, 0.0)
    for pair in pairs:
        both = (pair.first.model, pair.second.model)
        if pair.kind in (PairKind.models, PairKind.versions) and set(both) <= set(names):
            i, j = (names.index(name) for name in both)
            out[i, j] = out[j, i] = abs(pair.contrast.difference)
    return out
