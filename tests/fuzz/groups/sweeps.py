"""Sweeps of which a part or the whole is malformed."""

from __future__ import annotations

from tests.fuzz.case import Case, May
from tests.fuzz.place import SMALL, Place

NONE_RIGHT = {
    ("seed=a,b",): ("seed",),
    ("seed=-1,-2",): ("seed",),
    ("seed=-1",): ("seed",),
    ("model=nothing,neither",): ("model", "nothing"),
    ("precision=fp32,fp99",): ("precision",),
    ("foo=1,2",): ("foo",),
    ("+foo=1,2",): ("foo",),
    ("stimuli.path=one.csv,two.csv",): ("stimuli.path",),
    ("stimuli.path=,",): ("stimuli.path",),
    ("seed=range(0,0)",): ("seed", "range"),
    ("seed=range(5,1)",): ("seed", "range"),
    ("seed=choice()",): ("seed", "choice"),
    ("seed=glob(*)",): ("seed", "glob"),
    ("seed=${nothing},1",): ("seed", "nothing"),
    ("seed=1,2", "resampling.n_splits=0,-1"): ("resampling.n_splits",),
    ("subparams.temperature=0,nan", "method=generation"): ("subparams.temperature",),
    ("seed=1,2", "tracking.uri=nothing://x"): ("tracking.uri",),
    ("seed=1,2", "tracking.uri=''"): ("tracking.uri",),
    ("seed=1,2", "paths.store=/proc/nothing"): ("paths.store",),
    ("seed=1,2", "model.tiny.architecture=neither"): ("model.tiny.architecture",),
    ("model.tiny.hidden=17,21",): ("model.tiny.hidden",),
    ("seed=1,2", "hydra.sweep.dir=/proc/nothing"): ("hydra.sweep.dir",),
    ("seed=1,2", "hydra.sweep.dir=small.csv"): ("hydra.sweep.dir",),
    ("seed=1,2", "hydra.sweep.subdir='../../outside'"): ("hydra.sweep.subdir", "outside"),
    ("seed=1,2", "hydra.sweeper.max_batch_size=0"): ("max_batch_size",),
    ("seed=1,2", "hydra.sweeper.max_batch_size=-3"): ("max_batch_size",),
    ("seed=1,2", "hydra.sweeper.params=5"): ("hydra.sweeper.params",),
    ("seed=1,2", "hydra/launcher=nothing"): ("hydra/launcher",),
    ("seed=1,2", "hydra/launcher=joblib_cores", "hydra.launcher.n_jobs=0"): ("n_jobs",),
    ("seed=1,2", "hydra/sweeper=nothing"): ("hydra/sweeper",),
    ("experiment=readouts,nothing",): ("experiment",),
    ("~seed", "model.tiny.seed=1,2"): ("seed",),
}
"""Overrides of which no point can be run -> words of which one is in the error."""

SOME_RIGHT = {
    ("seed=1,-1",): ("seed",),
    ("seed=3,2.5",): ("seed",),
    ("stimuli.path=small.csv,nothing.csv",): ("stimuli.path",),
    ("model.tiny.architecture=llama,neither",): ("architecture",),
    ("resampling.n_splits=10,1000000000000",): ("n_splits",),
    ("model.tiny.hidden=16,17",): ("hidden",),
    ("job=extract,export",): ("job.export.run",),
    ("job=export", "job.export.run=nothing,neither"): ("job.export.run",),
    ("job=steer", "job.steer.scenarios_path=scenarios.yaml", "job.steer.layers=99,98"): (
        "job.steer.layers",
    ),
}
"""Overrides of which some points can be run, or of which only running shows that none can."""


def cases(place: Place) -> list[Case]:
    """Both kinds."""
    found = [Case(" ".join(o), ("-m", *_beside(o), *o), named) for o, named in NONE_RIGHT.items()]
    found += [
        Case(f"some: {' '.join(o)}", ("-m", *_beside(o), *o), named, may=May.stay)
        for o, named in SOME_RIGHT.items()
    ]
    json = [
        Case(f"as JSON: {' '.join(o)}", ("-m", *_beside(o), *o, "output=json"), NONE_RIGHT[o])
        for o in list(NONE_RIGHT)[:4]
    ]
    return found + json


def _beside(overrides: tuple[str, ...]) -> list[str]:
    """The overrides of a quick run that are not given."""
    keys = {o.lstrip("+~").partition("=")[0] for o in overrides}
    return [o for o in SMALL if o.partition("=")[0] not in keys]
